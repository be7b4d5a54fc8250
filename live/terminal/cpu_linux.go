package terminal

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// cpuOf is the processor time, user and system, that f takes. Go does not count that of a goroutine, but the kernel counts that
// of a thread, on which the goroutine stays meanwhile.
func cpuOf(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadCPU()
	f()
	return threadCPU() - before
}

func threadCPU() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // cannot fail with these arguments
	return time.Duration(t.Nano())
}
