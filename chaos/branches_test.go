package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
	"pgchaos/record"
)

// outcomes are the events of a timeline in short: name, when it was issued, and how it ended.
func outcomes(line *Timeline) (all []string) {
	for _, m := range line.Events() {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", m.Name, m.Issued, m.Status, m.Error)))
	}
	return all
}

// TestStepsRunBesideOthers: a step with After begins with the end of the step that it names, or so long after that, and the sequence
// does not wait for it.
func TestStepsRunBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			pause := l.fault("b")
			pause.After, pause.At, pause.For = "a", at(2*time.Second), 3*time.Second
			return []Step{
				{Name: "a", At: at(10 * time.Second), Do: l.action("a", time.Second)},
				pause,
				{Name: "long", After: "a", Do: l.action("long", 20*time.Second)},
				{Name: "next", Do: l.action("next", 0)},
				{Name: "healed", After: "undo-b", At: at(time.Second), Do: l.action("healed", 0)},
				{Name: "last", At: at(14 * time.Second), Do: l.action("last", 0)},
				{Name: "b too", After: "a", Do: l.action("b too", 5*time.Second)},
				{Name: "after those", After: "b*", At: at(time.Second), Do: l.action("after those", 0)},
				{Name: "after all", After: record.AfterAll, Do: l.action("after all", 0)},
			}
		})
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now := l.clock.Now(); now != 31*time.Second {
			t.Errorf("it ended at %s, and the longest step at 31 s", now)
		}
		issued := map[string]time.Duration{}
		for _, m := range line.Events() {
			issued[m.Name] = m.Issued
			switch m.Name {
			case "b":
				if m.After != "a" || m.At == nil || *m.At != 2*time.Second || m.Planned == nil || *m.Planned != 13*time.Second {
					t.Errorf("%+v", m)
				}
			case "long":
				if m.Planned != nil || m.After != "a" {
					t.Errorf("%+v", m)
				}
			}
		}
		want := map[string]time.Duration{
			"a": 10 * time.Second, "long": 11 * time.Second, "next": 11 * time.Second, "b": 13 * time.Second, "last": 14 * time.Second,
			"undo-b": 16 * time.Second, "healed": 17 * time.Second, "after all": 31 * time.Second,
			"b too": 11 * time.Second, "after those": 17 * time.Second, // undo-b ended at 16 s, and is none of those above by its own name
		}
		if diff := cmp.Diff(want, issued); diff != "" {
			t.Error(diff)
		}
	})
}

// TestAFailedStepEndsWhatGoesOnBesideIt: steps that wait are skipped, one that has begun comes to its end, and a wait is broken off.
func TestAFailedStepEndsWhatGoesOnBesideIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			return []Step{
				{Name: "a", Do: l.action("a", 0)},
				{Name: "acting", After: "a", Do: l.action("acting", 10*time.Second)},
				{Name: "idle", After: "a", Idle: true, Do: l.action("idle", time.Hour)},
				{Name: "later", After: "a", At: at(time.Minute), Do: l.action("later", 0)},
				{Name: "never", After: "later", Do: l.action("never", 0)},
				{Name: "bad", At: at(5 * time.Second), Do: Action{Act: func(context.Context, *Act) error { return errors.New("boom") }}},
				{Name: "rest", Do: l.action("rest", 0)},
			}
		})
		if err := line.Run(t.Context()); err == nil || err.Error() != "step bad: boom" {
			t.Errorf("error: %v", err)
		}
		got := map[string]record.EventStatus{}
		for _, m := range line.Events() {
			got[m.Name] = m.Status
			if m.Status == record.EventSkipped && m.Error != notAfterFailure {
				t.Errorf("%s: %q", m.Name, m.Error)
			}
		}
		want := map[string]record.EventStatus{
			"a": record.EventDone, "acting": record.EventDone, "bad": record.EventFailed,
			"idle": record.EventSkipped, "later": record.EventSkipped, "never": record.EventSkipped, "rest": record.EventSkipped,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if now := l.clock.Now(); now != 10*time.Second {
			t.Errorf("it ended at %s, with the step that had begun", now)
		}
	})
}

// TestTheTimelineGoesOnAfterAStepThatMayFail: the step stays failed, and what comes after it begins.
func TestTheTimelineGoesOnAfterAStepThatMayFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, _ := timeline(func(l *log) []Step {
			return []Step{
				{Name: "bad", Continue: true, Do: Action{Act: func(context.Context, *Act) error { return errors.New("boom") }}},
				{Name: "beside", After: "bad", Do: l.action("beside", 0)},
				{Name: "unmet", Continue: true, When: func(context.Context) error { return errors.New("no") }, Do: l.action("unmet", 0)},
				{Name: "next", At: at(2 * time.Second), Do: l.action("next", 0)},
			}
		})
		err := line.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "step bad: boom") || !strings.Contains(err.Error(), "step unmet: its condition never came: no") {
			t.Errorf("error: %v", err)
		}
		got := map[string]bool{}
		for _, m := range line.Events() {
			got[m.Name+" "+string(m.Status)] = m.Continued
		}
		want := map[string]bool{"bad failed": true, "beside done": false, "unmet failed": true, "next done": false}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRepetitionsAreDueByTheirNumber: one that is late does not move those after it.
func TestRepetitionsAreDueByTheirNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repeated := func(l *log, name, after string, n int, takes time.Duration) Step {
			return Step{Name: name, After: after, Repetition: n, Every: 5 * time.Second, Do: l.action(name, takes)}
		}
		line, l := timeline(func(l *log) []Step {
			first := repeated(l, "a-1", "", 1, time.Second)
			first.At = at(3 * time.Second)
			return []Step{
				first,
				repeated(l, "a-2", "", 2, 7*time.Second), // longer than 5 s
				repeated(l, "a-3", "", 3, time.Second),
				repeated(l, "a-4", "", 4, time.Second),
				{Name: "next", Do: l.action("next", 0)},
				repeated(l, "b-1", "a-1", 1, 0),
				repeated(l, "b-2", "a-1", 2, 0),
			}
		})
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"3s a-1", "4s b-1", "8s a-2", "9s b-2", "15s a-3", "18s a-4", "19s next"}
		if diff := cmp.Diff(want, l.lines); diff != "" {
			t.Error(diff)
		}
		for _, m := range line.Events() {
			if m.Name == "a-3" && (m.Planned == nil || *m.Planned != 13*time.Second || m.At != nil) {
				t.Errorf("%+v", m)
			}
		}
	})
}

// TestARepetitionWaitsUntilTheOneBeforeIsTakenBack, however long its effect took.
func TestARepetitionWaitsUntilTheOneBeforeIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, _ := timeline(func(l *log) []Step {
			var steps []Step
			for n := 1; n <= 3; n++ {
				s := l.fault("b")
				s.Name, s.Repetition, s.Every, s.For = fmt.Sprintf("b-%d", n), n, 2*time.Second, time.Second
				if act := s.Do.Act; n == 1 {
					s.Do.Act = func(ctx context.Context, a *Act) error {
						time.Sleep(1500 * time.Millisecond)
						return act(ctx, a)
					}
				}
				steps = append(steps, s)
			}
			return steps
		})
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"b-1 0s done", "undo-b-1 2.5s done", "b-2 2.5s done", "undo-b-2 3.5s done", "b-3 4s done", "undo-b-3 5s done"}
		if diff := cmp.Diff(want, outcomes(line)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestNothingComesAfterAReversalThatFailed: the rest of the timeline goes on.
func TestNothingComesAfterAReversalThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, _ := timeline(func(l *log) []Step {
			pause := l.fault("b")
			pause.For = time.Second
			return []Step{
				pause,
				{Name: "healed", After: "undo-b", Do: l.action("healed", 0)},
				{Name: "last", At: at(5 * time.Second), Do: l.action("last", 0)},
			}
		})
		line.Undo.Kinds = map[string]ReversalKind{"undo": {Name: "undo", Do: func(context.Context, *Scene, *cluster.Node, Reversal, bool) error {
			return errors.New("no")
		}}}
		if err := line.Run(t.Context()); err == nil {
			t.Error("a reversal that failed is no error")
		}
		want := []string{"b 0s done", "undo-b 1s failed undo b: no", "healed 1s skipped " + notAfterFailure, "last 5s done"}
		if diff := cmp.Diff(want, outcomes(line)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestACycleBeginsWhenAllStepsAreOver: those beside the sequence, too.
func TestACycleBeginsWhenAllStepsAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			return []Step{
				{Name: "a", Do: l.action("a", 0)},
				{Name: "long", After: "a", Do: l.action("long", 7*time.Second)},
				{Name: "a-2", At: at(time.Second), Anew: true, Do: l.action("a-2", 0)},
				{Name: "long-2", After: "a-2", Do: l.action("long-2", 0)},
			}
		})
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"0s a", "0s long", "8s a-2", "8s long-2"}, l.lines); diff != "" {
			t.Error(diff)
		}
	})
}

// TestAPanicBesideTheSequence is one of Run, as a panic in the sequence is: the run heals and cleans up then.
func TestAPanicBesideTheSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, _ := timeline(func(l *log) []Step {
			return []Step{
				{Name: "a", Do: l.action("a", 0)},
				{Name: "b", After: "a", Do: l.action("b", 0)},
				{Name: "c", At: at(time.Hour), Do: l.action("c", 0)},
			}
		})
		line.Begin = func(m record.Event) {
			if m.Name == "b" {
				panic("boom")
			}
		}
		defer func() {
			if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "boom") {
				t.Errorf("recovered %v", p)
			}
		}()
		_ = line.Run(t.Context())
		t.Error("it went on")
	})
}
