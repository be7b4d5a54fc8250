package series

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/spec"
	"pgchaos/verdict"
)

const file = `name: three
cluster: {nodes: [a, b]}
load: {writes: {kind: insert}}
duration: 10s
variants: {one: {}, two: {load: {writes: {clients: 4}}}, three: {load: {writes: {rate: 10/s}}}}
rounds: 4
`

func newPlan(t *testing.T, text string, seed uint64) *Plan {
	t.Helper()
	s, err := spec.LoadSeries("three.yaml", []byte(text), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &Plan{Series: s, Seed: seed}
	for i := range s.Variants {
		plan, err := runner.NewPlan(s.Variants[i].Experiment, s.Variants[i].Text, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.Plans = append(p.Plans, plan)
	}
	return p
}

// fakeRuns runs nothing, and notes what was to be run.
type fakeRuns struct {
	took  time.Duration
	fails map[int]error // by the number of the call, from 1
	on    func(call int)
	calls []string // "round/variant"
	seeds []uint64
}

func (f *fakeRuns) run(_ context.Context, p *runner.Plan, o runner.Options) (*report.Result, error) {
	f.calls = append(f.calls, fmt.Sprintf("%v%d/%s", map[bool]string{true: "w"}[o.Variant.Warmup], o.Variant.Round, o.Variant.Name))
	f.seeds = append(f.seeds, p.Seed)
	if f.on != nil {
		f.on(len(f.calls))
	}
	if err := os.Mkdir(o.Out, 0o755); err != nil {
		return nil, err
	}
	if err := f.fails[len(f.calls)]; err != nil {
		return nil, err
	}
	time.Sleep(f.took)
	return &report.Result{Verdict: verdict.Pass, Variant: o.Variant}, nil
}

func TestEachVariantRunsOnceARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRuns{took: time.Second}
		p := newPlan(t, file, 7)
		o := Options{Out: t.TempDir(), Run: f.run}
		s := New(p, "three-1", time.Now(), o)
		if err := s.Run(t.Context(), p, o); err != nil {
			t.Fatal(err)
		}
		if len(f.calls) != 15 {
			t.Fatalf("%d runs: %v", len(f.calls), f.calls)
		}
		orders := ordersOf(t, f)
		if !strings.HasPrefix(f.calls[0], "w1/") || !strings.HasPrefix(f.calls[3], "1/") {
			t.Errorf("the warm-up round is not the first: %v", f.calls)
		}
		if len(orders) < 2 {
			t.Errorf("every round has the same order: %v", f.calls)
		}
		again := New(newPlan(t, file, 7), "three-2", time.Now(), o)
		for i, r := range again.Runs {
			if r.Dir != s.Runs[i].Dir {
				t.Fatalf("the same seed gives another order: %s, %s", r.Dir, s.Runs[i].Dir)
			}
		}
		read, err := Read(o.Out)
		if err != nil {
			t.Fatal(err)
		}
		if read.Left() != 0 || read.Runs[14].Verdict != verdict.Pass || read.Runs[14].Took != time.Second || read.Baseline != "one" {
			t.Errorf("series.json has %d to do, %+v, baseline %q", read.Left(), read.Runs[14], read.Baseline)
		}
	})
}

// ordersOf are the orders of the rounds, in each of which each variant has to run once, with one seed.
func ordersOf(t *testing.T, f *fakeRuns) map[string]bool {
	t.Helper()
	orders := map[string]bool{}
	for i := 0; i < len(f.calls); i += 3 {
		round := f.calls[i : i+3]
		first, _, _ := strings.Cut(round[0], "/")
		var names []string
		for _, c := range round {
			prefix, name, _ := strings.Cut(c, "/")
			if prefix != first {
				t.Errorf("rounds are mixed: %v", round)
			}
			names = append(names, name)
		}
		orders[strings.Join(names, " ")] = true
		slices.Sort(names)
		if !slices.Equal(names, []string{"one", "three", "two"}) {
			t.Errorf("round %s has %v", first, names)
		}
		if f.seeds[i] != f.seeds[i+1] || f.seeds[i] != f.seeds[i+2] || i > 0 && f.seeds[i] == f.seeds[i-1] || f.seeds[i] == 0 {
			t.Errorf("seeds of round %s: %v", first, f.seeds[i:i+3])
		}
	}
	return orders
}

