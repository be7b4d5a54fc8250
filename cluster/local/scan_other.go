//go:build !linux

package local

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	gops "github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sys/unix"
)

// processes reads the process table. Without /proc this takes some system calls
// for every process of the machine; what may not be known of one stays zero.
func processes(*owner) ([]process, error) {
	table, err := gops.Processes()
	if err != nil {
		return nil, fmt.Errorf("read the process table: %w", err)
	}
	var all []process
	for _, entry := range table {
		created, err := entry.CreateTime()
		if err != nil {
			continue // ended meanwhile
		}
		parent, err := entry.Ppid()
		if err != nil {
			continue
		}
		// For what it was started is not known here: the working directory and the user decide.
		p := process{identity: identity{pid: int(entry.Pid), start: uint64(created)}, parent: int(parent), server: true}
		uids, err := entry.Uids()
		if err != nil || len(uids) < 2 {
			continue
		}
		p.uid = int(uids[1]) // the effective one
		if status, err := entry.Status(); err == nil {
			p.state = stateOf(status)
		}
		if group, err := unix.Getpgid(p.pid); err == nil {
			p.group = group
		}
		if terminal, err := entry.Terminal(); err == nil {
			p.terminal = terminal != ""
		}
		if times, err := entry.Times(); err == nil {
			p.cpu = time.Duration((times.User + times.System) * float64(time.Second))
		}
		if dir, err := entry.Cwd(); err == nil {
			p.dir = dir
		}
		all = append(all, p)
	}
	return all, nil
}

func stateOf(status []string) byte {
	switch {
	case slices.Contains(status, gops.Zombie):
		return 'Z'
	case slices.Contains(status, gops.Stop):
		return 'T'
	}
	return 'S'
}

// identityOf looks up who has a process number now.
func identityOf(pid int) (identity, bool) {
	if pid <= 0 {
		return identity{}, false
	}
	entry, err := gops.NewProcess(int32(pid))
	if err != nil {
		return identity{}, false
	}
	created, err := entry.CreateTime()
	return identity{pid: pid, start: uint64(created)}, err == nil
}

// token writes an identity down; the start is a time of day here.
func (id identity) token() string { return strconv.FormatUint(id.start, 10) }

// footprintOf is what one process holds in memory, all of it as if it were private.
func footprintOf(pid int) (footprint, error) {
	entry, err := gops.NewProcess(int32(pid))
	if err != nil {
		return footprint{}, err
	}
	info, err := entry.MemoryInfo()
	if err != nil {
		return footprint{}, err
	}
	return footprint{private: info.RSS}, nil
}

// transfersOf: not known here.
func transfersOf(int) (in, out uint64, err error) {
	return 0, 0, errors.ErrUnsupported
}

func (o *owner) do(f func() error) error { return f() }
