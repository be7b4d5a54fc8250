package pgload

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgchaos/internal/fakepg"
	"pgchaos/load"
	"pgchaos/record"
)

// TestCancel: one CancelRequest for each operation that is late, the answer counts
// as what it is, and the connection is not used again.
func TestCancel(t *testing.T) {
	for _, c := range []struct {
		why    string
		answer fakepg.Answer
		want   record.Outcome
		kind   string
	}{
		{"a wait was cancelled", fakepg.Answer{Notice: &fakepg.Notice{Code: "01000", Routine: "SyncRepWaitForLSN"}}, record.Weak, "timeout, cancelled"},
		{"the statement was", fakepg.Answer{Code: "57014"}, record.Unknown, "timeout, cancelled"},
		{"the answer was on its way", fakepg.Answer{}, record.OK, ""},
		{"an error of its own", fakepg.Answer{Code: "23505"}, record.Failed, "23505"},
		{"a text of the wait is not the notice of it", fakepg.Answer{Notice: &fakepg.Notice{Code: "01000", Routine: "other"}}, record.OK, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			cl := newCluster(t, 1)
			cl.cfg.OnTimeout, cl.cancels = Cancel, 1
			cancelled := sync.OnceValue(func() chan struct{} { return make(chan struct{}) }) // made in the bubble
			cl.servers[0].SetCancel(func() { close(cancelled()) })
			cl.servers[0].SetAnswer(func(string, [][]byte) fakepg.Answer {
				<-cancelled()
				a := c.answer
				a.Delay = 100 * time.Millisecond
				return a
			})
			cl.drive(t, load.Config{Timeout: time.Second, Grace: time.Second}, func(l *load.Workload) {
				time.Sleep(1150 * time.Millisecond)
				rec := l.Record()
				if rec.Total.Outcomes[c.want] == 0 || rec.GaveUp != 0 || cl.servers[0].Opened() != 2 {
					t.Errorf("%v, gave up on %d, %d connections", rec.Total.Outcomes, rec.GaveUp, cl.servers[0].Opened())
				}
				if c.kind != "" && (len(rec.Errors) != 1 || rec.Errors[0].Kind != c.kind) {
					t.Errorf("%+v", rec.Errors)
				}
				l.Close()
				if e := entries(t, cl.book(t), 0)[0]; e.Outcome != c.want || e.Late {
					t.Errorf("ledger: %+v", e)
				}
			})
		})
	}
}

// TestCancelOfADeadServer: the watchdog is not held up, and the client gives up
// after its grace.
func TestCancelOfADeadServer(t *testing.T) {
	for _, mode := range []string{Cancel, Terminate} {
		t.Run(mode, func(t *testing.T) {
			cl := newCluster(t, 1)
			cl.cfg.OnTimeout = mode
			cl.answers(fakepg.Answer{Swallow: true})
			var tried atomic.Int64 // the longest that anybody has dialled
			cl.cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				began := time.Now()
				conn, err := cl.network.Dial(ctx, network, address)
				if took := int64(time.Since(began)); took > tried.Load() {
					tried.Store(took)
				}
				return conn, err
			}
			cl.drive(t, load.Config{Timeout: time.Second, Grace: 2 * time.Second}, func(l *load.Workload) {
				time.Sleep(500 * time.Millisecond)
				cl.servers[0].SetSilent(true)
				time.Sleep(2400 * time.Millisecond)
				if rec := l.Record(); rec.Total.Samples() != 0 || tried.Load() == 0 || time.Duration(tried.Load()) > interruptTimeout {
					t.Errorf("within the grace: %v, dialled for %v", rec.Total.Outcomes, time.Duration(tried.Load()))
				}
				time.Sleep(150 * time.Millisecond)
				if rec := l.Record(); rec.GaveUp != 1 || rec.Errors[0].Kind != "timeout" {
					t.Errorf("gave up on %d, %+v", rec.GaveUp, rec.Errors)
				}
			})
		})
	}
}

// TestFullLedger: what cannot be written down is not sent.
func TestFullLedger(t *testing.T) {
	cl := newCluster(t, 1)
	cl.bubble(t, func(w *Workload) {
		s := w.Open(0)
		once(s)
		w.parts[0].writers[0].Record(99, record.OK, 0, 0, 0) // no such number: an error of the ledger's
		for range 3 {
			reply := once(s)
			if reply.Outcome != record.Failed || reply.Kind != "ledger" || !strings.Contains(reply.Err.Error(), "99") || reply.Pause == 0 {
				t.Errorf("%+v", reply)
			}
		}
		if n := len(cl.servers[0].Executed()); n != 1 {
			t.Errorf("%d statements were sent", n)
		}
		s.Close()
	})
	if err := cl.ledger.Close(); err == nil {
		t.Error("the ledger has no error")
	}
}

func TestWrongOnTimeout(t *testing.T) {
	cl := newCluster(t, 1)
	cl.cfg.OnTimeout = "shout"
	if _, err := New(cl.cfg); err == nil {
		t.Error("no error")
	}
}
