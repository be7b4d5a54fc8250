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
