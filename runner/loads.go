package runner

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/redact"
	"pgchaos/internal/wait"
	"pgchaos/load"
	"pgchaos/load/eventloop"
	"pgchaos/load/pgload"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/spec"
)

// connectTimeout bounds one attempt of a client to reach one node, so that a
// node which is a black hole delays a writer's way to the new primary by this.
const connectTimeout = 2 * time.Second

// loadSet is every workload of the experiment, by name.
type loadSet struct {
	ledger     *ledger.Ledger
	progress   *pgload.WriterProgress // how far every writer is, for readers and long forks; nil: there are none
	list       []*running
	loops      *eventloop.Group // of the clients that do not rest; nil: there are none
	lowerProcs func()           // sets GOMAXPROCS back
	mu         sync.Mutex       // guards starts and stops, which come from the timeline and from the end of the run
	closed     sync.Once
	panics     *panics
	// ledgerErr is why not everything is in the ledger, once it is closed.
	ledgerErr error
}

// running is one workload and what it runs on.
type running struct {
	spec   spec.Workload
	groups int // of clients, each with the spec's clients and rate
	seed   uint64
	pg     *pgload.Workload
	loop   *load.Workload
	active atomic.Bool
	over   atomic.Pointer[stretchEnd] // of the newest start
}

// stretchEnd tells when a workload that was started has ended.
type stretchEnd struct {
	once sync.Once
	done chan struct{}
}

func newStretchEnd() *stretchEnd { return &stretchEnd{done: make(chan struct{})} }

// end may be called again, and for one that never began.
func (e *stretchEnd) end() {
	if e != nil {
		e.once.Do(func() { close(e.done) })
	}
}

// newLoads prepares every workload, and the ledger in the result directory; none is
// started. Primary names the primary of the moment, for those that go by the topology.
func newLoads(p *Plan, o Options, run string, c *cluster.Cluster, clock record.Clock, primary func() string, panics *panics) (*loadSet, error) {
	book, err := ledger.Create(filepath.Join(o.Out, LedgerFile), run)
	if err != nil {
		return nil, err
	}
	set := &loadSet{ledger: book, panics: panics}
	if slices.ContainsFunc(p.Experiment.Load, func(w spec.Workload) bool { return w.ReadsFrom("") }) {
		set.progress = pgload.NewWriterProgress()
	}
	set.lowerProcs = func() {}
	for i := range p.Experiment.Load {
		r := newRunning(p, i, len(endpoints(c)))
		if err := r.open(p, set, c, clock, primary); err != nil {
			set.close()
			return nil, err
		}
		set.list = append(set.list, r)
	}
	if err := set.makeLoops(); err != nil {
		set.close()
		return nil, err
	}
	for _, r := range set.list {
		cfg := r.loadConfig(c, clock, set.sampler(r, c, redact.New(p.Experiment.Secrets...), o.Samples))
		cfg.Panicked, cfg.Broken = panics.keep, panics.keepBroken
		cfg.Ended = func() { set.ended(r) }
		if r.pg.Pollable() {
			cfg.Loops = set.loops
		}
		r.loop = load.New(cfg)
	}
	set.raiseProcs()
	return set, nil
}

// makeLoops makes an event loop for each core, if a workload's clients can run on them.
func (s *loadSet) makeLoops() (err error) {
	if slices.ContainsFunc(s.list, func(r *running) bool { return r.spec.ThinkTime == 0 && r.pg.Pollable() }) {
		s.loops, err = eventloop.New(ownProcs(), s.panics.keepBroken)
	}
	return err
}

// raiseProcs lets Go run more goroutines at once. One for each event loop, and one for each workload
// with arrivals whose clients are goroutines: what wakes them sleeps in the kernel. Both keep a
// slot of GOMAXPROCS meanwhile, and other goroutines would have to wait until Go's watchdog
// looks, which is every 10 ms.
func (s *loadSet) raiseProcs() {
	more := s.loops.Threads()
	for _, r := range s.list {
		if r.spec.Open() && !r.loop.Looped() {
			more++
		}
	}
	s.lowerProcs = raiseProcs(more)
}

// newRunning is the ith workload of a plan. Its chance is its own: two workloads with
// Poisson arrivals of one seed would come in step.
func newRunning(p *Plan, i, nodes int) *running {
	r := &running{spec: p.Experiment.Load[i], groups: 1, seed: p.Seed + uint64(i)}
	if r.spec.Target == pgload.Each { // the same on every node
		r.groups = nodes
	}
	return r
}

// open prepares what a workload sends.
func (r *running) open(p *Plan, set *loadSet, c *cluster.Cluster, clock record.Clock, primary func() string) (err error) {
	cfg := pgConfig(p, &r.spec, r.groups)
	loginTo(&cfg, c)
	cfg.Endpoints, cfg.AppName = endpoints(c), c.AppName(loadApp+r.spec.Name)
	cfg.Seed, cfg.Ledger, cfg.Clock, cfg.Progress, cfg.Primary = r.seed, set.ledger, clock, set.progress, primary
	cfg.Panicked = set.panics.keep
	if c.Met() {
		cfg.Started, cfg.Marked = c.StartedAt, markedOf(c)
		cfg.Pooled = c.Pooled() && r.spec.URL == p.Experiment.Cluster.Existing.Clients
	}
	r.pg, err = pgload.New(cfg)
	return err
}

