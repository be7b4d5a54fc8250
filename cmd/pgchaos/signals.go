package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// endings are the signals that ask pgchaos to end: Ctrl-C, kill, a terminal that is
// closed, Ctrl-\, and abort. Without a handler, Go's runtime answers the last two with
// exit code 2, which says that nothing was started.
func endings() []os.Signal {
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT}
}

type secondInterruptKey struct{}

// secondInterrupt is closed by the second signal, after the one that has ended ctx: end at once, and leave what there is. Without
// signals it is nil.
func secondInterrupt(ctx context.Context) <-chan struct{} {
	second, _ := ctx.Value(secondInterruptKey{}).(chan struct{})
	return second
}

// handleSignals returns a context that the first signal ends. Signals that were ignored when pgchaos
// began stay ignored, as nohup and the background of a script demand. After the second signal they all have their usual effect again.
func handleSignals(ctx context.Context) (context.Context, context.CancelFunc) {
	// A crash ends the process by SIGABRT: exit code 134 in a shell, never 2.
	debug.SetTraceback("crash")
	// A closed pipe (pgchaos run ... | head) must end a line of output, not a run
	// with a cluster to take down: with SIGPIPE caught, the write fails instead.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	var heeded []os.Signal
	for _, s := range endings() {
		if ignored(s) {
			signal.Ignore(s) // else Go's runtime would answer SIGQUIT
			continue
		}
		heeded = append(heeded, s)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, heeded...)
	return countInterrupts(ctx, signals, func() { signal.Reset(heeded...) })
}

// ignored tells whether a signal was ignored when pgchaos began. Go's runtime keeps that of
// SIGHUP and SIGINT alone. A shell that ignores SIGINT for a job in the background does the same with
// SIGQUIT (POSIX, 2.11 Signals and Error Handling).
func ignored(s os.Signal) bool {
	if s == syscall.SIGQUIT {
		s = syscall.SIGINT
	}
	return signal.Ignored(s)
}

// countInterrupts ends the context at the first signal. At the second it closes what secondInterrupt returns, and calls last.
func countInterrupts(ctx context.Context, signals <-chan os.Signal, last func()) (context.Context, context.CancelFunc) {
	second := make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithValue(ctx, secondInterruptKey{}, second))
	go func() {
		<-signals
		cancel()
		<-signals
		close(second)
		last()
	}()
	return ctx, cancel
}
