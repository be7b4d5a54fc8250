package load

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// server is what fake sessions talk to: do is one operation, and everything that the
// sessions received is kept.
type server struct {
	do func(client int, closed <-chan struct{}) result

	mu      sync.Mutex
	opened  map[int]int
	settled []record.Op
	late    []record.Op // settled after they had been given up on
	closed  int
	// interrupt is asked when an operation is to be interrupted; nil: nothing can be.
	interrupt   func(client int) bool
	interrupted int
}

type fakeSession struct {
	*server
	client int
	over   chan struct{}
}

func (s *server) open(client int) Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		s.opened = map[int]int{}
	}
	s.opened[client]++
	return &fakeSession{server: s, client: client, over: make(chan struct{})}
}

// result is what the tests' servers answer.
type result struct {
	Outcome       record.Outcome
	Kind          string
	Err           error
	Node          int
	Pause         time.Duration
	Sent          time.Duration // 0: when it was asked
	Part, Retries int
	Out, In       int64
}

func (f *fakeSession) Do(_ context.Context, op *record.Op) time.Duration {
	if *op != (record.Op{Due: op.Due, Sent: op.Sent}) {
		panic(fmt.Sprintf("an operation begins with what another has left: %+v", op))
	}
	f.mu.Lock()
	do := f.do
	f.mu.Unlock()
	r := do(f.client, f.over)
	op.Outcome, op.Kind, op.Err, op.Node = r.Outcome, r.Kind, r.Err, r.Node
	op.Part, op.Retries, op.Out, op.In = r.Part, r.Retries, r.Out, r.In
	op.Sent = max(op.Sent, r.Sent)
	return r.Pause
}

// set changes what an operation does from now on.
func (s *server) set(do func(client int, closed <-chan struct{}) result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.do = do
}

func (f *fakeSession) Settle(op *record.Op, late bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if late {
		f.late = append(f.late, *op)
	} else {
		f.settled = append(f.settled, *op)
	}
}

func (f *fakeSession) Interrupt() bool {
	f.mu.Lock()
	f.interrupted++
	interrupt := f.interrupt
	f.mu.Unlock()
	return interrupt != nil && interrupt(f.client)
}

func (f *fakeSession) Close() {
	close(f.over) // panics if called twice, which it must not be
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
}

// takes answers after a while.
func takes(d time.Duration) func(int, <-chan struct{}) result {
	return func(int, <-chan struct{}) result {
		time.Sleep(d)
		return result{Outcome: record.OK}
	}
}

// stalls answers in 1 ms, but nothing between two moments after its making.
func stalls(from, to time.Duration) func(int, <-chan struct{}) result {
	began := time.Now()
	return func(int, <-chan struct{}) result {
		time.Sleep(time.Millisecond)
		if at := time.Since(began); at >= from && at < to {
			time.Sleep(to - at)
		}
		return result{Outcome: record.OK}
	}
}

// begin makes a workload on the fake server and starts it.
func begin(s *server, cfg Config) *Workload {
	cfg.Open = s.open
	cfg.Clock = record.StartClock()
	w := New(cfg)
	w.Start()
	return w
}

// answers tells whether there are as many response times as there must be: one for each
// arrival, excepted those that were dropped because they were not to wait.
func answers(w *Workload, s Stats) bool {
	least, most := s.Samples(), s.Samples()+s.Outcomes[record.Dropped]
	if w.cfg.Overflow != Drop {
		least = most
	}
	return s.Response.Count >= least && s.Response.Count <= most
}

