package docker

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

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

// rules are what iptables and tc have of pgchaos in the network of a node.
func (k *kernel) rules(node string) string {
	k.Helper()
	h := k.p.node(node)
	said, code, err := h.provider.onceWith(k.Context(), networkOf(h.server), h.provider.image.id,
		"chroot /host iptables -S; chroot /host tc qdisc show; chroot /host ip link show")
	if err != nil || code != 0 {
		k.Fatalf("%s %v", said, err)
	}
	return said
}

// clean demands that nothing of a fault is left in the network of the nodes that it was on.
func (k *kernel) clean(of string) {
	k.Helper()
	for _, n := range []string{"a", "b"} {
		if got := k.rules(n); strings.Contains(got, "pgchaos") || strings.Contains(got, "htb") || strings.Contains(got, "ingress") {
			k.Errorf("%s has left in the network of %s: %s", of, n, got)
		}
	}
}

// arrives tells whether a new row of a is seen on another node within a while.
func (k *kernel) arrives(node string, within time.Duration) bool {
	k.Helper()
	want, err := k.SQL("a", "insert into marker default values returning id::text")
	must(k.T, err)
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got, err := k.SQL(node, "select max(id)::text from marker"); err == nil && got == want {
			return true
		}
	}
	return false
}

// streams waits for b and c to have all that a has.
func (k *kernel) streams() {
	k.Helper()
	for _, n := range []string{"b", "c"} {
		if !k.arrives(n, 30*time.Second) {
			k.Errorf("%s no longer streams", n)
		}
	}
}

// TestNetworkFaultsInTheKernel does the faults of the network on containers, and looks for what they leave.
func TestNetworkFaultsInTheKernel(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{})
	c, err := cluster.New(p, faulttest.Config(p.options.Run))
	must(t, err)
	must(t, c.Up(t.Context()))
	k := &kernel{t, faulttest.New(t, c), p}
	each := func(string) {}
	if longtest.Enabled {
		each = k.clean
	}
	k.Network(faulttest.NetworkOf{Delays: delays(t, p), Short: !longtest.Enabled, Clean: each})
	k.clean("the faults of the network")
	k.waits()
	if longtest.Enabled {
		k.exchanges()
		k.flaps()
		k.twice()
		k.restarts()
		k.pauses()
		k.kept()
	}
}

// closed is a while in which a row that can arrive does.
const closed = 500 * time.Millisecond

// flaps shows that the link comes up and goes down by itself, and stays up when the fault has been taken back.
func (k *kernel) flaps() {
	k.Helper()
	back := k.Done("flap", &fault.Flap{Sides: faulttest.Between("a", "b"), Down: units.Duration(1500 * time.Millisecond), Up: units.Duration(3 * time.Second)})
	wanted := []bool{true, false, true} // whether a row arrives soon
	for end := time.Now().Add(time.Minute); len(wanted) > 0 && time.Now().Before(end); {
		if k.arrives("b", closed) == wanted[0] {
			wanted = wanted[1:]
		}
	}
	if len(wanted) > 0 {
		k.Errorf("the link does not come up and go down: still to come are %v", wanted)
	}
	back(false)
	k.clean("flap")
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
	k.clean("two rules")
}

// restarts has rules with two nodes on one side, and queues, in force while servers on both sides start again: a container that starts has
// a new network, and can have another address.
func (k *kernel) restarts() {
	k.Helper()
	cut := k.Done("partition", &fault.Partition{Sides: fault.Sides{Between: []fault.NodeList{{"a"}, {"b", "c"}}}})
	bound := k.Done("throttle", &fault.Throttle{Sides: faulttest.Between("a", "clients"), BytesPerSecond: 1_000_000})
	for _, n := range []string{"b", "a"} {
		must(k.T, k.Node(n).Restart(k.Context(), cluster.StopFast, time.Minute, func() {}))
	}
	for _, n := range []string{"b", "c"} {
		if k.arrives(n, closed) {
			k.Errorf("after restarts a row passed to %s", n)
		}
	}
	if got := k.rules("b"); !strings.Contains(got, "pgchaos") {
		k.Errorf("b was started without its rules: %s", got)
	}
	if got := k.rules("a"); strings.Count(got, "qdisc htb "+handle+" dev") != 2 {
		k.Errorf("a was started without its queues: %s", got)
	}
	bound(false)
	cut(false)
	k.clean("what was in force during restarts")
	k.streams()
}

