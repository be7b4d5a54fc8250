package chaos

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
	"pgchaos/record"
)

// TestAReversalIsRecordedBeforeTheChange: and neither the look-up of its nodes nor the journal's sync is
// counted as an outage.
func TestAReversalIsRecordedBeforeTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun time.Duration
		line, l := timeline(func(l *log) []Step {
			slow := l.fault("a")
			slow.At = at(time.Second)
			slow.Do = slow.Do.After(func(context.Context) error {
				time.Sleep(3 * time.Second)
				l.add("looked up")
				return nil
			})
			return []Step{slow}
		})
		l.sync = 2 * time.Second
		line.Begin = func(m record.Event) { begun = m.Issued }
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"4s looked up", "6s intend 1 undo a", "6s a"}
		if diff := cmp.Diff(want, l.lines); diff != "" {
			t.Error(diff)
		}
		if m := line.Events()[0]; m.Issued != 6*time.Second || begun != m.Issued || m.Ended != m.Issued {
			t.Errorf("begun at %s, %+v", begun, m)
		}
	})
}

// TestNothingIsChangedWithoutARecord: an undo that is not recorded is no undo.
func TestNothingIsChangedWithoutARecord(t *testing.T) {
	full := errors.New("no space left on device")
	unknown := errors.New("the limits could not be read")
	for _, tc := range []struct {
		name  string
		spoil func(line *Timeline, l *log)
		want  error
	}{
		{"the journal cannot be written", func(_ *Timeline, l *log) { l.full = full }, full},
		{"a node cannot be looked up", func(line *Timeline, _ *log) {
			line.Steps[0].Do = line.Steps[0].Do.After(func(context.Context) error { return unknown })
		}, unknown},
		{"a node lacks what the step needs", func(line *Timeline, _ *log) { line.Steps[0].Needs = []cluster.Capability{cluster.CanRun} }, nil},
		{"how it was before is not known", func(line *Timeline, _ *log) {
			line.Steps[0].Reverse = func(context.Context, *cluster.Node) (Reversal, error) { return Reversal{}, unknown }
		}, unknown},
		{"a panic", func(line *Timeline, _ *log) {
			line.Steps[0].Reverse = func(context.Context, *cluster.Node) (Reversal, error) { panic("no") }
		}, nil},
		{"nothing can take it back", func(line *Timeline, _ *log) { line.Undo.Kinds = nil }, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			line, l := timeline(func(l *log) []Step { return []Step{l.fault("a"), l.fault("b")} })
			l.sync = time.Second
			line.Begin = func(m record.Event) { t.Errorf("%s: %s was issued", tc.name, m.Name) }
			tc.spoil(line, l)
			err := line.Run(t.Context())
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("%s: error %v", tc.name, err)
			}
			if len(l.lines) > 0 {
				t.Errorf("%s: %v", tc.name, l.lines)
			}
			m := line.Events()
			if m[0].Status != record.EventFailed || m[0].Issued != l.clock.Now() || m[0].Ended != m[0].Issued || m[1].Status != record.EventSkipped {
				t.Errorf("%s: at %s: %+v", tc.name, l.clock.Now(), m)
			}
			if err := line.Undo.Heal(t.Context()); err != nil || len(l.lines) > 0 {
				t.Errorf("%s: healed what was not done: %v, %v", tc.name, err, l.lines)
			}
		})
	}
}

// TestHealDoesEverythingLastFirstAndReportsAll also does again what failed, and nothing else.
func TestHealDoesEverythingLastFirstAndReportsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step { return []Step{l.fault("a"), l.fault("b"), l.fault("c"), l.fault("a")} })
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.lines = nil
		broken := true
		line.Undo.Kinds["undo"] = ReversalKind{Do: func(ctx context.Context, _ *Scene, n *cluster.Node, r Reversal, ending bool) error {
			synctest.Wait()
			if deadline, ok := ctx.Deadline(); ctx.Err() != nil || !ok || time.Until(deadline) != healTimeout || !ending {
				t.Errorf("%s: ctx %v, ending %v", r, ctx.Err(), ending)
			}
			l.add(r.String())
			switch {
			case !broken:
			case r.ID == 2:
				panic("no")
			case r.ID == 4:
				return errors.New("a is stuck")
			}
			return nil
		}}
		ended, cancel := context.WithTimeout(t.Context(), 0) // which does not shorten it
		defer cancel()
		err := line.Undo.Heal(ended)
		for _, want := range []string{"undo a: a is stuck", "undo b: panic: no"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not say %q", err, want)
			}
		}
		want := []string{"0s undo a", "0s undo c", "0s undone 3 undo c", "0s undo b", "0s undo a", "0s undone 1 undo a"}
		if diff := cmp.Diff(want, l.lines); diff != "" {
			t.Error(diff)
		}
		l.lines, broken = nil, false
		if err := errors.Join(line.Undo.Heal(t.Context()), line.Undo.Heal(t.Context())); err != nil {
			t.Error(err)
		}
		want = []string{"0s undo a", "0s undone 4 undo a", "0s undo b", "0s undone 2 undo b"}
		if diff := cmp.Diff(want, l.lines); diff != "" {
			t.Error(diff)
		}
	})
}

// TestHealEndsAtOnce when its context is cancelled, and names what it has not done.
func TestHealEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step { return []Step{l.fault("a"), l.fault("b"), l.fault("c")} })
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.lines = nil
		line.Undo.Kinds["undo"] = ReversalKind{Do: func(ctx context.Context, _ *Scene, _ *cluster.Node, r Reversal, _ bool) error {
			l.add(r.String())
			if r.ID == 2 {
				<-ctx.Done()
				if diff := cmp.Diff([]string{"undo b", "undo a"}, line.Undo.Standing()); diff != "" {
					t.Error("while one is under way:", diff)
				}
				return ctx.Err()
			}
			return nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		err := line.Undo.Heal(ctx)
		for _, want := range []string{"undo b: context canceled", "undo a: context canceled"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not say %q", err, want)
			}
		}
		if diff := cmp.Diff([]string{"0s undo c", "0s undone 3 undo c", "0s undo b"}, l.lines); diff != "" || l.clock.Now() != 3*time.Second {
			t.Errorf("at %s: %s", l.clock.Now(), diff)
		}
		if diff := cmp.Diff([]string{"undo b", "undo a"}, line.Undo.Standing()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestWhatOutlivesTheNodes is all that is taken back where the nodes are removed.
func TestWhatOutlivesTheNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			b := l.fault("b")
			b.Reverse = func(context.Context, *cluster.Node) (Reversal, error) { return Reversal{Kind: "open", Node: "b"}, nil }
			return []Step{l.fault("a"), b}
		})
		kind := line.Undo.Kinds["undo"]
		kind.Outlives = true
		line.Undo.Kinds["open"] = kind
		if err := errors.Join(line.Run(t.Context()), line.Undo.HealOutliving(t.Context())); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(l.lines, "0s heal a") || !slices.Contains(l.lines, "0s heal b") {
			t.Error(l.lines)
		}
	})
}
