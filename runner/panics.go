package runner

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"pgchaos/internal/catch"
)

// panics keeps the first panic of a goroutine of the run, and ends load and timeline with
// it: the process would otherwise end at once, and leave the cluster behind. A panic
// of a goroutine that a library has started, and an error of Go's runtime, still do that.
type panics struct {
	mu    sync.Mutex
	first error
	end   context.CancelFunc // what it ends; nil: nothing yet
	// broken is closed by a panic of the load engine itself, which may then never stop.
	broken   chan struct{}
	breaking sync.Once
}

func newPanics() *panics { return &panics{broken: make(chan struct{})} }

// keepBroken keeps a panic of the load engine itself.
func (p *panics) keepBroken(value any) {
	p.keep(value)
	p.breaking.Do(func() { close(p.broken) })
}

// guard runs f, and keeps its panic.
func (p *panics) guard(f func()) {
	defer catch.Panic(p.keep)
	f()
}

// keep is to be called where the panic was recovered from, for its stack.
func (p *panics) keep(value any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first != nil {
		return
	}
	p.first = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
	if p.end != nil {
		p.end()
	}
}

// ends has a panic end what the returned context is for.
func (p *panics) ends(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = cancel
	return ctx, cancel
}

func (p *panics) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first
}
