package load

import (
	"runtime"
	"syscall"
	"time"
)

// punctual wakes at every due time, by a sleep in the kernel, and yields: that makes the
// scheduler look at its timers, those of the clients that wait for this very moment
// included. Left to itself an idle Go program sleeps in epoll_wait, which counts in
// milliseconds, so that half of one is added to every response time.
//
// Rejected: a thread locked to this goroutine is no more punctual and costs half as much
// again, for each wake-up then changes threads; one goroutine that hands out what is
// due needs a queue of those who wait, and its lock.
func (w *Workload) punctual(r *run) {
	const least, most = 100 * time.Microsecond, 20 * time.Millisecond
	next := make([]int64, len(r.groups))
	for !r.halted() {
		now := w.cfg.Clock.Now()
		nap := most
		for g, a := range r.groups {
			due, ok := a.due(next[g])
			for ; ok && r.start+due <= now; due, ok = a.due(next[g]) {
				next[g]++
			}
			if ok {
				nap = min(nap, r.start+due-now)
			}
		}
		request := syscall.NsecToTimespec(int64(max(nap, least)))
		_ = syscall.Nanosleep(&request, nil) // cut short by a signal it is too early: no harm
		runtime.Gosched()
	}
}
