package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pgchaos/record"
)

// TestWarmupIsApart: what is due in it is in no figure, though it ends after it; but it is
// in everything that is reported by time. A second start has none.
func TestWarmupIsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		s := &server{}
		s.do = func(int, <-chan struct{}) result {
			time.Sleep(5 * time.Millisecond)
			if n.Add(1) == 1 {
				return result{Outcome: record.Failed, Kind: "57P03"}
			}
			return result{Outcome: record.OK, Part: 1, Out: 10, In: 100}
		}
		clock := record.StartClock()
		w := New(Config{Clients: 2, Schedule: Constant(Steady(100)), Warmup: time.Second, Parts: []string{"a", "b"}, Open: s.open, Clock: clock})
		time.Sleep(500 * time.Millisecond)
		w.Start()
		w.Phase("baseline", 500*time.Millisecond)
		time.Sleep(time.Second)
		if rec := w.Record(); rec.Asked != 1 || rec.Warmup.Span != time.Second { // what is due at its end
			t.Errorf("at the end of the warm-up: %d asked, %v", rec.Asked, rec.Warmup.Span)
		}
		time.Sleep(2*time.Second - 5*time.Millisecond)
		w.Stop()
		time.Sleep(time.Second)
		w.Start()
		time.Sleep(time.Second - 5*time.Millisecond)
		w.Close()
		rec := w.Record()
		const ok, failed = record.OK, record.Failed
		for _, c := range []struct {
			what      string
			got, want any
		}{
			{"the warm-up's outcomes", rec.Warmup.Outcomes, [record.Outcomes]int64{ok: 99, failed: 1}},
			{"its responses", rec.Warmup.Response.Count, int64(100)},
			{"its bytes", rec.Warmup.In, int64(9900)},
			{"its span", rec.Warmup.Span, time.Second},
			{"the total's outcomes", rec.Total.Outcomes, [record.Outcomes]int64{ok: 300}},
			{"its span", rec.Total.Span, 2990 * time.Millisecond},
			{"asked", rec.Asked, int64(300)},
			{"errors", len(rec.Errors), 0},
			{"phases", len(rec.Phases), 1},
			{"the phase's outcomes", rec.Phases[0].Outcomes, rec.Total.Outcomes},
			{"its span", rec.Phases[0].Span, rec.Total.Span},
			{"the first part", rec.Parts[0].Samples(), int64(0)},
			{"the second part", rec.Parts[1].Samples(), int64(300)},
			{"lateness", rec.Lateness.Count, int64(299)}, // the first of the second start was due when its client came
		} {
			if c.got != c.want {
				t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
			}
		}
		if p := rec.Series[0]; p.OK+p.Errors != 10 || p.Errors != 1 || p.At != 500*time.Millisecond {
			t.Errorf("the series begins with %+v", p)
		}
		if p := rec.Seconds[0]; p.At != 0 || p.Outcomes[record.Failed] != 1 || p.Response.Count != 50 {
			t.Errorf("the seconds begin with %+v", p)
		}
		if len(rec.Clients[0].Outages)+len(rec.Clients[1].Outages) != 1 {
			t.Error("the client that failed at first has no outage")
		}
	})
}

// TestPartsAndBytes: each part of a mix has its own figures, and they sum up.
func TestPartsAndBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		s := &server{do: func(int, <-chan struct{}) result {
			i := int(n.Add(1)) - 1
			time.Sleep(time.Duration(1+i%4) * time.Millisecond)
			return result{Outcome: record.OK, Part: i % 4, Retries: i % 2 * 3, Out: 10, In: int64(i % 2)}
		}}
		w := begin(s, Config{Clients: 1, Iterations: 400, Parts: []string{"one", "two", "three"}})
		time.Sleep(2 * time.Second)
		rec := ended(t, w, s, 400)
		for i, p := range rec.Parts {
			if p.Name != []string{"one", "two", "three"}[i] || p.Samples() != 100 || p.Response.Max != time.Duration(i+1)*time.Millisecond || p.Span != rec.Total.Span {
				t.Errorf("part %d: %s, %d samples, max %v", i, p.Name, p.Samples(), p.Response.Max)
			}
		}
		// The fourth is none of the mix: it is in the total alone.
		if to := rec.Total; to.Retries != 600 || to.Retried != 200 || to.Out != 4000 || to.In != 200 || rec.Parts[1].Retries != 300 || rec.Parts[0].Retried != 0 {
			t.Errorf("%d retries of %d, %d bytes out, %d in", to.Retries, to.Retried, to.Out, to.In)
		}
	})
}

