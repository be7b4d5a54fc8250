package cluster

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// StopMode is how a server is asked to shut down.
type StopMode string

// The shutdowns that PostgreSQL knows.
const (
	StopFast      StopMode = "fast"      // open transactions are rolled back
	StopSmart     StopMode = "smart"     // waits until every client has left
	StopImmediate StopMode = "immediate" // without a checkpoint: the next start recovers
)

// Stop shuts the server down and returns when no process of it is left. Where it
// takes longer than the timeout (0: a minute) that is an error, and the shutdown
// goes on: a smart one waits for its clients for ever.
func (n *Node) Stop(ctx context.Context, mode StopMode, timeout time.Duration) error {
	return n.locked(ctx, "stop", "", func(ctx context.Context) error { return n.stop(ctx, mode, timeout) })
}

func (n *Node) stop(ctx context.Context, mode StopMode, timeout time.Duration) error {
	signals := map[StopMode]syscall.Signal{StopFast: syscall.SIGINT, StopSmart: syscall.SIGTERM, StopImmediate: syscall.SIGQUIT}
	signal, ok := signals[mode]
	if !ok {
		return fmt.Errorf("%q is no way to stop a server; fast, smart and immediate are", mode)
	}
	host, err := n.processes()
	if err != nil {
		return err
	}
	p := n.running()
	if p == nil {
		return ErrNotRunning
	}
	if n.paused.Load() {
		return errors.New("it is paused, and cannot shut down; resume it first, or kill it")
	}
	if timeout <= 0 {
		timeout = stopTimeout
	}
	n.expectExit()
	n.leaving.Store(true)
	if err := host.Signal(ctx, signal); err != nil {
		return err
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.life.Ended():
		return n.awaitEnd(ctx, host)
	case <-ctx.Done():
		return fmt.Errorf("the %s shutdown has not ended: %w", mode, ctx.Err())
	case <-timer.C:
	}
	if mode == StopSmart {
		return fmt.Errorf("the smart shutdown has not ended after %s: it waits until every client has disconnected; end them, or stop the node fast", timeout)
	}
	return fmt.Errorf("the %s shutdown has not ended after %s; wait longer, or kill the node%s", mode, timeout, n.complaints(ctx))
}

// Leaving tells whether the server has been asked to shut down and does not run
// again yet. A smart shutdown waits for every client, also for one that
// only watches: a watcher that sees this must disconnect.
func (n *Node) Leaving() bool { return n.leaving.Load() }

// ReadOnly tells whether the server runs as StartReadOnly started it.
func (n *Node) ReadOnly() bool {
	p := n.running()
	return p != nil && p.serve == readOnly
}

// Restart stops the server, and starts it as what it was. Stopped is called in between,
// when no process of it is left.
func (n *Node) Restart(ctx context.Context, mode StopMode, timeout time.Duration, stopped func()) error {
	return n.locked(ctx, "restart", "", func(ctx context.Context) error {
		if n.down() {
			return ErrNotRunning
		}
		p := n.running()
		if err := n.stop(ctx, mode, timeout); err != nil {
			return err
		}
		stopped()
		return n.start(ctx, p.serve)
	})
}

// Kill ends every process of the node at once, also of a paused one, and returns
// when none is left.
func (n *Node) Kill(ctx context.Context) error { return n.locked(ctx, "kill", "", n.kill) }

func (n *Node) kill(ctx context.Context) error {
	host, err := n.processes()
	if err != nil {
		return err
	}
	was := n.running()
	n.expectExit()
	if err := host.Kill(ctx); err != nil {
		return err
	}
	n.paused.Store(false)
	if err := n.awaitEnd(ctx, host); err != nil {
		return err
	}
	if was == nil {
		return ErrNotRunning
	}
	return nil
}

// Pause freezes every process of the node: clients keep their connections, and
// get no answers.
func (n *Node) Pause(ctx context.Context) error {
	return n.locked(ctx, "pause", "", func(ctx context.Context) error {
		host, err := n.freezing()
		if err != nil {
			return err
		}
		if n.down() {
			return ErrNotRunning
		}
		if n.paused.Load() {
			return errors.New("it is paused already")
		}
		n.paused.Store(true) // before: a call that fails can still have taken effect
		return host.Freeze(ctx)
	})
}

// Paused tells whether the node is frozen.
func (n *Node) Paused() bool { return n.paused.Load() }

// Resume lets a paused node go on. It is idempotent.
func (n *Node) Resume(ctx context.Context) error {
	return n.locked(ctx, "resume", "", func(ctx context.Context) error {
		host, err := n.freezing()
		if err != nil {
			return err
		}
		if err := host.Thaw(ctx); err != nil {
			return err
		}
		n.paused.Store(false)
		return nil
	})
}
