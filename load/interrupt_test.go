package load

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// obeys answers when it is interrupted, after a while, and until then nothing.
func obeys(s *server, after time.Duration, reply result) {
	asked := make(chan struct{}, 1)
	s.do = func(_ int, over <-chan struct{}) result {
		select {
		case <-asked:
			time.Sleep(after)
			return reply
		case <-over:
			return result{Outcome: record.Unknown, Kind: "eof"}
		}
	}
	s.interrupt = func(int) bool {
		asked <- struct{}{}
		return true
	}
}

// TestInterrupted: the client asks once, waits on, and takes the answer for the
// outcome of the operation.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		obeys(s, 100*time.Millisecond, result{Outcome: record.Weak, Kind: "cancelled"})
		w := begin(s, Config{Clients: 1, Timeout: time.Second, Grace: 500 * time.Millisecond, MaxAbandoned: 9})
		time.Sleep(1050 * time.Millisecond)
		if live := w.Live(); live.InFlight != 1 || live.Abandoned != 0 {
			t.Errorf("while it is waited for: %+v", live)
		}
		time.Sleep(3 * time.Second)
		w.Stop()
		rec := ended(t, w, s, 4)
		if rec.Total.Outcomes[record.Weak] != 4 || rec.GaveUp != 0 || rec.Late != 0 || len(s.settled) != 4 || s.opened[0] != 1 {
			t.Errorf("%v, gave up on %d, settled %v, sessions %v", rec.Total.Outcomes, rec.GaveUp, s.settled, s.opened)
		}
		if s.interrupted != 4 {
			t.Errorf("asked %d times for four operations", s.interrupted)
		}
		if r := rec.Total.Response; r.Min < 1100*time.Millisecond || r.Max > 1120*time.Millisecond {
			t.Errorf("response times from %v to %v: the client has waited until it was told", r.Min, r.Max)
		}
	})
}

// TestInterruptedInVain: a server that does nothing about it is given up on after
// the grace, and its late answer is reported.
func TestInterruptedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &server{do: hangs(release, result{Outcome: record.OK}), interrupt: func(int) bool { return true }}
		w := begin(s, Config{Clients: 1, Timeout: time.Second, Grace: 500 * time.Millisecond, MaxAbandoned: 9})
		time.Sleep(1400 * time.Millisecond)
		if rec := w.Record(); rec.Total.Samples() != 0 || s.interrupted != 1 {
			t.Errorf("within the grace: %v, asked %d times", rec.Total.Outcomes, s.interrupted)
		}
		time.Sleep(200 * time.Millisecond)
		if rec := w.Record(); rec.Total.Outcomes[record.Unknown] != 1 || rec.Abandoned != 1 || rec.Errors[0].Kind != "timeout" || rec.Errors[0].Example != errGrace.Error() {
			t.Errorf("after the grace: %v, %d abandoned, %v", rec.Total.Outcomes, rec.Abandoned, rec.Errors)
		}
		close(release)
		time.Sleep(10 * time.Millisecond)
		w.Stop()
		if rec := ended(t, w, s, -1); rec.Late != 1 || len(s.late) != 1 || s.late[0].Outcome != record.OK {
			t.Errorf("late %d, told %v", rec.Late, s.late)
		}
	})
}

// TestNothingToInterrupt: who is still connecting is given up on at the time-out.
func TestNothingToInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: hangs(nil, result{})}
		w := begin(s, Config{Clients: 1, Timeout: time.Second, Grace: time.Hour, MaxAbandoned: 9})
		time.Sleep(2500 * time.Millisecond)
		if rec := ended(t, w, s, -1); rec.GaveUp != 2 || s.interrupted != 2 || rec.Errors[0].Example != errTimeout.Error() {
			t.Errorf("gave up on %d, asked %d times, %v", rec.GaveUp, s.interrupted, rec.Errors)
		}
	})
}

// TestInterruptMeetsAnAnswer: an answer that comes while the watchdog is about to
// interrupt must not let the interruption hit the operation after it.
func TestInterruptMeetsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		busy := 0
		s := &server{}
		s.do = func(_ int, over <-chan struct{}) result {
			s.mu.Lock()
			busy++
			s.mu.Unlock()
			select {
			case <-answer:
				return result{Outcome: record.OK}
			case <-over:
				return result{Outcome: record.Unknown, Kind: "eof"}
			}
		}
		s.interrupt = func(int) bool {
			answer <- struct{}{} // Do returns now, and its goroutine goes as far as it may
			for range 10_000 {
				runtime.Gosched() // no Sleep: the bubble's time stands while somebody waits for a lock
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if busy != 1 {
				t.Errorf("operation %d is in flight while the first is interrupted", busy)
			}
			return false
		}
		w := begin(s, Config{Clients: 1, Timeout: time.Second, Grace: time.Second, MaxAbandoned: 1})
		time.Sleep(1500 * time.Millisecond)
		w.Close()
		if rec := w.Record(); rec.GaveUp != 1 || rec.Late != 1 {
			t.Errorf("gave up on %d, late %d", rec.GaveUp, rec.Late)
		}
	})
}
