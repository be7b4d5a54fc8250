package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/compare"
	"pgchaos/compare/trend"
	"pgchaos/expect"
	"pgchaos/report"
	"pgchaos/report/junit"
	"pgchaos/series"
	"pgchaos/spec"
	"pgchaos/store"
	"pgchaos/verdict"
)

// madeNight is a night whose runs were made before: nothing is run, and the history is in memory.
type madeNight struct {
	*night
	t      *testing.T
	kept   []store.Kept
	stderr bytes.Buffer
	// tonight are the runs of each experiment: those of its first execution, of its repetition, and so on.
	tonight map[string][][]store.Kept
	ran     []string // the experiments that were run, in this order
	unread  string   // the experiment whose history cannot be read
}

// theNight is when the nights of these tests begin.
var theNight = time.Date(2026, 11, 29, 2, 15, 0, 0, time.UTC)

func newMadeNight(t *testing.T) *madeNight {
	m := &madeNight{t: t, tonight: map[string][][]store.Kept{}}
	m.night = &night{name: "nightly", list: m.list, run: m.run, began: theNight, flags: &nightlyFlags{}, stderr: &m.stderr}
	return m
}

// madeRun is a run of some nights ago. It writes 500/s.
func madeRun(experiment string, ago int, p99 time.Duration, changes ...func(k *store.Kept)) store.Kept {
	at := theNight.AddDate(0, 0, -ago)
	k := store.Kept{Run: compare.Run{
		ID: experiment + "-" + at.Format("20060102-150405"), Experiment: experiment, Started: at, Verdict: verdict.Pass,
		Workloads: []string{"writes"}, Writers: []string{"writes"},
		Figures: []compare.Figure{
			{Metric: "p99 of writes", Value: p99.Seconds(), Known: true}, {Metric: "throughput of writes", Value: 500, Known: true},
			{Metric: "error_rate of writes", Known: true}, {Metric: "lost_writes", Known: true},
		},
		Fingerprint: compare.Fingerprint{{Name: "PostgreSQL", Value: "18.4"}, {Name: "host", Value: "runner-1"}},
	}}
	for _, change := range changes {
		change(&k)
	}
	k.Key = k.Fingerprint.Key()
	return k
}

// before adds a run for each of the nights before, the oldest first. No two of them are equal.
func (m *madeNight) before(experiment string, nights []time.Duration, changes ...func(k *store.Kept)) {
	for i, p99 := range nights {
		m.kept = append(m.kept, madeRun(experiment, len(nights)-i, p99+time.Duration(i*7%len(nights))*time.Microsecond, changes...))
	}
}

// again adds a run that the next execution of its experiment yields.
func (m *madeNight) again(runs ...store.Kept) {
	name := runs[0].Experiment
	m.tonight[name] = append(m.tonight[name], runs)
}

func (m *madeNight) run(_ context.Context, name string, _ *series.Plan, id string) ([]store.Kept, string) {
	m.ran = append(m.ran, name)
	if len(m.tonight[name]) == 0 {
		m.t.Fatalf("%s is run once more than expected", name)
	}
	runs := m.tonight[name][0]
	m.tonight[name] = m.tonight[name][1:]
	if id == "" {
		id = runs[0].ID
	}
	for i := range runs {
		runs[i].Series = id
	}
	m.kept = append(m.kept, runs...)
	return runs, id
}

// list does what the store's does.
func (m *madeNight) list(_ context.Context, of store.Filter) (found []store.Kept, _ error) {
	if m.unread != "" && of.Experiment == m.unread {
		return nil, errors.New("list the runs of the store nightly: disk I/O error")
	}
	for _, k := range m.kept {
		if k.Experiment == of.Experiment && k.Variant == *of.Variant && k.Cell == *of.Cell && (!of.NoWarmup || !k.Warmup) {
			found = append(found, k)
		}
	}
	slices.SortStableFunc(found, func(a, b store.Kept) int { return b.Started.Compare(a.Started) })
	return found, nil
}

// do runs experiments, and returns the exit code and the summary.
func (m *madeNight) do(ctx context.Context, names ...string) (code int, text string) {
	m.t.Helper()
	for _, name := range names {
		m.experiment(ctx, name, &series.Plan{Series: &spec.Series{}})
	}
	var b bytes.Buffer
	code = exitCode(m.end(ctx, &b))
	return code, b.String()
}

// nights are p99 of some nights.
func nights(n int, p99 time.Duration) []time.Duration { return slices.Repeat([]time.Duration{p99}, n) }

const (
	usual = 10 * time.Millisecond
	worse = 13 * time.Millisecond
)

