package load

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestPhaseIsWhereItWasDue: an operation due in one phase and ended in the next
// belongs to the first, also one that was given up on or dropped.
func TestPhaseIsWhereItWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: stalls(1500*time.Millisecond, 2500*time.Millisecond)}
		clock := record.StartClock()
		w := New(Config{Clients: 2, Schedule: Constant(Steady(100)), Timeout: time.Minute, Open: s.open, Clock: clock})
		w.Phase("baseline", 0)
		w.Start()
		time.Sleep(2 * time.Second)
		w.Phase("stop-a", 2*time.Second)
		time.Sleep(2 * time.Second)
		w.Phase("announced", 4500*time.Millisecond) // not when the collector comes round
		time.Sleep(2*time.Second + 5*time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 601)
		want := map[string]int64{"baseline": 200, "stop-a": 250, "announced": 151}
		for _, p := range rec.Phases {
			if p.Samples() != want[p.Name] {
				t.Errorf("phase %s: %d samples, want %d", p.Name, p.Samples(), want[p.Name])
			}
			delete(want, p.Name)
		}
		if len(want) != 0 {
			t.Errorf("no phase %v", want)
		}
		base, stop := rec.Phases[0], rec.Phases[1]
		if base.Start != 0 || base.End != 2*time.Second || base.Span != 2*time.Second || stop.End != 4500*time.Millisecond {
			t.Errorf("baseline %v to %v over %v, stop-a until %v", base.Start, base.End, base.Span, stop.End)
		}
		if base.Response.Max < 900*time.Millisecond || base.Response.Percentile(50) > 2*time.Millisecond {
			t.Errorf("baseline: max %v, p50 %v", base.Response.Max, base.Response.Percentile(50))
		}
		if last := rec.Phases[2]; last.End != 6005*time.Millisecond {
			t.Errorf("the last phase ends at %v", last.End)
		}
	})
}

func TestPhaseWithoutSamplesIsAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(time.Millisecond)}
		w := begin(s, Config{Clients: 1})
		time.Sleep(time.Second)
		w.Stop()
		w.Phase("after", time.Second+time.Minute)
		time.Sleep(2 * time.Minute)
		rec := ended(t, w, s, -1)
		if len(rec.Phases) != 1 || rec.Phases[0].Name != "" {
			t.Errorf("phases %+v", rec.Phases)
		}
	})
}

// TestActivityAndSeries: an outage must be where it was, to 10 ms.
func TestActivityAndSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		s := &server{do: func(int, <-chan struct{}) result {
			time.Sleep(time.Millisecond)
			if down.Load() {
				return result{Outcome: record.Failed, Kind: "25006"}
			}
			return result{Outcome: record.OK}
		}}
		w := begin(s, Config{Clients: 4, Schedule: Constant(Steady(200))})
		time.Sleep(1500 * time.Millisecond)
		down.Store(true)
		time.Sleep(700 * time.Millisecond)
		down.Store(false)
		time.Sleep(1300*time.Millisecond + 2*time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 701)
		if len(rec.Activity) != 351 {
			t.Fatalf("%d slots", len(rec.Activity))
		}
		for i, got := range rec.Activity {
			ok, errs := uint32(2), uint32(0)
			switch {
			case i >= 150 && i < 220:
				ok, errs = 0, 2
			case i == 350:
				ok = 1
			}
			if got.OK != ok || got.Errors != errs {
				t.Errorf("slot %d: %+v", i, got)
			}
		}
		if p := rec.Series[15]; len(rec.Series) != 36 || p.At != 1500*time.Millisecond || p.OK != 0 || p.Errors != 20 || p.Max != time.Millisecond {
			t.Errorf("%d points, the one at 1.5 s is %+v", len(rec.Series), p)
		}
	})
}

