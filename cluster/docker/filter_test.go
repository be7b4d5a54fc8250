package docker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/jackc/pgx/v5"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/cluster/link"
	"pgchaos/internal/faulttest"
	"pgchaos/internal/longtest"
	"pgchaos/internal/units"
)

// kernel is a cluster whose packets the kernel filters.
type kernel struct {
	*testing.T
	*faulttest.Bench
	p *Provider
}

func between(one, other string) fault.Sides {
	return fault.Sides{Between: []fault.NodeList{{one}, {other}}}
}

func oneWay(from, to string) fault.Sides {
	return fault.Sides{From: fault.NodeList{from}, To: fault.NodeList{to}}
}

// rules are what iptables and tc have of pgchaos in the network of a node.
func (k *kernel) rules(node string) string {
	k.Helper()
	h := k.p.node(node)
	said, code, err := h.provider.onceWith(k.Context(), networkOf(h.server), h.provider.image.id,
		"chroot /host iptables -S; chroot /host tc qdisc show dev eth0")
	if err != nil || code != 0 {
		k.Fatalf("%s %v", said, err)
	}
	return said
}

// clean demands that nothing is left in the network of any node.
func (k *kernel) clean() {
	k.Helper()
	for _, n := range []string{"a", "b"} {
		if got := k.rules(n); strings.Contains(got, "pgchaos") || strings.Contains(got, "htb") {
			k.Errorf("left in the network of %s: %s", n, got)
		}
	}
}

// arrives tells whether a new row of a is seen on b within a while.
func (k *kernel) arrives(within time.Duration) bool {
	k.Helper()
	want, err := k.SQL("a", "insert into written default values returning i::text")
	must(k.T, err)
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got, err := k.SQL("b", "select max(i)::text from written"); err == nil && got == want {
			return true
		}
	}
	return false
}

// streams waits for b to have all that a has.
func (k *kernel) streams() {
	k.Helper()
	if !k.arrives(30 * time.Second) {
		k.Error("b no longer streams")
	}
}

// openOn connects as a client.
func openOn(t *testing.T, n *cluster.Node) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := n.ConnectPlain(ctx, "test")
	if err == nil {
		t.Cleanup(func() { _ = c.Close(context.Background()) })
	}
	return c, err
}

// closed is a while in which a row that can arrive does.
const closed = 500 * time.Millisecond

// TestNetworkFaultsInTheKernel does the faults of the network on containers, and looks for what they leave.
func TestNetworkFaultsInTheKernel(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	config := faulttest.Config(p.options.Run)
	config.Nodes = config.Nodes[:2]
	c, err := cluster.New(p, config)
	must(t, err)
	must(t, c.Up(t.Context()))
	k := &kernel{t, faulttest.New(t, c), p}
	_, err = k.SQL("a", "create table written (i serial)")
	must(t, err)
	k.streams()

	open, err := openOn(t, c.Node("a"))
	must(t, err)

	back := k.Done("partition", &fault.Partition{Sides: between("a", "b")})
	if k.arrives(closed) {
		t.Error("a row passed a partition")
	}
	if _, err := open.Exec(t.Context(), "select 1"); err != nil {
		t.Errorf("clients are cut, too: %v", err)
	}
	back(false)
	k.clean()
	k.streams()

	if longtest.Enabled {
		k.flaps()
		k.twice()
	}
	k.clients(open)
}

