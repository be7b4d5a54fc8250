package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pgchaos/cluster"
)

// controller is a part of cgroups(7) that bounds one resource.
type controller string

const (
	ofCPU    controller = "cpu"
	ofMemory controller = "memory"
)

// cgroups are the places where groups of processes can be made. In version 1 each controller
// has a tree of its own, in version 2 there is one for all.
type cgroups struct {
	unified bool                  // version 2
	below   map[controller]string // the directories below which a group can be made
	own     map[controller]string // those of pgchaos's own group, from which servers come
}

// machineCgroups are those that pgchaos can use on this machine; an error says why there are none.
func machineCgroups() (cgroups, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return cgroups{}, errors.New("it has no cgroups")
	}
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return cgroups{}, errors.New("it has no cgroups")
	}
	return findCgroups(string(mounts), string(self))
}

// findCgroups finds them by the texts of /proc/self/mountinfo and /proc/self/cgroup.
func findCgroups(mounts, self string) (cgroups, error) {
	all := cgroups{below: map[controller]string{}, own: map[controller]string{}}
	for _, c := range []controller{ofCPU, ofMemory} {
		dir, unified, err := ownGroup(mounts, self, c)
		if err != nil {
			return cgroups{}, err
		}
		all.own[c], all.below[c], all.unified = dir, dir, unified
		if unified {
			if all.below[c], err = handingOn(dir, mountOf(mounts, "")); err != nil {
				return cgroups{}, err
			}
		}
		for _, path := range []string{all.below[c], filepath.Join(all.below[c], procsFile), filepath.Join(all.own[c], procsFile)} {
			if err := unix.Access(path, unix.W_OK); err != nil {
				return cgroups{}, fmt.Errorf("pgchaos cannot write %s: %w", path, err)
			}
		}
	}
	if all.below[ofCPU] != all.below[ofMemory] && all.unified {
		return cgroups{}, errors.New("one controller is in version 1 of cgroups and the other in version 2")
	}
	return all, nil
}

const (
	procsFile   = "cgroup.procs"           // the processes of a group
	handingFile = "cgroup.subtree_control" // the controllers that groups below have, in version 2
)

// ownGroup is the directory of pgchaos's own group for a controller.
func ownGroup(mounts, self string, c controller) (dir string, unified bool, err error) {
	path, found := "", false
	for line := range strings.Lines(self) { // such as 4:cpu,cpuacct:/user.slice, in version 2 0::/user.slice
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) < 3:
		case slices.Contains(strings.Split(parts[1], ","), string(c)):
			path, found, unified = parts[2], true, false
		case parts[0] == "0" && parts[1] == "" && !found:
			path, unified = parts[2], true
		}
	}
	if path == "" {
		return "", false, fmt.Errorf("its kernel has no controller %s for cgroups", c)
	}
	m := mountOf(mounts, c)
	if unified {
		m = mountOf(mounts, "")
	}
	if m.at == "" {
		return "", unified, fmt.Errorf("the tree of the controller %s for cgroups is not mounted", c)
	}
	inside := path
	if m.root != "/" {
		var ok bool
		if inside, ok = strings.CutPrefix(path, m.root); !ok {
			return "", unified, fmt.Errorf("pgchaos's own cgroup %s is not below %s, which is mounted at %s", path, m.root, m.at)
		}
	}
	return filepath.Join(m.at, inside), unified, nil
}

// mount is a tree of cgroups: where it is mounted, and which part of it.
type mount struct{ root, at string }

// mountOf is the mount of a controller of version 1, or that of version 2 for "".
func mountOf(mounts string, c controller) mount {
	for line := range strings.Lines(mounts) { // see proc_pid_mountinfo(5)
		head, tail, _ := strings.Cut(strings.TrimSpace(line), " - ")
		where, what := strings.Fields(head), strings.Fields(tail)
		if len(where) < 5 || len(what) < 3 {
			continue
		}
		if what[0] == "cgroup2" && c == "" || what[0] == "cgroup" && c != "" && slices.Contains(strings.Split(what[2], ","), string(c)) {
			return mount{root: where[3], at: where[4]}
		}
	}
	return mount{}
}

// handingOn is the nearest group, from a directory up to the mount, whose groups have both
// controllers. In version 2 a group that hands controllers on has no processes of its own.
func handingOn(dir string, m mount) (string, error) {
	for at := dir; within(at, m.at); at = filepath.Dir(at) {
		text, err := os.ReadFile(filepath.Join(at, handingFile))
		if err != nil {
			return "", err
		}
		has := strings.Fields(string(text))
		if slices.Contains(has, string(ofCPU)) && slices.Contains(has, string(ofMemory)) {
			return at, nil
		}
	}
	return "", fmt.Errorf("no cgroup above pgchaos's own (%s) has cpu and memory in its %s", dir, handingFile)
}

// groupName is what the group of a node is called.
func groupName(run, node string) string { return "pgchaos-" + run + "-" + node }

// setting is a text in a file of a group. A kernel can be without an optional one.
type setting struct {
	file, text string
	optional   bool
}

// period is the time over which processor time is counted, in microseconds: the kernel's default.
const period = 100_000

// settings are those of a limit; 0 is none.
func (c cgroups) settings(of controller, limit int64) []setting {
	quota, most, swap := "-1", "-1", "-1"
	if c.unified {
		quota, most, swap = "max", "max", "max"
	}
	switch {
	case limit == 0:
	case of == ofCPU:
		quota = strconv.FormatInt(limit*period/1_000_000_000, 10)
	default:
		most = strconv.FormatInt(limit, 10)
		if swap = most; c.unified {
			swap = "0"
		}
	}
	switch {
	case of == ofCPU && c.unified:
		return []setting{{"cpu.max", fmt.Sprintf("%s %d", quota, period), false}}
	case of == ofCPU:
		return []setting{{"cpu.cfs_period_us", strconv.Itoa(period), false}, {"cpu.cfs_quota_us", quota, false}}
	case c.unified:
		return []setting{{"memory.max", most, false}, {"memory.swap.max", swap, true}}
	}
	// Memory and swap together are never less than memory alone.
	return []setting{{"memory.memsw.limit_in_bytes", "-1", true}, {"memory.limit_in_bytes", most, false}, {"memory.memsw.limit_in_bytes", swap, true}}
}

