package load

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"pgchaos/internal/skip"
	"pgchaos/load/eventloop"
	"pgchaos/record"
)

// TestClientsOfLoopsConnectBeforeTheStart is the same on event loops.
func TestClientsOfLoopsConnectBeforeTheStart(t *testing.T) {
	loops, err := eventloop.New(2, nil)
	if err != nil {
		skip.Test(t, "there are no event loops here: %v", err)
	}
	defer loops.Close()
	var connected atomic.Int64
	w := New(Config{Clients: 6, Iterations: 3000, Loops: loops, Clock: record.StartClock(), Open: func(client int) Session {
		return &countsConnects{signs{client: client}, &connected}
	}})
	if errs := w.Connect(t.Context()); len(errs) > 0 || connected.Load() != 6 {
		t.Errorf("%d connected: %v", connected.Load(), errs)
	}
	w.Start()
	for w.Running() {
		time.Sleep(time.Millisecond)
	}
	w.Close()
	if rec := w.Record(); rec.Total.Samples() != 3000 || connected.Load() != 6 {
		t.Errorf("%d samples, %d connected", rec.Total.Samples(), connected.Load())
	}
}

type countsConnects struct {
	signs
	n *atomic.Int64
}

func (c *countsConnects) Connect(ctx context.Context) error {
	if eventloop.TaskOf(ctx) == nil {
		return errors.New("it connects without its task")
	}
	c.n.Add(1)
	return nil
}
