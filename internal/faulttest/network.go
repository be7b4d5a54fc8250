package faulttest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/units"
)

// NetworkOf is how a provider does the faults of the network.
type NetworkOf struct {
	Delays bool // it can delay
	Short  bool // leave out what another fault shows in nearly the same way
	// Refuses: who connects to a node that rejects is refused. Else somebody between them may accept the connection.
	Refuses bool
	Clean   func(when string) // demands that nothing of a fault is left; it may be nil
}

// Network does each fault of the network between a, the primary, and b, or its clients, while c is not disturbed. It looks at the
// effect and at its absence afterwards.
func (b *Bench) Network(of NetworkOf) {
	b.Helper()
	b.setUp()
	n := &network{Bench: b, of: of, app: b.Client("a")}
	n.sendsAtOnce()
	if of.Delays {
		n.delay()
	}
	n.partition()
	n.halfOpen()
	n.halfOpenStandbys()
	n.dropConnections()
	n.reject()
	n.throttle()
	n.throttleClients()
	if !of.Short {
		n.flap()
	}
}

// sendsAtOnce has several sessions of one node send data at once, as the check of a fault on several links does.
func (n *network) sendsAtOnce() {
	n.Helper()
	if err := chaos.AtOnce(6, func(int) error {
		_, err := n.Node("a").Transfer(n.Context(), cluster.Vantage{From: cluster.FromNode, Node: "b"}, 1, 1)
		return err
	}); err != nil {
		n.Errorf("data of one node at once: %v", err)
	}
}

type network struct {
	*Bench
	of  NetworkOf
	app *pgx.Conn // of the load, by its way to a
}

// Between are both directions between two nodes, or clients and a node.
func Between(one, other string) fault.Sides {
	return fault.Sides{Between: []fault.NodeList{{one}, {other}}}
}

// OneWay is one direction.
func OneWay(from, to string) fault.Sides {
	return fault.Sides{From: fault.NodeList{from}, To: fault.NodeList{to}}
}

// Client connects to a node as the clients of the load do, and must succeed.
func (b *Bench) Client(node string) *pgx.Conn {
	b.Helper()
	c, err := b.connectClient(node)
	if err != nil {
		b.Fatalf("a client of %s: %v", node, err)
	}
	return c
}

func (b *Bench) connectClient(node string) (*pgx.Conn, error) {
	n := b.Node(node)
	user := n.Credentials().Superuser
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user.Name, user.Password), Host: n.ClientAddress().String(),
		Path: "/" + n.Credentials().Database, RawQuery: "sslmode=disable",
	}
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, u.String())
	if err == nil {
		b.Cleanup(func() { _ = c.PgConn().Conn().Close() })
	}
	return c, err
}

// back takes a fault back.
func (n *network) back(name string, takeBack func(bool)) {
	n.Helper()
	takeBack(false)
	if n.of.Clean != nil {
		n.of.Clean(name)
	}
}

// answers runs a statement of the client, and says how long it takes.
func (n *network) answers(statement string) time.Duration {
	n.Helper()
	ctx, cancel := context.WithTimeout(n.Context(), 30*time.Second)
	defer cancel()
	begun := time.Now()
	if _, err := n.app.Exec(ctx, statement); err != nil {
		n.Fatalf("%s: %v", statement, err)
	}
	return time.Since(begun)
}

// quick is the shortest of some round trips.
func (n *network) quick() time.Duration {
	n.Helper()
	var all []time.Duration
	for range 5 {
		all = append(all, n.answers("select 1"))
	}
	return slices.Min(all)
}

func (n *network) delay() {
	n.Helper()
	back := n.Done("delay", &fault.Delay{Sides: Between("clients", "primary"), Latency: units.Duration(20 * time.Millisecond)})
	if took := n.quick(); took < 40*time.Millisecond {
		n.Errorf("with a delay of 20 ms in each direction a round trip takes %s", took)
	}
	n.back("delay", back)
	if took := n.quick(); took > 40*time.Millisecond {
		n.Errorf("after the delay a round trip takes %s", took)
	}
}

func (n *network) partition() {
	n.Helper()
	back := n.Done("partition", &fault.Partition{Sides: Between("a", "b")})
	row := n.marker()
	n.Want("c", row, "1")
	n.absent("b", row)
	n.answers("select 1") // clients are not cut
	n.back("partition", back)
	n.Want("b", row, "1")
}

