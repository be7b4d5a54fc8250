package load

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// endings counts how often a workload says that it has ended, and stops it then, which
// must do no harm.
func endings(cfg Config, s *server) (w *Workload, n *atomic.Int64) {
	n = new(atomic.Int64)
	started := make(chan struct{})
	cfg.Ended = func() {
		n.Add(1)
		<-started
		w.Stop()
	}
	w = begin(s, cfg)
	close(started)
	return w, n
}

// TestIterationsAreExact: not one operation more, however many clients there are, and the
// end comes with the last.
func TestIterationsAreExact(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		why  string
		cfg  Config
		took time.Duration // of an operation
		n    int64
		end  time.Duration
	}{
		{"closed", Config{Clients: 8, Iterations: 100}, 10 * ms, 100, 130 * ms},
		{"fewer than clients", Config{Clients: 8, Iterations: 3}, 10 * ms, 3, 10 * ms},
		{"think time is not waited for at the end", Config{Clients: 2, Iterations: 4, ThinkTime: time.Second}, 10 * ms, 4, 1020 * ms},
		{"open", Config{Clients: 8, Iterations: 100, Schedule: Constant(Steady(1000))}, ms, 100, 100 * ms},
		{"open, and a queue at its end", Config{Clients: 1, Iterations: 100, Schedule: Constant(Steady(1000))}, 10 * ms, 100, time.Second},
		{"what is dropped counts", Config{Clients: 1, Iterations: 100, Schedule: Constant(Steady(1000)), Overflow: Drop}, 10 * ms, 100, 100 * ms},
		{"groups share them", Config{Clients: 6, Groups: 3, Iterations: 100}, 10 * ms, 100, 170 * ms},
		{"a group may have none", Config{Clients: 6, Groups: 3, Iterations: 2}, 10 * ms, 2, 10 * ms},
		{"groups of arrivals", Config{Clients: 30, Groups: 3, Iterations: 100, Schedule: Constant(Steady(1000))}, ms, 100, 34 * ms},
		{"clients that rest do not keep it", Config{Clients: 8, Iterations: 20, ClientStages: []Stage{{time.Minute, 2, 2}}}, 10 * ms, 20, 100 * ms},
		{"operations given up on are over", Config{Clients: 2, Iterations: 4, Timeout: 10 * ms, MaxAbandoned: 9}, time.Second, 4, 20 * ms},
		{"and none is forgotten where no client may take their place", Config{Clients: 2, Iterations: 4, Timeout: 100 * ms}, time.Second, 4, 1100 * ms},
		{"Duration comes first", Config{Clients: 1, Iterations: 4000, Duration: time.Second}, 10 * ms, 100, time.Second},
		{"Duration comes first, with arrivals", Config{Clients: 9, Iterations: 101, Duration: time.Second, Schedule: Constant(Steady(100))}, ms, 100, time.Second},
		{"or last", Config{Clients: 9, Iterations: 100, Duration: time.Second, Schedule: Constant(Steady(100))}, ms, 100, 991 * ms},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{do: takes(c.took)}
				w, n := endings(c.cfg, s)
				time.Sleep(20 * time.Second)
				if n.Load() != 1 {
					t.Errorf("told %d times that it has ended", n.Load())
				}
				rec := ended(t, w, s, c.n)
				if to := rec.Active[0].To; to < c.end || to > c.end+5*time.Millisecond {
					t.Errorf("ended at %v, want %v", to, c.end)
				}
			})
		})
	}
}

