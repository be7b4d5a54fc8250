package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// healTimeout bounds one reversal at the end of a run: the time a server may need
// to recover from a crash, and then some.
const healTimeout = 60 * time.Second

// Undo holds how to take back what is in place. Everything pushed is run at the
// end of a run at the latest, last first.
type Undo struct {
	mu    sync.Mutex
	stack []*Reversal
}

// Reversal takes one change back. It runs at most once successfully; what it
// calls is idempotent, since a step of the timeline may have done the same.
type Reversal struct {
	What string // "start", "resume"
	Node string
	run  Reverse
	mu   sync.Mutex
	done bool
}

// Reverse takes a change back. At the end of a run (ending) nothing may be made
// that the audit would have to take for a second primary; before it, what was
// asked for is done to the letter.
type Reverse func(ctx context.Context, ending bool) error

// Push adds a reversal, before the change that it takes back.
func (u *Undo) Push(what, node string, run Reverse) *Reversal {
	r := &Reversal{What: what, Node: node, run: run}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stack = append(u.stack, r)
	return r
}

// Run takes the change back, unless that has been done already.
func (r *Reversal) Run(ctx context.Context, ending bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return nil
	}
	if err := r.run(ctx, ending); err != nil {
		return fmt.Errorf("%s %s: %w", r.What, r.Node, err)
	}
	r.done = true
	return nil
}

// Heal runs every reversal not run yet, last first, each under its own time-out,
// which ctx being cancelled does not shorten. It returns all their errors.
func (u *Undo) Heal(ctx context.Context) error {
	u.mu.Lock()
	stack := u.stack
	u.stack = nil
	u.mu.Unlock()
	var errs []error
	for i := len(stack) - 1; i >= 0; i-- {
		errs = append(errs, func() error {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healTimeout)
			defer cancel()
			return protect(func() error { return stack[i].Run(ctx, true) })
		}())
	}
	return errors.Join(errs...)
}
