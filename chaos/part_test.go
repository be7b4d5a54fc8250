package chaos

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
	"pgchaos/record"
)

// TestPartsAreEventsOfTheirOwn: each has its own times and facts, and comes before its step; what is made ready is no part of the outage.
func TestPartsAreEventsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		facts := record.Facts{Ends: true}
		line, l := timeline(func(l *log) []Step {
			step := l.fault("a")
			step.Do.Ready = func(ctx context.Context, act *Act) error {
				sync := &cluster.Synchronous{Commit: "on", Standbys: "b"}
				return act.Part(ctx, Part{Action: "configure", Demanded: sync}, l.node("b"), func(context.Context, *Act) error {
					time.Sleep(time.Second)
					return nil
				})
			}
			step.Do.Act = func(ctx context.Context, act *Act) error {
				return act.Part(ctx, Part{Action: "stop", Facts: facts}, l.node("a"), func(_ context.Context, part *Act) error {
					part.Mode(cluster.StopFast)
					time.Sleep(2 * time.Second)
					return nil
				})
			}
			return []Step{step}
		})
		var begun []string
		line.Begin = func(m record.Event) { begun = append(begun, m.Name) }
		if err := line.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a/configure-b", "a", "a/stop-a"}, begun); diff != "" {
			t.Error(diff)
		}
		if len(l.lines) != 1 {
			t.Errorf("the reversal is recorded before: %v", l.lines)
		}
		events := line.Events()
		want := []record.Event{
			{Name: "a/configure-b", Action: "configure", Nodes: []string{"b"}, PartOf: "a", Facts: &record.Facts{}, SamePhase: true, Status: record.EventDone,
				Effective: time.Second, Ended: time.Second, Demanded: &record.SyncDemand{Commit: "on", Standbys: "b"}},
			{Name: "a/stop-a", Action: "stop", Nodes: []string{"a"}, PartOf: "a", Facts: &facts, SamePhase: true, Status: record.EventDone,
				Issued: time.Second, Effective: 3 * time.Second, Ended: 3 * time.Second, Mode: "fast"},
		}
		if diff := cmp.Diff(want, events[:2]); diff != "" {
			t.Error(diff)
		}
		if step := events[2]; step.Name != "a" || step.Issued != time.Second || step.PartOf != "" {
			t.Errorf("%+v", step)
		}
	})
}

// TestAPartThatFails fails its step, also with a panic; what cannot be made ready, too.
func TestAPartThatFails(t *testing.T) {
	no := errors.New("no")
	for name, do := range map[string]func(context.Context, *Act) error{
		"an error": func(context.Context, *Act) error { return no },
		"a panic":  func(context.Context, *Act) error { panic(no) },
	} {
		for _, ready := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				line, _ := timeline(func(l *log) []Step {
					act := func(ctx context.Context, act *Act) error { return act.Part(ctx, Part{Action: "stop"}, l.node("a"), do) }
					step := Step{Name: "s", Do: Action{Act: act}}
					if ready {
						step.Do = Action{Ready: act, Act: func(context.Context, *Act) error {
							t.Error("it was not ready")
							return nil
						}}
					}
					return []Step{step}
				})
				if err := line.Run(t.Context()); err == nil {
					t.Errorf("%s: no error", name)
				}
				for _, m := range line.Events() {
					if m.Status != record.EventFailed || m.Error == "" {
						t.Errorf("%s: %+v", name, m)
					}
				}
			})
		}
	}
}