// TestEndsByTime: at the end of the duration or of the stages, whatever comes first, and
// with each start anew.
func TestEndsByTime(t *testing.T) {
	for _, c := range []struct {
		why string
		cfg Config
		n   int64
		end time.Duration
	}{
		{"duration, closed", Config{Duration: 2 * time.Second}, 200, 2 * time.Second},
		{"duration, open: what is due at its end is not", Config{Duration: 2 * time.Second, Schedule: Constant(Steady(50))}, 100, 2 * time.Second},
		{"a duration without arrivals at its end", Config{Duration: 2 * time.Second, Schedule: Constant(Steady(0.1))}, 1, 2 * time.Second},
		{"stages of arrivals", Config{Schedule: Constant(Stage{time.Second, 50, 50}, Stage{2 * time.Second, 10, 10})}, 70, 3 * time.Second},
		{"a ramp of arrivals", Config{Schedule: Constant(Linear(0, Stage{For: 2 * time.Second, To: 50})...)}, 50, 2 * time.Second},
		{"a stage without arrivals at the end", Config{Schedule: Constant(Stage{time.Second, 50, 50}, Stage{2 * time.Second, 0, 0})}, 50, 3 * time.Second},
		{"stages of clients", Config{ClientStages: []Stage{{time.Second, 1, 1}, {time.Second, 0, 0}}}, 100, 2 * time.Second},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{do: takes(10 * time.Millisecond)}
				w, n := endings(c.cfg, s)
				time.Sleep(5 * time.Second)
				w.Start()
				time.Sleep(5 * time.Second)
				if n.Load() != 2 {
					t.Errorf("told %d times that it has ended, after two starts", n.Load())
				}
				rec := ended(t, w, s, 2*c.n)
				if a := rec.Active; a[0].To != c.end || a[1].To != 5*time.Second+c.end {
					t.Errorf("active %v, want %v", a, c.end)
				}
			})
		})
	}
}

// TestStoppedIsNotEnded: a stopped workload has not ended by itself.
func TestStoppedIsNotEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(10 * time.Millisecond)}
		w, n := endings(Config{Clients: 2, Duration: time.Minute, Iterations: 1000_000}, s)
		time.Sleep(time.Second)
		w.Stop()
		time.Sleep(2 * time.Minute)
		ended(t, w, s, -1)
		if n.Load() != 0 {
			t.Error("it tells that it has ended by itself")
		}
	})
}

// TestEndedMayClose: it is called when nothing runs any more, and holds no lock.
func TestEndedMayClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan Record, 1)
		s := &server{do: takes(10 * time.Millisecond)}
		cfg := Config{Duration: time.Second, Open: s.open, Clock: record.StartClock()}
		var w *Workload
		cfg.Ended = func() {
			w.Close()
			done <- w.Record()
		}
		w = New(cfg)
		w.Start()
		if rec := <-done; rec.Total.Samples() != 100 || w.Live().InFlight != 0 {
			t.Errorf("%v", rec.Total.Outcomes)
		}
	})
}

// TestEndWaitsForAnswers: what is in flight when the time is over is part of it.
func TestEndWaitsForAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(700 * time.Millisecond)}
		w, n := endings(Config{Clients: 3, Duration: time.Second}, s)
		time.Sleep(1200 * time.Millisecond)
		if n.Load() != 0 {
			t.Error("it has ended while operations are in flight")
		}
		time.Sleep(time.Second)
		if rec := ended(t, w, s, 6); n.Load() != 1 || rec.Total.Outcomes[record.OK] != 6 {
			t.Errorf("ended %d times, %v", n.Load(), rec.Total.Outcomes)
		}
	})
}

func TestThinkTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(10 * time.Millisecond)}
		w := begin(s, Config{Clients: 2, ThinkTime: 90 * time.Millisecond})
		time.Sleep(time.Second - time.Nanosecond)
		began := time.Now()
		w.Stop()
		if time.Since(began) != 0 {
			t.Error("Stop waits for somebody who thinks")
		}
		rec := ended(t, w, s, 20)
		if rec.Total.Response.Max != 10*time.Millisecond {
			t.Errorf("the think time counts: %v", rec.Total.Response.Max)
		}
	})
}

