package load

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestRecent: what an abort condition sees. A server serves in 20 ms, and from 3 s on refuses in 50 ms.
func TestRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: func(int, <-chan struct{}) result {
			time.Sleep(20 * time.Millisecond)
			return result{Outcome: record.OK}
		}}
		w := begin(s, Config{Clients: 1, Warmup: time.Second})
		if _, ok := w.Recent(-time.Second, 0); ok {
			t.Error("there is a last second at the beginning")
		}
		time.Sleep(1500 * time.Millisecond)
		if r, ok := w.Recent(0, time.Second); ok {
			t.Errorf("the warm-up counts: %+v", r)
		}
		time.Sleep(time.Second)
		r, ok := w.Recent(time.Second, 2*time.Second)
		if n := r.OK; !ok || r.From != time.Second || r.To != 2*time.Second || n < 49 || n > 51 {
			t.Errorf("%d operations from %s to %s, want 50 from 1 s to 2 s", n, r.From, r.To)
		}
		time.Sleep(500 * time.Millisecond)
		s.set(func(int, <-chan struct{}) result {
			time.Sleep(50 * time.Millisecond)
			return result{Outcome: record.Failed, Kind: "refused", Err: errors.New("refused")}
		})
		time.Sleep(2 * time.Second)
		r, ok = w.Recent(2*time.Second, 5*time.Second)
		good, bad := r.OK, r.Errors
		if !ok || r.From != 2*time.Second || good < 49 || good > 52 || bad < 38 || bad > 41 {
			t.Errorf("%d served and %d refused from %s to %s, want about 50 and 40 from 2 s to 5 s", good, bad, r.From, r.To)
		}
		if p := r.Response.Percentile(99); p < 49*time.Millisecond || p > 51*time.Millisecond {
			t.Errorf("p99 is %s, want that of the refusals, 50 ms", p)
		}
		recentTenths(t, w)
		if _, ok := w.Recent(0, 5*time.Second); ok {
			t.Error("five seconds reach into the warm-up")
		}
		w.Stop()
		if _, ok := w.Recent(4*time.Second, 5*time.Second); ok {
			t.Error("it does not run any more")
		}
		w.Close()
	})
}

// recentTenths are counted by tenths of a second, without times.
func recentTenths(t *testing.T, w *Workload) {
	t.Helper()
	r, ok := w.Recent(2800*time.Millisecond, 3200*time.Millisecond)
	if !ok || r.OK < 9 || r.OK > 12 || r.Errors < 3 || r.Errors > 5 || r.Response.Count != 0 {
		t.Errorf("from 2.8 s to 3.2 s: %+v, want about 10 served and 4 refused, without times", r)
	}
}

// TestAcknowledged: all that was acknowledged counts, in every phase and in the warm-up, also once the workload has ended.
func TestAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{do: func(int, <-chan struct{}) result {
			time.Sleep(20 * time.Millisecond)
			return result{Outcome: record.OK}
		}}
		w := begin(s, Config{Clients: 1, Warmup: time.Second})
		time.Sleep(1500 * time.Millisecond)
		w.Phase("next", 1500*time.Millisecond)
		time.Sleep(500 * time.Millisecond)
		if n := w.Acknowledged(); n < 98 || n > 101 {
			t.Errorf("%d acknowledged in 2 s, want 100", n)
		}
		s.set(func(int, <-chan struct{}) result {
			time.Sleep(20 * time.Millisecond)
			return result{Outcome: record.Failed, Kind: "refused", Err: errors.New("refused")}
		})
		time.Sleep(time.Second)
		w.Stop()
		if n := w.Acknowledged(); n < 99 || n > 102 {
			t.Errorf("%d acknowledged at the end, want 101", n)
		}
		w.Close()
	})
}
