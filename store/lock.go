package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The locks of a store are files in its directory. A lock ends with its process, however that ends.
const (
	useLock   = "use.lock"   // shared by all that have the store open; Rebuild has it alone
	writeLock = "write.lock" // of the one that changes the store
)

const (
	shared    = unix.LOCK_SH
	exclusive = unix.LOCK_EX
)

// lockWait is how long to wait for another process. Copying is done without a lock, so that a lock is held for
// milliseconds, but by Rebuild.
const lockWait = 60 * time.Second

type fileLock struct{ file *os.File }

func (l *fileLock) release() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}

// lockFile takes a lock, and waits for it. In a directory that cannot be written a lock file that is not there
// is not needed: nothing can change there.
func lockFile(ctx context.Context, dir, name string, how int, readOnly bool) (*fileLock, error) {
	flags := os.O_RDWR | os.O_CREATE
	if readOnly {
		flags = os.O_RDONLY
	}
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW, 0o666)
	if readOnly && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(lockWait); ; {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return &fileLock{f}, nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		case time.Now().After(deadline):
			return nil, errors.Join(fmt.Errorf("another pgchaos has used the store for more than %v: try again when it has ended", lockWait), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for %s: %w", path, ctx.Err()), f.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
