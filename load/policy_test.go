package load

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// between counts what was sent in [from, to).
func (s *server) between(from, to time.Duration) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range s.settled {
		if op.Sent >= from && op.Sent < to {
			n++
		}
	}
	return n
}

// TestCatchUp freezes the server for 2 s at 500/s: 1,000 arrivals and those that come
// while they are caught up with are what the policy is about.
func TestCatchUp(t *testing.T) {
	for _, c := range []struct {
		policy         string
		dropped        int64
		first, tenth   int           // sent in the first 10 ms after the stall, and from 100 to 200 ms after it
		over           time.Duration // what the response is, of the last that is late, at least
		backInTimeFrom time.Duration
	}{
		// 64 clients of 1 ms each: as fast as they can.
		{"", 0, 640, 50, 1900 * time.Millisecond, 4030 * time.Millisecond},
		{Burst, 0, 640, 50, 1900 * time.Millisecond, 4030 * time.Millisecond},
		// Twice the rate is 10 and 100, and 1,000 are caught up with in 2 s.
		{Spread, 0, 10, 100, 1900 * time.Millisecond, 6 * time.Second},
		// All but those of the last 100 ms, and those that the clients had been sent with.
		{Skip, 886, 55, 50, 0, 4030 * time.Millisecond},
	} {
		t.Run("policy "+c.policy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{do: stalls(2*time.Second, 4*time.Second)}
				w := begin(s, Config{Clients: 64, Schedule: Constant(Steady(500)), Timeout: time.Minute, CatchUp: c.policy})
				time.Sleep(10*time.Second + time.Millisecond + 1)
				w.Stop()
				rec := ended(t, w, s, 5001)
				if got := rec.Total.Outcomes[record.Dropped]; got != c.dropped {
					t.Errorf("%d dropped, want %d", got, c.dropped)
				}
				const after = 4 * time.Second
				if got := s.between(after, after+10*time.Millisecond); got < c.first-1 || got > c.first+1 {
					t.Errorf("%d were sent in the first 10 ms after the stall, want %d", got, c.first)
				}
				if got := s.between(after+100*time.Millisecond, after+200*time.Millisecond); got != c.tenth {
					t.Errorf("%d were sent from 100 to 200 ms after it, want %d", got, c.tenth)
				}
				for _, op := range s.settled {
					if op.Sent >= c.backInTimeFrom && op.Sent != op.Due {
						t.Fatalf("due at %v, and sent at %v", op.Due, op.Sent)
					}
				}
			})
		})
	}
}

// TestSpreadIsNeverFaster: not at its beginning, nor where it goes over into the schedule,
// with clients that take arrivals ahead of their time.
func TestSpreadIsNeverFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: stalls(time.Second, 1500*time.Millisecond)}
		w := begin(s, Config{Clients: 200, Schedule: Constant(Steady(1000)), Timeout: time.Minute, CatchUp: Spread})
		time.Sleep(4*time.Second + 1)
		w.Stop()
		ended(t, w, s, 4001)
		for at := 1500 * time.Millisecond; at < 3*time.Second; at += 5 * time.Millisecond {
			if n := s.between(at, at+10*time.Millisecond); n > 20 {
				t.Errorf("%d were sent in the 10 ms from %v, more than twice the rate", n, at)
			}
		}
		if n := s.between(2500*time.Millisecond, 3500*time.Millisecond); n != 1000 {
			t.Errorf("%d were sent in a second after the backlog was worked off", n)
		}
	})
}

// TestOverflowDrop: one client that takes 25 ms is free for every third arrival, of those
// that come every 10 ms.
func TestOverflowDrop(t *testing.T) {
	for _, c := range []struct {
		overflow    string
		ok, dropped int64
	}{{Drop, 34, 67}, {Queue, 41, 60}, {"", 41, 60}} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{do: takes(25 * time.Millisecond)}
			w := begin(s, Config{Clients: 1, Schedule: Constant(Steady(100)), Overflow: c.overflow})
			time.Sleep(time.Second + time.Nanosecond)
			w.Stop()
			rec := ended(t, w, s, 101)
			if o := rec.Total.Outcomes; o[record.OK] != c.ok || o[record.Dropped] != c.dropped {
				t.Errorf("%q: %v", c.overflow, o)
			}
			if c.overflow == Drop {
				if r := rec.Total.Service; r.Count != c.ok {
					t.Errorf("%d service times", r.Count)
				}
				if r := rec.Total.Response; r.Count != c.ok || r.Min != 25*time.Millisecond {
					t.Errorf("%d response times, from %v: what is dropped at once has none", r.Count, r.Min)
				}
				for _, op := range s.settled {
					if op.Sent != op.Due {
						t.Errorf("sent at %v what was due at %v: it was not dropped", op.Sent, op.Due)
					}
				}
			}
		})
	}
}

// TestDropWhileNobodyWasBusy: nothing is dropped by clients that are free, nor the first
// arrival, which comes at the very start.
func TestDropWhileNobodyWasBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(9 * time.Millisecond)}
		w := begin(s, Config{Clients: 1, Schedule: Constant(Steady(100)), Overflow: Drop})
		time.Sleep(time.Second + time.Nanosecond)
		w.Stop()
		if rec := ended(t, w, s, 101); rec.Total.Outcomes[record.Dropped] != 0 {
			t.Errorf("%v", rec.Total.Outcomes)
		}
	})
}

