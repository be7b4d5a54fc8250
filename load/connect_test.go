package load

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// connecting is a session that takes its time to connect.
type connecting struct {
	Session
	takes     time.Duration
	connected atomic.Bool
}

func (c *connecting) Connect(ctx context.Context) error {
	select {
	case <-time.After(c.takes):
		c.connected.Store(true)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *connecting) Do(ctx context.Context, op *record.Op) time.Duration {
	if !c.connected.Swap(true) {
		time.Sleep(400 * time.Millisecond) // it connects now
	}
	return c.Session.Do(ctx, op)
}

// TestClientsConnectBeforeTheStart: what connecting takes is in no response time; a
// client that cannot connect holds nothing up beyond the bound, and does so later.
func TestClientsConnectBeforeTheStart(t *testing.T) {
	for _, schedule := range []*Schedule{nil, Constant(Steady(100))} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{do: takes(time.Millisecond)}
			hopeless := -1
			cfg := Config{Clients: 4, Schedule: schedule, Clock: record.StartClock(), Open: func(client int) Session {
				c := &connecting{Session: s.open(client), takes: 400 * time.Millisecond}
				if client == hopeless {
					c.takes = time.Hour
				}
				return c
			}}
			connect := func(w *Workload) ([]error, time.Duration) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				begun := time.Now()
				return w.Connect(ctx), time.Since(begun)
			}
			w := New(cfg)
			if errs, took := connect(w); len(errs) > 0 || took != 400*time.Millisecond {
				t.Errorf("connected after %s: %v", took, errs)
			}
			clock := record.StartClock() // it begins when they have connected
			w.SetClock(clock)
			time.Sleep(time.Second)
			w.Start()
			time.Sleep(time.Second)
			w.Stop()
			if rec := w.Record(); rec.Total.Samples() < 90 || rec.Total.Response.Max > 10*time.Millisecond || rec.Active[0].From != time.Second {
				t.Errorf("%d samples from %s on, the slowest %s", rec.Total.Samples(), rec.Active[0].From, rec.Total.Response.Max)
			}
			w.Start() // anew, without Connect
			time.Sleep(time.Second)
			ended(t, w, s, -1)

			hopeless = 2
			w = New(cfg)
			if errs, took := connect(w); len(errs) != 1 || !errors.Is(errs[0], context.DeadlineExceeded) && !errors.Is(errs[0], context.Canceled) || took != 2*time.Second {
				t.Errorf("a client that cannot connect: after %s, %v", took, errs)
			}
			w.Start()
			time.Sleep(time.Second)
			if rec := ended(t, w, s, -1); rec.Total.Samples() < 90 {
				t.Errorf("only %d samples", rec.Total.Samples())
			}

			w = New(cfg) // never started
			connect(w)
			w.Close()
			if errs, _ := connect(w); errs != nil {
				t.Errorf("connected after the end: %v", errs)
			}
		})
	}
}
