package load

import (
	"context"
	"fmt"
	"time"

	"pgchaos/record"
)

// do performs one operation. One that panics is an operation of which nobody knows what
// became, where somebody wants to be told of the panic.
func (w *Workload) do(ctx context.Context, session Session, op *record.Op) (pause time.Duration) {
	if w.cfg.Panicked != nil {
		defer func() {
			if value := recover(); value != nil {
				w.cfg.Panicked(value)
				op.Outcome, op.Kind, op.Err = record.Unknown, "panic", fmt.Errorf("panic: %v", value)
			}
		}()
	}
	return session.Do(ctx, op)
}

// guard calls what a session does beside its operations.
func (w *Workload) guard(f func()) {
	if w.cfg.Panicked != nil {
		defer func() {
			if value := recover(); value != nil {
				w.cfg.Panicked(value)
			}
		}()
	}
	f()
}
