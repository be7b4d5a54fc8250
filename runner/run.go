// Package runner runs one experiment: Plan says what will happen, Run does it and
// writes the result.
package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"pgchaos/chaos"
	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/cluster/observe"
	"pgchaos/internal/redact"
	"pgchaos/internal/wait"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
)

// Bounds of the stages that a cancelled context must not cut short.
const (
	upTimeout     = 5 * time.Minute
	removeTimeout = 60 * time.Second
	tablesTimeout = 10 * time.Second // for all standbys together
)

// Options are what a run can have beside its plan, its provider and its sinks. The zero value is
// a run as `pgchaos run` makes it without flags.
type Options struct {
	Out    string // the result directory; "": a new one below results/
	BinDir string // PostgreSQL's server programs; "": the provider chooses
	Keep   bool   // leave the cluster up
	Risk   bool   // the user has said that a cluster that was there before may break
	Tool   string // pgchaos's version, for the result
	Host   string // what the result calls this machine; "": its host name
	// Command are the arguments of pgchaos that repeat the run, without the seed, for the result.
	Command []string
	Variant *report.Variant // of a series; nil: it is a single run
	// Samples take each operation. Without any, none is handed on, which costs nothing.
	Samples []Samples
	// ViewCPU is how much processor time a view of the run in this process has taken so far. Nil, and 0: it is not known.
	ViewCPU func() time.Duration
	// EndAtOnce, when closed, ends what goes on after the context of Run has ended: settling, the audit, and the removal of the
	// cluster. The error then names what is left. Nil: never.
	EndAtOnce <-chan struct{}
}

// ErrLeftBehind marks an error of the clean-up: something of the run still exists.
var ErrLeftBehind = errors.New("something was left behind")

// run is one run in progress.
type run struct {
	Options
	opened
	*sinks
	session  *Session
	use      report.ClusterUse
	plan     *Plan
	result   *report.Result
	cluster  *cluster.Cluster
	scene    *chaos.Scene
	undo     *chaos.Undo
	line     *chaos.Timeline
	course   *course // how far it has come
	journal  *journal
	loads    *loadSet
	book     *ledger.Book // of the load, once it has ended
	watch    *observe.Watcher
	noticed  *observe.Subscription // what the watcher has seen befall nodes
	steps    stepLog
	regimes  regimeLog
	readings *progressReadings
	clock    record.Clock
	phases   phaseLog
	own      *generator // what pgchaos itself takes
	bounds   *bounds    // of a cluster that was there before; nil: it is the run's own
	forks    forkLog
	panics   *panics
	stopping sync.Once
	halt     context.CancelFunc     // ends load and timeline
	step     atomic.Pointer[string] // the name of the step that was issued last
	// sawPrimary: status has had a primary that the watch had read.
	sawPrimary bool
	doing      atomic.Int32 // what an interrupt ends: isBuilding, isLoading, ...
}

// opened is what a run has before anything of its cluster is made.
type opened struct {
	Run      string // the run's id; everything made carries it
	Provider cluster.Provider
	Bin      string   // where the server's programs are, for the result
	Disks    []string // directories on the disks that the servers write to; that of Out is watched, too
}

// Run runs the plan in a result directory of its own, on a provider that it opens, and sends
// what happens to the sinks. Several runs can go on at once in one process.
//
// Without a result nothing was begun, and nothing is left; the error is a *UsageError where the user
// can mend it. A result is on disk as far as the run came, in its Dir, and is returned whatever
// the error; ctx being cancelled ends load and timeline early, and what was written until then is audited. An
// error that is an ErrLeftBehind names what is left; any other is a failure of pgchaos or of
// the cluster's set-up, never a bad verdict.
func Run(ctx context.Context, plan *Plan, provider cluster.Kind, to []Sink, o Options) (*report.Result, error) {
	s := &Session{SessionOptions: SessionOptions{Keep: o.Keep, EndAtOnce: o.EndAtOnce}, single: true}
	return s.Run(ctx, plan, provider, to, o)
}

// enoughSpace wants space for a run on the disks of its result directory and of its servers.
func enoughSpace(p *Plan, out string, k cluster.Kind) error {
	disks := []string{out}
	for _, dir := range k.Disks {
		disks = append(disks, existing(dir))
	}
	if err := checkSpace(p.Size().Ledger, disks...); err != nil {
		return usageError(err)
	}
	return nil
}

