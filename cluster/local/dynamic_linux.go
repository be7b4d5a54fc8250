package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Where /dev/shm cannot be written, initdb chooses System V segments for dynamic shared memory
// (dynamic_shared_memory_type = sysv). They stay when a server is killed, as the files do.

// parseMapped reads a line of /proc/PID/maps: a segment's inode is its number, and its name has its key.
func parseMapped(line string) (s segment, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 {
		return segment{}, false
	}
	hex, found := strings.CutPrefix(fields[5], "/SYSV")
	key, errKey := strconv.ParseUint(hex, 16, 32)
	id, errID := strconv.ParseInt(fields[4], 10, 32)
	return segment{uint32(key), int(id)}, found && errKey == nil && errID == nil
}

// removeDynamic removes segments that belong to the server's user and that no process has attached any
// more. That by which a server shows that it lives is left to removeSegments, which reads it first.
func removeDynamic(own *owner, segments []segment) error {
	var errs []error
	for _, s := range segments {
		var is unix.SysvShmDesc
		_, err := unix.SysvShmCtl(s.id, unix.IPC_STAT, &is)
		if err != nil || uint32(is.Perm.Key) != s.key || is.Nattch > 0 || int(is.Perm.Uid) != own.serverUID() {
			continue // it is gone, or the number is another segment's by now
		}
		if isMain(s.id) {
			continue
		}
		if _, err := unix.SysvShmCtl(s.id, unix.IPC_RMID, nil); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EIDRM) {
			errs = append(errs, fmt.Errorf("remove shared memory segment %d: %w", s.id, err))
		}
	}
	return errors.Join(errs...)
}

// isMain tells whether a segment is a server's main one, not dynamic shared memory; one that cannot be read counts as one.
func isMain(id int) bool {
	memory, err := unix.SysvShmAttach(id, 0, unix.SHM_RDONLY)
	if err != nil {
		return true
	}
	defer func() { _ = unix.SysvShmDetach(memory) }()
	return len(memory) < 4 || binary.NativeEndian.Uint32(memory) == segmentMagic
}
