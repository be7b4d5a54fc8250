package load

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// hangs answers nothing before release, and then takes 1 ms.
func hangs(release <-chan struct{}, reply result) func(int, <-chan struct{}) result {
	return func(_ int, over <-chan struct{}) result {
		select {
		case <-release:
			time.Sleep(time.Millisecond)
			return reply
		case <-over:
			return result{Outcome: record.Unknown, Kind: "eof"}
		}
	}
}

func TestTimeoutIsRecordedOnceAndReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &server{do: hangs(release, result{Outcome: record.OK})}
		w := begin(s, Config{Clients: 2, Timeout: time.Second, MaxAbandoned: 100})
		time.Sleep(3500 * time.Millisecond)
		if live := w.Live(); live.Abandoned != 6 || live.InFlight != 2 {
			t.Errorf("after three time-outs of two clients: %+v", live)
		}
		close(release)
		time.Sleep(2 * time.Millisecond)
		if rec := w.Record(); rec.Late != 6 || rec.Abandoned != 0 {
			t.Errorf("late %d, abandoned %d", rec.Late, rec.Abandoned)
		}
		rec := ended(t, w, s, -1)
		if rec.Total.Outcomes[record.Unknown] != 6 {
			t.Errorf("outcomes %v", rec.Total.Outcomes)
		}
		if len(rec.Errors) != 1 || rec.Errors[0].Kind != "timeout" || rec.Errors[0].N != 6 {
			t.Errorf("errors %v", rec.Errors)
		}
		for _, op := range s.settled {
			if op.Outcome != record.OK {
				t.Errorf("told of an operation that was given up on: %+v", op)
			}
		}
		if rec.GaveUp != 6 || rec.MostAbandoned != 6 || len(s.late) != 6 || s.interrupted != 0 {
			t.Errorf("gave up on %d, at most %d at once, %d late answers told, %d interrupted", rec.GaveUp, rec.MostAbandoned, len(s.late), s.interrupted)
		}
		s.lateSince(t, 3500*time.Millisecond)
		if r := rec.Total.Response; r.Max < time.Second || r.Max > time.Second+5*time.Millisecond {
			t.Errorf("given up after %v", r.Max)
		}
	})
}

// lateSince checks that late answers are reported as late, with their own times.
func (s *server) lateSince(t *testing.T, since time.Duration) {
	t.Helper()
	for _, op := range s.late {
		if op.Outcome != record.OK || op.Done < since || op.Sent > since-time.Second {
			t.Errorf("late: %+v", op)
		}
	}
}

// TestAbandonedAreBounded: each holds a backend, and a frozen server must not be
// given ever more of them.
func TestAbandonedAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients, bound = 8, 5
		release := make(chan struct{})
		s := &server{do: hangs(release, result{Outcome: record.Weak})}
		w := begin(s, Config{Clients: clients, Schedule: Constant(Steady(100)), Timeout: time.Second, MaxAbandoned: bound})
		time.Sleep(30 * time.Second)
		sessions := 0
		for _, n := range s.opened {
			sessions += n
		}
		if sessions != clients+bound {
			t.Errorf("%d sessions exist, want %d clients and %d abandoned", sessions, clients, bound)
		}
		if live := w.Live(); live.InFlight != 0 || live.Abandoned != clients+bound {
			t.Errorf("%+v", live)
		}
		s.set(takes(time.Millisecond))
		close(release)
		time.Sleep(time.Second)
		if live := w.Live(); live.Abandoned != 0 {
			t.Errorf("after the release: %+v", live)
		}
		s.mu.Lock()
		settled := len(s.settled)
		s.mu.Unlock()
		if settled < 100 {
			t.Errorf("only %d operations since the release: the clients that waited are not back", settled)
		}
		time.Sleep(time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 3101)
		if rec.Late != clients+bound {
			t.Errorf("%d late answers", rec.Late)
		}
	})
}

