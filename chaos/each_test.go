package chaos

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// TestAListIsActedOnAtOnce: every node begins at the same instant, and the step has taken
// effect when it has on the last one; so does taking it back.
func TestAListIsActedOnAtOnce(t *testing.T) {
	c, err := cluster.New(nil, cluster.Config{Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}, {Name: "c"}}})
	if err != nil {
		t.Fatal(err)
	}
	s := NewScene(c, nil, nil)
	takes := map[string]time.Duration{"b": time.Second, "c": 3 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		line, l := timeline(func(l *log) []Step {
			kill := s.Each([]string{"c", "b", "c"}, func(ctx context.Context, act *Act, n *cluster.Node) error {
				act.Mode(cluster.StopImmediate)
				l.add("kill " + n.Name())
				act.Note("took %s", takes[n.Name()])
				return wait.For(ctx, takes[n.Name()])
			})
			return []Step{{
				Name: "kill-c-b", At: at(time.Second), For: 5 * time.Second, Do: kill,
				Reverse: func(_ context.Context, n *cluster.Node) (Reversal, error) {
					return Reversal{Kind: "start", Node: n.Name()}, nil
				},
			}}
		})
		line.Undo.Kinds = map[string]ReversalKind{"start": {Do: func(ctx context.Context, _ *Scene, n *cluster.Node, _ Reversal, _ bool) error {
			l.add("start " + n.Name())
			return wait.For(ctx, takes[n.Name()])
		}}}
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Between nodes there is no order.
		got := strings.Join(l.lines, ", ")
		for _, want := range []string{"1s kill b", "1s kill c", "9s start b", "9s start c"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %s", got, want)
			}
		}
		events := line.Events()
		m, undo := events[0], events[1]
		if m.Effective != 4*time.Second || m.Mode != "immediate" || m.Detail != "c: took 3s; b: took 1s" {
			t.Errorf("%+v", m)
		}
		if diff := cmp.Diff([]string{"c", "b"}, m.Nodes); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(m.Nodes, undo.Nodes); diff != "" || undo.Ended != 12*time.Second {
			t.Errorf("%+v %s", undo, diff)
		}
	})
}

// TestOneOfAListThatFails: the others are acted on all the same, and can be taken back.
func TestOneOfAListThatFails(t *testing.T) {
	c, err := cluster.New(nil, cluster.Config{Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 2)
	act := &Act{}
	both := NewScene(c, nil, nil).Each([]string{"a", "b"}, func(_ context.Context, act *Act, n *cluster.Node) error {
		if n.Name() == "a" {
			panic(errors.New("boom"))
		}
		done <- n.Name()
		return nil
	})
	if err := both.Prepare(t.Context(), act); err != nil {
		t.Fatal(err)
	}
	if err := both.Act(t.Context(), act); err == nil || !strings.Contains(err.Error(), "boom") || len(done) != 1 {
		t.Errorf("%v, %d done", err, len(done))
	}
}

// TestAPanicInAFaultLeavesTheOthersToBeTakenBack: the panic is the step's error, wherever in the fault it came, and the run goes on
// to take all faults back, that of the step too.
func TestAPanicInAFaultLeavesTheOthersToBeTakenBack(t *testing.T) {
	boom := func(int) error { panic("boom") }
	for name, broken := range map[string]func() error{
		"in the action":                  func() error { return boom(0) },
		"in a goroutine of the action's": func() error { return AtOnce(2, boom) },
	} {
		synctest.Test(t, func(t *testing.T) {
			line, l := timeline(func(l *log) []Step {
				b := l.fault("b")
				b.Do.Act = func(context.Context, *Act) error { return broken() }
				return []Step{l.fault("a"), b, l.fault("c")}
			})
			if err := line.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "boom") {
				t.Errorf("%s: %v", name, err)
			}
			if m := line.Events(); m[1].Status != record.EventFailed || m[2].Status != record.EventSkipped {
				t.Errorf("%s: %+v", name, m)
			}
			if err := line.Undo.Heal(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			want := []string{"0s intend 1 undo a", "0s a", "0s intend 2 undo b", "0s heal b", "0s undone 2 undo b", "0s heal a", "0s undone 1 undo a"}
			if diff := cmp.Diff(want, l.lines); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		})
	}
}
