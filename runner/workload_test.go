package runner

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/load"
	"pgchaos/load/pgload"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/spec"
)

// workloads loads an experiment's load, with everything that the file leaves out.
func workloads(t *testing.T, text string) *Plan {
	t.Helper()
	e, resolved, err := spec.Load("x.yaml", []byte("name: x\ncluster: {nodes: [a, b]}\nduration: 1s\nload:\n"+text), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(e, resolved, 7)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// dues are the first n arrivals of a workload.
func dues(t *testing.T, w *spec.Workload, seed uint64, n int64) (all []time.Duration) {
	t.Helper()
	s := schedule(w, seed)
	for i := range n {
		due, ok := s.At(i)
		if !ok {
			break
		}
		all = append(all, due)
	}
	return all
}

func TestSchedules(t *testing.T) {
	p := workloads(t, `
  constant: {kind: insert, rate: 10/s}
  poisson: {kind: insert, rate: 10/s, arrivals: poisson}
  steps: {kind: insert, stages: [{for: 1s, rate: 2/s}, {for: 1s, rate: 4/s}]}
  ramp: {kind: insert, ramp: linear, stages: [{for: 2s, rate: 4/s}]}
  closed: {kind: insert}
  clients: {kind: insert, stages: [{for: 1s, clients: 3}]}
`)
	of := func(name string) *spec.Workload { return p.Experiment.Workload(name) }
	const ms = time.Millisecond
	if got := dues(t, of("constant"), 1, 3); !slices.Equal(got, []time.Duration{0, 100 * ms, 200 * ms}) {
		t.Errorf("constant: %v", got)
	}
	if got := dues(t, of("steps"), 1, 9); !slices.Equal(got, []time.Duration{0, 500 * ms, 1000 * ms, 1250 * ms, 1500 * ms, 1750 * ms}) {
		t.Errorf("steps: %v", got)
	}
	if got := dues(t, of("ramp"), 1, 9); len(got) != 4 || got[1] != 1000*ms { // from 0 to 4/s in 2 s: one by 1 s, four in all
		t.Errorf("ramp: %v", got)
	}
	one, same, other := dues(t, of("poisson"), 1, 50), dues(t, of("poisson"), 1, 50), dues(t, of("poisson"), 2, 50)
	if !slices.Equal(one, same) || slices.Equal(one, other) {
		t.Error("the seed decides on Poisson arrivals, and nothing else does")
	}
	if schedule(of("closed"), 1) != nil || schedule(of("clients"), 1) != nil {
		t.Error("a closed loop has no arrivals")
	}
	if c := loadConfig(of("clients"), 1, 1); len(c.ClientStages) != 1 || c.Clients != 3 {
		t.Errorf("clients: %+v", c.ClientStages)
	}
}

// TestGroupsHaveTheirOwn: with target each, clients and connections are a node's.
func TestGroupsHaveTheirOwn(t *testing.T) {
	p := workloads(t, `
  w: {kind: sql, sql: select 1, target: each, clients: 6, connections: 2, max_abandoned: 3, on_timeout: cancel, warmup: 500ms, duration: 2s, iterations: 9, think_time: 5ms}
`)
	w := p.Experiment.Workload("w")
	c := loadConfig(w, 2, 1)
	if c.Clients != 12 || c.Groups != 2 || describeModel(w, 2).Connections != 4 || c.MaxAbandoned != 6 || c.Grace != interruptGrace ||
		c.Warmup != 500*time.Millisecond || c.Duration != 2*time.Second || c.Iterations != 9 || c.ThinkTime != 5*time.Millisecond {
		t.Errorf("%+v", c)
	}
	if g := pgConfig(p, w, 2); g.Clients != 12 || g.Connections != 2 || g.Kind != pgload.SQL { // a node's queue has its own
		t.Errorf("%+v", g)
	}
}

// TestWhatAMixDoes: its parts are inserted into, read and audited as if each were a workload.
func TestWhatAMixDoes(t *testing.T) {
	p := workloads(t, `
  mix:
    kind: mix
    synchronous_commit: local
    mix: [{weight: 2, kind: insert, table: m, rows: 3}, {kind: read, table: m}, {name: s, kind: sql, sql: "select :x", params: {x: {uniform: {max: 3}}}}, {name: n, kind: insert, table: n}]
`)
	w := p.Experiment.Workload("mix")
	g := pgConfig(p, w, 1)
	if len(g.Mix) != 4 || g.Mix[0].Weight != 2 || g.Mix[0].Rows != 3 || g.Mix[1].Weight != 1 || g.Mix[2].Name != "s" || len(g.Mix[2].Params) != 1 {
		t.Errorf("%+v", g.Mix)
	}
	// A writer of one of two tables has written nothing to the other.
	if tables := p.tables(); len(tables) != 2 || tables[0].Name != "m" || !slices.Equal(p.writersOf(tables[0]), []string{"mix/insert"}) ||
		tables[1].Name != "n" || !slices.Equal(p.writersOf(tables[1]), []string{"mix/n"}) {
		t.Errorf("audited: %+v", tables)
	}
	if p.commits()["mix/insert"] != "local" || p.commits()["mix/n"] != "local" || len(loadConfig(w, 1, 1).Parts) != 4 {
		t.Error("its sessions' own synchronous_commit, and the names of its parts")
	}
}

func TestSuspects(t *testing.T) {
	late := func(p99 time.Duration) []report.Workload {
		return []report.Workload{{Name: "w", Lateness: &report.Dist{Count: 9, P99: p99}}, {Name: "closed"}}
	}
	for _, tt := range []struct {
		name    string
		busiest float64
		p99     time.Duration
		want    []string
	}{
		{"at ease", 1.4, 10 * time.Millisecond, nil},
		{"one core of two", 1, 0, nil},
		{"all that it may use", 1.43, 0, []string{"pgchaos took 1.43 of the 1.50 cores that it may use"}},
		{"late", 0, 11 * time.Millisecond, []string{"w: 1% of the operations were sent more than 11ms late, although a client was free"}},
		{"both", 2, time.Second, []string{"pgchaos took 2.00", "w: 1% of the operations were sent more than 1s late"}},
	} {
		got := suspects(&report.Generator{Busiest: tt.busiest, Cores: 2, Allowed: 1.5}, late(tt.p99))
		if len(got) != len(tt.want) {
			t.Errorf("%s: %q", tt.name, got)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], tt.want[i]) {
				t.Errorf("%s: %q", tt.name, got[i])
			}
		}
	}
}

