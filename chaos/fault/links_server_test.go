package fault_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/units"
)

// through connects to a node by the address that the clients of the load have.
func (s *scene) through(node string) (*pgx.Conn, error) {
	n := s.Cluster.Node(node)
	user := n.Credentials().Superuser
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user.Name, user.Password), Host: n.ClientAddress().String(),
		Path: "/" + n.Credentials().Database, RawQuery: "sslmode=disable&connect_timeout=10",
	}
	c, err := pgx.Connect(s.Context(), u.String())
	if err == nil {
		s.Cleanup(func() { _ = c.Close(context.Background()) })
	}
	return c, err
}

// app is through, and must succeed.
func (s *scene) app(node string) *pgx.Conn {
	s.Helper()
	c, err := s.through(node)
	must(s, err)
	return c
}

func between(one, other string) fault.Sides {
	return fault.Sides{Between: []fault.NodeList{{one}, {other}}}
}

const countRows = "select count(*) from public.written"

// TestFaultsOfTheNetwork shows the effect of each on real servers, and that nothing of it is left.
func TestFaultsOfTheNetwork(t *testing.T) {
	t.Parallel()
	clients, from := cluster.Vantage{From: cluster.FromClients}, func(n string) cluster.Vantage { return cluster.Vantage{From: cluster.FromNode, Node: n} }
	s := build(t, cluster.Config{Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}, {Name: "c"}}, MaxClients: 10, Settings: map[string]string{"wal_retrieve_retry_interval": "200ms"}},
		cluster.Link{From: clients, To: "a"}, cluster.Link{From: from("a"), To: "b"}, cluster.Link{From: from("b"), To: "a"})
	if direct := s.Cluster.Node("c"); direct.ClientAddress() != direct.Address() || s.Cluster.Node("a").ClientAddress() == s.Cluster.Node("a").Address() {
		t.Error("c has no relay, and the clients of a have one")
	}
	app := s.app("a")
	if _, err := app.Exec(t.Context(), "create table written (i int)"); err != nil {
		t.Fatal(err)
	}
	// quick is the shortest of some round trips.
	quick := func() time.Duration {
		var all []time.Duration
		for range 5 {
			begun := time.Now()
			if _, err := app.Exec(t.Context(), "select 1"); err != nil {
				t.Fatal(err)
			}
			all = append(all, time.Since(begun))
		}
		return slices.Min(all)
	}

	s.do("delay", &fault.Delay{Sides: between("clients", "primary"), Latency: units.Duration(20 * time.Millisecond)})
	if took := quick(); took < 40*time.Millisecond {
		t.Errorf("with a delay of 20 ms in each direction a round trip takes %s", took)
	}
	s.heal()
	if took := quick(); took > 40*time.Millisecond {
		t.Errorf("after the delay a round trip takes %s", took)
	}

	s.do("half_open", &fault.HalfOpen{Sides: fault.Sides{From: fault.NodeList{"clients"}, To: fault.NodeList{"a"}}})
	answered := make(chan error, 1)
	go func() {
		_, err := app.Exec(t.Context(), "insert into written values (1)")
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Errorf("it was answered: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	if got := s.query("a", countRows); got != "0" {
		t.Errorf("%s rows arrived", got)
	}
	s.heal()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	s.eventually("b", countRows, "1")

	s.do("drop_connections", &fault.DropConnections{Sides: between("clients", "a")})
	if _, err := app.Exec(t.Context(), "select 1"); err == nil {
		t.Error("the connection is still there")
	}
	app = s.app("a")
	s.do("reject", &fault.Reject{Sides: between("clients", "a")})
	if _, err := app.Exec(t.Context(), "select 1"); err == nil {
		t.Error("the connection is still there")
	}
	if _, err := s.through("a"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection: %v", err)
	}
	s.heal()
	app = s.app("a")

	// c streams directly, and is not disturbed by what is done to b.
	write := func(from, to int) {
		t.Helper()
		_, err := app.Exec(t.Context(), fmt.Sprintf("insert into written select generate_series(%d, %d)", from, to))
		must(t, err)
	}
	s.do("throttle", &fault.Throttle{Sides: fault.Sides{From: fault.NodeList{"a"}, To: fault.NodeList{"b"}}, BytesPerSecond: 100_000})
	write(2, 100_000) // some 6 MB of WAL
	s.eventually("c", countRows, "100000")
	if got := s.query("b", countRows); got != "1" {
		t.Errorf("b has %s rows, though a minute of WAL is on its way", got)
	}
	s.heal()
	s.eventually("b", countRows, "100000")

	s.do("flap", &fault.Flap{Sides: between("a", "b"), Down: units.Duration(time.Second), Up: units.Duration(time.Hour)})
	write(100_001, 100_001)
	s.eventually("b", countRows, "100001") // the link comes up by itself
	s.heal()

	s.cutAndPromote(write)
	s.rejoinAndKeep()
}

// cutAndPromote cuts b off, and promotes it after the primary was killed. A cut is no pause: what was sent into it does not
// arrive. Acknowledged, it is lost with the primary.
func (s *scene) cutAndPromote(write func(from, to int)) {
	s.Helper()
	s.do("partition", &fault.Partition{Sides: between("a", "b")})
	write(100_002, 100_246)
	s.eventually("c", countRows, "100246")
	if got := s.query("b", countRows); got != "100001" {
		s.Errorf("behind the cut b has %s rows", got)
	}
	if err := s.Cluster.Node("a").Kill(s.Context()); err != nil {
		s.Fatal(err)
	}
	if err := s.Cluster.Node("b").Promote(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.heal() // too late
	if got := s.query("b", countRows); got != "100001" {
		s.Errorf("the new primary has %s rows, and 245 acknowledged writes should be lost", got)
	}
}

// rejoinAndKeep: whatever makes a standby of a node leads it through its relay again, and when pgchaos ends, it connects directly.
func (s *scene) rejoinAndKeep() {
	s.Helper()
	if _, err := s.Cluster.Node("a").Rejoin(s.Context(), s.Cluster.Node("b"), nil); err != nil {
		s.Fatal(err)
	}
	const sender = "select sender_port::text from pg_stat_wal_receiver"
	relays := s.Cluster.Node("b").Relays()
	through := relays[cluster.Vantage{From: cluster.FromNode, Node: "a"}]
	if got := s.query("a", sender); !strings.HasSuffix(through.Address(), ":"+got) {
		s.Errorf("a streams from port %s, and its relay is at %s", got, through.Address())
	}
	if err := s.Cluster.Keep(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.eventually("a", "select coalesce((select sender_port::text from pg_stat_wal_receiver), '')", fmt.Sprint(s.Cluster.Node("b").Address().Port))
	if left := s.Cluster.Node("b").Relays(); len(left) > 0 {
		s.Errorf("relays are left: %v", left)
	}
}
