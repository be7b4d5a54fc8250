package load

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestGroupsDoNotShareArrivals has one node of two answer nothing: the other gets
// its own arrivals, no more and no fewer, and the first one's are dropped.
func TestGroupsDoNotShareArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &server{}
		s.set(func(client int, over <-chan struct{}) result {
			if client%2 == 1 {
				select {
				case <-release:
				case <-over:
				}
			}
			return result{Outcome: record.OK}
		})
		w := begin(s, Config{Clients: 4, Schedule: Constant(Steady(100)), Groups: 2, Timeout: time.Second})
		time.Sleep(10*time.Second + 5*time.Millisecond)
		w.Stop()
		close(release)
		rec := ended(t, w, s, 2*1001)
		if got := rec.Total.Outcomes[record.OK]; got != 1001 {
			t.Errorf("%d answered by the node that works, want 1001", got)
		}
		if got := rec.Total.Outcomes[record.Dropped]; got < 990 {
			t.Errorf("%d dropped of the node that hangs", got)
		}
	})
}