// TestSecondsHoldEverything: the histograms of the seconds sum up to that of the total,
// and so do their outcomes, what was dropped long before it was known included.
func TestSecondsHoldEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: stalls(2500*time.Millisecond, 30*time.Second)}
		w := begin(s, Config{Clients: 3, Schedule: Poisson(3, Steady(200)), Timeout: 2 * time.Second})
		time.Sleep(40 * time.Second)
		w.Stop()
		rec := ended(t, w, s, -1)
		var outcomes [record.Outcomes]int64
		response, service := newHistogram(), newHistogram()
		var longest, longestService time.Duration
		add := func(to *hdrhistogram.Histogram, p Encoded) {
			if p.Count == 0 {
				return
			}
			h, err := hdrhistogram.Decode([]byte(p.Histogram))
			if err != nil || h.TotalCount() != p.Count {
				t.Fatalf("%v, or not %d samples", err, p.Count)
			}
			to.Merge(h)
		}
		for i, second := range rec.Seconds {
			if i > 0 && second.At <= rec.Seconds[i-1].At {
				t.Errorf("second %v comes after %v", second.At, rec.Seconds[i-1].At)
			}
			for o, n := range second.Outcomes {
				outcomes[o] += n
			}
			add(response, second.Response)
			add(service, second.Service)
			longest, longestService = max(longest, second.Response.Max), max(longestService, second.Service.Max)
		}
		if outcomes != rec.Total.Outcomes || outcomes[record.Dropped] < 4000 {
			t.Errorf("%v in the seconds, %v in all", outcomes, rec.Total.Outcomes)
		}
		if !response.Equals(rec.Total.Response.Histogram) || !service.Equals(rec.Total.Service.Histogram) {
			t.Error("the histograms of the seconds are not those of the whole")
		}
		if longest != rec.Total.Response.Max || longestService != rec.Total.Service.Max {
			t.Errorf("the longest are %v and %v, want %v and %v", longest, longestService, rec.Total.Response.Max, rec.Total.Service.Max)
		}
		// What waited 2 s in vain is over then, not when a client came to see it.
		for _, second := range rec.Seconds {
			if second.At == 10*time.Second && (second.Outcomes[record.Dropped] < 150 || second.Response.Max != 2*time.Second) {
				t.Errorf("second 10: %v, max %v", second.Outcomes, second.Response.Max)
			}
		}
	})
}