func TestARunThatFailsIsBegunOnceMore(t *testing.T) {
	bad := errors.New("no memory")
	f := &fakeRuns{fails: map[int]error{2: bad, 5: bad, 6: bad}}
	p := newPlan(t, file, 7)
	var failed []string
	o := Options{Out: t.TempDir(), Run: f.run, Tell: func(e Event) {
		if e.Error != nil {
			failed = append(failed, fmt.Sprintf("%d again %v", e.Number, e.Again))
		}
	}}
	s := New(p, "three-1", time.Now(), o)
	if err := s.Run(t.Context(), p, o); err != nil {
		t.Fatal(err)
	}
	if want := []string{"2 again true", "4 again true", "4 again false"}; !slices.Equal(failed, want) {
		t.Errorf("failures %q, want %q", failed, want)
	}
	second, fourth := s.Runs[1], s.Runs[3]
	if second.Status != Done || second.Attempts != 2 || len(second.Errors) != 1 {
		t.Errorf("the run that failed once: %+v", second)
	}
	if fourth.Status != Failed || fourth.Attempts != 2 || len(fourth.Errors) != 2 || fourth.Verdict == verdict.Pass {
		t.Errorf("the run that failed twice: %+v", fourth)
	}
	if _, err := os.Stat(s.Path(&second) + ".failed-1"); err != nil {
		t.Errorf("what the first attempt left is gone: %v", err)
	}
	if s.Left() != 0 {
		t.Errorf("%d runs were not made after the failure", s.Left())
	}
}

