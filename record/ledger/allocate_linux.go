package ledger

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate takes size bytes of the disk for the file, from off on, so that a full
// disk is an error here and not a signal at a store. Where the file system cannot,
// the write that fills each block before it is mapped has to find that out.
func allocate(f *os.File, off, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, off, size)
		switch {
		case errors.Is(err, unix.EINTR): // the scheduler's own signals do that
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil
		default:
			return err
		}
	}
}
