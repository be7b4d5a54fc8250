package load

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// sleeper sleeps itself for a while in every operation, and then waits for its server.
type sleeper struct{ sleep, wait time.Duration }

func (s sleeper) Do(ctx context.Context, op *record.Op) time.Duration {
	op.Outcome = record.OK
	for _, part := range []time.Duration{s.sleep / 2, s.sleep - s.sleep/2} {
		Sleeps(ctx, part)
		time.Sleep(part)
	}
	time.Sleep(s.wait)
	return 0
}

func (sleeper) Settle(*record.Op, bool) {}
func (sleeper) Close()                  {}

// TestSleepingIsNoWaiting: what a client sleeps by itself does not count towards the
// time-out; what it waits for its server, before and after, does.
func TestSleepingIsNoWaiting(t *testing.T) {
	for name, tc := range map[string]struct {
		session sleeper
		outcome record.Outcome
	}{
		"a sleep longer than the time-out":  {sleeper{6 * time.Second, 100 * time.Millisecond}, record.OK},
		"a server too slow after a sleep":   {sleeper{6 * time.Second, 5500 * time.Millisecond}, record.Unknown},
		"a server too slow without a sleep": {sleeper{0, 5500 * time.Millisecond}, record.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := New(Config{
					Clients: 1, Timeout: 5 * time.Second, Iterations: 2, Clock: record.StartClock(),
					Open: func(int) Session { return tc.session },
				})
				w.Start()
				time.Sleep(40 * time.Second)
				w.Close()
				rec := w.Record()
				if rec.Total.Outcomes[tc.outcome] != 2 || rec.Total.Samples() != 2 {
					t.Errorf("%v", rec.Total.Outcomes)
				}
			})
		})
	}
}
