package load

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"pgchaos/internal/skip"
	"pgchaos/load/eventloop"
	"pgchaos/record"
)

// prompt is a session whose operations take no time, or never end until their context does.
type prompt struct{ never bool }

func (s prompt) Do(ctx context.Context, op *record.Op) time.Duration {
	if s.never {
		<-ctx.Done()
	}
	op.Outcome = record.OK
	return 0
}
func (prompt) Settle(*record.Op, bool) {}
func (prompt) Close()                  {}

// interrupting is a session with a bug in what the watchdog calls.
type interrupting struct{ prompt }

func (interrupting) Interrupt() bool { panic("a bug in Interrupt") }

// closing is a session with a bug in what Stop calls.
type closing struct{ prompt }

func (closing) Close() { panic("a bug in Close") }

// panicOnce is an OnSample with a bug, which shows at the first sample.
func panicOnce() func(int, record.Op) {
	var calls atomic.Int64
	return func(int, record.Op) {
		if calls.Add(1) == 1 {
			panic("a bug in OnSample")
		}
	}
}

// TestAPanicOfTheEngineIsReported: a goroutine of the engine that panics ends alone, also while it holds
// the lock, so that what has been counted can still be read.
func TestAPanicOfTheEngineIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		value  any
	}{
		"the collector": {Config{
			Open: func(int) Session { return prompt{} }, Schedule: Constant(Steady(1000)),
			OnSample: panicOnce(),
		}, "a bug in OnSample"},
		"a client that makes space": {Config{
			Open:     func(int) Session { return prompt{} },
			OnSample: panicOnce(),
		}, "a bug in OnSample"},
		"the watchdog": {Config{
			Open: func(int) Session { return interrupting{prompt{never: true}} }, Timeout: 20 * time.Millisecond, Grace: time.Second,
		}, "a bug in Interrupt"},
		"who is told of the end": {Config{
			Open: func(int) Session { return prompt{} }, Iterations: 10, Ended: func() { panic("a bug in Ended") },
		}, "a bug in Ended"},
		"the closing of a session": {Config{
			Open: func(int) Session { return closing{} }, Iterations: 10,
		}, "a bug in Close"},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan any, 100)
			report := func(value any) {
				select {
				case got <- value:
				default:
				}
			}
			c.config.Clients, c.config.Clock, c.config.Broken, c.config.Panicked = 2, record.StartClock(), report, report
			w := New(c.config)
			w.Start()
			if value := <-got; value != c.value {
				t.Errorf("%v", value)
			}
			_ = w.Live()   // would wait for ever for a lock that was not released
			_ = w.Record() // and so would this
			go w.Close()   // which may never end
		})
	}
}

// TestAPanicOfALoopIsReported: of a task of an event loop too.
func TestAPanicOfALoopIsReported(t *testing.T) {
	got := make(chan any, 1)
	loops, err := eventloop.New(1, func(value any) { got <- value })
	if err != nil || loops == nil {
		skip.Test(t, "there are no event loops here: %v", err)
	}
	w := New(Config{
		Clients: 2, Loops: loops, Clock: record.StartClock(), Open: func(int) Session { return prompt{} },
		OnSample: panicOnce(),
		Broken: func(value any) {
			select {
			case got <- value:
			default:
			}
		},
	})
	w.Start()
	if value := <-got; value != "a bug in OnSample" {
		t.Errorf("%v", value)
	}
	_ = w.Record()
	go w.Close()
}