// ended checks what holds of every record: each arrival is in exactly one outcome,
// everywhere the same number of them, and nothing runs any more after Close.
func ended(t *testing.T, w *Workload, s *server, arrivals int64) Record {
	t.Helper()
	w.Close()
	rec := w.Record()
	var n, phases, series int64
	for _, count := range rec.Total.Outcomes {
		n += count
	}
	if arrivals >= 0 && n != arrivals {
		t.Errorf("%d operations recorded for %d arrivals: %v", n, arrivals, rec.Total.Outcomes)
	}
	for _, p := range rec.Phases {
		for _, count := range p.Outcomes {
			phases += count
		}
		if !answers(w, p.Stats) {
			t.Errorf("phase %s: %d samples, %d response times", p.Name, p.Samples(), p.Response.Count)
		}
	}
	for _, p := range rec.Series {
		series += p.OK + p.Errors + p.Dropped
	}
	if phases != n || series != n {
		t.Errorf("%d operations in all, %d in phases, %d in the series", n, phases, series)
	}
	if !answers(w, rec.Total) || rec.Total.Service.Count != rec.Total.Samples() {
		t.Errorf("%d samples, %d response and %d service times", rec.Total.Samples(), rec.Total.Response.Count, rec.Total.Service.Count)
	}
	opened := 0
	for _, times := range s.opened {
		opened += times
	}
	if opened != s.closed {
		t.Errorf("%d sessions opened, %d closed", opened, s.closed)
	}
	if rec.Abandoned != 0 {
		t.Errorf("%d abandoned operations after Close", rec.Abandoned)
	}
	return rec
}

func TestOpenLoopKeepsItsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(3 * time.Millisecond)}
		w := begin(s, Config{Clients: 4, Schedule: Constant(Steady(500))})
		time.Sleep(10*time.Second + time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 5001)
		if rec.Total.Outcomes[record.OK] != 5001 {
			t.Errorf("outcomes %v", rec.Total.Outcomes)
		}
		if r := rec.Total.Response; r.Min != 3*time.Millisecond || r.Max != 3*time.Millisecond || r.Mean() != 3*time.Millisecond {
			t.Errorf("response %v to %v, mean %v: nothing was late", r.Min, r.Max, r.Mean())
		}
		slices.SortFunc(s.settled, func(a, b record.Op) int { return int(a.Due - b.Due) })
		for i, op := range s.settled {
			if want := time.Duration(i) * 2 * time.Millisecond; op.Due != want || op.Sent != want {
				t.Fatalf("arrival %d was due at %v and sent at %v, want %v", i, op.Due, op.Sent, want)
			}
		}
		if per, ok := rec.Total.Throughput(); !ok || per < 499 || per > 501 {
			t.Errorf("throughput %v", per)
		}
	})
}

// TestStallIsSeenByEveryArrival is the reason for the open model: a server that
// stands still for 3 s makes 1500 operations late, not one for each client.
func TestStallIsSeenByEveryArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients = 8
		s := &server{do: stalls(2*time.Second, 5*time.Second)}
		w := begin(s, Config{Clients: clients, Schedule: Constant(Steady(500)), Timeout: time.Minute})
		time.Sleep(12*time.Second + time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 6001)
		late, slow := 0, 0
		for _, op := range s.settled {
			if op.Response() > 2*time.Millisecond {
				late++
			}
			if op.Service() > 2*time.Millisecond {
				slow++
			}
		}
		// 3 s at 500/s, and those that were due while the queue was worked off at 8000/s.
		if late < 1500 || late > 1620 {
			t.Errorf("%d operations were late, want about 1600", late)
		}
		if slow != clients {
			t.Errorf("%d operations were slow, want one for each of the %d clients", slow, clients)
		}
		if p := rec.Total.Response.Percentile(90); p < 1800*time.Millisecond {
			t.Errorf("p90 of the response is %v: the stall has been hidden", p)
		}
		if p := rec.Total.Service.Percentile(99); p > 2*time.Millisecond {
			t.Errorf("p99 of the service is %v", p)
		}
		if rec.Total.Response.Max > 3100*time.Millisecond || rec.Total.Response.Max < 2900*time.Millisecond {
			t.Errorf("the longest response is %v", rec.Total.Response.Max)
		}
	})
}