// TestASecondIsTakenUpAgain: what is reported later joins what was known, even if it was
// asked for in between.
func TestASecondIsTakenUpAgain(t *testing.T) {
	var s seconds
	var phase figures
	tell := func(number int, response, service time.Duration, outcome record.Outcome) {
		done := time.Duration(number)*time.Second + time.Millisecond
		s.find(number, &phase).record(&record.Op{Due: done - response, Sent: done - service, Done: done, Outcome: outcome})
	}
	for number := range 10 {
		tell(number, 3*time.Millisecond, 3*time.Millisecond, record.OK)
	}
	tell(2, 2*time.Hour, 5*time.Millisecond, record.Weak)
	s.settle()
	s.all(1)
	for number := range 10 {
		tell(number, 4*time.Millisecond, 4*time.Millisecond, record.Failed)
	}
	s.settle()
	all := s.all(1)
	if len(all) != 10 {
		t.Fatalf("%d seconds", len(all))
	}
	for number, second := range all {
		want := Second{At: time.Duration(number) * time.Second}
		want.Outcomes[record.OK], want.Outcomes[record.Failed] = 1, 1
		response, service := NewDist(), NewDist()
		values := []time.Duration{3 * time.Millisecond, 4 * time.Millisecond}
		for _, v := range values {
			response.Record(v)
			service.Record(v)
		}
		if number == 2 {
			want.Outcomes[record.Weak] = 1
			response.Record(2 * time.Hour)
			service.Record(5 * time.Millisecond)
		}
		for _, c := range []struct {
			d  Dist
			to *Encoded
		}{{response, &want.Response}, {service, &want.Service}} {
			text, err := c.d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			*c.to = Encoded{Count: c.d.Count, OutOfRange: c.d.OutOfRange, Max: c.d.Max, Histogram: text}
		}
		if second != want {
			t.Errorf("second %d is %+v, want %+v", number, second, want)
		}
	}
}

// TestPercentilesOfMergedHistograms are held against an exact sort of every sample, with
// clients and seconds of very different loads, which an average would weigh wrongly.
func TestPercentilesOfMergedHistograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := make([]*rand.Rand, 16)
		for i := range random {
			random[i] = rand.New(rand.NewPCG(uint64(i), 1))
		}
		s := &server{do: func(client int, _ <-chan struct{}) result {
			time.Sleep(time.Duration(1+client*client)*time.Millisecond + time.Duration(random[client].ExpFloat64()*float64(3*time.Millisecond)))
			return result{Outcome: record.OK}
		}}
		var responses, services []time.Duration
		clock := record.StartClock()
		w := New(Config{
			Clients: 16, Schedule: Poisson(5, Linear(0, Stage{For: 20 * time.Second, To: 1500})...), Timeout: time.Hour, Open: s.open, Clock: clock,
			OnSample: func(_ int, op record.Op) {
				responses = append(responses, op.Response())
				if op.Outcome != record.Dropped {
					services = append(services, op.Service())
				}
			},
		})
		w.Start()
		time.Sleep(10 * time.Second)
		w.Phase("another", 10*time.Second)
		time.Sleep(20 * time.Second)
		rec := ended(t, w, s, -1)
		for name, c := range map[string]struct {
			exact []time.Duration
			d     Dist
		}{"response": {responses, rec.Total.Response}, "service": {services, rec.Total.Service}} {
			slices.Sort(c.exact)
			var sum, squares float64
			for _, v := range c.exact {
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
			n := float64(len(c.exact))
			if n < 10_000 || c.d.Count != int64(n) || c.d.Min != c.exact[0] || c.d.Max != c.exact[len(c.exact)-1] {
				t.Errorf("%s: %d of %v samples, %v to %v", name, c.d.Count, n, c.d.Min, c.d.Max)
			}
			if want := math.Sqrt(squares/n - sum/n*sum/n); math.Abs(float64(c.d.StdDev())/want-1) > 1e-6 {
				t.Errorf("%s: standard deviation %v, want %v", name, c.d.StdDev(), time.Duration(want))
			}
			for _, p := range []float64{1, 25, 50, 90, 95, 99, 99.9} {
				want := c.exact[int(p/100*n+0.5)-1]
				if off := float64(c.d.Percentile(p)-want) / float64(want); math.Abs(off) > 0.001 {
					t.Errorf("%s: p%v = %v, exactly %v: off by %.3f %%", name, p, c.d.Percentile(p), want, off*100)
				}
			}
		}
	})
}

// TestLatenessIsTheGenerators: an arrival that finds no client free is late by the server's
// doing, and does not count.
func TestLatenessIsTheGenerators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: stalls(time.Second, 2*time.Second)}
		w := begin(s, Config{Clients: 4, Schedule: Constant(Steady(100))})
		time.Sleep(3*time.Second + 2*time.Millisecond)
		w.Stop()
		rec := ended(t, w, s, 301)
		if l := rec.Lateness; l.Max != 0 || l.Count < 195 || l.Count > 205 {
			t.Errorf("%d were late by up to %v", l.Count, l.Max)
		}
	})
}

