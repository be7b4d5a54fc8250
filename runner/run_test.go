package runner_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/internal/longtest"
	"pgchaos/internal/serverdir"
	"pgchaos/internal/sharedmem"
	"pgchaos/internal/skip"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/report/export"
	"pgchaos/runner"
	"pgchaos/spec"
	"pgchaos/verdict"
)

// short is an experiment of three seconds on two nodes.
const short = `
name: short
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {at: 500ms, stop: b}
  - {start: b}
  - {at: 1500ms, stop_load: writes}
expect: [lost_writes == 0, nodes_equal]
`

// observer is a sink, and the samples of a run; a test makes it misbehave.
type observer struct {
	begin  func(record.Event)
	stage  func(string)
	start  func()
	sample func()
}

func (o observer) sinks() []runner.Sink {
	return []runner.Sink{func(e runner.Event) {
		switch e := e.(type) {
		case runner.StageBegan:
			if o.stage != nil {
				o.stage(e.Text)
			}
		case runner.Noted:
			if o.stage != nil {
				o.stage(e.Text)
			}
		case runner.StepBegan:
			if o.begin != nil {
				o.begin(e.Step)
			}
		}
	}}
}

func (o observer) Start(time.Time, uint64) {
	if o.start != nil {
		o.start()
	}
}

func (o observer) Of(string) func(*export.Sample) {
	return func(*export.Sample) {
		if o.sample != nil {
			o.sample()
		}
	}
}

// on is a kind of provider that is open already.
func on(p cluster.Provider) cluster.Kind {
	return cluster.Kind{Open: func(context.Context, cluster.OpenOptions) (cluster.Opened, error) {
		return cluster.Opened{Provider: p}, nil
	}}
}