func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 9.5 ms, so that nothing ends at the very moment a second does.
		s := &server{do: takes(9500 * time.Microsecond)}
		w := begin(s, Config{Clients: 10, Schedule: Constant(Steady(300))})
		w.Phase("baseline", 0)
		time.Sleep(1500 * time.Millisecond)
		w.Phase("collected in between", 1500*time.Millisecond)
		time.Sleep(515 * time.Millisecond)
		live := w.Live()
		if live.P50 < 9500*time.Microsecond || live.P50 > live.P99 {
			t.Errorf("a median of %s, and a 99 percentile of %s", live.P50, live.P99)
		}
		if live.Throughput != 300 || live.P99 < 9500*time.Microsecond || live.P99 > 9510*time.Microsecond || live.At != 2*time.Second {
			t.Errorf("%+v", live)
		}
		if live.InFlight != 3 {
			t.Errorf("%d in flight, want 300/s for 9.5 ms", live.InFlight)
		}
		w.Stop()
		if live := w.Live(); live.Throughput != 0 || live.InFlight != 0 {
			t.Errorf("after Stop: %+v", live)
		}
		ended(t, w, s, -1)
	})
}

// TestLiveNamesErrors: those of the last complete second, and not of the one before it. A weak acknowledgement is no error.
func TestLiveNamesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		begun := time.Now()
		s := &server{do: func(int, <-chan struct{}) result {
			time.Sleep(time.Millisecond)
			if time.Since(begun) > time.Second {
				return result{Outcome: record.Weak, Kind: "01000"}
			}
			if n.Add(1)%3 == 0 {
				return result{Outcome: record.Failed, Kind: "25006"}
			}
			return result{Outcome: record.Unknown, Kind: "57P01"}
		}}
		w := begin(s, Config{Clients: 4, Schedule: Constant(Steady(90))})
		time.Sleep(1500 * time.Millisecond)
		if live := w.Live(); live.Errors != 90 || live.Kinds["57P01"] != 60 || live.Kinds["25006"] != 30 {
			t.Errorf("%+v", live)
		}
		time.Sleep(time.Second)
		if live := w.Live(); live.At != 2*time.Second || live.Errors != 0 || len(live.Kinds) > 0 || live.AllErrors < 90 {
			t.Errorf("a second later: %+v", live)
		}
		ended(t, w, s, -1)
	})
}

// TestLiveBeginsWithTheWorkload: no second is reported before there has been one, and the
// first counts for as much of it as there was.
func TestLiveBeginsWithTheWorkload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(9500 * time.Microsecond)}
		w := New(Config{Clients: 2, Open: s.open, Clock: record.StartClock()})
		time.Sleep(1525 * time.Millisecond)
		w.Start()
		time.Sleep(400 * time.Millisecond)
		if live := w.Live(); live.At != 0 {
			t.Errorf("before the first second is over: %+v", live)
		}
		time.Sleep(400 * time.Millisecond)
		if live := w.Live(); live.At != 2*time.Second || live.Throughput != 2*49/0.475 {
			t.Errorf("%+v", live)
		}
		ended(t, w, s, -1)
	})
}

// TestRecordIsASnapshot: what was handed out must not change any more.
func TestRecordIsASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(time.Millisecond)}
		w := begin(s, Config{Clients: 1, Schedule: Constant(Steady(100))})
		time.Sleep(time.Second + 5*time.Millisecond)
		rec := w.Record()
		time.Sleep(time.Second)
		if rec.Total.Response.Count != 101 || rec.Total.Response.Histogram.TotalCount() != 101 || rec.Phases[0].Response.Histogram.TotalCount() != 101 || rec.Active[0].To != 1005*time.Millisecond {
			t.Errorf("%d samples until %v", rec.Total.Response.Histogram.TotalCount(), rec.Active[0].To)
		}
		w.Stop()
		ended(t, w, s, 201)
	})
}

// TestLongRunLosesNothing: what grows with time is 20 bytes for each 10 ms.
func TestLongRunLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: takes(100 * time.Millisecond)}
		w := begin(s, Config{Clients: 2, Schedule: Constant(Steady(10))})
		time.Sleep(10*time.Minute + time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 6001)
		if len(rec.Activity) < 60_000 || len(rec.Activity) > 60_020 {
			t.Errorf("%d slots", len(rec.Activity))
		}
	})
}

