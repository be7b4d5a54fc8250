package observe

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestChangesAreNotified: each subscriber gets the kinds that it asked for, in their order.
func TestChangesAreNotified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := fake("a", record.RolePrimary, 1)
		a.state.CheckpointerStarted = time.Unix(1, 0)
		w := start(t, a)
		crashes, moves := w.Subscribe(Crashed), w.Subscribe(WritableMoved)
		time.Sleep(time.Second)
		a.set(func(n *fakeNode) { n.state.CheckpointerStarted = time.Unix(2, 0) })
		time.Sleep(time.Second)
		a.set(func(n *fakeNode) { n.state.Reachable = false })
		time.Sleep(time.Second)
		<-crashes.Ready()
		got, missed := crashes.Take()
		if len(got) != 1 || missed != 0 || got[0].Node != "a" || got[0].Since < 800*time.Millisecond || got[0].Since > time.Second ||
			got[0].At < time.Second || got[0].At > 1200*time.Millisecond {
			t.Errorf("crashes: %+v, %d missed", got, missed)
		}
		if again, _ := crashes.Take(); len(again) != 0 {
			t.Errorf("taken twice: %+v", again)
		}
		<-moves.Ready()
		got, _ = moves.Take()
		if len(got) == 2 && got[0].Node == "a" {
			got = got[1:] // the first reading came after the subscription
		}
		if len(got) != 1 || got[0].Node != "" {
			t.Errorf("who serves writes: %+v", got)
		}
	})
}

// TestASlowSubscriberHoldsUpNothing: what it does not take is counted.
func TestASlowSubscriberHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := fake("a", record.RolePrimary, 1)
		w := start(t, a)
		s := w.Subscribe(WritableMoved)
		for i := range mostPending + 100 {
			a.set(func(n *fakeNode) { n.state.Reachable = i%2 == 1 })
			w.Fresh(t.Context())
		}
		changes, missed := s.Take()
		if len(changes) != mostPending || missed < 99 || missed > 101 { // the first reading may come before the first change
			t.Errorf("%d changes, %d missed", len(changes), missed)
		}
	})
}