// TestWhatCouldNotBeRunIsBegunAgain when the series goes on, with as many attempts as before, and what it left is kept.
func TestWhatCouldNotBeRunIsBegunAgain(t *testing.T) {
	bad := errors.New("no memory")
	f := &fakeRuns{fails: map[int]error{1: bad, 2: bad, 17: bad}} // of the 17th call on, the series goes on
	p := newPlan(t, file, 7)
	o := Options{Out: t.TempDir(), Run: f.run}
	s := New(p, "three-1", time.Now(), o)
	if err := s.Run(t.Context(), p, o); err != nil || s.Runs[0].Status != Failed || len(f.calls) != 16 {
		t.Fatalf("%v after %d runs: %+v", err, len(f.calls), s.Runs[0])
	}
	again, err := Read(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Continue(again); err != nil || again.Left() != 1 {
		t.Fatalf("%v, %d runs to do", err, again.Left())
	}
	if err := again.Run(t.Context(), p, o); err != nil {
		t.Fatal(err)
	}
	first := again.Runs[0]
	if first.Status != Done || first.Attempts != 2 || len(first.Errors) != 3 || len(f.calls) != 18 || f.calls[17] != f.calls[0] || f.seeds[17] != f.seeds[0] {
		t.Errorf("after %d runs: %+v", len(f.calls), first)
	}
	for _, kept := range []string{".failed-1", ".failed-2", ".failed-3"} {
		if _, err := os.Stat(again.Path(&first) + kept); err != nil {
			t.Error(err)
		}
	}
}

// TestWhatIsLeftBehindEndsTheSeries: servers of a run that are still up would disturb the next one.
func TestWhatIsLeftBehindEndsTheSeries(t *testing.T) {
	f := &fakeRuns{fails: map[int]error{2: fmt.Errorf("%w: a server", runner.ErrLeftBehind)}}
	p := newPlan(t, file, 7)
	o := Options{Out: t.TempDir(), Run: f.run}
	s := New(p, "three-1", time.Now(), o)
	if err := s.Run(t.Context(), p, o); !errors.Is(err, runner.ErrLeftBehind) || len(f.calls) != 2 {
		t.Errorf("after %d runs: %v", len(f.calls), err)
	}
	if s.Left() != 14 {
		t.Errorf("%d runs to do: the one that left something is made again", s.Left())
	}
}

// TestWhatTheUserHasToMendEndsTheSeries: the next run could not begin either.
func TestWhatTheUserHasToMendEndsTheSeries(t *testing.T) {
	full := &runner.UsageError{Err: errors.New("the disk is full")}
	f := &fakeRuns{fails: map[int]error{2: full}}
	p := newPlan(t, file, 7)
	o := Options{Out: t.TempDir(), Run: f.run}
	s := New(p, "three-1", time.Now(), o)
	if err := s.Run(t.Context(), p, o); !errors.Is(err, full) || len(f.calls) != 2 || s.Left() != 14 {
		t.Errorf("after %d runs, with %d to do: %v", len(f.calls), s.Left(), err)
	}
}

// TestASeriesOfWhichNothingWasBegun can be discarded, and one that has begun is not untouched.
func TestASeriesOfWhichNothingWasBegun(t *testing.T) {
	full := &runner.UsageError{Err: errors.New("the disk is full")}
	p := newPlan(t, file, 7)
	o := Options{Out: t.TempDir(), Run: func(context.Context, *runner.Plan, runner.Options) (*report.Result, error) { return nil, full }}
	s := New(p, "three-1", time.Now(), o)
	if err := s.Run(t.Context(), p, o); !errors.Is(err, full) || !s.Untouched() {
		t.Errorf("untouched %v: %v", s.Untouched(), err)
	}
	if err := s.Discard(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(o.Out); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	o.Run = (&fakeRuns{fails: map[int]error{2: full}}).run
	if err := s.Run(t.Context(), p, o); !errors.Is(err, full) || s.Untouched() {
		t.Errorf("after a run, untouched %v: %v", s.Untouched(), err)
	}
}

func TestASeriesGoesOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeRuns{on: func(call int) {
		if call == 5 {
			cancel()
		}
	}}
	p := newPlan(t, file, 7)
	o := Options{Out: t.TempDir(), Run: f.run}
	s := New(p, "three-1", time.Now(), o)
	if err := s.Run(ctx, p, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	interrupted := f.calls[4]

	read, err := Read(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	p = newPlan(t, file, 7)
	if err := p.Continue(read); err != nil {
		t.Fatal(err)
	}
	f.on = nil
	if err := read.Run(t.Context(), p, o); err != nil {
		t.Fatal(err)
	}
	if len(f.calls) != 16 || f.calls[5] != interrupted || f.seeds[5] != f.seeds[4] {
		t.Errorf("runs %v: want the one that was interrupted again, and then the others", f.calls)
	}
	if _, err := os.Stat(filepath.Join(o.Out, read.Runs[4].Dir+".interrupted-1")); err != nil {
		t.Errorf("what the interrupted run left is gone: %v", err)
	}
	other := newPlan(t, strings.Replace(file, "clients: 4", "clients: 5", 1), 7)
	if err := other.Continue(read); err == nil {
		t.Error("a series goes on with another experiment")
	}
}

func TestTheTimeThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRuns{took: 36 * time.Second} // twice what the file says: 10 s and 8 s beside it
		p := newPlan(t, file, 7)
		var left []time.Duration
		o := Options{Out: t.TempDir(), Run: f.run, Tell: func(e Event) {
			if !e.Ended {
				left = append(left, e.Left)
			}
		}}
		s := New(p, "three-1", time.Now(), o)
		if err := s.Run(t.Context(), p, o); err != nil {
			t.Fatal(err)
		}
		for i, d := range left {
			want := time.Duration(15-i) * 36 * time.Second
			if i == 0 {
				want = 15 * 18 * time.Second
			}
			if d != want {
				t.Errorf("before run %d: %s left, want %s", i+1, d, want)
			}
		}
	})
}

