package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// process is one line of the system's process table.
type process struct {
	identity
	parent   int
	uid      int // the user that it runs as
	group    int
	state    byte // as ps says it: R, S, D, T, Z, ...
	terminal bool // it has a controlling terminal
	// cpu is what it has used, together with those of its children that it has
	// waited for: added up over a node, no child's time is lost when it ends.
	cpu time.Duration
	dir string // working directory; "" when it may not be known
	// server tells that its program is PostgreSQL's server. node is the node's directory for which pgchaos started
	// it, or what it descends from: see nodeVariable. A server overwrites its environment, so that it has none.
	server bool
	node   string
}

// nodeVariable names the node's directory in the environment of all that is started for a node. It
// is inherited, so that what has lost its parents still differs from what another program started in the directory.
const nodeVariable = "PGCHAOS_NODE_DIR"

// identity is one process for ever, where its number may be given away again.
type identity struct {
	pid   int
	start uint64 // when it started, in the system's own unit
}

func (p process) stopped() bool { return p.state == 'T' || p.state == 't' }

// gone tells that only an entry of the table is left, for its parent to read.
func (p process) gone() bool { return p.state == 'Z' || p.state == 'X' }

// live leaves out what is gone.
func live(all []process) []process {
	var left []process
	for _, p := range all {
		if !p.gone() {
			left = append(left, p)
		}
	}
	return left
}

// signal sends a signal to the process, and to no other that has its number by
// now. One that is gone needs none: no error.
func (id identity) signal(sig syscall.Signal) error {
	handle, err := os.FindProcess(id.pid) // on Linux a pidfd, so that the check below holds
	if err != nil {
		return fmt.Errorf("find process %d: %w", id.pid, err)
	}
	defer func() { _ = handle.Release() }()
	if now, ok := identityOf(id.pid); !ok || now != id {
		return nil
	}
	err = handle.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("send %v to process %d: %w", sig, id.pid, err)
	}
	return nil
}

// family says which processes belong together: those it names and all their
// descendants. A zero field names none.
type family struct {
	roots []identity
	dir   string // those of user uid that work in this directory or below: servers, and what was started for its nodes
	uid   int
	group int // those of this process group
}

// of picks the family from the process table, with the roots first. Left out are
// this process and those it descends from, and what only works in the directory: a
// process of another user, one with a terminal, which a server has not, and one that was not started for a node.
func (f family) of(all []process) []process {
	byID := make(map[int]process, len(all))
	children := map[int][]process{}
	for _, p := range all {
		byID[p.pid] = p
		children[p.parent] = append(children[p.parent], p)
	}
	taken := ourselves(byID)
	var members []process
	add := func(p process) {
		if !taken[p.pid] {
			taken[p.pid] = true
			members = append(members, p)
		}
	}
	for _, root := range f.roots {
		if p, ok := byID[root.pid]; ok && p.identity == root {
			add(p)
		}
	}
	for _, p := range all {
		if within(p.dir, f.dir) && p.uid == f.uid && !p.terminal && (p.server || within(p.node, f.dir)) || f.group != 0 && p.group == f.group {
			add(p)
		}
	}
	for next := members; len(next) > 0; {
		done := len(members)
		for _, p := range next {
			for _, child := range children[p.pid] {
				add(child)
			}
		}
		next = members[done:]
	}
	return members
}

// ourselves are the numbers of this process and of those it descends from.
func ourselves(byID map[int]process) map[int]bool {
	found := map[int]bool{}
	for pid := os.Getpid(); pid != 0 && !found[pid]; pid = byID[pid].parent {
		found[pid] = true
	}
	return found
}

// others are the processes that work in the family's directory and are not of it.
func (f family) others(all []process) (found []process) {
	byID := make(map[int]process, len(all))
	for _, p := range all {
		byID[p.pid] = p
	}
	known := ourselves(byID)
	for _, p := range f.of(all) {
		known[p.pid] = true
	}
	for _, p := range live(all) {
		if within(p.dir, f.dir) && !known[p.pid] {
			found = append(found, p)
		}
	}
	return found
}

// within tells whether a working directory is a directory or lies below it. That
// of a process whose directory has been deleted still counts.
func within(work, dir string) bool {
	if dir == "" || work == "" {
		return false
	}
	work = strings.TrimSuffix(work, " (deleted)")
	return work == dir || strings.HasPrefix(work, dir+"/")
}

// patience bounds every wait for processes to change their state. What takes
// longer hangs in the kernel, most often on a disk. On a busy machine the servers of a run, some
// fifty processes, may need more than ten seconds to end: each needs a processor for that.
const patience = 30 * time.Second

// until calls done at once and then in growing intervals until it returns true or
// an error, or the context or the patience ends.
func until(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not done within %v", patience))
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// end kills a family and returns when none of it is left. Those seen once are
// followed by their identity: a child whose parent has died descends from
// nobody here any more. The shared memory that they had mapped is removed with them.
func end(ctx context.Context, own *owner, f family) error {
	var left []process
	var shared sharedMemory
	err := until(ctx, func() (bool, error) {
		all, err := processes(own)
		if err != nil {
			return false, err
		}
		if left = live(f.of(all)); len(left) == 0 {
			return true, nil
		}
		shared.note(own, left)
		// All stand still first, the oldest first: a postmaster that sees a child killed begins a recovery, ends
		// the others in its own way and writes to its files, which no server does that loses its power.
		// Then the youngest is killed first: a backend that outlives its postmaster says goodbye to its client.
		slices.SortFunc(left, func(a, b process) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.pid, b.pid)) })
		frozen := signalAll(left, syscall.SIGSTOP)
		slices.Reverse(left)
		killed := signalAll(left, syscall.SIGKILL)
		f.roots = nil
		for _, p := range left {
			f.roots = append(f.roots, p.identity)
		}
		return false, errors.Join(frozen, killed)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", strings.TrimSpace("kill processes "+someNumbers(numbersOf(left))), err)
	}
	return shared.remove(own)
}

// numbersOf are the numbers of processes.
func numbersOf(list []process) (pids []int) {
	for _, p := range list {
		pids = append(pids, p.pid)
	}
	return pids
}

// allNumbers lists processes, for a command.
func allNumbers(pids []int) string { return strings.Trim(fmt.Sprint(pids), "[]") }

// someNumbers lists processes, at most twenty, for a message.
func someNumbers(pids []int) string {
	const most = 20
	if len(pids) <= most {
		return allNumbers(pids)
	}
	return fmt.Sprintf("%s and %d more", allNumbers(pids[:most]), len(pids)-most)
}