// TestWhatIsTooLateIsDropped has one client, which can send 1000/s, at a rate of
// 2000/s: it falls behind until what it gets to is too late.
func TestWhatIsTooLateIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(time.Millisecond)}
		w := begin(s, Config{Clients: 1, Schedule: Constant(Steady(2000)), Timeout: time.Second})
		time.Sleep(10*time.Second + 100*time.Microsecond)
		w.Stop()
		rec := ended(t, w, s, 20_001)
		dropped := rec.Total.Outcomes[record.Dropped]
		if sent := rec.Total.Samples(); sent != 10_001 || dropped != 20_001-sent {
			t.Errorf("%d sent, %d dropped", sent, dropped)
		}
		for _, op := range s.settled {
			if op.Sent-op.Due > time.Second {
				t.Fatalf("sent %v after it was due", op.Sent-op.Due)
			}
		}
		if len(rec.Errors) != 0 {
			t.Errorf("dropped arrivals are no errors: %v", rec.Errors)
		}
	})
}

func TestStopDropsWhatNobodyTook(t *testing.T) {
	for _, c := range []struct {
		why         string
		clients     int
		after, took time.Duration
		ok, unknown int64
	}{
		{"all in time", 4, 1001 * time.Millisecond, time.Millisecond, 101, 0},
		{"in flight at Stop, and may end", 4, time.Second, 300 * time.Millisecond, 16, 0},
		{"in flight at Stop, and given up on", 4, time.Second, time.Hour, 0, 4},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{do: func(_ int, over <-chan struct{}) result {
					select {
					case <-time.After(c.took):
						return result{Outcome: record.OK}
					case <-over:
						return result{}
					}
				}}
				w := begin(s, Config{Clients: c.clients, Schedule: Constant(Steady(100)), Timeout: 2 * time.Second})
				time.Sleep(c.after)
				began := time.Now()
				w.Stop()
				if waited := time.Since(began); waited > 2*time.Second+10*time.Millisecond {
					t.Errorf("Stop took %v", waited)
				}
				rec := ended(t, w, s, 101)
				if rec.Total.Outcomes[record.OK] != c.ok || rec.Total.Outcomes[record.Unknown] != c.unknown {
					t.Errorf("outcomes %v", rec.Total.Outcomes)
				}
			})
		})
	}
}

func TestClosedLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(4 * time.Millisecond)}
		w := begin(s, Config{Clients: 3})
		time.Sleep(time.Second + 2*time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 3*251)
		for _, op := range s.settled {
			if op.Due != op.Sent {
				t.Fatalf("due at %v, sent at %v", op.Due, op.Sent)
			}
		}
		if rec.Total.Service != rec.Total.Response {
			t.Error("service and response differ")
		}
	})
}

// TestPauseLiesBetweenOperations: no storm of errors in a closed loop, and no
// latency that is the client's own.
func TestPauseLiesBetweenOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: func(int, <-chan struct{}) result {
			return result{Outcome: record.Failed, Kind: "connection refused", Err: errors.New("first"), Pause: 100 * time.Millisecond}
		}}
		w := begin(s, Config{Clients: 2})
		time.Sleep(time.Second + time.Millisecond)
		began := time.Now()
		w.Stop()
		if time.Since(began) != 0 {
			t.Errorf("Stop waited %v for a pause", time.Since(began))
		}
		rec := ended(t, w, s, 2*11)
		if rec.Total.Response.Max != 0 {
			t.Errorf("the pause counts as latency: %v", rec.Total.Response.Max)
		}
		want := []ErrorCount{{Kind: "connection refused", Outcome: record.Failed, N: 22, Example: "first"}}
		if !slices.Equal(rec.Errors, want) {
			t.Errorf("errors %v, want %v", rec.Errors, want)
		}
	})
}

// TestNoGoroutineIsLeft counts them outside a bubble: Close waits for all.
func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	s := &server{do: func(_ int, over <-chan struct{}) result {
		<-over
		return result{}
	}}
	w := begin(s, Config{Clients: 20, MaxAbandoned: 5, Timeout: 5 * time.Millisecond})
	for w.Live().Abandoned < 20 {
		runtime.Gosched()
	}
	w.Close()
	// The last ones are past everything, but may not have been taken off the list yet.
	for n := 0; runtime.NumGoroutine() > before; n++ {
		if n == 1_000_000 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}