func TestWhatIsNoSeries(t *testing.T) {
	for name, row := range map[string]struct{ text, want string }{
		"damaged":            {`{"schema": "pgchaos.ser`, "damaged"},
		"another file":       {`{"schema": "pgchaos.result/2"}`, "no series of pgchaos"},
		"a newer one":        {`{"schema": "pgchaos.series/2"}`, "a newer pgchaos wrote it"},
		"a path elsewhere":   {`{"schema": "pgchaos.series/1", "variants": [{}], "runs": [{"dir": "../x"}]}`, "not below it"},
		"an unknown variant": {`{"schema": "pgchaos.series/1", "variants": [{"name": "a"}], "runs": [{"dir": "1/b", "variant": "b"}]}`, `there is no variant "b"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
	if _, err := Read(t.TempDir()); !errors.Is(err, ErrNone) {
		t.Errorf("an empty directory: %v", err)
	}
}

// TestThePlan holds what is said of a series: of many variants the first, and of one alone nothing that is compared.
func TestThePlan(t *testing.T) {
	const one = "name: x\ncluster: {nodes: [a]}\nload: {writes: {kind: insert, clients: 1, rate: 50%}}\nduration: 5s\n"
	seeds := make([]string, 500)
	for i := range seeds {
		seeds[i] = strconv.Itoa(i + 1)
	}
	for name, row := range map[string]struct {
		text      string
		most      int // lines
		says, not []string
	}{
		"many variants": {
			one + "matrix: {seed: [" + strings.Join(seeds, ", ") + "]}\n", 60,
			[]string{"seed=20  seed: 20", "and 480 more; 'pgchaos plan FILE --variant NAME' describes one", "RUNS    3500", "1 client,", "COMPARE"},
			[]string{"seed=21", "1 clients"},
		},
		"one of the last is the baseline": {
			one + "baseline: seed=400\nmatrix: {seed: [" + strings.Join(seeds, ", ") + "]}\n", 60,
			[]string{"seed=400  as above", "and 479 more"},
			[]string{"seed=21 "},
		},
		"one variant": {
			one + "rounds: 3\n", 40,
			[]string{"ROUNDS  3, after a warm-up of 1 that is in no figure\n", "BEFORE  a run of the experiment in a closed loop", "50% of it is the rate"},
			[]string{"every variant", "COMPARE"},
		},
		"two shares": {
			one + "matrix: {load.writes.rate: [50%, 80%]}\n", 60,
			[]string{"50% or 80% of it is the rate"},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := newPlan(t, row.text, 1).Write(&b); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			if n := strings.Count(text, "\n"); n > row.most {
				t.Errorf("%d lines, want at most %d", n, row.most)
			}
			for _, want := range row.says {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in\n%s", want, text)
				}
			}
			for _, bad := range row.not {
				if strings.Contains(text, bad) {
					t.Errorf("%q is in\n%s", bad, text)
				}
			}
		})
	}
}

func TestSelect(t *testing.T) {
	p := newPlan(t, file+"baseline: two\nmatrix: {load.writes.timeout: [1s, 2s]}\n", 1)
	if err := Select(p.Series, []string{"one", "two, timeout=2s"}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range p.Variants {
		names = append(names, p.Variants[i].String())
	}
	if want := []string{"one, timeout=1s", "one, timeout=2s", "two, timeout=2s"}; !slices.Equal(names, want) || p.Baseline != "two" {
		t.Errorf("%q, baseline %s", names, p.Baseline)
	}
	if err := Select(p.Series, []string{"one"}); err != nil || p.Baseline != "one" {
		t.Errorf("without its baseline: %v, %s", err, p.Baseline)
	}
	if err := Select(p.Series, []string{"four"}); err == nil {
		t.Error("an unknown variant is found")
	}
	p = newPlan(t, strings.Replace(file, "rounds: 4", "rounds: 1", 1), 1)
	if err := Select(p.Series, []string{"one"}); err != nil || p.Several {
		t.Errorf("one variant and one round are a series: %v, %v", p.Several, err)
	}
	p = newPlan(t, strings.Replace(file, "rounds: 4", "rounds: 1", 1)+"matrix: {load.writes.rate: [50%]}\n", 1)
	if err := Select(p.Series, []string{"one"}); err != nil || !p.Several {
		t.Errorf("a rate that is a share of a capacity, which is not measured for a single run: %v", err)
	}
}