// TestSentIsWhenItWasSent: waiting for a connection is response, and not service.
func TestSentIsWhenItWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := record.StartClock()
		s := &server{do: func(int, <-chan struct{}) result {
			time.Sleep(30 * time.Millisecond)
			sent := clock.Now()
			time.Sleep(10 * time.Millisecond)
			if sent < 500*time.Millisecond {
				sent = 0 // as long as it has a connection at once
			}
			return result{Outcome: record.OK, Sent: sent}
		}}
		w := New(Config{Clients: 1, Duration: time.Second, Open: s.open, Clock: clock})
		w.Start()
		time.Sleep(2 * time.Second)
		rec := ended(t, w, s, 25)
		if r, v := rec.Total.Response, rec.Total.Service; r.Min != 40*time.Millisecond || r.Max != r.Min || v.Count != 25 || v.Min != 10*time.Millisecond || v.Max != r.Max {
			t.Errorf("response %v to %v, service of %d from %v to %v", r.Min, r.Max, v.Count, v.Min, v.Max)
		}
	})
}

// TestSamplesComeInOrder: all of them, each client's in its order, what was given up on or
// dropped in its place, and what nobody took from nobody.
func TestSamplesComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		s := &server{do: func(client int, _ <-chan struct{}) result {
			if i := n.Add(1); client < 4 && i%97 == 0 || i > 6000 && i < 6100 {
				time.Sleep(3 * time.Second)
			}
			time.Sleep(time.Millisecond)
			return result{Outcome: record.OK}
		}}
		var count [record.Outcomes]int64
		last := map[int]time.Duration{}
		w := New(Config{
			Clients: 40, Schedule: Constant(Steady(2000)), Timeout: 50 * time.Millisecond, MaxAbandoned: 8, Open: s.open, Clock: record.StartClock(),
			OnSample: func(client int, op record.Op) {
				count[op.Outcome]++
				if client < 0 && op.Outcome != record.Dropped {
					t.Errorf("of nobody: %+v", op)
				}
				if op.Outcome == record.Dropped {
					return // which is over at its time, and found out later
				}
				if op.Done < last[client] {
					t.Errorf("client %d: %v comes after %v", client, op.Done, last[client])
				}
				last[client] = op.Done
			},
		})
		w.Start()
		time.Sleep(5 * time.Second)
		w.Stop()
		rec := ended(t, w, s, 10_001)
		if count != rec.Total.Outcomes || count[record.Unknown] == 0 || count[record.Dropped] == 0 {
			t.Errorf("told of %v, recorded %v", count, rec.Total.Outcomes)
		}
	})
}

// TestCollectedBeforeItsTime: a ring that fills is not left alone until the next round,
// and what has been counted is not held any longer.
func TestCollectedBeforeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: func(int, <-chan struct{}) result {
			time.Sleep(10 * time.Microsecond)
			return result{Outcome: record.Failed, Kind: "refused", Err: errTimeout}
		}}
		w := begin(s, Config{Clients: 1})
		time.Sleep(9 * time.Millisecond) // 900 operations of the 1,024 that fit
		r := w.rings[0]
		if read := r.read.Load(); read < 512 {
			t.Errorf("%d of %d have been counted", read, r.written.Load())
		}
		w.Close()
		for _, s := range r.samples {
			if s.op.Err != nil {
				t.Fatal("an error is kept that has been counted")
			}
		}
	})
}

// TestDroppedIsNotServed: not even at the very zero of the clock.
func TestDroppedIsNotServed(t *testing.T) {
	var x timing
	x.record(&record.Op{Done: time.Second, Outcome: record.Dropped})
	if x.response.n != 1 || x.served().n != 0 {
		t.Errorf("%d response times, %d service times", x.response.n, x.served().n)
	}
}