// TestGOMAXPROCSRaisedForEventLoops: by one for each event loop, and by one for each workload with
// arrivals whose clients are goroutines. It is as before afterwards.
func TestGOMAXPROCSRaisedForEventLoops(t *testing.T) {
	const resting, restless = "  resting: {kind: insert, think_time: 1s}\n", "  restless: {kind: insert}\n"
	const shared = "  shared: {kind: insert, clients: 8, connections: 2}\n"
	const sharedOpen = "  sharedopen: {kind: insert, clients: 8, connections: 2, rate: 10/s}\n"
	const open = "  a: {kind: insert, rate: 10/s}\n  b: {kind: insert, stages: [{for: 1s, rate: 2/s}]}\n"
	before := runtime.GOMAXPROCS(0)
	for _, tt := range []struct {
		name, load string
		loops, all int
	}{
		{"arrivals", open, before, before},
		{"arrivals for clients that share connections", sharedOpen, 0, 1},
		{"clients that rest", resting, 0, 0},
		{"clients that share connections", shared, 0, 0},
		{"clients that never rest", restless, before, before},
		{"some of which rest", restless + resting, before, before},
		{"all of them", open + resting + restless + shared + sharedOpen, before, before + 1},
	} {
		p := workloads(t, "\n"+tt.load)
		set := &loadSet{ledger: newBook(t), panics: newPanics()}
		for i := range p.Experiment.Load {
			r := newRunning(p, i, 1)
			cfg := pgConfig(p, &r.spec, 1)
			cfg.Endpoints, cfg.Ledger = []pgload.Endpoint{{Node: "a", Host: "localhost", Port: 1}}, set.ledger
			var err error
			if r.pg, err = pgload.New(cfg); err != nil {
				t.Fatal(err)
			}
			set.list = append(set.list, r)
		}
		if err := set.makeLoops(); err != nil {
			t.Fatal(err)
		}
		for _, r := range set.list {
			cfg := r.model()
			if r.pg.Pollable() {
				cfg.Loops = set.loops
			}
			r.loop = load.New(cfg)
		}
		set.raiseProcs()
		if got := runtime.GOMAXPROCS(0) - before; got != tt.all || set.loops.Threads() != tt.loops {
			t.Errorf("%s: %d places, %d loops", tt.name, got, set.loops.Threads())
		}
		set.close()
		if got := runtime.GOMAXPROCS(0); got != before {
			t.Errorf("%s: %d afterwards, and %d before", tt.name, got, before)
		}
	}
}