// leastCPU is the least of a core that the kernel takes, in billionths.
const leastCPU = 10_000_000

// limit writes a limit of a group and reads it back.
func (c cgroups) limit(dir string, of controller, limit int64) error {
	if of == ofCPU && limit != 0 && limit < leastCPU {
		return errors.New("the kernel takes no limit of less than 0.01 cores")
	}
	for _, s := range c.settings(of, limit) {
		err := writeIn(filepath.Join(dir, s.file), s.text)
		if err != nil && (!s.optional || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	now, err := c.read(dir, of)
	if err == nil && (now > limit || limit-now >= max(int64(os.Getpagesize()), 1_000_000_000/period)) { // the kernel rounds down
		err = fmt.Errorf("%s: its limit of %s is %d, and not %d", dir, of, now, limit)
	}
	return err
}

// read is the limit that is in force; 0 is none.
func (c cgroups) read(dir string, of controller) (int64, error) {
	file := map[bool]map[controller]string{
		true: {ofCPU: "cpu.max", ofMemory: "memory.max"}, false: {ofCPU: "cpu.cfs_quota_us", ofMemory: "memory.limit_in_bytes"},
	}[c.unified][of]
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) == 0 || fields[0] == "max" || fields[0] == "-1" {
		return 0, nil
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("read %s: %w", file, err)
	case of == ofCPU:
		return n * 1_000_000_000 / period, nil
	case n >= 1<<62: // version 1 has no word for no limit
		return 0, nil
	}
	return n, nil
}

// writeIn writes to a file that the kernel has made.
func writeIn(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// processesIn are the numbers of a group's processes.
func processesIn(dir string) (pids []int, err error) {
	text, err := os.ReadFile(filepath.Join(dir, procsFile))
	if err != nil {
		return nil, err
	}
	for _, field := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, procsFile), err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// move puts a process into a group. One that has ended needs none.
func move(dir string, pid int) error {
	err := writeIn(filepath.Join(dir, procsFile), strconv.Itoa(pid))
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// enter puts a process and all that descend from it into a group, and returns when each is
// in it. A child that is started meanwhile is in its parent's group.
func enter(ctx context.Context, dir string, root identity) error {
	return until(ctx, func() (bool, error) {
		all, err := processes(nil)
		if err != nil {
			return false, err
		}
		in, err := processesIn(dir)
		if err != nil {
			return false, err
		}
		done := true
		for _, p := range live(family{roots: []identity{root}}.of(all)) {
			if slices.Contains(in, p.pid) {
				continue
			}
			done = false
			if err := move(dir, p.pid); err != nil {
				return false, fmt.Errorf("put process %d into %s: %w", p.pid, dir, err)
			}
		}
		return done, nil
	})
}

// dissolve puts all processes of a group into another one and removes it. One that is not
// there needs nothing.
func dissolve(ctx context.Context, dir, into string) error {
	return until(ctx, func() (bool, error) {
		pids, err := processesIn(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		for _, pid := range pids {
			if err := move(into, pid); err != nil {
				return false, fmt.Errorf("put process %d into %s: %w", pid, into, err)
			}
		}
		err = unix.Rmdir(dir) // and nothing else than an empty group
		switch {
		case err == nil, errors.Is(err, syscall.ENOENT):
			return true, nil
		case errors.Is(err, syscall.EBUSY): // a process that is ending
			return false, nil
		}
		return false, fmt.Errorf("remove %s: %w", dir, err)
	})
}

// groupsOf are the groups of a node that its record names. Only those are taken that are called as groups of
// this node are, and are in a tree of cgroups.
func groupsOf(run string, n nodeRecord) (dirs []string) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	for _, dir := range n.Groups {
		inTree := slices.ContainsFunc([]controller{"", ofCPU, ofMemory}, func(c controller) bool {
			return within(dir, mountOf(string(mounts), c).at)
		})
		if dir == filepath.Clean(dir) && filepath.Base(dir) == groupName(run, n.Name) && inTree {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// dissolveAll removes groups; their processes go to pgchaos's own ones.
func dissolveAll(ctx context.Context, dirs []string) error {
	if len(dirs) == 0 {
		return nil
	}
	c, err := machineCgroups()
	if err != nil {
		return fmt.Errorf("remove the cgroups %s: on this machine %w", strings.Join(dirs, " "), err)
	}
	var errs []error
	for _, dir := range dirs {
		into := c.own[ofCPU]
		for _, of := range slices.Sorted(maps.Keys(c.below)) {
			if mounts, err := os.ReadFile("/proc/self/mountinfo"); err == nil && !c.unified && within(dir, mountOf(string(mounts), of).at) {
				into = c.own[of]
			}
		}
		errs = append(errs, dissolve(ctx, dir, into))
	}
	return errors.Join(errs...)
}

// unable says why nodes cannot be limited on this machine; nil: they can.
func unable() map[cluster.Capability]cluster.Unable {
	_, err := machineCgroups()
	if err == nil {
		return nil
	}
	return map[cluster.Capability]cluster.Unable{cluster.CanLimit: {
		Why: err.Error(), Instead: "run pgchaos as root, or as 'systemd-run --user --scope -p Delegate=yes pgchaos ...'",
	}}
}
