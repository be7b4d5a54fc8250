//go:build !linux

package terminal

import "time"

// cpuOf is how long f takes: the processor time of one thread is not known here, and is not more.
func cpuOf(f func()) time.Duration {
	begun := time.Now()
	f()
	return time.Since(begun)
}