func newBook(t *testing.T) *ledger.Ledger {
	t.Helper()
	book, err := ledger.Create(filepath.Join(t.TempDir(), LedgerFile), "test")
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// TestTheGeneratorIsMeasured burns CPU time, and finds it again.
func TestTheGeneratorIsMeasured(t *testing.T) {
	viewed := time.Second // before the load
	g := startGenerator(record.StartClock(), func() time.Duration { return viewed }, func(report.Standstill) {})
	viewed += 3 * time.Millisecond
	for begun := cpuTime(); cpuTime()-begun < 700*time.Millisecond; {
		_ = strings.Repeat("x", 1000)
	}
	use := g.end()
	if use.CPU < 700*time.Millisecond || use.Span < 500*time.Millisecond || use.Busiest <= 0 || use.Memory < 1<<20 || use.Cores < 1 {
		t.Errorf("%+v", use)
	}
	if use.LiveView != 3*time.Millisecond {
		t.Errorf("the view took %s", use.LiveView)
	}
	if again := g.end(); again.CPU != use.CPU {
		t.Error("the end can be told twice")
	}
}

// TestPoissonWorkloadsAreIndependent: two of them at the same rate have no arrivals in common.
func TestPoissonWorkloadsAreIndependent(t *testing.T) {
	p := workloads(t, `
  one: {kind: insert, rate: 10/s, arrivals: poisson}
  two: {kind: insert, rate: 10/s, arrivals: poisson}
`)
	one, two := newRunning(p, 0, 2).model().Schedule, newRunning(p, 1, 2).model().Schedule
	for i := range int64(10) {
		a, _ := one.At(i)
		if b, _ := two.At(i); a == b {
			t.Errorf("arrival %d of both is due at %v", i, a)
		}
	}
}

// TestWhatCannotBeSent: it is reported before anything is built, for every workload.
func TestWhatCannotBeSent(t *testing.T) {
	p := workloads(t, `
  good: {kind: insert, route: topology}
  parameter: {kind: sql, sql: "select :n"}
  script: {kind: script, script: "\\set a random(1\nselect 1;\n"}
  begins: {kind: sql, sql: [begin, select 1]}
  two: {kind: sql, sql: "select 1; select 2", protocol: simple}
  rows: {kind: insert, rows: 10000, pipeline: 1000}
  untrusting: {kind: insert, connection: {sslrootcert: root.crt}}
  unreadable: {kind: insert, connection: {sslmode: verify-full, sslrootcert: no-such.crt}}
  part: {kind: mix, mix: [{kind: insert}, {kind: sql, sql: "select :n"}]}
`)
	err := p.Check()
	if err == nil {
		t.Fatal("it is said that all could be sent")
	}
	for _, w := range []string{"parameter", "script", "begins", "two", "rows", "untrusting", "unreadable", "part"} {
		if !strings.Contains(err.Error(), "workload "+w+": ") {
			t.Errorf("nothing is said of workload %s", w)
		}
	}
	if strings.Contains(err.Error(), "workload good") {
		t.Error(err)
	}
}