// flaps shows that the link comes up and goes down by itself, and stays up when the fault has been taken back.
func (k *kernel) flaps() {
	k.Helper()
	back := k.Done("flap", &fault.Flap{Sides: between("a", "b"), Down: units.Duration(1500 * time.Millisecond), Up: units.Duration(3 * time.Second)})
	wanted := []bool{true, false, true} // whether a row arrives soon
	for end := time.Now().Add(time.Minute); len(wanted) > 0 && time.Now().Before(end); {
		if k.arrives(closed) == wanted[0] {
			wanted = wanted[1:]
		}
	}
	if len(wanted) > 0 {
		k.Errorf("the link does not come up and go down: still to come are %v", wanted)
	}
	back(false)
	k.clean()
	k.streams()
	left, err := k.p.engine.ContainerList(k.Context(), container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", labelRun+"="+k.p.options.Run), filters.Arg("label", labelFilter))})
	must(k.T, err)
	if len(left) > 0 {
		k.Errorf("%d helper containers of the flap are left", len(left))
	}
}

// twice has two rules for clients in one call.
func (k *kernel) twice() {
	k.Helper()
	ctx, cancel := context.WithTimeout(k.Context(), time.Minute)
	defer cancel()
	rule := cluster.Traffic{Peer: cluster.Vantage{From: cluster.FromClients}, Rule: link.Rule{Ways: [2]link.Shape{{BlackHole: true}, {BlackHole: true}}}}
	found, err := k.p.node("b").Filter(ctx, "twice", []cluster.Traffic{rule, rule})
	if err != nil || len(found) != 2 || found[0].Answered || found[1].Answered {
		k.Errorf("two rules for clients: %+v, %v", found, err)
	}
	must(k.T, k.p.node("b").Unfilter(ctx, "twice"))
	k.clean()
}

// clients does the faults between clients and a node.
func (k *kernel) clients(open *pgx.Conn) {
	k.Helper()
	back := k.Done("half_open", &fault.HalfOpen{Sides: oneWay("clients", "a")})
	answered := make(chan error, 1)
	go func() {
		_, err := open.Exec(context.Background(), "insert into written default values")
		answered <- err
	}()
	select {
	case err := <-answered:
		k.Errorf("a statement passed the direction that is cut: %v", err)
	case <-time.After(closed):
	}
	back(false)
	if err := <-answered; err != nil {
		k.Errorf("a connection that was silent: %v", err)
	}

	k.Done("drop_connections", &fault.DropConnections{Sides: between("clients", "a")})
	if _, err := open.Exec(k.Context(), "select 1"); err == nil {
		k.Error("the connection is still there")
	}
	k.streams() // and new connections are served

	open, err := openOn(k.T, k.Node("a"))
	must(k.T, err)
	back = k.Done("reject", &fault.Reject{Sides: between("clients", "a")})
	if _, err := open.Exec(k.Context(), "select 1"); err == nil {
		k.Error("the connection is still there")
	}
	begun := time.Now()
	if _, err := openOn(k.T, k.Node("a")); err == nil || time.Since(begun) > 5*time.Second {
		k.Errorf("a new connection is not refused at once: %v after %s", err, time.Since(begun))
	}
	back(false)
	k.clean()
	k.streams()
}

func TestResetsOf(t *testing.T) {
	const stays, goes, comes = "ESTAB 0 0 172.18.0.2:5432 172.18.0.1:41234 ", "ESTAB 0 0 172.18.0.2:5432 172.18.0.1:41236 ", "ESTAB 0 0 172.18.0.2:5432 172.18.0.1:41238 "
	for name, tc := range map[string]struct {
		said string
		want cluster.Resets
	}{
		"all are reset":                  {"before " + goes + "\nreset " + goes + "\nafter \n", cluster.Resets{Reset: 1}},
		"one stays":                      {"before " + goes + "\nbefore " + stays + "\nreset " + goes + "\nafter " + stays + "\n", cluster.Resets{Reset: 1, Left: 1}},
		"the kernel resets none":         {"before " + stays + "\nreset \nafter " + stays + "\n", cluster.Resets{Left: 1}},
		"one is opened meanwhile":        {"before " + goes + "\nreset " + goes + "\nafter " + comes + "\n", cluster.Resets{Reset: 1}},
		"one ends by itself meanwhile":   {"before " + goes + "\nreset \nafter \n", cluster.Resets{}},
		"one that ends is no longer one": {"before FIN-WAIT-1 0 0 172.18.0.2:5432 172.18.0.1:41234\nreset \nafter FIN-WAIT-1 0 0 172.18.0.2:5432 172.18.0.1:41234\n", cluster.Resets{}},
		"there is none":                  {"before \nreset \nafter \n", cluster.Resets{}},
	} {
		if got := resetsOf(tc.said); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}
