package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// footprintOf is what one process holds in memory. It comes from
// proc_pid_status(5), which costs microseconds. The proportional set size of
// smaps_rollup would be exact, but for it the kernel walks all page tables: 8 ms
// for every backend of a busy server, 0.3 s for forty, which would bend what is
// being measured.
func footprintOf(pid int) (footprint, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return footprint{}, err
	}
	private, err1 := lineOf(data, "RssAnon:")
	shared, err2 := lineOf(data, "RssShmem:")
	files, err3 := lineOf(data, "RssFile:")
	if err := errors.Join(err1, err2, err3); err != nil {
		return footprint{}, err
	}
	huge, _ := lineOf(data, "HugetlbPages:") // not every kernel has them
	// The lines say kB and mean KiB.
	return footprint{private: private << 10, shared: (shared + huge) << 10, files: files << 10}, nil
}

// transfersOf is what a process has read from block devices and written to files,
// and the children it has waited for, in bytes. The kernel counts a write when it
// makes pages dirty, whole folios of them, which can be a hundred times what was
// written; so it is held against what the process has asked to write.
func transfersOf(pid int) (in, out uint64, err error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/io")
	if err != nil {
		return 0, 0, err
	}
	if in, err = lineOf(data, "read_bytes:"); err != nil {
		return 0, 0, err
	}
	asked, err := lineOf(data, "wchar:")
	if err != nil {
		return 0, 0, err
	}
	out, err = lineOf(data, "write_bytes:")
	return in, min(out, asked), err
}

// lineOf reads the number on the line of a file of /proc that begins with a key.
func lineOf(data []byte, key string) (uint64, error) {
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == key {
			return strconv.ParseUint(string(fields[1]), 10, 64)
		}
	}
	return 0, fmt.Errorf("no line %q", key)
}
