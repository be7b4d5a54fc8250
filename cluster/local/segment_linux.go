package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// removeSegments removes the System V shared memory that servers have left who were
// killed. Each postmaster holds a segment of 56 bytes as a sign that it lives, and takes
// it along only when it ends in good order, or finds it when it is started again on the
// same data. The kernel keeps it for ever otherwise, and has room for 4,096: then no
// server of this machine can be started any more. The files are postmaster.pid, which names
// the segment in its seventh line: key and number (src/include/utils/pidfile.h). One that
// somebody is attached to is left alone.
func removeSegments(files ...string) error {
	var errs []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = removeSegment(string(text))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("remove the shared memory that %s names: %w", file, err))
		}
	}
	return errors.Join(errs...)
}

// removeSegment removes what a postmaster.pid names.
func removeSegment(pidFile string) error {
	lines := strings.Split(pidFile, "\n")
	if len(lines) < 7 {
		return nil // it ended before it had any
	}
	fields := strings.Fields(lines[6])
	if len(fields) != 2 {
		return nil
	}
	key, errKey := strconv.ParseUint(fields[0], 10, 32)
	id, errID := strconv.Atoi(fields[1])
	if err := errors.Join(errKey, errID); err != nil {
		return err
	}
	var is unix.SysvShmDesc
	_, err := unix.SysvShmCtl(id, unix.IPC_STAT, &is)
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EIDRM):
		return nil // there is none of that number
	case err != nil:
		return err
	case uint32(is.Perm.Key) != uint32(key) || is.Nattch > 0:
		return nil // the number is somebody else's by now
	}
	if _, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil); errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EIDRM) {
		return nil
	}
	return err
}
