package runner

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/history"
	"pgchaos/history/ledger"
	"pgchaos/load"
	"pgchaos/load/pgload"
	"pgchaos/spec"
)

// connectTimeout bounds one attempt of a client to reach one node, so that a
// node which is a black hole delays a writer's way to the new primary by this.
const connectTimeout = 2 * time.Second

// loadSet is every workload of the experiment, by name.
type loadSet struct {
	ledger *ledger.Ledger
	board  *pgload.Board // how far every writer is, for readers and vectors
	list   []*running
	mu     sync.Mutex // guards starts and stops, which come from the timeline and from the end of the run
	closed sync.Once
	// ledgerErr is why not everything is in the ledger, once it is closed.
	ledgerErr error
}

// running is one workload and what it runs on.
type running struct {
	spec   spec.Workload
	groups int // of clients, each with the spec's clients and rate
	pg     *pgload.Workload
	loop   *load.Workload
	active atomic.Bool
}

// interruptGrace is for how long a client that has had its operation cancelled or
// its backend terminated waits for what comes of it.
const interruptGrace = 2 * time.Second

// newLoads prepares every workload, and the ledger in the result directory; none is
// started.
func newLoads(p *Plan, o Options, c *cluster.Cluster, clock history.Clock) (*loadSet, error) {
	book, err := ledger.Create(filepath.Join(o.Out, LedgerFile), o.Run)
	if err != nil {
		return nil, err
	}
	set := &loadSet{ledger: book, board: pgload.NewBoard()}
	creds := c.Nodes()[0].Credentials()
	for i, w := range p.Experiment.Load {
		groups := 1
		if w.Target == pgload.Each { // the same on every node
			groups = len(c.Nodes())
		}
		pg, err := pgload.New(pgload.Config{
			Workload: w.Name, Kind: w.Kind, Target: w.Target,
			Endpoints: endpoints(c),
			User:      creds.Load.Name, Password: creds.Load.Password, Database: creds.Database,
			AppName: c.AppName(loadApp + w.Name),
			Clients: groups * w.Clients, MaxAbandoned: groups * w.MaxAbandoned, ConnectTimeout: connectTimeout,
			Table: w.Table, Serial: p.serial(w.Table), Payload: w.Payload, SQL: strings.Join(w.SQL, "; "), OnTimeout: w.OnTimeout,
			Seed: p.Seed + uint64(i), Ledger: set.ledger, Clock: clock,
			Board: set.board,
		})
		if err != nil {
			set.close()
			return nil, fmt.Errorf("workload %s: %w", w.Name, err)
		}
		var grace time.Duration
		if w.OnTimeout != pgload.Abandon {
			grace = interruptGrace
		}
		set.list = append(set.list, &running{spec: w, groups: groups, pg: pg, loop: load.New(load.Config{
			Name: w.Name, Clients: groups * w.Clients, Schedule: schedule(w), Punctual: true, Groups: groups, Timeout: time.Duration(w.Timeout), Grace: grace,
			MaxAbandoned: groups * w.MaxAbandoned, Nodes: len(c.Nodes()), Open: pg.Open, Clock: clock,
		})})
	}
	return set, nil
}

// schedule is when the arrivals of a workload are due; nil for a closed loop.
func schedule(w spec.Workload) *load.Schedule {
	if w.Rate <= 0 {
		return nil
	}
	return load.Constant(load.Steady(float64(w.Rate)))
}

func endpoints(c *cluster.Cluster) []pgload.Endpoint {
	var out []pgload.Endpoint
	for _, n := range c.Nodes() {
		out = append(out, pgload.Endpoint{Node: n.Name(), Host: n.Address().Host, Port: n.Address().Port})
	}
	return out
}

// loadApp begins the names by which the load's connections call themselves, as
// against pgchaos's own: the audit waits until none of them is left on any node.
const loadApp = "load/"

func (s *loadSet) find(name string) (*running, error) {
	for _, r := range s.list {
		if r.spec.Name == name {
			return r, nil
		}
	}
	return nil, fmt.Errorf("no workload %q", name)
}

func (s *loadSet) startLoad(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(name)
	if err == nil && r.active.CompareAndSwap(false, true) {
		r.loop.Start()
	}
	return err
}

func (s *loadSet) stopLoad(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(name)
	if err == nil {
		r.stop(ctx)
	}
	return err
}

// stopAll stops what still runs, all at once, and waits.
func (s *loadSet) stopAll(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wg sync.WaitGroup
	for _, r := range s.list {
		wg.Go(func() { r.stop(ctx) })
	}
	wg.Wait()
}

// stop lets what is in flight end, for as long as its time-out allows. When ctx
// ends, the user does not want to wait for that.
func (r *running) stop(ctx context.Context) {
	if !r.active.CompareAndSwap(true, false) {
		return
	}
	hurry := context.AfterFunc(ctx, r.loop.Close)
	defer hurry()
	r.loop.Stop()
}

// phase begins a new phase of every workload.
func (s *loadSet) phase(name string, at time.Duration) {
	for _, r := range s.list {
		r.loop.Phase(name, at)
	}
}

// close breaks off what still runs, closes every connection, and waits until every
// goroutine has ended. Nothing can be answered any more then, so that the ledger is
// closed too.
func (s *loadSet) close() {
	s.closed.Do(func() {
		for _, r := range s.list {
			r.loop.Close()
			r.pg.Close()
		}
		s.ledgerErr = s.ledger.Close()
	})
}

// createTables makes the tables that inserts and reads use, on the primary, as
// the user that the load runs as.
func createTables(ctx context.Context, p *Plan, primary *cluster.Node) error {
	seen := map[string]bool{}
	for _, w := range p.Experiment.Load {
		if w.Table == "" || seen[w.Table] {
			continue
		}
		seen[w.Table] = true
		if err := createTable(ctx, primary, w); err != nil {
			return err
		}
	}
	return nil
}

func createTable(ctx context.Context, primary *cluster.Node, w spec.Workload) error {
	conn, err := pgx.Connect(ctx, primary.ConnString(primary.Credentials().Load, "setup"))
	if err != nil {
		return fmt.Errorf("connect to %s as the load's user: %w", primary.Name(), err)
	}
	defer closeConn(ctx, conn)
	return pgload.CreateTable(ctx, conn, w.Table)
}
