package pgload

import (
	"context"
	"fmt"

	"pgchaos/record"
)

// Connect connects the session and prepares the statements of all its parts, so that no
// operation has to. Of the connections that several clients share, each is connected by
// the first client that gets it. It makes the session a load.Connector.
func (s *session) Connect(ctx context.Context) error {
	if !s.state.CompareAndSwap(resting, busy) {
		return errClosed
	}
	c := s.conn
	if s.slots != nil {
		if c = s.slots.acquire(ctx); c == nil {
			return s.rest(fmt.Errorf("wait for a connection: %w", ctx.Err()))
		}
		defer s.slots.release(c)
	}
	err := s.makeReady(ctx, c)
	if err != nil {
		c.disconnect()
	}
	if s.slots != nil {
		s.network.Store(nil)
	}
	return s.rest(err)
}

// makeReady connects, and prepares what all parts want.
func (s *session) makeReady(ctx context.Context, c *conn) error {
	if c.pooled == nil {
		if _, err := c.connect(ctx, s); err != nil {
			return err
		}
	}
	for _, p := range s.w.parts {
		if c.ready[p.number] {
			continue
		}
		if err := c.introduce(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// rest ends what made the session busy.
func (s *session) rest(err error) error {
	if !s.state.CompareAndSwap(busy, resting) && s.conn != nil {
		s.conn.disconnect()
	}
	return err
}

// SetClock gives the workload another clock. No session may have begun an operation.
func (w *Workload) SetClock(clock record.Clock) { w.cfg.Clock = clock }