// hole lets no packet of a peer pass.
func hole(peer string) []cluster.Traffic {
	return []cluster.Traffic{{Peer: cluster.Vantage{From: cluster.FromNode, Node: peer}, Rule: link.Rule{Ways: [2]link.Shape{{BlackHole: true}, {BlackHole: true}}}}}
}

// since is how many rows a node has of those that a has written since one.
func (k *kernel) since(node, first string) string {
	k.Helper()
	got, err := k.SQL(node, "select count(*)::text from marker where id >= "+first)
	must(k.T, err)
	return got
}

// waits starts b while it is cut off by a rule of its own, which is set two seconds late, as on a busy engine. A server streams within some
// tenths of a second.
func (k *kernel) waits() {
	k.Helper()
	b := k.p.node("b")
	_, err := b.Filter(k.Context(), "waits", hole("a"))
	must(k.T, err)
	if got := b.Blocks(cluster.Vantage{From: cluster.FromNode, Node: "a"}); !slices.Equal(got, []string{"waits"}) {
		k.Errorf("between a and b the rules %q are in force", got)
	}
	if got := b.Blocks(cluster.Vantage{From: cluster.FromNode, Node: "c"}); got != nil {
		k.Errorf("between c and b the rules %q are in force", got)
	}
	first, err := k.SQL("a", "insert into marker default values returning id::text")
	must(k.T, err)
	must(k.T, k.Node("b").Stop(k.Context(), cluster.StopFast, time.Minute))
	b.filters.mu.Lock()
	late := time.AfterFunc(2*time.Second, b.filters.mu.Unlock)
	must(k.T, k.Node("b").Start(k.Context()))
	if late.Stop() {
		b.filters.mu.Unlock()
		k.Error("b was started before its rules were set")
	}
	if got := k.since("b", first); got != "0" {
		k.Errorf("b, which was started while it is cut off, has %s rows written since", got)
	}
	must(k.T, b.Unfilter(k.Context(), "waits"))
	k.clean("what was in force at a start")
	k.streams()
}

// exchanges starts b, which is cut off, and c again and again, so that they exchange their addresses: rules about the one must not meet the other.
func (k *kernel) exchanges() {
	k.Helper()
	cut := k.Done("partition", &fault.Partition{Sides: faulttest.Between("a", "b")})
	first, err := k.SQL("a", "insert into marker default values returning id::text")
	must(k.T, err)
	for round, order := range [][]string{{"c", "b"}, {"b", "c"}, {"c", "b"}} {
		for _, n := range order {
			must(k.T, k.Node(n).Kill(k.Context()))
		}
		for _, n := range order {
			must(k.T, k.Node(n).Start(k.Context()))
			if n == "c" && !k.arrives("c", 30*time.Second) {
				k.Errorf("round %d: c, which is not cut off, does not stream", round)
			}
		}
		if got := k.since("b", first); got != "0" {
			k.Errorf("round %d: b, which was started while it is cut off, has %s rows written since", round, got)
		}
	}
	cut(false)
	k.clean("what was in force at starts")
	k.streams()
}

// pauses does faults to a node whose container is paused.
func (k *kernel) pauses() {
	k.Helper()
	must(k.T, k.Node("b").Pause(k.Context()))
	cut := k.Done("partition", &fault.Partition{Sides: faulttest.Between("a", "b")})
	bound := k.Done("throttle", &fault.Throttle{Sides: faulttest.OneWay("a", "c"), BytesPerSecond: 1_000_000})
	must(k.T, k.Node("b").Resume(k.Context()))
	if k.arrives("b", closed) {
		k.Error("a row passed to a node that was cut off while it was paused")
	}
	must(k.T, k.Node("b").Pause(k.Context()))
	cut(false)
	bound(false)
	must(k.T, k.Node("b").Resume(k.Context()))
	k.clean("what was in force during a pause")
	k.streams()
}

// kept leaves faults in force in a cluster that is kept, as a pgchaos that was killed does, and has clean remove them.
func (k *kernel) kept() {
	k.Helper()
	k.Done("partition", &fault.Partition{Sides: faulttest.Between("a", "b")})
	k.Done("throttle", &fault.Throttle{Sides: faulttest.Between("clients", "a"), BytesPerSecond: 1_000_000})
	must(k.T, k.p.Keep())
	left, err := OpenNodes(k.Context(), k.p.options.Run)
	must(k.T, err)
	for range 2 {
		for _, n := range []string{"a", "b"} {
			for _, step := range []string{"throttle", "partition"} {
				must(k.T, left.Host(n).(*leftHost).Unfilter(k.Context(), step))
			}
		}
	}
	must(k.T, left.Close())
	k.clean("a kept cluster")
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