func plan(t *testing.T, text string) *runner.Plan {
	t.Helper()
	e, resolved, err := spec.Load("short.yaml", []byte(text), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := runner.NewPlan(e, resolved, 7)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// testBase is the base directory of a test's runs, which must be empty at the end.
func testBase(t *testing.T) string {
	t.Helper()
	dir, err := serverdir.Make("pgchaos-runner-")
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "runs")
	memory := sharedmem.Start(dir)
	t.Cleanup(func() {
		memory.End()
		if left := memory.Left(); len(left) > 0 {
			t.Errorf("shared memory left behind: %v", left)
		}
		if left, err := local.List(base); err == nil && len(left) > 0 {
			t.Errorf("left behind: %+v", left)
		}
		if err := os.Remove(dir); err != nil {
			t.Errorf("something is left: %v", err)
		}
	})
	return base
}

// testProvider is a provider with a base directory of its own, which must be empty at the end.
func testProvider(t *testing.T) *local.Provider {
	t.Helper()
	return testProviderOf(t, "")
}

// testProviderOf has its programs in a directory; "": those of PATH, which measure no fsync.
func testProviderOf(t *testing.T, bin string) *local.Provider {
	t.Helper()
	t.Parallel() // most of such a test is waiting
	base := testBase(t)
	p, err := local.New(t.Context(), local.Options{Base: base, Run: "short-1", Experiment: "short", BinDir: bin})
	if err != nil {
		skip.Test(t, "this test needs PostgreSQL's server programs, which 'make test' installs: %v", err)
	}
	return p
}

func run(t *testing.T, ctx context.Context, provider cluster.Provider, text string, o observer) (*report.Result, error) {
	t.Helper()
	out := t.TempDir()
	result, err := runner.Run(ctx, plan(t, text), on(provider), o.sinks(), runner.Options{Out: out, Tool: "test", Samples: []runner.Samples{o}})
	onDisk, readErr := report.Read(out)
	if readErr != nil {
		t.Fatalf("the result on disk: %v", readErr)
	}
	if onDisk.Verdict != result.Verdict || onDisk.Stage != result.Stage || len(onDisk.Errors) != len(result.Errors) {
		t.Errorf("on disk %s at %s with %v, returned %s at %s with %v",
			onDisk.Verdict, onDisk.Stage, onDisk.Errors, result.Verdict, result.Stage, result.Errors)
	}
	return result, err
}

func TestRunPasses(t *testing.T) {
	provider := testProviderOf(t, postgresBin)
	r, err := run(t, t.Context(), provider, short, observer{})
	if err != nil || r.Verdict != verdict.Pass {
		t.Fatalf("verdict %s, %v, %v", r.Verdict, r.Reasons, err)
	}
	if r.Seed != 7 || len(r.Phases) != 3 || r.Phases[0].Name != "baseline" {
		t.Errorf("seed %d, phases %v", r.Seed, r.Phases)
	}
	w := r.Workloads[0]
	ran := w.Active[0].To - w.Active[0].From // a busy machine stops it late
	due := w.Total.Samples + w.Total.Dropped
	if len(w.Active) != 1 || due != w.Asked || math.Abs(float64(due)-100*ran.Seconds()) > 2 {
		t.Errorf("%d of %d operations in %s at 100/s", due, w.Asked, ran)
	}
	for i, p := range r.Phases[1:] {
		if p.Start != r.Phases[i].End {
			t.Errorf("phase %s begins at %s, the one before ends at %s", p.Name, p.Start, r.Phases[i].End)
		}
	}
	if r.Host.CPU == "" || r.Cluster.RoundTrip <= 0 || r.Cluster.Fsync == nil || r.Cluster.Fsync.Method == "" || r.Cluster.Fsync.Time <= 0 {
		t.Errorf("of the machine: CPU %q, fsync %+v, round trip %s", r.Host.CPU, r.Cluster.Fsync, r.Cluster.RoundTrip)
	}
	if len(r.Usage) == 0 || len(r.States) != 2 || r.States[1].Final.Role != record.RoleStandby {
		t.Errorf("usage %d, states %+v", len(r.Usage), r.States)
	}
}

func TestAPanicInTheMiddleIsCleanedUp(t *testing.T) {
	provider := testProvider(t)
	r, err := run(t, t.Context(), provider, short, observer{start: func() { panic("a bug") }})
	if err == nil || !strings.Contains(err.Error(), "a bug") {
		t.Errorf("error %v", err)
	}
	if r.Verdict != verdict.Inconclusive || len(r.Errors) == 0 {
		t.Errorf("verdict %s, errors %v", r.Verdict, r.Errors)
	}
}

func TestAnInterruptAtAnyStageIsCleanedUp(t *testing.T) {
	t.Parallel()
	stages := []string{"building", "auditing"} // TestWhatEachInterruptEnds interrupts the load
	if longtest.Enabled {
		stages = append(stages, "stop-b", "stopping", "settling")
	}
	for _, at := range stages {
		t.Run(at, func(t *testing.T) {
			provider := testProvider(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			end := func(text string) {
				if strings.HasPrefix(text, at) {
					cancel()
				}
			}
			r, err := run(t, ctx, provider, short, observer{stage: end, begin: func(m record.Event) { end(m.Name) }})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if !r.Interrupted || r.Verdict == verdict.Pass {
				t.Errorf("interrupted %v, verdict %s", r.Interrupted, r.Verdict)
			}
			if at == "building" && (len(r.Errors) != 0 || !strings.HasPrefix(strings.Join(r.Reasons, "\n"), "the run was interrupted before its load began")) {
				t.Errorf("errors %q, reasons %q", r.Errors, r.Reasons)
			}
		})
	}
}

// TestAPanicOfAGoroutineIsCleanedUp has one that the timeline does not wait for.
func TestAPanicOfAGoroutineIsCleanedUp(t *testing.T) {
	provider := testProvider(t)
	r, err := run(t, t.Context(), unmeasurable{provider}, short, observer{})
	if err == nil || !strings.Contains(err.Error(), "a bug") || r.Interrupted || r.Verdict != verdict.Inconclusive {
		t.Errorf("error %v, interrupted %v, verdict %s", err, r.Interrupted, r.Verdict)
	}
	if len(r.Audits) != 1 || !r.Audits[0].Complete {
		t.Errorf("%+v", r.Audits)
	}
}

// unmeasurable is a provider whose nodes panic when the watcher asks what they use.
type unmeasurable struct{ *local.Provider }

func (u unmeasurable) Host(ctx context.Context, name string) (cluster.Host, error) {
	host, err := u.Provider.Host(ctx, name)
	if err != nil {
		return nil, err
	}
	return unmeasurableHost{host, host.(cluster.Processes), host.(cluster.Files)}, nil
}

type unmeasurableHost struct {
	cluster.Host
	cluster.Processes
	cluster.Files
}

func (unmeasurableHost) Usage(context.Context) (record.ResourceSample, error) { panic("a bug") }

// TestAPanicOfTheLoadEngineIsCleanedUp has the engine panic while it holds its lock, in a goroutine of its own
// and, with clients that do not rest, on an event loop.
func TestAPanicOfTheLoadEngineIsCleanedUp(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"open loop":   short,
		"closed loop": strings.Replace(short, ", rate: 100/s", "", 1),
	} {
		if name == "closed loop" && !longtest.Enabled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			provider, begun := testProvider(t), time.Now()
			r, err := runner.Run(t.Context(), plan(t, text), on(provider), nil, runner.Options{
				Out: t.TempDir(), Samples: []runner.Samples{observer{sample: func() { panic("a bug in the engine") }}},
			})
			if err == nil || !strings.Contains(err.Error(), "a bug in the engine") || r.Interrupted || r.Verdict != verdict.Inconclusive {
				t.Errorf("error %v, interrupted %v, verdict %s", err, r.Interrupted, r.Verdict)
			}
			if !strings.Contains(strings.Join(r.Errors, " "), "a bug in the engine") {
				t.Errorf("errors %v", r.Errors)
			}
			t.Logf("ended after %s", time.Since(begun))
		})
	}
}

