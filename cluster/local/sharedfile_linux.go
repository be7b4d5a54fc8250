package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pgchaos/internal/regular"
)

// sharedDir is where the kernel keeps POSIX shared memory. PostgreSQL's dynamic shared memory is files there
// (dsm_impl_posix in src/backend/storage/ipc/dsm_impl.c): the control segment, that of the statistics, and
// those of parallel queries, about a megabyte a server. They stay when a server is killed, unless it is started
// again on the same data.
const sharedDir = "/dev/shm"

// sharedName is the name of such a file; its number is the segment's handle.
var sharedName = regexp.MustCompile(`^PostgreSQL\.[0-9]{1,10}$`)

const mapsLimit = 8 << 20 // of /proc/PID/maps: some 200 lines of a server's process

// sharedMemory is what processes have in memory that can outlive them.
type sharedMemory struct {
	files    map[string]bool  // in sharedDir, by name
	segments map[segment]bool // of System V
}

// note adds what processes have mapped: of one that has ended nobody knows any more.
func (m *sharedMemory) note(own *owner, of []process) {
	if m.files == nil {
		m.files, m.segments = map[string]bool{}, map[segment]bool{}
	}
	_ = own.do(func() error { // which would show when the same table is read to kill them
		for _, p := range of {
			m.noteOne(p.pid)
		}
		return nil
	})
}

func (m *sharedMemory) noteOne(pid int) {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/maps")
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	text, _ := io.ReadAll(io.LimitReader(f, mapsLimit)) // of a process that has ended meanwhile as far as it went
	for line := range strings.Lines(string(text)) {
		if at := strings.Index(line, sharedDir+"/"); at >= 0 {
			if name := strings.TrimSpace(line[at+len(sharedDir)+1:]); sharedName.MatchString(name) {
				m.files[name] = true
			}
		} else if s, ok := parseMapped(line); ok {
			m.segments[s] = true
		}
	}
}

// remove removes what nobody uses any more.
func (m *sharedMemory) remove(own *owner) error {
	return errors.Join(removeSharedFiles(own, slices.Sorted(maps.Keys(m.files))), removeDynamic(own, slices.Collect(maps.Keys(m.segments))))
}

// sharedFiles are the files of shared memory that processes have mapped.
func sharedFiles(own *owner, of []process) []string {
	var m sharedMemory
	m.note(own, of)
	return slices.Sorted(maps.Keys(m.files))
}

// removeSharedFiles removes files of shared memory that belong to the server's user and that no process has
// mapped any more, and with a control segment those that it lists: a segment can outlive the session that made it, and is
// then mapped by nobody while the server runs. Others are left alone.
func removeSharedFiles(own *owner, names []string) error {
	dir, err := os.OpenRoot(sharedDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no such directory, no shared memory in it
	}
	if err != nil {
		return fmt.Errorf("remove shared memory: %w", err)
	}
	defer func() { _ = dir.Close() }()
	ofServer := func(name string) bool {
		if !sharedName.MatchString(name) {
			return false
		}
		info, err := dir.Lstat(name)
		return err == nil && info.Mode().IsRegular() && ownedBy(info, own.serverUID())
	}
	if !slices.ContainsFunc(names, ofServer) {
		return nil
	}
	all, err := processes(own)
	if err != nil {
		return fmt.Errorf("remove shared memory: %w", err)
	}
	inUse := sharedFiles(own, live(all))
	var errs []error
	remove := func(name string) {
		if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove shared memory: %w", err))
		}
	}
	for _, name := range names {
		if !ofServer(name) || slices.Contains(inUse, name) {
			continue
		}
		for _, listed := range listedBy(dir, name) {
			if ofServer(listed) && !slices.Contains(inUse, listed) {
				remove(listed)
			}
		}
		remove(name)
	}
	return errors.Join(errs...)
}

// The control segment (dsm_control_header in src/backend/storage/ipc/dsm.c): magic, the number of items, their most,
// and the items, each of which begins with a handle and a count of references. An item has 40 bytes, and had
// 24 before PostgreSQL 14.
const (
	controlMagic  = 0x9a503d32
	controlHeader = 16
	controlLimit  = 16 << 20
)

func sharedFileOf(handle uint32) string {
	return "PostgreSQL." + strconv.FormatUint(uint64(handle), 10)
}

// listedBy are the segments that a control segment lists, by the names of their files; none where it is no control
// segment. What is not PostgreSQL's yields names that are not there.
func listedBy(dir *os.Root, name string) (names []string) {
	control, err := regular.ReadIn(dir, name, controlLimit)
	if err != nil || len(control) < controlHeader || binary.NativeEndian.Uint32(control) != controlMagic {
		return nil
	}
	items := int(binary.NativeEndian.Uint32(control[4:]))
	for _, size := range []int{40, 24} {
		for i := 0; i < items && controlHeader+(i+1)*size <= len(control); i++ {
			if handle := binary.NativeEndian.Uint32(control[controlHeader+i*size:]); handle != 0 {
				names = append(names, sharedFileOf(handle))
			}
		}
	}
	return names
}
