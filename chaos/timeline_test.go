package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

	cluster *cluster.Cluster
	sync    time.Duration // what the journal's sync takes
	full    error         // what the journal fails with
}

func (l *log) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, l.clock.Now().String()+" "+text)
}

func (l *log) action(name string, takes time.Duration) Action {
	return Action{Act: func(ctx context.Context, act *Act) error {
		l.add(name)
		return wait.For(ctx, takes)
	}}
}

// fault is a step that has to be taken back, on a node of its name.
func (l *log) fault(name string) Step {
	return Step{
		Name: name,
		Do: Action{
			Prepare: func(_ context.Context, act *Act) error {
				act.On(l.node(name))
				return nil
			},
			Act: func(context.Context, *Act) error {
				l.add(name)
				return nil
			},
		},
		Reverse: func(_ context.Context, n *cluster.Node) (Reversal, error) {
			return Reversal{Kind: "undo", Node: n.Name()}, nil
		},
	}
}

// node is a node of a cluster that is not there.
func (l *log) node(name string) *cluster.Node {
	if l.cluster == nil {
		c, err := cluster.New(nil, cluster.Config{Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}, {Name: "c"}}})
		if err != nil {
			panic(err)
		}
		l.cluster = c
	}
	return l.cluster.Node(name)
}

// kinds has one way to take a change back, which is logged.
func (l *log) kinds() map[string]ReversalKind {
	return map[string]ReversalKind{"undo": {Name: "undo", Do: func(_ context.Context, _ *Scene, n *cluster.Node, r Reversal, ending bool) error {
		if n == nil || n.Name() != r.Node {
			return fmt.Errorf("%s on %v", r, n)
		}
		if ending {
			l.add("heal " + r.Node)
		} else {
			l.add("take back " + r.Node)
		}
		return nil
	}}}
}

// Intend takes some time, as a disk does that is busy.
func (l *log) Intend(all []Reversal) error {
	time.Sleep(l.sync)
	if l.full != nil {
		return l.full
	}
	for _, r := range all {
		l.add(fmt.Sprintf("intend %d %s", r.ID, r))
	}
	return nil
}

func (l *log) Undone(r Reversal) { l.add(fmt.Sprintf("undone %d %s", r.ID, r)) }

func at(d time.Duration) *time.Duration { return &d }

// timeline is one whose clock begins now, and a log on the same clock.
func timeline(steps func(l *log) []Step) (*Timeline, *log) {
	l := &log{clock: record.StartClock()}
	ignore := func(record.Event) {}
	all := steps(l)
	l.node("a")
	undo := &Undo{Scene: NewScene(l.cluster, nil, nil), Kinds: l.kinds(), Journal: l}
	return &Timeline{Steps: all, Clock: l.clock, Undo: undo, Begin: ignore, End: ignore}, l
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

// TestTimesCountFromTheCycle: from the end of the step before a step that begins anew, also for the steps after it.
func TestTimesCountFromTheCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			return []Step{
				{Name: "a", At: at(10 * time.Second), Do: l.action("a", 2*time.Second)},
				{Name: "a-2", At: at(10 * time.Second), Anew: true, Do: l.action("a-2", time.Second)},
				{Name: "b-2", At: at(15 * time.Second), Do: l.action("b-2", 0)},
				{Name: "a-3", Anew: true, Do: Action{Act: func(context.Context, *Act) error { return errors.New("no") }}},
				{Name: "b-3", At: at(15 * time.Second), Do: l.action("b-3", 0)},
				{Name: "a-4", At: at(10 * time.Second), Anew: true, Do: l.action("a-4", 0)},
			}
		})
		if err := line.Run(t.Context()); err == nil {
			t.Error("the step that failed is no error")
		}
		if diff := cmp.Diff([]string{"10s a", "22s a-2", "27s b-2"}, l.lines); diff != "" {
			t.Error(diff)
		}
		var planned, ofFile []time.Duration
		for _, m := range line.Events() {
			if m.At != nil {
				ofFile = append(ofFile, *m.At)
			}
			if m.Planned == nil {
				planned = append(planned, -1)
			} else {
				planned = append(planned, *m.Planned)
			}
		}
		// Of steps that were not begun it is known only when those of the same cycle were due.
		if diff := cmp.Diff([]time.Duration{10 * time.Second, 22 * time.Second, 27 * time.Second, -1, 42 * time.Second, -1}, planned); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]time.Duration{10 * time.Second, 10 * time.Second, 15 * time.Second, 15 * time.Second, 10 * time.Second}, ofFile); diff != "" {
			t.Error("as in the file:", diff)
		}
	})
}