// open opens a provider for the cluster that the run id builds. Nothing is left after an error.
func open(ctx context.Context, id string, p *Plan, k cluster.Kind, o Options, to *sinks) (opened, error) {
	results, err := filepath.Abs(o.Out)
	if err != nil {
		return opened{}, fmt.Errorf("name the result directory: %w", err)
	}
	e := p.Experiment
	options := cluster.OpenOptions{
		Run: id, Experiment: e.Name, Results: results, BinDir: o.BinDir, Major: e.Cluster.Postgres,
		Links: e.Links(), Needs: e.Needs(),
		Progress: func(image string, done, total int64) { to.send(ImageLoaded{image, done, total}) },
	}
	if x := e.Cluster.Existing; x != nil {
		if options.Existing, err = Existing(e, o.Risk); err != nil {
			return opened{}, err
		}
	}
	if d := e.Cluster.Docker; d != nil {
		options.Containers = cluster.Containers{
			Image: d.Image, ExactNames: d.Names == "exact", Network: d.Network, Subnet: d.Subnet, Ports: d.HostPorts(), Restart: d.Restart,
			Limits: cluster.Limits{NanoCPUs: int64(d.CPUs), Memory: int64(d.Memory)},
			Disk:   int64(d.Disk),
		}
	}
	m, err := k.Open(ctx, options)
	return opened{Run: id, Provider: m.Provider, Bin: m.Bin, Disks: k.Disks}, err
}

// run makes the cluster, and removes it, whatever happens.
func (r *run) run(ctx context.Context) (result *report.Result, err error) {
	r.result = newResult(r.plan, r.Options, r.opened)
	secrets := r.secrets
	r.result.Secrets = secrets
	result = r.result // also after a panic
	defer func() {    // the last thing
		*result, err = redact.Of(secrets, *result), hideError(secrets, err)
	}()
	defer r.announce(ctx)()
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(err, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
		r.interrupted(ctx)
		if end := r.end(ctx, err); end != nil {
			err = errors.Join(err, end)
		}
	}()
	return result, r.do(ctx)
}

func (r *run) do(ctx context.Context) error {
	switch err := r.up(ctx); {
	case errors.Is(err, errStopped):
		return r.panics.err()
	case err != nil:
		return err
	}
	exercise, cancel := r.panics.ends(ctx)
	defer cancel()
	if err := r.exercise(exercise); err != nil {
		return errors.Join(err, r.panics.err())
	}
	audit, cancel := until(context.WithoutCancel(ctx), r.EndAtOnce)
	defer cancel()
	r.doing.Store(isAuditing)
	if audit.Err() != nil {
		return r.panics.err()
	}
	return errors.Join(r.check(audit), r.panics.err())
}

// interrupted tells whether the user has ended the run, and keeps it in the result.
func (r *run) interrupted(ctx context.Context) bool {
	r.result.Interrupted = r.result.Interrupted || ctx.Err() != nil
	return r.result.Interrupted
}