// TestClientStages: as many clients work as the stages say, in steps and on a ramp, in
// every group.
func TestClientStages(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		why    string
		groups int
		stages []Stage
		// want is how many operations of 10 ms each are sent in each second.
		want []int
	}{
		{"steps", 1, []Stage{{s, 2, 2}, {s, 0, 0}, {s, 4, 4}, {s, 1, 1}}, []int{200, 0, 400, 100}},
		{"groups", 2, []Stage{{s, 1, 1}, {s, 2, 2}}, []int{200, 400}},
		{"a ramp up and down", 1, Linear(0, Stage{For: 2 * s, To: 4}, Stage{For: 2 * s, To: 0}), []int{150, 350, 350, 150}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &server{do: takes(10 * time.Millisecond)}
				w := begin(fake, Config{Clients: 4, Groups: c.groups, ClientStages: c.stages})
				time.Sleep(10 * s)
				ended(t, w, fake, -1)
				for i, want := range c.want {
					got := fake.between(time.Duration(i)*s, time.Duration(i+1)*s)
					if got < want-1 || got > want+1 {
						t.Errorf("%d operations in second %d, want %d", got, i, want)
					}
				}
				if n := fake.between(time.Duration(len(c.want))*s, running); n != 0 {
					t.Errorf("%d operations after the last stage", n)
				}
			})
		})
	}
}

// TestEndsWhenItWasToEnd: a Stop that comes late asks for nothing that is due after the end, and drops nothing of it.
func TestEndsWhenItWasToEnd(t *testing.T) {
	const ms, end = time.Millisecond, 2 * time.Second
	for _, c := range []struct {
		why     string
		cfg     Config
		do      func() func(int, <-chan struct{}) result
		stopped time.Duration
		n, ok   int64
		to      time.Duration
	}{
		{"all clients busy", Config{Clients: 1, Schedule: Constant(Steady(200))}, func() func(int, <-chan struct{}) result { return stalls(1990*ms, end+50*ms) }, end + 12*ms, 400, 399, end},
		{"clients that wait", Config{Clients: 8, Schedule: Constant(Steady(200))}, func() func(int, <-chan struct{}) result { return takes(ms) }, end + 12*ms, 400, 400, end},
		{"groups", Config{Clients: 8, Groups: 2, Schedule: Constant(Steady(200))}, func() func(int, <-chan struct{}) result { return takes(ms) }, end + 12*ms, 800, 800, end},
		{"clients that catch up", Config{Clients: 8, Schedule: Constant(Steady(200)), CatchUp: Spread}, func() func(int, <-chan struct{}) result { return stalls(1500*ms, 1700*ms) }, end + 12*ms, 400, 400, end},
		{"what does not wait", Config{Clients: 1, Schedule: Constant(Steady(200)), Overflow: Drop}, func() func(int, <-chan struct{}) result { return stalls(1999*ms, end+9*ms) }, end + 12*ms, 400, 400, end},
		{"closed", Config{Clients: 2}, func() func(int, <-chan struct{}) result { return takes(10 * ms) }, end + 12*ms, 400, 400, end},
		{"stopped before", Config{Clients: 8, Schedule: Constant(Steady(200))}, func() func(int, <-chan struct{}) result { return takes(ms) }, 1001 * ms, 201, 201, 1001 * ms},
		{"its own end is earlier", Config{Clients: 8, Schedule: Constant(Steady(200)), Duration: time.Second}, func() func(int, <-chan struct{}) result { return takes(ms) }, end, 200, 200, time.Second},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{do: c.do()}
				w := begin(s, c.cfg)
				time.Sleep(time.Second / 2)
				w.EndAt(end)
				time.Sleep(c.stopped - time.Second/2)
				w.Stop()
				rec := ended(t, w, s, c.n)
				if got := rec.Total.Outcomes; got[record.OK] != c.ok {
					t.Errorf("%v, want %d that succeeded", got, c.ok)
				}
				if c.cfg.Schedule != nil && rec.Asked != c.n || rec.Active[0].To != c.to {
					t.Errorf("%d asked until %v, want %d until %v", rec.Asked, rec.Active[0].To, c.n, c.to)
				}
			})
		})
	}
}
