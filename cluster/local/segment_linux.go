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
	"syscall"

	"golang.org/x/sys/unix"

	"pgchaos/cluster"
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
// The kernel keeps it for ever otherwise, and holds 4,096 at most: then no server can be
// started on this machine any more. postmaster.pid names the segment in its seventh line: key and number
// (src/include/utils/pidfile.h).
//
// The server's user can write that file, so that it is only a hint: a segment is removed if it has that
// number and key, belongs to the server's user, and no process is attached to it. A bad file is a Remark
// that names it, and the segment is then looked for by the data directory. The other files are still read.
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
		var s segment
		var named bool
		if err == nil {
			s, named, err = parseSegment(string(text))
		}
		if err != nil { // the kernel tells what the file does not
			err = &cluster.Remark{Err: fmt.Errorf("%s: %w", path.Join(node.Name(), name), err)}
			errs = append(errs, err, removeSegmentOf(node, e.Name(), own))
		} else if named {
			errs = append(errs, removeNamedSegment(s, own))
		}
	}
	return cluster.JoinRemovals(errs...)
}

func removeNamedSegment(s segment, own *owner) error {
	var is unix.SysvShmDesc
	_, err := unix.SysvShmCtl(s.id, unix.IPC_STAT, &is)
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
	if err != nil {
		err = fmt.Errorf("remove shared memory segment %d: %w", s.id, err)
	}
	return errors.Join(errShared, err)
}

// keysOfServer is how many keys PostgreSQL may have tried before it found one that was free.
const keysOfServer = 10

// removeSegmentOf removes the segments of servers on a data directory. Its inode is the key, or begins the keys that
// PostgreSQL tries, and the segment has its device and inode (PGSharedMemoryCreate in src/backend/port/sysv_shmem.c).
func removeSegmentOf(node *os.Root, dir string, own *owner) error {
	info, err := node.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look for shared memory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("look for shared memory: the inode of %s is unknown", dir)
	}
	var errs []error
	for i := range uint64(keysOfServer) {
		key := uint32(stat.Ino + i)
		id, err := unix.SysvShmGet(int(int32(key)), 0, 0)
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EACCES): // there is none, or it is another user's
		case err != nil:
			errs = append(errs, fmt.Errorf("look for shared memory segment %#x: %w", key, err))
		case isOfDirectory(id, stat.Dev, stat.Ino):
			errs = append(errs, removeNamedSegment(segment{key, id}, own))
		}
	}
	return errors.Join(errs...)
}

// isOfDirectory tells whether a segment is that of a server on the data directory with this device and inode.
func isOfDirectory(id int, device, inode uint64) bool {
	memory, err := unix.SysvShmAttach(id, 0, unix.SHM_RDONLY)
	if err != nil {
		return false
	}
	defer func() { _ = unix.SysvShmDetach(memory) }()
	return len(memory) >= segmentOwner+16 && binary.NativeEndian.Uint32(memory) == segmentMagic &&
		binary.NativeEndian.Uint64(memory[segmentOwner:]) == device && binary.NativeEndian.Uint64(memory[segmentOwner+8:]) == inode
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
// two sizes, the handle of the control segment of its dynamic shared memory, an address, and the device and the inode of
// the data directory.
const (
	segmentMagic  = 679834894
	segmentHeader = 28
	segmentOwner  = 40
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
