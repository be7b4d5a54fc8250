package load

import (
	"context"
	"fmt"
	"time"

	"pgchaos/internal/catch"
	"pgchaos/record"
)

// do performs one operation. If that panics, and Config.Panicked is set, the operation's outcome
// is unknown.
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
	defer catch.Panic(w.cfg.Panicked)
	f()
}

// spawn runs f in a goroutine that Close waits for. A panic in it is a bug of the engine itself.
func (w *Workload) spawn(f func()) {
	w.all.Go(func() {
		defer catch.Panic(w.cfg.Broken)
		f()
	})
}

// locked calls f under w.mu, which a panic in f releases: Stop, Close and Record need it.
func (w *Workload) locked(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}
