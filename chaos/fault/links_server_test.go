package fault_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/faulttest"
)

// app connects to a node by the address that the clients of the load have.
func (s *scene) app(node string) *pgx.Conn {
	s.Helper()
	return faulttest.New(s.T, s.Cluster).Client(node)
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
		cluster.Link{From: clients, To: "a"}, cluster.Link{From: from("a"), To: "b"}, cluster.Link{From: from("b"), To: "a"},
		cluster.Link{From: from("a"), To: "c"}, cluster.Link{From: from("c"), To: "a"})
	if direct := s.Cluster.Node("c"); direct.ClientAddress() != direct.Address() || s.Cluster.Node("a").ClientAddress() == s.Cluster.Node("a").Address() {
		t.Error("the clients of c have no relay, and those of a have one")
	}
	faulttest.New(t, s.Cluster).Network(faulttest.NetworkOf{Delays: true, Refuses: true})

	app := s.app("a")
	write := func(from, to int) {
		t.Helper()
		_, err := app.Exec(t.Context(), fmt.Sprintf("insert into written select generate_series(%d, %d)", from, to))
		must(t, err)
	}
	s.eventually("b", countRows, "100000")
	write(100_001, 100_001)
	s.eventually("b", countRows, "100001")
	s.holdBehindACut()
	s.cutAndPromote(write)
	s.rejoinAndKeep()
}

// holdBehindACut: the upstream of a standby that is held back cannot see that the WAL receiver has ended.
func (s *scene) holdBehindACut() {
	s.Helper()
	s.do("partition", &fault.Partition{Sides: between("a", "b")})
	held := s.do("hold_wal", &fault.HoldWAL{OnStandbys: fault.OnStandbys{OnNodes: on("b")}})
	if want := "b has no WAL receiver; a may still have a WAL sender for it, since nothing passes while partition-"; !strings.Contains(held[0].Detail, want) {
		s.Errorf("%q does not say %q", held[0].Detail, want)
	}
	s.heal()
	s.eventually("b", "select count(*) from pg_stat_wal_receiver where status = 'streaming'", "1")
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