// model is when a workload's operations come.
func (r *running) model() load.Config { return loadConfig(&r.spec, r.groups, r.seed) }

// loadConfig completes what the workload's own part of the file says.
func (r *running) loadConfig(c *cluster.Cluster, clock record.Clock, sample func(client int, op record.Op)) load.Config {
	cfg := r.model()
	cfg.Nodes, cfg.Open, cfg.Clock, cfg.OnSample = len(endpoints(c)), r.pg.Open, clock, sample
	return cfg
}

// endpoints are where the load connects: to each node of Nodes, up to the first that nothing leads to.
func endpoints(c *cluster.Cluster) []pgload.Endpoint {
	var out []pgload.Endpoint
	for _, n := range c.Nodes() {
		if !n.Unread() {
			out = append(out, endpointOf(n))
		}
	}
	return out
}

// loadApp begins the names by which the load's connections call themselves, as
// against pgchaos's own: the audit waits until none of them is left on any node.
const loadApp = cluster.LoadApp

func (s *loadSet) find(name string) (*running, error) {
	for _, r := range s.list {
		if r.spec.Name == name {
			return r, nil
		}
	}
	return nil, fmt.Errorf("no workload %q", name)
}

func (s *loadSet) startLoad(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(name)
	if err != nil {
		return err
	}
	if !r.active.CompareAndSwap(false, true) {
		return fmt.Errorf("start %s: it still runs", name)
	}
	r.over.Store(newStretchEnd())
	waiting, cancel := context.WithTimeout(ctx, lateConnecting)
	defer cancel()
	s.unlessBroken(func() { _ = r.loop.Connect(waiting) }) // what fails here, the first operations tell
	r.loop.Start()
	return nil
}

// ended is called when a workload has ended by itself. The call may come late, when the
// workload has been started again.
func (s *loadSet) ended(r *running) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.loop.Running() {
		return
	}
	r.active.Store(false)
	r.over.Load().end()
}

func (s *loadSet) stopLoad(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(name)
	if err == nil {
		s.unlessBroken(func() { s.stop(ctx, r) })
	}
	return err
}

// unlessBroken calls what may never return once the load engine is broken, and has it end then.
func (s *loadSet) unlessBroken(f func()) {
	wait.Unless(s.panics.broken, func() { s.panics.guard(f) })
}

// stopAll stops what still runs, all at once, and waits.
func (s *loadSet) stopAll(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wg sync.WaitGroup
	for _, r := range s.list {
		wg.Go(func() { s.unlessBroken(func() { s.stop(ctx, r) }) })
	}
	wg.Wait()
}

// stop lets what is in flight end, for as long as its time-out allows. When ctx
// ends, the user does not want to wait for that.
func (s *loadSet) stop(ctx context.Context, r *running) {
	if !r.active.CompareAndSwap(true, false) {
		return
	}
	defer r.over.Load().end()
	hurry := context.AfterFunc(ctx, func() { s.panics.guard(r.loop.Close) })
	defer hurry()
	r.loop.Stop()
}

// record is what a workload has recorded. A broken engine can panic here again, and nothing is known of its load then; the
// writes are in the ledger all the same, and are audited.
func (s *loadSet) record(r *running) (rec load.Record) {
	s.panics.guard(func() { rec = r.loop.Record() })
	return rec
}

// phase begins a new phase of every workload, at the moment that now returns.
func (s *loadSet) phase(name string, now func() time.Duration) time.Duration {
	var all []*load.Workload
	for _, r := range s.list {
		all = append(all, r.loop)
	}
	return load.BeginPhase(name, now, all...)
}

// close breaks off what still runs, closes every connection, and waits until every
// goroutine has ended. Nothing can be answered any more then, so that the ledger is
// closed too. If the load engine is broken, what does not end is left.
func (s *loadSet) close() {
	s.closed.Do(func() {
		for _, r := range s.list {
			s.unlessBroken(func() {
				if r.loop != nil { // it had all been prepared
					r.loop.Close()
				}
				r.pg.Close()
			})
		}
		s.unlessBroken(s.loops.Close)
		s.lowerProcs()
		s.ledgerErr = s.ledger.Close()
	})
}

// endAt says when stopAll will be called, so that nothing that is due then or later comes, however late the call is. While a
// workload goes on that ends by itself, that moment is not known.
func (s *loadSet) endAt(at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.list, func(r *running) bool { return r.spec.Ends() && r.active.Load() }) {
		return
	}
	for _, r := range s.list {
		s.unlessBroken(func() { r.loop.EndAt(at) })
	}
}

// awaitEnds waits for the workloads that were started and end by themselves.
func (s *loadSet) awaitEnds(ctx context.Context) {
	for _, r := range s.list {
		over := r.over.Load()
		if over == nil || !r.spec.Ends() {
			continue
		}
		select {
		case <-over.done:
		case <-ctx.Done():
			return
		}
	}
}
