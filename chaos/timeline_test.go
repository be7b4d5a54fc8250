package chaos

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// log is what a test's actions write down, with the time.
type log struct {
	mu    sync.Mutex
	clock record.Clock
	lines []string
}

func (l *log) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, l.clock.Now().String()+" "+text)
}

func (l *log) action(name string, takes time.Duration) Action {
	return func(ctx context.Context, act *Act) error {
		l.add(name)
		return wait.For(ctx, takes)
	}
}

// fault is an action that has to be taken back.
func (l *log) fault(name string) Action {
	return func(_ context.Context, act *Act) error {
		act.TakesBack("undo", name, func(_ context.Context, ending bool) error {
			if ending {
				l.add("heal " + name)
			} else {
				l.add("take back " + name)
			}
			return nil
		})
		l.add(name)
		return nil
	}
}

func at(d time.Duration) *time.Duration { return &d }

// timeline is one whose clock begins now, and a log on the same clock.
func timeline(steps func(l *log) []Step) (*Timeline, *log) {
	l := &log{clock: record.StartClock()}
	ignore := func(record.Event) {}
	return &Timeline{Steps: steps(l), Clock: l.clock, Undo: &Undo{}, Begin: ignore, End: ignore}, l
}

func TestStepsRunWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			return []Step{
				{Name: "a", At: at(10 * time.Second), Do: l.action("a", 2*time.Second)},
				{Name: "b", Do: l.action("b", 0)},                           // as soon as a is done
				{Name: "c", At: at(11 * time.Second), Do: l.action("c", 0)}, // late, as a took longer
				{Name: "d", At: at(20 * time.Second), Do: l.action("d", 0)}, // from the beginning, not from c
				{Name: "e", When: func(ctx context.Context) error { return wait.For(ctx, time.Second) }, Do: l.action("e", 0)},
			}
		})
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"10s a", "12s b", "12s c", "20s d", "21s e"}
		if diff := cmp.Diff(want, l.lines); diff != "" {
			t.Error(diff)
		}
		m := line.Events()[0]
		if m.Issued != 10*time.Second || m.Effective != 12*time.Second || m.Status != record.EventDone {
			t.Errorf("event of a: %+v", m)
		}
	})
}

// TestEventsSayHowServersWereShutDown: it is what tells a crash from a shutdown in good order.
func TestEventsSayHowServersWereShutDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, _ := timeline(func(l *log) []Step {
			return []Step{
				{Name: "stop", Do: func(_ context.Context, act *Act) error { act.Mode(cluster.StopImmediate); return nil }},
				{Name: "start", Do: l.action("start", 0)},
			}
		})
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := line.Events(); m[0].Mode != "immediate" || m[1].Mode != "" {
			t.Errorf("%+v", m)
		}
	})
}

func TestForTakesAFaultBackBesideTheNextSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			return []Step{
				{Name: "pause", At: at(time.Second), For: 5 * time.Second, Do: l.fault("pause")},
				{Name: "busy", Do: l.action("busy", 10*time.Second)},
			}
		})
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := line.Undo.Heal(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Taken back once: at the end of the run nothing is left to heal.
		want := []string{"1s pause", "1s busy", "6s take back pause"}
		if diff := cmp.Diff(want, l.lines); diff != "" {
			t.Error(diff)
		}
		events := line.Events()
		if i := len(events) - 2; events[i].Name != "undo-pause" || events[i].Reverses != "pause" || events[i].Issued != 6*time.Second {
			t.Errorf("the reversal's event: %+v", events)
		}
	})
}

func TestAFailedStepEndsTheTimeline(t *testing.T) {
	boom := errors.New("boom")
	for name, do := range map[string]Action{
		"an error": func(context.Context, *Act) error { return boom },
		"a panic":  func(context.Context, *Act) error { panic(boom) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line, l := timeline(func(l *log) []Step {
					return []Step{
						{Name: "first", For: time.Hour, Do: l.fault("first")},
						{Name: "bad", At: at(time.Second), Do: do},
						{Name: "after", Do: l.action("after", 0)},
					}
				})
				err := line.Run(t.Context())
				if err == nil || !strings.Contains(err.Error(), "step bad: ") || !strings.Contains(err.Error(), "boom") {
					t.Errorf("error: %v", err)
				}
				var status []record.EventStatus
				for _, m := range line.Events() {
					status = append(status, m.Status)
				}
				want := []record.EventStatus{record.EventDone, record.EventFailed, record.EventSkipped}
				if diff := cmp.Diff(want, status); diff != "" {
					t.Error(diff)
				}
				if got := l.clock.Now(); got != time.Second {
					t.Errorf("ended at %s: it waited for a reversal that healing does at once", got)
				}
				if err := line.Undo.Heal(t.Context()); err != nil {
					t.Error(err)
				}
				if last := l.lines[len(l.lines)-1]; last != "1s heal first" {
					t.Errorf("the fault before was not healed: %v", l.lines)
				}
			})
		})
	}
}

func TestAnEndedRunSkipsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			return []Step{
				{Name: "a", For: time.Hour, Do: l.fault("a")},
				{Name: "b", At: at(time.Minute), Do: l.action("b", 0)},
				{Name: "c", Do: l.action("c", 0)},
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := line.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error: %v", err)
		}
		for _, m := range line.Events()[1:] {
			if m.Status != record.EventSkipped {
				t.Errorf("%s is %s", m.Name, m.Status)
			}
		}
		if got := l.clock.Now(); got != 5*time.Second {
			t.Errorf("ended at %s", got)
		}
		// Healing must not be cut short by the context that ended the run.
		if err := line.Undo.Heal(ctx); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"0s a", "5s heal a"}, l.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestHealRunsEverythingLastFirstAndReportsAll(t *testing.T) {
	var order []string
	u := &Undo{}
	push := func(name string, err error) {
		u.Push("start", name, func(ctx context.Context, ending bool) error {
			if ctx.Err() != nil || !ending {
				t.Errorf("healing %s: ctx %v, ending %v", name, ctx.Err(), ending)
			}
			order = append(order, name)
			if name == "panics" {
				panic("no")
			}
			return err
		})
	}
	push("a", errors.New("a is stuck"))
	push("b", nil)
	push("panics", nil)
	push("d", errors.New("d is stuck"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := u.Heal(ended)
	if diff := cmp.Diff([]string{"d", "panics", "b", "a"}, order); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"start a: a is stuck", "start d: d is stuck", "panic: no"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	if err := u.Heal(t.Context()); err != nil || len(order) != 4 {
		t.Errorf("a second Heal did something: %v, %v", err, order)
	}
}