// TestWhoBacksOffIsBusy: what is due while the only client leaves the server alone finds
// nobody.
func TestWhoBacksOffIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: func(int, <-chan struct{}) result {
			time.Sleep(time.Millisecond)
			return result{Outcome: record.Failed, Kind: "refused", Pause: 100 * time.Millisecond}
		}}
		w := begin(s, Config{Clients: 1, Schedule: Constant(Steady(100)), Overflow: Drop})
		time.Sleep(1100*time.Millisecond + time.Nanosecond)
		w.Stop()
		if rec := ended(t, w, s, 111); rec.Total.Samples() != 11 {
			t.Errorf("%v", rec.Total.Outcomes)
		}
		for i, op := range s.settled {
			if op.Sent != op.Due || op.Due != time.Duration(i)*110*time.Millisecond {
				t.Errorf("operation %d: due at %v, sent at %v", i, op.Due, op.Sent)
			}
		}
	})
}

// TestSpreadEnds: once all has been caught up with, what is but a little late is sent at
// once again.
func TestSpreadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := stalls(time.Second, 1500*time.Millisecond), stalls(4*time.Second, 4050*time.Millisecond)
		clock := record.StartClock()
		s := &server{do: func(client int, over <-chan struct{}) result {
			if clock.Now() < 3*time.Second {
				return first(client, over)
			}
			return second(client, over)
		}}
		w := begin(s, Config{Clients: 4, Schedule: Constant(Steady(100)), CatchUp: Spread})
		time.Sleep(5*time.Second + time.Nanosecond)
		w.Stop()
		ended(t, w, s, 501)
		if n := s.between(1500*time.Millisecond, 1600*time.Millisecond); n < 19 || n > 21 {
			t.Errorf("%d were sent in 100 ms after the long stall, want 20", n)
		}
		if n := s.between(4050*time.Millisecond, 4052*time.Millisecond); n != 2 {
			t.Errorf("%d were sent at once after the short stall, want 2", n)
		}
	})
}

// TestAfterALostConnection: clients that back off while the server is away all come back,
// and send what the policy says.
func TestAfterALostConnection(t *testing.T) {
	for _, c := range []struct {
		overflow, catchUp string
		// most is how many may be sent in any 10 ms after the server is back, at 200/s;
		// the burst is bounded by the clients and their time, one millisecond.
		most    int
		dropped func(n int64) bool
	}{
		{Queue, Burst, 80, func(n int64) bool { return n == 0 }},
		{Queue, Spread, 4, func(n int64) bool { return n == 0 }},
		{Queue, Skip, 22, func(n int64) bool { return n > 0 }},
		{Drop, Burst, 2, func(n int64) bool { return n > 0 }},
	} {
		t.Run(c.overflow+" "+c.catchUp, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const clients, away, back = 8, time.Second, 3 * time.Second
				served := map[int]bool{}
				s := &server{}
				clock := record.StartClock()
				s.do = func(client int, _ <-chan struct{}) result {
					time.Sleep(time.Millisecond)
					switch now := clock.Now(); {
					case now > away && now < back:
						return result{Outcome: record.Failed, Kind: "refused", Pause: 500 * time.Millisecond}
					case now >= back:
						s.mu.Lock()
						served[client] = true
						s.mu.Unlock()
					}
					return result{Outcome: record.OK}
				}
				w := begin(s, Config{Clients: clients, Schedule: Constant(Steady(200)), Overflow: c.overflow, CatchUp: c.catchUp, Timeout: time.Minute})
				time.Sleep(8*time.Second + 2*time.Millisecond)
				w.Stop()
				rec := ended(t, w, s, 1601)
				for at := back + 10*time.Millisecond; at < 8*time.Second; at += time.Millisecond {
					if n := s.between(at, at+10*time.Millisecond); n > c.most {
						t.Fatalf("%d were sent in the 10 ms from %v, want at most %d", n, at, c.most)
					}
				}
				if len(served) != clients {
					t.Errorf("%d of %d clients are back", len(served), clients)
				}
				if n := rec.Total.Outcomes[record.Dropped]; !c.dropped(n) {
					t.Errorf("%d dropped", n)
				}
				// The outage is over: nothing is late any more.
				if n := s.between(6*time.Second, 7*time.Second); n != 200 {
					t.Errorf("%d were sent in a second long after, want 200", n)
				}
			})
		})
	}
}

// TestSpreadTakesNoTimeForWhatIsDropped: a stall that is longer than the time-out leaves
// many arrivals that nobody sends any more. Those that come after it find a server that
// answers, and none of them is dropped.
func TestSpreadTakesNoTimeForWhatIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const over = 20 * time.Second
		var dropped []time.Duration
		s := &server{do: stalls(time.Second, over)}
		w := begin(s, Config{
			Clients: 8, Schedule: Constant(Steady(500)), Timeout: 2 * time.Second, CatchUp: Spread,
			OnSample: func(_ int, op record.Op) {
				if op.Outcome == record.Dropped && op.Due >= over {
					dropped = append(dropped, op.Due)
				}
			},
		})
		time.Sleep(30*time.Second + 1)
		w.Stop()
		ended(t, w, s, 15001)
		if len(dropped) > 0 {
			t.Errorf("%d arrivals of after the stall were dropped, the first due at %v, the last at %v", len(dropped), dropped[0], dropped[len(dropped)-1])
		}
		if n := s.between(over, over+time.Second); n < 990 || n > 1001 {
			t.Errorf("%d were sent in the second after the stall, want twice the rate", n)
		}
	})
}
