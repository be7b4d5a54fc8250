package load

import (
	"context"

	"pgchaos/load/eventloop"
	"pgchaos/record"
)

// Connector is a Session that can connect before its first operation.
type Connector interface {
	// Connect connects, and prepares what the operations need. It is called before the
	// first Do, and tries each server once. An error leaves the session as it was: Do
	// connects then. When ctx ends, it returns at once.
	Connect(ctx context.Context) error
}

// Connect makes the clients of the next Start and has them connect, for what connecting
// takes is no part of any operation. It returns when each of them has connected or
// failed to, at the latest when ctx ends, with the errors of those that failed.
func (w *Workload) Connect(ctx context.Context) (errs []error) {
	var r *run
	launched := 0
	w.locked(func() {
		if w.run != nil || w.next != nil || w.closed {
			return
		}
		r = w.newRun(0)
		w.next = r
		r.connecting, r.failed = ctx, make(chan error, len(w.clients))
		launched = w.launchAll(r, 0)
	})
	for range launched {
		if err := <-r.failed; err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// SetClock gives the workload another clock. It must not have been started.
func (w *Workload) SetClock(clock record.Clock) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cfg.Clock = clock
}

// enter has a client that was made before the start of its run connect, and wait for the
// start. It is false where the workload is closed instead.
func (w *Workload) enter(r *run, f *attempt, t *eventloop.Task) bool {
	ctx, cancel := context.WithCancel(eventloop.With(f.ctx, t))
	defer cancel()
	defer context.AfterFunc(r.connecting, cancel)()
	var err error
	if c, ok := f.session.(Connector); ok {
		w.guard(func() { err = c.Connect(ctx) })
	}
	r.failed <- err
	t.Block(func() {
		select {
		case <-r.begun:
		case <-w.ctx.Done():
		}
	})
	select {
	case <-r.begun: // whatever has ended since: the run waits for all of its clients to leave
		return true
	default:
		return false
	}
}