// TestWhatEachInterruptEnds interrupts a run in its load, and then again.
func TestWhatEachInterruptEnds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		interrupts int
		stage      report.Stage
		left       bool
	}{
		{1, report.StageChecked, false},
		{2, report.StageRan, true},
	} {
		t.Run(fmt.Sprint(tc.interrupts), func(t *testing.T) {
			provider, out := testProvider(t), t.TempDir()
			r, said, err := interrupted(t, provider, out, tc.interrupts)
			if left := errors.Is(err, runner.ErrLeftBehind); left != tc.left || err != nil && !left {
				t.Errorf("error %v", err)
			}
			if !r.Interrupted || r.Stage != tc.stage || (len(r.Audits) == 1) != (tc.interrupts == 1) || r.Verdict != verdict.Inconclusive {
				t.Errorf("interrupted %v, stage %s, audits %+v, verdict %s", r.Interrupted, r.Stage, r.Audits, r.Verdict)
			}
			if tc.interrupts == 1 && (!r.Audits[0].Complete || r.Audits[0].Acknowledged == 0 || r.Audits[0].Lost.N != 0) {
				t.Errorf("%+v", r.Audits[0])
			}
			if len(said) != tc.interrupts {
				t.Errorf("it said %q", said)
			}
			if tc.left {
				if _, err := os.Stat(filepath.Join(out, runner.AccessFile)); err != nil {
					t.Errorf("the cluster that is left cannot be audited: %v", err)
				}
				if err := provider.Remove(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// interrupted interrupts a run in its load, so many times at once, and returns what it said of that.
func interrupted(t *testing.T, provider cluster.Provider, out string, times int) (r *report.Result, said []string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	atOnce := make(chan struct{})
	ends := []func(){cancel, func() { close(atOnce) }}[:times]
	var mu sync.Mutex
	o := observer{
		begin: func(m record.Event) {
			if m.Name == "stop-b" {
				for _, end := range ends {
					end()
				}
			}
		},
		stage: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(text, "interrupt") {
				said = append(said, text)
			}
		},
	}
	r, err = runner.Run(ctx, plan(t, short), on(provider), o.sinks(), runner.Options{Out: out, EndAtOnce: atOnce})
	mu.Lock()
	defer mu.Unlock()
	return r, said, err
}

// TestAnInterruptedRemoval interrupts a run while its cluster is removed: the verdict stays, and it is an error exactly if
// something is left.
func TestAnInterruptedRemoval(t *testing.T) {
	t.Parallel()
	for times := 1; times <= 2; times++ {
		if times == 1 && !longtest.Enabled {
			continue
		}
		t.Run(fmt.Sprint(times), func(t *testing.T) {
			provider, out := testProvider(t), t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			atOnce := make(chan struct{})
			ends := []func(){cancel, func() { close(atOnce) }}[:times]
			o := observer{stage: func(text string) {
				if text == "removing the cluster" {
					for _, end := range ends {
						end()
					}
				}
			}}
			r, err := runner.Run(ctx, plan(t, short), on(provider), o.sinks(), runner.Options{Out: out, EndAtOnce: atOnce})
			_, gone := os.Stat(filepath.Join(out, runner.AccessFile)) // which goes with the cluster
			if left := gone == nil; errors.Is(err, runner.ErrLeftBehind) != left || err != nil && !left || left && times < 2 {
				t.Errorf("error %v; the way to the cluster: %v", err, gone)
			}
			if r.Interrupted || r.Stage != report.StageChecked || len(r.Audits) != 1 || !r.Audits[0].Complete {
				t.Errorf("interrupted %v, stage %s, verdict %s", r.Interrupted, r.Stage, r.Verdict)
			}
			if err := provider.Remove(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhatIsLeftBehindIsNamed removes through a provider that does not succeed.
func TestWhatIsLeftBehindIsNamed(t *testing.T) {
	provider := testProvider(t)
	r, err := run(t, t.Context(), stuck{provider}, short, observer{})
	if !errors.Is(err, runner.ErrLeftBehind) || !strings.Contains(err.Error(), "process 1234") {
		t.Errorf("error %v", err)
	}
	if len(r.Errors) == 0 || !strings.Contains(r.Errors[0], "process 1234") {
		t.Errorf("the result does not say it: %v", r.Errors)
	}
}

type stuck struct{ *local.Provider }

func (s stuck) Remove(ctx context.Context) error {
	return errors.Join(s.Provider.Remove(ctx), errors.New("process 1234 is still there"))
}

func TestASetUpThatFailsIsCleanedUpAndExplained(t *testing.T) {
	provider := testProvider(t)
	r, err := run(t, t.Context(), provider, strings.Replace(short, "nodes: [a, b]", "nodes: [a, b], settings: {work_mem: lots}", 1), observer{})
	if err == nil || !strings.Contains(err.Error(), "work_mem") {
		t.Errorf("error %v", err)
	}
	if r.Verdict != verdict.Inconclusive {
		t.Errorf("verdict %s", r.Verdict)
	}
}

// TestABrokenLedgerIsReported: what happens to its file in the middle reaches the user,
// and nothing passes.
func TestABrokenLedgerIsReported(t *testing.T) {
	provider := testProvider(t)
	out := t.TempDir()
	o := observer{begin: func(m record.Event) {
		if m.Name == "stop-b" { // as a disk that fails does: the pages behind the mapping are gone
			if err := os.Truncate(filepath.Join(out, runner.LedgerFile), 16<<10); err != nil {
				t.Error(err)
			}
		}
	}}
	r, err := runner.Run(t.Context(), plan(t, short), on(provider), o.sinks(), runner.Options{Out: out})
	if err != nil {
		t.Fatal(err)
	}
	if l := r.LedgerFile; l == nil || !strings.Contains(l.Error, "store into the mapped file") {
		t.Errorf("%+v", l)
	}
	if r.Verdict != verdict.Inconclusive && r.Verdict != verdict.Fail || !strings.Contains(strings.Join(r.Reasons, "\n"), "were not sent") {
		t.Errorf("verdict %s because %q", r.Verdict, r.Reasons)
	}
	if e := r.Workloads[0].Errors; len(e) == 0 || e[0].Kind != "ledger" || e[0].Outcome != record.Failed {
		t.Errorf("errors %+v", e)
	}
}