func TestNightsWithoutAStep(t *testing.T) {
	m := newMadeNight(t)
	m.before("kill", nights(24, usual))
	m.again(madeRun("kill", 0, usual))
	if code, text := m.do(t.Context(), "kill"); code != exitPass || text != "ok            kill: no change found in 4 metrics (25 nights)\n" {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// TestNightsWithAStep: five nights that are worse fail the job, and are not run again.
func TestNightsWithAStep(t *testing.T) {
	m := newMadeNight(t)
	m.before("kill", append(nights(20, usual), nights(4, worse)...))
	m.again(madeRun("kill", 0, worse))
	code, text := m.do(t.Context(), "kill")
	if code != exitFail || !strings.HasPrefix(text, "regression    kill\n") || !strings.Contains(text, "p99 of writes: regression, +30 %") {
		t.Errorf("exit code %d\n%s", code, text)
	}
	if len(m.ran) != 1 {
		t.Errorf("run: %q", m.ran)
	}
}

// TestASuspectIsRunAgainAtOnce: before the next experiment, and as a part of the same night.
func TestASuspectIsRunAgainAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		again time.Duration
		word  string
	}{
		"it is worse again":         {worse, "suspect"},
		"it is much better by then": {5 * time.Millisecond, "ok"}, // so that the night as a whole is no worse
	} {
		t.Run(name, func(t *testing.T) {
			m := newMadeNight(t)
			m.before("kill", append(nights(20, usual), nights(2, worse)...))
			m.again(madeRun("kill", 0, worse))
			m.again(madeRun("kill", 0, tc.again, func(k *store.Kept) { k.ID += "-again"; k.Started = k.Started.Add(time.Minute) }))
			m.again(madeRun("stall", 0, usual))
			code, text := m.do(t.Context(), "kill", "stall")
			if code != exitPass || !strings.HasPrefix(text, tc.word) {
				t.Errorf("exit code %d\n%s", code, text)
			}
			if !slices.Equal(m.ran, []string{"kill", "kill", "stall"}) || !strings.Contains(m.stderr.String(), "kill is suspect, and is run again at once") {
				t.Errorf("run: %q\n%s", m.ran, &m.stderr)
			}
			c := m.cases[0]
			if len(m.cases) != 2 || len(c.Runs) != 2 || c.Findings[0].Nights != 23 {
				t.Errorf("both are one night: %+v", m.cases)
			}
			if tonight, want := c.Findings[0].Tonight.Value, (worse+tc.again).Seconds()/2; tonight < want-1e-9 || tonight > want+1e-9 {
				t.Errorf("tonight is %g, want the median of both, %g", tonight, want)
			}
		})
	}
}

// TestNoRepetitionAfterTheEnd: a job that is interrupted, or that left servers behind, runs nothing more.
func TestNoRepetitionAfterTheEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(m *madeNight, interrupt func())
		code int
	}{
		"interrupted": {func(_ *madeNight, interrupt func()) { interrupt() }, exitInterrupted},
		"left behind": {func(m *madeNight, _ func()) { m.leftBehind = true }, exitLeftBehind},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			m := newMadeNight(t)
			m.before("kill", append(nights(20, usual), nights(2, worse)...))
			m.again(madeRun("kill", 0, worse))
			m.night.run = func(ctx context.Context, name string, plan *series.Plan, id string) ([]store.Kept, string) {
				defer tc.end(m, interrupt)
				return m.run(ctx, name, plan, id)
			}
			if code, text := m.do(ctx, "kill"); code != tc.code || len(m.ran) != 1 || !strings.HasPrefix(text, "suspect") {
				t.Errorf("exit code %d, run: %q\n%s", code, m.ran, text)
			}
		})
	}
}