// instant is a session that does nothing: what remains is the loop.
type instant struct{}

func (instant) Do(_ context.Context, op *record.Op) time.Duration {
	op.Outcome = record.OK
	return 0
}
func (instant) Settle(*record.Op, bool) {}
func (instant) Close()                  {}

func newInstant(schedule *Schedule) (*Workload, *client) {
	w := New(Config{Clients: 1, Schedule: schedule, Nodes: 3, Open: func(int) Session { return instant{} }, Clock: record.StartClock()})
	c := w.clients[0]
	c.attempt, c.ring = &attempt{session: instant{}, ctx: context.Background()}, w.rings[0]
	return w, c
}

// models are the two, and how late the open one sends.
func models() map[string]*Schedule {
	return map[string]*Schedule{"closed": nil, "open": Constant(Steady(1000))}
}

// job is an operation of the model, due late before it is sent in the open one.
func (w *Workload) job(late time.Duration) job {
	now := w.cfg.Clock.Now()
	if w.cfg.Schedule == nil {
		return job{due: now, sent: now, late: -1}
	}
	return job{due: now - late, sent: now, late: late}
}

func TestRecordingDoesNotAllocate(t *testing.T) {
	for name, schedule := range models() {
		w, c := newInstant(schedule)
		op := record.Op{Done: 3 * time.Millisecond, Outcome: record.OK, Node: 2}
		// More than a ring holds: it is counted, too.
		if n := testing.AllocsPerRun(5000, func() { w.record(c, &op, 0) }); n != 0 {
			t.Errorf("%s: recording allocates %v times", name, n)
		}
		if n := testing.AllocsPerRun(5000, func() { w.operate(c.attempt.ctx, c, c.attempt, w.job(time.Microsecond)) }); n != 0 {
			t.Errorf("%s: an operation allocates %v times", name, n)
		}
	}
}

// BenchmarkRecord is the recording of one operation, with all that is done with it on
// the other side of the ring: here the client counts itself when its ring is full.
func BenchmarkRecord(b *testing.B) {
	for name, schedule := range models() {
		b.Run(name, func(b *testing.B) {
			w, c := newInstant(schedule)
			op := record.Op{Outcome: record.OK, Node: 2}
			defer processor(b)()
			for i := range b.N {
				op.Done = time.Duration(i%4096) * time.Microsecond
				if schedule != nil {
					op.Sent = op.Done / 8
				}
				w.record(c, &op, 0)
			}
		})
	}
}

// BenchmarkOperation is all that the loop adds to an operation: two readings of
// the clock, the watchdog's slot, the recording and the counting.
func BenchmarkOperation(b *testing.B) {
	for name, schedule := range models() {
		b.Run(name, func(b *testing.B) {
			w, c := newInstant(schedule)
			defer processor(b)()
			for range b.N {
				w.operate(c.attempt.ctx, c, c.attempt, w.job(time.Microsecond))
			}
		})
	}
}

// TestExactTimes: a failure and the success after it, in one slot of 10 ms.
func TestExactTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s := &server{do: func(int, <-chan struct{}) result {
			time.Sleep(3 * time.Millisecond)
			if n++; n == 2 {
				return result{Outcome: record.Failed, Kind: "refused"}
			}
			return result{Outcome: record.OK}
		}}
		w := begin(s, Config{Clients: 1})
		time.Sleep(12 * time.Millisecond)
		w.Stop()
		want := record.Slot{OK: 2, Errors: 1, FirstOK: 3000, LastOK: 9000, FirstError: 6000, LastError: 6000, Back: 9000}
		if rec := ended(t, w, s, -1); rec.Activity[0] != want {
			t.Errorf("%+v, want %+v", rec.Activity[0], want)
		}
	})
}
