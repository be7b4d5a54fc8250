package runner

import (
	"context"
	"sync"
)

// What a run is doing, for the words of an interrupt.
const (
	isBuilding int32 = iota
	isLoading
	isAuditing
	isRemoving
)

// announce says at once what each interrupt ends, until the returned function is called.
func (r *run) announce(ctx context.Context) (end func()) {
	second, cancel := until(context.WithoutCancel(ctx), r.EndAtOnce)
	var mu sync.Mutex
	ended := false
	say := func(text func() string) func() {
		return func() {
			mu.Lock()
			defer mu.Unlock()
			if !ended {
				r.say(text())
			}
		}
	}
	unsaid := context.AfterFunc(ctx, say(r.firstInterrupt))
	context.AfterFunc(second, say(func() string { return "second interrupt: ending at once, with what there is of the cluster left" }))
	return func() {
		mu.Lock()
		ended = true
		mu.Unlock()
		unsaid() // ctx lives on through a series, and would keep the whole run with all its writes
		cancel()
	}
}

func (r *run) firstInterrupt() string {
	const then = "; a second interrupt ends at once, and leaves the cluster"
	switch r.doing.Load() {
	case isLoading:
		return "interrupted: ending load and timeline; faults are taken back, and the audit follows" + then
	case isAuditing:
		return "interrupted: the load has ended, and the audit goes on" + then
	}
	return "interrupted: removing the cluster" + then
}

// until is a context that ends when a channel is closed; nil: never.
func until(ctx context.Context, closed <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	select {
	case <-closed: // before anything is begun
		cancel()
		return ctx, cancel
	default:
	}
	go func() {
		select {
		case <-closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