// TestAnotherFingerprintIsAnotherHistory: what an update changed is no regression.
func TestAnotherFingerprintIsAnotherHistory(t *testing.T) {
	updated := func(k *store.Kept) { k.Fingerprint = slices.Clone(k.Fingerprint); k.Fingerprint[0].Value = "18.5" }
	const began = "the history began anew tonight; before and now differ in PostgreSQL: 18.4 and 18.5"

	m := newMadeNight(t)
	m.before("kill", append(nights(20, usual), nights(4, worse)...)) // which would be a regression
	m.again(madeRun("kill", 0, 3*usual, updated))
	code, text := m.do(t.Context(), "kill")
	if code != exitPass || !strings.Contains(text, "(1 of 23 nights)") || !strings.Contains(text, began) || len(m.ran) != 1 {
		t.Errorf("the first night: exit code %d\n%s", code, text)
	}

	m = newMadeNight(t)
	m.before("kill", append(nights(20, usual), nights(4, worse)...))
	m.kept = append(m.kept, madeRun("kill", 1, 3*usual, updated))
	m.again(madeRun("kill", 0, 3*usual, updated))
	if code, text := m.do(t.Context(), "kill"); code != exitPass || !strings.Contains(text, "(2 of 23 nights)") || strings.Contains(text, "anew") {
		t.Errorf("the second night: exit code %d\n%s", code, text)
	}

	m = newMadeNight(t)
	m.before("kill", nights(24, usual))
	m.kept = append(m.kept, madeRun("kill", 1, 3*usual, updated))
	m.again(madeRun("kill", 0, usual))
	if code, text := m.do(t.Context(), "kill"); code != exitPass || !strings.Contains(text, "(25 nights)") || strings.Contains(text, "anew") {
		t.Errorf("after the update was taken back: exit code %d\n%s", code, text)
	}
}

