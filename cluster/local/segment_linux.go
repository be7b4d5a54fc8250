package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pgchaos/internal/regular"
)

// segment is System V shared memory as a postmaster.pid names it.
type segment struct {
	key uint32
	id  int
}

const (
	pidFileLimit = 64 << 10 // PostgreSQL writes some 100 bytes
	mostDirs     = 100      // directories of a node that are looked at
)

// removeSegments removes the System V shared memory of servers that were killed, and what that says
// of their dynamic shared memory. Each postmaster holds a segment as a sign that it lives, and
// removes it only when it ends in good order, or when it is started again on the same data.
// The kernel keeps it for ever otherwise, and has room for 4,096: then no server of this machine
// can be started any more. postmaster.pid names the segment in its seventh line: key and number
// (src/include/utils/pidfile.h).
//
// The server's user can write that file, so that it is only a hint: a segment is removed if it has that
// number and key, belongs to the server's user, and no process is attached to it. A bad file is an error
// that names it; the other files are still read.
func removeSegments(node *os.Root, own *owner) error {
	entries, err := fs.ReadDir(node.FS(), ".")
	if err != nil {
		return fmt.Errorf("look for shared memory: %w", err)
	}
	var errs []error
	for _, e := range entries[:min(len(entries), mostDirs)] {
		if !e.IsDir() {
			continue
		}
		name := path.Join(e.Name(), "postmaster.pid")
		text, err := regular.ReadIn(node, name, pidFileLimit)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = removeNamedSegment(string(text), own)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("remove the shared memory that %s names: %w", path.Join(node.Name(), name), err))
		}
	}
	return errors.Join(errs...)
}

func removeNamedSegment(pidFile string, own *owner) error {
	s, ok, err := parseSegment(pidFile)
	if err != nil || !ok {
		return err
	}
	var is unix.SysvShmDesc
	_, err = unix.SysvShmCtl(s.id, unix.IPC_STAT, &is)
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EIDRM):
		return nil // there is none of that number
	case errors.Is(err, unix.EACCES):
		return nil // another user's
	case err != nil:
		return err
	case uint32(is.Perm.Key) != s.key || is.Nattch > 0 || int(is.Perm.Uid) != own.serverUID():
		return nil // the number is another segment's by now
	}
	errShared := removeSharedFiles(own, filesOfSegment(s.id, is.Segsz))
	if _, err = unix.SysvShmCtl(s.id, unix.IPC_RMID, nil); errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EIDRM) {
		err = nil
	}
	return errors.Join(errShared, err)
}

// parseSegment reads the seventh line. ok is false where the server ended before it had a segment.
func parseSegment(pidFile string) (s segment, ok bool, err error) {
	lines := strings.Split(pidFile, "\n")
	if len(lines) < 7 {
		return segment{}, false, nil
	}
	fields := strings.Fields(lines[6])
	if len(fields) != 2 {
		return segment{}, false, nil
	}
	key, errKey := strconv.ParseUint(fields[0], 10, 32)
	id, errID := strconv.ParseInt(fields[1], 10, 32)
	if errKey != nil || errID != nil || key == 0 {
		return segment{}, false, errors.New("its seventh line is not the key and the number of a segment")
	}
	return segment{uint32(key), int(id)}, true, nil
}

// The header of PostgreSQL's main shared memory (PGShmemHeader in src/include/storage/pg_shmem.h): magic, pid,
// two sizes, and then the handle of the control segment of its dynamic shared memory.
const (
	segmentMagic  = 679834894
	segmentHeader = 28
)

// filesOfSegment are the files of dynamic shared memory of the server that the segment was of. Nothing in
// the segment can be trusted: it yields names of files, which removeSharedFiles checks.
func filesOfSegment(id int, size uint64) (names []string) {
	if size < segmentHeader {
		return nil
	}
	memory, err := unix.SysvShmAttach(id, 0, unix.SHM_RDONLY)
	if err != nil {
		return nil // what processes had mapped is known without it
	}
	defer func() { _ = unix.SysvShmDetach(memory) }()
	if len(memory) < segmentHeader || binary.NativeEndian.Uint32(memory) != segmentMagic {
		return nil
	}
	return []string{sharedFileOf(binary.NativeEndian.Uint32(memory[24:]))}
}