// TestEventsSayHowServersWereShutDown: it is what tells a crash from a shutdown in good order.
func TestEventsSayHowServersWereShutDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, _ := timeline(func(l *log) []Step {
			return []Step{
				{Name: "stop", Do: Action{Act: func(_ context.Context, act *Act) error { act.Mode(cluster.StopImmediate); return nil }}},
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
			pause := l.fault("a")
			pause.At, pause.For = at(time.Second), 5*time.Second
			return []Step{
				pause,
				{Name: "busy", Do: l.action("busy", 10*time.Second)},
			}
		})
		looks := line.Undo.Kinds["undo"]
		looks.Look = func(_ context.Context, n *cluster.Node, _ Reversal) string {
			l.add("look at " + n.Name())
			return "half of it was gone"
		}
		line.Undo.Kinds["undo"] = looks
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := line.Undo.Heal(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Taken back once: at the end of the run nothing is left to heal.
		want := []string{"1s intend 1 undo a", "1s a", "1s busy", "6s look at a", "6s take back a", "6s undone 1 undo a"}
		if diff := cmp.Diff(want, l.lines); diff != "" {
			t.Error(diff)
		}
		events := line.Events()
		if i := len(events) - 2; events[i].Name != "undo-a" || events[i].Reverses != "a" || events[i].Issued != 6*time.Second || events[i].Detail != "half of it was gone" {
			t.Errorf("the reversal's event: %+v", events)
		}
	})
}

// TestForTakesAStepBackThatFailed: it can have failed on one node alone, and is in force on the others.
func TestForTakesAStepBackThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			pause := l.fault("a")
			pause.For, pause.Continue = 5*time.Second, true
			pause.Do.Act = func(context.Context, *Act) error { return errors.New("not on b") }
			return []Step{pause, {Name: "busy", Do: l.action("busy", 10*time.Second)}}
		})
		if err := line.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not on b") {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"0s intend 1 undo a", "0s busy", "5s take back a", "5s undone 1 undo a"}, l.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFailedStepEndsTheTimeline(t *testing.T) {
	boom := errors.New("boom")
	for name, do := range map[string]func(context.Context, *Act) error{
		"an error": func(context.Context, *Act) error { return boom },
		"a panic":  func(context.Context, *Act) error { panic(boom) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line, l := timeline(func(l *log) []Step {
					first := l.fault("a")
					first.For = time.Hour
					return []Step{
						first,
						{Name: "bad", At: at(time.Second), Do: Action{Act: do}},
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
				if !slices.Contains(l.lines, "1s heal a") {
					t.Errorf("the fault before was not healed: %v", l.lines)
				}
			})
		})
	}
}

func TestAnEndedRunSkipsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			a := l.fault("a")
			a.For = time.Hour
			return []Step{
				a,
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
		if diff := cmp.Diff([]string{"0s intend 1 undo a", "0s a", "5s heal a", "5s undone 1 undo a"}, l.lines); diff != "" {
			t.Error(diff)
		}
	})
}

// TestAnEndedRunBreaksOffWhatIsUnderWay: a step that has begun may have changed anything, and is no skipped one; one that only waits has not.
func TestAnEndedRunBreaksOffWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, idle := range []bool{false, true} {
			line, _ := timeline(func(l *log) []Step {
				return []Step{{Name: "a", Idle: idle, Do: Action{Act: func(ctx context.Context, act *Act) error {
					return act.Part(ctx, Part{Action: "b"}, l.node("b"), func(ctx context.Context, act *Act) error { return wait.For(ctx, time.Hour) })
				}}}}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := line.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error: %v", err)
			}
			for _, m := range line.Events() {
				want := record.EventFailed
				if idle && m.Name == "a" {
					want = record.EventSkipped
				}
				if m.Status != want || !strings.HasPrefix(m.Error, runEnded) || m.Name == "a/b-b" && len(m.Nodes) != 1 {
					t.Errorf("idle %v: %+v", idle, m)
				}
			}
		}
	})
}

// TestABeginningStepHasItsNodes: a view of the run, and who reads the journal of a killed one, know them before it is over.
func TestABeginningStepHasItsNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, _ := timeline(func(l *log) []Step { return []Step{l.fault("b")} })
		var begun []record.Event
		line.Begin = func(m record.Event) { begun = append(begun, m) }
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(begun) != 1 || !slices.Equal(begun[0].Nodes, []string{"b"}) || begun[0].Status != "" {
			t.Errorf("%+v", begun)
		}
	})
}