// TestVariantsHaveHistoriesOfTheirOwn: each variant and cell is judged by itself, and warm-up rounds are no nights.
func TestVariantsHaveHistoriesOfTheirOwn(t *testing.T) {
	of := func(variant, cell string) func(k *store.Kept) {
		return func(k *store.Kept) { k.Variant, k.Cell = variant, cell; k.ID += "-" + variant + cell; k.Round = 1 }
	}
	warm := func(k *store.Kept) { k.Warmup = true; k.ID += "-warm" }
	m := newMadeNight(t)
	step := append(nights(20, usual), nights(4, worse)...)
	m.before("modes", nights(24, usual), of("local", "clients=8"))
	m.before("modes", step, of("on", "clients=8"))
	m.before("modes", nights(3, usual), of("on", "clients=32"))
	m.again(
		madeRun("modes", 0, 9*worse, of("local", "clients=8"), warm),
		madeRun("modes", 0, usual, of("local", "clients=8")), madeRun("modes", 0, worse, of("on", "clients=8")), madeRun("modes", 0, worse, of("on", "clients=32")),
	)
	code, text := m.do(t.Context(), "modes")
	want := []string{
		"ok            modes/local, clients=8: no change found in 4 metrics (25 nights)",
		"regression    modes/on, clients=8",
		"ok            modes/on, clients=32: whether it became worse is not known yet (4 of 23 nights)",
	}
	got := slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), func(line string) bool { return strings.HasPrefix(line, " ") })
	if code != exitFail || !slices.Equal(got, want) {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// keptResult writes the result that a run's verdict is explained by.
func keptResult(t *testing.T, k *store.Kept, r report.Result) {
	t.Helper()
	k.Dir = filepath.Join(t.TempDir(), k.ID)
	k.Verdict, r.Run, r.Stage = r.Verdict, k.ID, report.StageChecked
	must(t, os.MkdirAll(k.Dir, 0o700))
	must(t, report.Write(k.Dir, &r))
}

// TestSummariesOfANight has a night with each result, in each form.
func TestSummariesOfANight(t *testing.T) {
	m := newMadeNight(t)
	m.before("steady", nights(24, usual))
	m.again(madeRun("steady", 0, usual))
	m.again(madeRun("new", 0, usual))
	m.before("suspicious", append(nights(20, usual), nights(2, worse)...))
	m.again(madeRun("suspicious", 0, worse))
	m.again(madeRun("suspicious", 0, worse, func(k *store.Kept) { k.ID += "-again" }))
	m.before("worse", append(nights(20, usual), nights(4, worse)...))
	m.again(madeRun("worse", 0, worse))
	m.before("better", append(nights(20, worse), nights(4, usual)...))
	m.again(madeRun("better", 0, usual))
	m.before("updated", nights(20, usual))
	m.again(madeRun("updated", 0, usual, func(k *store.Kept) {
		k.Fingerprint = compare.Fingerprint{k.Fingerprint[0], {Name: "host", Value: "runner_2 | <b>"}}
	}))

	failed := madeRun("failed", 0, usual)
	keptResult(t, &failed, report.Result{Verdict: verdict.Fail, Expectations: []expect.Judgement{
		{Text: "lost_writes == 0", Verdict: verdict.Fail, Observed: "3"}, {Text: "write_rto < 10s", Verdict: verdict.Pass, Observed: "2.1 s"},
	}})
	m.again(failed)
	unclear := madeRun("unclear", 0, usual, func(k *store.Kept) { k.Figures = nil })
	keptResult(t, &unclear, report.Result{Verdict: verdict.Inconclusive, Expectations: []expect.Judgement{
		{Text: "nodes_equal", Verdict: verdict.Inconclusive, Why: "b could not be read"},
	}})
	m.before("unclear", nights(24, usual))
	m.again(unclear)
	m.before("unread", nights(24, usual))
	m.again(madeRun("unread", 0, usual))
	m.unread = "unread"

	code, text := m.do(t.Context(), "steady", "new", "suspicious", "worse", "better", "updated", "failed", "unclear", "unread")
	if code != exitFail {
		t.Errorf("exit code %d", code)
	}
	golden(t, "nightly-text", text)
	for name, write := range map[string]func(io.Writer) error{
		"nightly-md":    m.markdown,
		"nightly-junit": func(out io.Writer) error { return junit.Write(out, m.suite()) },
	} {
		var b bytes.Buffer
		must(t, write(&b))
		golden(t, name, b.String())
	}
	for i, want := range []int{exitPass, exitPass, exitPass, exitFail, exitPass, exitPass, exitFail, exitInconclusive, exitFailed} {
		if c := m.cases[i]; c.code() != want {
			t.Errorf("%s: exit code %d, want %d", c.Name, c.code(), want)
		}
	}
}

// TestAHistoryThatCannotBeRead is no night that passed.
func TestAHistoryThatCannotBeRead(t *testing.T) {
	m := newMadeNight(t)
	m.again(madeRun("kill", 0, usual))
	m.unread = "kill"
	code, text := m.do(t.Context(), "kill")
	if code != exitFailed || !strings.HasPrefix(text, "not judged    kill\n") || !strings.Contains(text, "disk I/O error") || len(m.cases) != 1 {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// TestAFailureWhoseResultCannotBeRead is a failure all the same.
func TestAFailureWhoseResultCannotBeRead(t *testing.T) {
	m := newMadeNight(t)
	m.again(madeRun("kill", 0, usual, func(k *store.Kept) { k.Verdict, k.Dir = verdict.Fail, filepath.Join(t.TempDir(), "gone") }))
	code, text := m.do(t.Context(), "kill")
	if code != exitFail || !strings.Contains(text, "its verdict is fail") || !strings.Contains(text, "read the kept result of run kill-20261129-021500: ") {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// TestAMetricThatIsMissingTonight is inconclusive.
func TestAMetricThatIsMissingTonight(t *testing.T) {
	m := newMadeNight(t)
	m.before("kill", nights(24, usual))
	m.again(madeRun("kill", 0, usual, func(k *store.Kept) {
		k.Figures[0] = compare.Figure{Metric: "p99 of writes", Why: "too few (1,000 of 3,688)"}
	}))
	code, text := m.do(t.Context(), "kill")
	if code != exitInconclusive || !m.cases[0].has(trend.Missing) || !strings.Contains(text, "p99 of writes: missing: too few (1,000 of 3,688)") {
		t.Errorf("exit code %d\n%s", code, text)
	}
}

// TestNightlyNeedsItsStore: a misspelt name is an error with the command that makes a store, and no summary of an earlier
// night stays.
func TestNightlyNeedsItsStore(t *testing.T) {
	dir := t.TempDir()
	where, summary, xmlFile := filepath.Join(dir, "store"), filepath.Join(dir, "s.md"), filepath.Join(dir, "j.xml")
	nightly := func(want int, name string) string {
		t.Helper()
		for _, file := range []string{summary, xmlFile} {
			must(t, os.WriteFile(file, []byte("the night before was good"), 0o600))
		}
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{"nightly", name, "--store", where, "--summary", summary, "--junit", xmlFile}, nil, &out, &errs); code != want {
			t.Errorf("exit code %d, want %d\n%s%s", code, want, &out, &errs)
		}
		if text := readText(t, summary); !strings.Contains(text, fmt.Sprintf("| not run | %s | 0 |", name)) {
			t.Error(text)
		}
		if text := readText(t, xmlFile); !strings.Contains(text, `errors="1"`) || !strings.Contains(text, `<error message="it was not run: `) {
			t.Error(text)
		}
		return errs.String()
	}
	// The experiment is misspelt, too, so that nothing is run.
	if errs := nightly(exitFailed, "quorum-kil"); !strings.Contains(errs, "'pgchaos history init --store "+where+"' makes it") {
		t.Error(errs)
	}
	if _, err := os.Stat(where); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a store was made: %v", err)
	}
	if out := history(t, exitPass, "init", "--store", where); out != "made the store "+where+"\n" {
		t.Error(out)
	}
	if errs := nightly(exitUsage, "quorum-kil"); !strings.Contains(errs, `did you mean "quorum-kill"?`) {
		t.Error(errs)
	}
}
