package link

import (
	"sync/atomic"
	"time"
)

// sleeper sleeps until a moment, and can be woken before it.
type sleeper interface {
	// until sleeps until a moment, or until a wake. It does not sleep where stop is true, which it asks after
	// the moment from which a wake counts. It can return too early.
	until(t time.Time, stop func() bool)
	wake()
	close()
}

// timerSleep sleeps by a timer of Go's: in an idle process up to a millisecond too long, since the wait for the
// network rounds a time-out up to milliseconds.
type timerSleep struct{ woken chan struct{} }

func newTimerSleep() sleeper { return timerSleep{make(chan struct{}, 1)} }

func (s timerSleep) until(t time.Time, stop func() bool) {
	select { // a wake of an earlier sleep
	case <-s.woken:
	default:
	}
	if stop() {
		return
	}
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.woken:
	}
}

func (s timerSleep) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

func (timerSleep) close() {}

// lazySleeper is a sleeper that is made when it is first needed: most connections are never delayed.
type lazySleeper struct {
	make func() sleeper
	made atomic.Pointer[sleeper]
}

// get is for the one goroutine that sleeps.
func (l *lazySleeper) get() sleeper {
	if s := l.made.Load(); s != nil {
		return *s
	}
	s := l.make()
	l.made.Store(&s)
	return s
}

func (l *lazySleeper) wake() {
	if s := l.made.Load(); s != nil {
		(*s).wake()
	}
}

func (l *lazySleeper) close() {
	if s := l.made.Load(); s != nil {
		(*s).close()
	}
}