// TestALongRunHasNoMoreSteps: the steps of a run of three hours are three times as long as those of an
// hour, and their distributions are those of all that ended in them.
func TestALongRunHasNoMoreSteps(t *testing.T) {
	for now, want := range map[time.Duration]int{time.Second: 1, time.Hour: 1, time.Hour + 1: 2, 24 * time.Hour: 24} {
		if got := coarse(now); got != want {
			t.Errorf("after %s: %d", now, got)
		}
	}
	var s seconds
	phase := &figures{}
	for second := range 9 {
		bucket := s.find(second, phase)
		for i := range 100 {
			bucket.record(&record.Op{Done: time.Duration(second)*time.Second + time.Duration(i)*time.Millisecond, Sent: time.Duration(second) * time.Second, Due: time.Duration(second) * time.Second, Outcome: record.OK})
		}
	}
	s.settle()
	single, merged := s.all(1), s.all(4)
	if len(single) != 9 || len(merged) != 3 {
		t.Fatalf("%d and %d steps", len(single), len(merged))
	}
	if merged[1].At != 4*time.Second || merged[1].Response.Count != 400 || merged[2].Response.Count != 100 ||
		merged[0].Outcomes[record.OK] != 400 || merged[0].Response.Max != 99*time.Millisecond {
		t.Errorf("%+v", merged)
	}
	if again := s.all(1); len(again) != 9 || again[4].Response.Count != 100 {
		t.Errorf("single again: %+v", again)
	}
}

// TestTheSeriesOfALongRun has what was never sent in the same steps.
func TestTheSeriesOfALongRun(t *testing.T) {
	slots := make([]record.Slot, 100)
	for i := range slots {
		slots[i].OK = 1
	}
	sums := totals{dropped: []uint32{0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4}} // after the last answer, too
	points := sums.series(slots, 3)
	if len(points) != 5 || points[0].OK != 30 || points[3].OK != 10 || points[1].At != 300*time.Millisecond ||
		points[0].Dropped != 1 || points[1].Dropped != 2 || points[4].Dropped != 4 || points[4].At != 1200*time.Millisecond {
		t.Errorf("%+v", points)
	}
}

// What failed at once, and what timed out, are in the times of all, and not in those of
// what succeeded.
func TestTimesOfWhatSucceeded(t *testing.T) {
	var f figures
	op := func(outcome record.Outcome, took time.Duration) {
		f.record(&record.Op{Sent: time.Millisecond, Done: took, Outcome: outcome})
	}
	op(record.OK, 20*time.Millisecond)
	op(record.Weak, 30*time.Millisecond)
	if s := f.stats(time.Second); s.Succeeded != nil || s.Response.Count != 2 {
		t.Errorf("all succeeded: %+v", s)
	}
	op(record.Failed, 2*time.Millisecond)
	op(record.Unknown, 5*time.Second)
	op(record.Dropped, 7*time.Second)
	s := f.stats(time.Second)
	if s.Response.Count != 5 || s.Service.Count != 4 || s.Response.Min != 2*time.Millisecond || s.Response.Max != 7*time.Second {
		t.Errorf("of all: %d, %d, %s to %s", s.Response.Count, s.Service.Count, s.Response.Min, s.Response.Max)
	}
	if s.Succeeded == nil {
		t.Fatal("nothing is said of what succeeded")
	}
	if d := s.Succeeded.Response; d.Count != 2 || d.Min != 20*time.Millisecond || d.Max != 30*time.Millisecond {
		t.Errorf("of what succeeded: %d, %s to %s", d.Count, d.Min, d.Max)
	}
	if d := s.Succeeded.Service; d.Count != 2 || d.Min != 19*time.Millisecond || d.Max != 29*time.Millisecond {
		t.Errorf("service times of what succeeded: %d, %s to %s", d.Count, d.Min, d.Max)
	}
}
