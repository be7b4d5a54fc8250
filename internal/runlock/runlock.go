// Package runlock takes the lock by which others see that the pgchaos of a run lives. It ends with the process, however
// that ends.
package runlock

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld is that another process holds the lock.
var ErrHeld = errors.New("in use by a running pgchaos")

// forkedFor bounds how long a forked child holds the lock of a pgchaos that is gone, also on a busy machine. Go closes no
// file of ours in a child before it becomes its program.
const forkedFor = 500 * time.Millisecond

// Take locks a file for as long as it is open, or fails with ErrHeld. A lock that is held is tried again for a moment, for
// it can be that of a child that was just forked.
func Take(f *os.File) error {
	for end := time.Now().Add(forkedFor); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case !errors.Is(err, unix.EWOULDBLOCK):
			return err
		case time.Now().After(end):
			return ErrHeld
		}
	}
}
