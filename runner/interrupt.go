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
	audit, cancelAudit := until(context.WithoutCancel(ctx), r.SkipAudit)
	removal, cancelRemoval := until(context.WithoutCancel(ctx), r.SkipRemoval)
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
	context.AfterFunc(audit, say(r.secondInterrupt))
	context.AfterFunc(removal, say(func() string { return "third interrupt: leaving what there is of the cluster" }))
	return func() {
		mu.Lock()
		ended = true
		mu.Unlock()
		unsaid() // ctx lives on through a series, and would keep the whole run with all its writes
		cancelAudit()
		cancelRemoval()
	}
}

func (r *run) firstInterrupt() string {
	switch r.doing.Load() {
	case isLoading:
		return "interrupted: ending load and timeline; the audit follows, and a second interrupt skips it"
	case isAuditing:
		return "interrupted: the load has ended, and the audit goes on; a second interrupt skips it"
	}
	return "interrupted: removing the cluster; a third interrupt leaves what there is of it"
}

func (r *run) secondInterrupt() string {
	if r.doing.Load() == isRemoving {
		return "second interrupt: still removing the cluster; a third one leaves what there is of it"
	}
	return "second interrupt: no audit; a third one leaves the cluster as it is"
}

// until is a context that ends when a channel is closed; nil: never.
func until(ctx context.Context, closed <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