func (n *network) halfOpen() {
	n.Helper()
	const id = "-1"
	back := n.Done("half_open", &fault.HalfOpen{Sides: OneWay("clients", "a")})
	answered := make(chan error, 1)
	go func() {
		_, err := n.app.Exec(context.WithoutCancel(n.Context()), "insert into marker (id) values ("+id+")")
		answered <- err
	}()
	n.absent("b", "select count(*) from marker where id = "+id)
	select {
	case err := <-answered:
		n.Fatalf("a statement passed the direction that is cut: %v", err)
	default:
	}
	n.back("half_open", back)
	if err := <-answered; err != nil {
		n.Errorf("a connection that was silent: %v", err)
	}
	n.Want("b", "select count(*) from marker where id = "+id, "1")
}

// halfOpenStandbys cuts what standbys send to their primary, which both ends of a link may drop: the primary does not hear of them any more.
// Whether WAL still arrives is TCP's affair: with the kernel's rules nothing acknowledges it, and only so much is sent ahead.
func (n *network) halfOpenStandbys() {
	n.Helper()
	for _, of := range []struct {
		sides fault.Sides
		heard string // from so many standbys the primary still does
	}{{OneWay("b", "a"), "1"}, {OneWay("replicas", "primary"), "0"}} {
		back := n.Done("half_open", &fault.HalfOpen{Sides: of.sides})
		row := n.marker()
		lsn, err := n.SQL("a", "select pg_current_wal_insert_lsn()")
		if err != nil {
			n.Fatal(err)
		}
		flushed := "select count(*) from pg_stat_replication where flush_lsn >= '" + lsn + "'"
		n.Want("a", flushed, of.heard)
		time.Sleep(200 * time.Millisecond) // in which a standby that is not cut off reports
		n.Want("a", flushed, of.heard)
		n.back("half_open of "+of.sides.Detail(), back)
		n.Want("a", flushed, "2")
		n.Want("b", row, "1")
		n.Want("c", row, "1")
	}
}

func (n *network) dropConnections() {
	n.Helper()
	n.Done("drop_connections", &fault.DropConnections{Sides: Between("clients", "a")})
	if _, err := n.app.Exec(n.Context(), "select 1"); err == nil {
		n.Error("the connection is still there")
	}
	n.app = n.Client("a")
}

func (n *network) reject() {
	n.Helper()
	back := n.Done("reject", &fault.Reject{Sides: Between("clients", "a")})
	if _, err := n.app.Exec(n.Context(), "select 1"); err == nil {
		n.Error("the connection is still there")
	}
	begun := time.Now()
	if _, err := n.connectClient("a"); err == nil || time.Since(begun) > 5*time.Second || n.of.Refuses && !errors.Is(err, syscall.ECONNREFUSED) {
		n.Errorf("a new connection is not refused at once: %v after %s", err, time.Since(begun))
	}
	n.back("reject", back)
	n.app = n.Client("a")
}

func (n *network) throttle() {
	n.Helper()
	back := n.Done("throttle", &fault.Throttle{Sides: OneWay("a", "b"), BytesPerSecond: 200_000})
	n.answers("create table public.written as select i from generate_series(1, 100000) i") // some 6 MB of WAL
	row := n.marker()
	n.Want("c", row, "1")
	n.absent("b", row)
	n.back("throttle", back)
	n.Want("b", row, "1")
}

// throttleClients bounds one direction between clients and a node, and leaves the other one as it is.
func (n *network) throttleClients() {
	n.Helper()
	const bytes, bound = 400_000, 400_000
	for direction, sides := range map[string]fault.Sides{"to": OneWay("clients", "a"), "from": OneWay("a", "clients")} {
		if n.of.Short && direction == "from" {
			continue // what a sends to b is bounded in the same way
		}
		back := n.Done("throttle", &fault.Throttle{Sides: sides, BytesPerSecond: bound})
		to, from := n.answers("select length('"+strings.Repeat("x", bytes)+"')"), n.answers(fmt.Sprintf("select repeat('x', %d)", bytes))
		slow, quick := to, from
		if direction == "from" {
			slow, quick = from, to
		}
		if slow < 500*time.Millisecond || quick > slow/2 {
			n.Errorf("at 400 kB/s %s the node, 400 kB take %s, and in the other direction %s", direction, slow, quick)
		}
		n.back("throttle of clients", back)
		if after := n.answers(fmt.Sprintf("select repeat(md5('%s'), %d)", strings.Repeat("x", bytes), bytes/32)); after > slow/2 {
			n.Errorf("afterwards the same takes %s", after)
		}
	}
}

func (n *network) flap() {
	n.Helper()
	back := n.Done("flap", &fault.Flap{Sides: Between("a", "b"), Down: units.Duration(time.Second), Up: units.Duration(time.Hour)})
	n.Want("b", n.marker(), "1") // the link comes up by itself
	n.back("flap", back)
	n.Want("b", n.marker(), "1")
}