// exercise runs load and timeline side by side, from clock zero to the end of both.
func (r *run) exercise(ctx context.Context) (err error) {
	// The clients connect before the clock begins: what that takes is no part of the baseline.
	if r.loads, err = newLoads(r.plan, r.Options, r.Run, r.cluster, record.StartClock(), r.primary, r.panics); err != nil {
		return err
	}
	r.connectClients(ctx)
	r.clock = record.StartClock()
	r.loads.setClock(r.clock)
	r.result.Started = r.clock.Zero()
	for _, taker := range r.Samples {
		taker.Start(r.clock.Zero(), r.plan.Seed)
	}
	r.send(LoadStarted{r.clock.Zero()})
	if r.journal, err = createJournal(r.Out, r.Run, r.use.Run, r.clock.Zero()); err != nil {
		return err
	}
	r.journal.secrets = r.result.Secrets
	if r.journal.script, err = r.newUndoScript(); err != nil {
		return err
	}
	r.startWatch(ctx)
	r.scene = chaos.NewScene(r.cluster, r.watch, rand.New(rand.NewPCG(r.plan.Seed, 0)))
	r.scene.Examine = r.examine
	r.course = newCourse(r.plan.Experiment)
	r.undo = &chaos.Undo{Scene: r.scene, Kinds: fault.Reversals(), Journal: r.journal}
	r.line = &chaos.Timeline{
		Steps: r.onHealthy(bind(r.plan.Experiment, r.scene, r.loads, r.keepExec, r.await)),
		Clock: r.clock, Undo: r.undo, Issue: r.issue, Begin: r.begin, End: r.ended,
	}
	r.doing.Store(isLoading)
	if r.readings, err = startProgressReadings(ctx, r.cluster, r.loads, r.plan, r.clock, r.panics.guard); err != nil {
		return err
	}
	r.seeFirstRegimes(ctx) // before anything else sees regimes
	watchers := r.background(ctx)
	r.own = startGenerator(r.clock, r.ViewCPU, func(s report.Standstill) { r.say("warning: " + s.String()) })
	r.stage("running load and timeline")
	ctx, r.halt = context.WithCancel(ctx)
	defer r.halt()
	ctx, endSpace := r.guardSpace(ctx)
	defer endSpace()
	ctx, endBounds := r.guardBounds(ctx)
	defer endBounds()
	ctx, endHope := r.guardHope(ctx)
	defer endHope()
	r.phases.begin(record.Baseline, func() time.Duration {
		return r.loads.phase(record.Baseline, func() time.Duration { return 0 })
	})
	for _, name := range r.plan.Experiment.InitiallyRunning() {
		if err := r.loads.startLoad(ctx, name); err != nil {
			return err
		}
	}
	// What failed on the timeline is in its events, and the verdict is made of them.
	_ = r.line.Run(ctx)
	r.rest(ctx)
	r.stage("stopping the load")
	endHope() // no throughput is no sign any more
	r.loads.stopAll(ctx)
	endBounds()
	endSpace()
	own := r.own.end()
	r.result.Generator = &own
	watchers()
	r.readings.end()
	r.result.Duration = r.clock.Now()
	r.phases.end(r.result.Duration)
	r.send(LoadEnded{r.result.Duration})
	r.loads.close()
	if err := errors.Join(r.openBook(), r.collect()); err != nil { // in this order: reads are judged by the ledger
		return err
	}
	return r.write(report.StageRan)
}

// startWatch begins to watch the nodes.
func (r *run) startWatch(ctx context.Context) {
	r.watch = observe.Start(ctx, observe.Nodes(r.cluster), r.clock, r.panics.guard)
	kinds := []observe.Kind{observe.Crashed, observe.Promoted, observe.RegimeChanged}
	if r.cluster.Met() { // that the server of another node was started again, its provider says
		kinds = append(kinds, observe.Restarted)
	}
	r.noticed = r.watch.Subscribe(kinds...)
	for _, d := range r.plan.demands(nil) {
		r.watch.Demand(d)
	}
}

// primary is the node that accepts writes, as the watch has seen it; before it looks,
// the one that the cluster was built with.
func (r *run) primary() string {
	if r.watch == nil {
		return r.cluster.Nodes()[0].Name()
	}
	return r.watch.Writable()
}

// rest lets the load go on until the experiment's least duration, and until the
// workloads have ended that do so by themselves, unless the timeline broke off: what
// follows then would prove nothing.
func (r *run) rest(ctx context.Context) {
	for _, m := range r.line.Events() {
		if m.Status != record.EventDone && m.Status != record.EventSeen && !m.Continued {
			return
		}
	}
	end := time.Duration(r.plan.Experiment.Duration)
	if rest := end - r.clock.Now(); rest > 0 {
		r.loads.endAt(end)
		_ = wait.For(ctx, rest) // awaitEnds ends with ctx, too
	}
	r.loads.awaitEnds(ctx)
}

// issue is the moment in which a step or a reversal is issued. If a phase begins with it,
// that is the same moment for all workloads.
func (r *run) issue(m record.Event) time.Duration {
	if m.SamePhase {
		return r.clock.Now()
	}
	return r.phases.begin(m.Name, func() time.Duration { return r.loads.phase(m.Name, r.clock.Now) })
}

// begin is called when a step or a reversal has been issued.
func (r *run) begin(m record.Event) {
	r.step.Store(&m.Name)
	r.journal.begin(m)
	r.steps.begin(m)
	r.watch.StepBegins(m)
	r.course.begin(m)
	r.send(StepBegan{m})
}

// stepName is the step or reversal that was issued last: a phase can be longer.
func (r *run) stepName() string {
	if name := r.step.Load(); name != nil {
		return *name
	}
	return record.Baseline
}

// ended is called when a step or a reversal is over, or something was seen to happen.
func (r *run) ended(m record.Event) {
	r.journal.end(m)
	r.steps.end(m)
	r.watch.StepEnds(m, r.plan.demandsOf(m)...)
	r.course.end(m)
	r.send(StepEnded{m})
}