// TestLateAcknowledgementsAreKeptByNode: a server that was asked before it went away may
// answer after its client has left; of one bucket the last moment is kept.
func TestLateAcknowledgementsAreKeptByNode(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: func(client int, _ <-chan struct{}) result {
			time.Sleep(1500*ms + time.Duration(client)*3*ms)
			switch client {
			case 2:
				return result{Outcome: record.Failed, Node: 2} // an answer, but no acknowledgement
			case 3:
				return result{Outcome: record.Weak} // from an unknown node
			}
			return result{Outcome: record.OK, Node: 2}
		}}
		w := begin(s, Config{Clients: 4, Nodes: 2, Timeout: time.Second, MaxAbandoned: 100})
		time.Sleep(900 * ms)
		w.Stop()
		time.Sleep(time.Second)
		rec := ended(t, w, s, -1)
		if want := [][]time.Duration{nil, {1503 * ms}}; rec.Late != 4 || !slices.EqualFunc(rec.LateAcks, want, slices.Equal) {
			t.Errorf("late acknowledgements %v of %d late answers, want %v", rec.LateAcks, rec.Late, want)
		}
		for _, n := range rec.Nodes {
			if slices.ContainsFunc(n, func(s record.Slot) bool { return s.OK > 0 }) {
				t.Errorf("a late acknowledgement counts: %v", n)
			}
		}
	})
}

func TestWithoutAllowanceAClientWaitsForItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(3 * time.Second)}
		w := begin(s, Config{Clients: 1, Timeout: time.Second})
		time.Sleep(9500 * time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 4)
		if rec.Total.Outcomes[record.Unknown] != 4 || rec.Late != 4 {
			t.Errorf("outcomes %v, late %d", rec.Total.Outcomes, rec.Late)
		}
	})
}

// TestStopDoesNotReplace: what is given up on after Stop has no successor, and its
// answer still counts as late.
func TestStopDoesNotReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &server{do: hangs(release, result{Outcome: record.Failed, Kind: "57014"})}
		w := begin(s, Config{Clients: 3, Timeout: time.Second, MaxAbandoned: 100})
		time.Sleep(500 * time.Millisecond)
		w.Stop()
		if rec := w.Record(); rec.Abandoned != 3 || rec.Late != 0 || rec.Total.Outcomes[record.Unknown] != 3 {
			t.Errorf("after Stop: abandoned %d, late %d, %v", rec.Abandoned, rec.Late, rec.Total.Outcomes)
		}
		close(release)
		time.Sleep(2 * time.Millisecond)
		rec := ended(t, w, s, 3)
		if rec.Late != 3 || len(s.opened) != 3 || s.opened[0] != 1 {
			t.Errorf("late %d, sessions %v", rec.Late, s.opened)
		}
	})
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hang := hangs(release, result{Outcome: record.OK})
		s := &server{do: takes(time.Millisecond)}
		w := begin(s, Config{Clients: 4, Schedule: Constant(Steady(100)), Timeout: time.Second, MaxAbandoned: 2})
		w.Start() // no effect
		time.Sleep(time.Second + 5*time.Millisecond)
		w.Stop()
		w.Stop() // no effect
		time.Sleep(10 * time.Second)
		if s.opened[0] != 1 || s.closed != 4 {
			t.Errorf("sessions %v, %d closed: a client that has stopped leaves", s.opened, s.closed)
		}
		s.set(hang)
		w.Start()
		time.Sleep(500*time.Millisecond + 5*time.Millisecond)
		w.Stop()
		s.set(takes(time.Millisecond))
		w.Start() // 4 abandoned, 2 allowed: two clients may run
		time.Sleep(time.Second + 5*time.Millisecond)
		if rec := w.Record(); rec.Abandoned != 4 {
			t.Errorf("%d abandoned", rec.Abandoned)
		}
		running := 0
		for _, n := range s.opened {
			running += n - 2 // each of the two starts before opened one
		}
		if running != 2 {
			t.Errorf("%d clients run beside 4 abandoned operations, want 2", running)
		}
		close(release)
		time.Sleep(2 * time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 101+51+101)
		if len(rec.Active) != 3 || rec.Total.Span != 2517*time.Millisecond {
			t.Errorf("active %v, span %v", rec.Active, rec.Total.Span)
		}
	})
}

// TestCloseBreaksOff: Close does not wait for answers.
func TestCloseBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: hangs(nil, result{})}
		w := begin(s, Config{Clients: 3, Timeout: time.Second, MaxAbandoned: 3})
		time.Sleep(1500 * time.Millisecond)
		began := time.Now()
		w.Close()
		if time.Since(began) != 0 {
			t.Errorf("Close took %v", time.Since(began))
		}
		w.Start() // no effect
		if n := len(w.Record().Active); n != 1 {
			t.Errorf("started again after Close: %d times active", n)
		}
		if rec := ended(t, w, s, -1); rec.Late != 0 || rec.Total.Outcomes[record.Unknown] < 3 {
			t.Errorf("late %d, outcomes %v", rec.Late, rec.Total.Outcomes)
		}
	})
}
