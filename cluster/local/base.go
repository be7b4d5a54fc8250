package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"pgchaos/cluster"
	"pgchaos/internal/regular"
	"pgchaos/internal/runlock"
)

// The layout of a run's directory. Logs stand beside the nodes' directories,
// which are empty when they are handed out.
const (
	nodesDir   = "nodes"
	logsDir    = "logs"
	lockFile   = "lock"
	recordFile = "run.json"
)

// madeFile is in a base directory that pgchaos has made, and may remove. One that was there before stays.
const (
	madeFile = ".made-by-pgchaos"
	madeText = "pgchaos has made this directory, and removes it with the last run in it\n"
)

// resolveBase is the base directory's one true name, without a symbolic link
// above it, as the system shows the working directories of processes.
func resolveBase(dir string) (string, error) {
	if dir == "" {
		dir = cluster.DefaultBase()
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find directory %s: %w", dir, err)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", fmt.Errorf("find directory %s: %w", dir, err)
	}
	return filepath.Join(parent, filepath.Base(abs)), nil
}

// lockBase takes the lock of the base directory, on the directory itself, and
// returns the directory's resolved name. It is held for moments only: while a run
// appears or vanishes, and while ports are chosen. Without create a missing
// directory is an error that is fs.ErrNotExist.
func lockBase(ctx context.Context, dir string, create bool) (base string, unlock func(), err error) {
	if base, err = resolveBase(dir); err != nil {
		return "", nil, err
	}
	var file *os.File
	err = until(ctx, func() (bool, error) {
		if create {
			switch err := makeDir(base, 0o711, nil); {
			case err == nil:
				if err := os.WriteFile(filepath.Join(base, madeFile), []byte(madeText), 0o600); err != nil {
					return false, errors.Join(err, os.Remove(base))
				}
			case !errors.Is(err, fs.ErrExist):
				return false, err
			}
		}
		if err := checkBase(base); err != nil {
			// Between making it and looking at it, the last run in it may have gone.
			return false, unlessCreating(create, err)
		}
		f, err := os.OpenFile(base, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			return false, unlessCreating(create, err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = nil
			}
			return false, errors.Join(err, f.Close())
		}
		if !sameFile(f, base) { // removed, and perhaps made anew, while we waited
			return false, f.Close()
		}
		file = f
		return true, nil
	})
	if err != nil {
		return "", nil, fmt.Errorf("lock directory %s: %w", base, err)
	}
	return base, func() { _ = file.Close() }, nil // which can say nothing of a directory that was only read
}

func unlessCreating(create bool, err error) error {
	if create && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func sameFile(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

// checkBase refuses a base directory in which another user could have laid, or
// could lay, something for us to fall over: every user can write to /var/tmp, and
// the first to use a name there owns it.
func checkBase(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	const hint = "; set " + cluster.BaseVariable + " to a directory of your own"
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link%s", dir, hint)
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory%s", dir, hint)
	case !ok:
		return fmt.Errorf("%s: its owner is unknown%s", dir, hint)
	case int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d, not to user %d%s", dir, stat.Uid, os.Geteuid(), hint)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s can be written by others (mode %#o)%s", dir, info.Mode().Perm(), hint)
	}
	return nil
}

// removeBase removes the base directory if pgchaos has made it and nothing else is in it. The caller holds its
// lock.
func removeBase(base string) error {
	root, err := os.OpenRoot(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove directory %s: %w", base, err)
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return fmt.Errorf("remove directory %s: %w", base, err)
	}
	if len(entries) != 1 || entries[0].Name() != madeFile {
		return nil
	}
	if text, err := regular.ReadIn(root, madeFile, int64(len(madeText))); err != nil || string(text) != madeText {
		return nil // it is not the file that we write
	}
	err = root.Remove(madeFile)
	if err == nil {
		err = unix.Rmdir(base)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove directory %s: %w", base, err)
	}
	return nil
}

// lockRun takes the lock of a run in its directory; the error can be runlock.ErrHeld. No program inherits it.
func lockRun(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	switch err := runlock.Take(f); {
	case errors.Is(err, runlock.ErrHeld):
		return nil, errors.Join(err, f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}

// removeRun deletes a run's directory and the shared memory of its servers. What tells that it is a run's goes last. What
// cannot be removed is named, and the rest is removed still. The error is a Remark if all of it is gone.
func removeRun(dir string, own *owner) error {
	nodes, err := os.ReadDir(filepath.Join(dir, nodesDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is left: %w", dir, err)
	}
	var errs []error
	for _, n := range nodes {
		if n.IsDir() {
			errs = append(errs, removeNodeSegments(filepath.Join(dir, nodesDir, n.Name()), own))
		}
	}
	for _, sub := range []string{nodesDir, logsDir, ""} {
		if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
			return cluster.JoinRemovals(append(errs, fmt.Errorf("%s is left: %w", dir, err))...)
		}
	}
	if _, err := os.Lstat(dir); err == nil {
		errs = append(errs, fmt.Errorf("%s is left, though it has been deleted", dir))
	} else if !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, fmt.Errorf("make sure that %s is gone: %w", dir, err))
	}
	return cluster.JoinRemovals(errs...)
}

// makeDir makes one directory of exactly this mode, whatever the umask, and gives
// it to an owner.
func makeDir(dir string, mode fs.FileMode, own *owner) error {
	if err := os.Mkdir(dir, mode); err != nil {
		return err
	}
	if err := os.Chmod(dir, mode); err != nil {
		return errors.Join(err, os.Remove(dir))
	}
	if own != nil {
		if err := os.Chown(dir, own.uid, own.gid); err != nil {
			return errors.Join(err, os.Remove(dir))
		}
	}
	return nil
}
