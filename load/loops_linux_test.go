package load

import (
	"context"
	"testing"
	"time"

	"pgchaos/history"
	"pgchaos/load/eventloop"
)

// signs is a session that leaves its client's number with every operation.
type signs struct {
	instant
	client int
}

func (s signs) Do(_ context.Context, op *history.Op) time.Duration {
	op.Outcome, op.Node = history.OK, 1+s.client
	return 0
}

// TestLoopsTellWhose: the clients of an event loop leave their samples in one place, and
// each is booked for who left it.
func TestLoopsTellWhose(t *testing.T) {
	loops, err := eventloop.New(2)
	if err != nil {
		t.Fatal(err)
	}
	defer loops.Close()
	const clients, operations = 5, 20_000 // much more than there is room for
	var of [clients]int
	ended := make(chan struct{})
	w := New(Config{
		Clients: clients, Nodes: clients, Iterations: operations, Loops: loops, Clock: history.StartClock(),
		Open: func(client int) Session { return signs{client: client} },
		OnSample: func(client int, op history.Op) {
			if op.Node != 1+client {
				t.Errorf("a sample of client %d is told of client %d", op.Node-1, client)
			}
			of[client]++
		},
		Ended: func() { close(ended) },
	})
	w.Start()
	<-ended
	rec := w.Record()
	w.Close()
	sum := 0
	for _, n := range of {
		sum += n
	}
	if sum != operations || rec.Total.Samples() != operations || len(w.rings) != loops.Threads() {
		t.Errorf("%d told, %d recorded of %d, in %d rings", sum, rec.Total.Samples(), operations, len(w.rings))
	}
}

// TestOpenLoopOnEventLoops sends every arrival once, in real time, and none before it is due.
func TestOpenLoopOnEventLoops(t *testing.T) {
	for name, config := range map[string]Config{
		"evenly":        {Schedule: Constant(Steady(20_000)), Iterations: 2000},
		"at random":     {Schedule: Poisson(1, Steady(20_000)), Iterations: 2000},
		"by two groups": {Schedule: Constant(Steady(10_000)), Iterations: 2000, Groups: 2},
		"spread":        {Schedule: Constant(Steady(20_000)), Iterations: 2000, CatchUp: Spread},
	} {
		t.Run(name, func(t *testing.T) {
			loops, err := eventloop.New(2)
			if err != nil {
				t.Fatal(err)
			}
			defer loops.Close()
			ended := make(chan struct{})
			config.Clients, config.Loops, config.Clock, config.Timeout = 6, loops, history.StartClock(), time.Hour
			config.Open = func(client int) Session { return signs{client: client} }
			config.Ended = func() { close(ended) }
			config.OnSample = func(_ int, op history.Op) {
				if op.Outcome != history.OK || op.Sent < op.Due {
					t.Errorf("due at %v: sent at %v: %v", op.Due, op.Sent, op.Outcome)
				}
			}
			w := New(config)
			w.Start()
			<-ended
			rec := w.Record()
			w.Close()
			if rec.Total.Samples() != 2000 || rec.Asked != 2000 || rec.Lateness.Count == 0 {
				t.Errorf("%d sent of %d, the lateness of %d is known", rec.Total.Samples(), rec.Asked, rec.Lateness.Count)
			}
		})
	}
}

// TestStopEndsClientsThatSleep although their next arrival is due in an hour.
func TestStopEndsClientsThatSleep(t *testing.T) {
	loops, err := eventloop.New(2)
	if err != nil {
		t.Fatal(err)
	}
	defer loops.Close()
	w := New(Config{
		Clients: 5, Loops: loops, Clock: history.StartClock(), Schedule: Constant(Steady(1.0 / 3600)),
		Open: func(client int) Session { return signs{client: client} },
	})
	for range 20 { // it may find them asleep, or on their way
		w.Start()
		w.Stop()
	}
	w.Start()
	time.Sleep(5 * time.Millisecond)
	w.Close()
	if rec := w.Record(); rec.Total.Samples() > 21 || rec.Total.Samples() == 0 {
		t.Errorf("%d sent, of one at each start", rec.Total.Samples())
	}
}
