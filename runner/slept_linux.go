package runner

import (
	"time"

	"golang.org/x/sys/unix"
)

// slept is how long the machine has been suspended since it was started: Go's monotonic
// clock leaves that out, CLOCK_BOOTTIME does not.
func slept() time.Duration {
	var running, all unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &running) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &all) != nil {
		return 0
	}
	return time.Duration(all.Nano() - running.Nano())
}
