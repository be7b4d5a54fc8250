package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine describes where the figures come from: processor, cores and kernel.
func machine() string {
	model := "unknown processor"
	text, err := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && err == nil && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	kernel := "unknown"
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		kernel = unix.ByteSliceToString(name.Release[:])
	}
	return fmt.Sprintf("%s, %d cores, Linux %s", model, threads(), kernel)
}

// processors are those that this process may use.
func processors() (all []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	for i := 0; len(all) < set.Count(); i++ {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	return all
}

func setOf(processors []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, p := range processors {
		set.Set(p)
	}
	return &set
}

// outputOn runs a command on some processors only, and returns what it prints.
func outputOn(processors []int, cmd *exec.Cmd) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	if err := unix.SchedSetaffinity(0, setOf(processors)); err != nil {
		return nil, os.NewSyscallError("sched_setaffinity", err)
	}
	out := &strings.Builder{}
	cmd.Stdout = out
	err := cmd.Start() // the new process inherits the processors of this thread
	if back := unix.SchedSetaffinity(0, &before); err == nil && back != nil {
		err = os.NewSyscallError("sched_setaffinity", back)
	}
	if err == nil {
		err = cmd.Wait()
	}
	return []byte(out.String()), err
}

// keepTo has all processes of the server, and those that it starts from now on, run on
// some processors only. They are found by their working directory.
func (s *server) keepTo(processors []int) error {
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		return err
	}
	found := 0
	for _, link := range links {
		dir, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(dir, s.base+"/") {
			continue // of somebody else, or ended meanwhile
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, setOf(processors)); err == nil {
			found++
		}
	}
	if found == 0 {
		return fmt.Errorf("keep the server to processors %v: no process of it found", processors)
	}
	return nil
}

// cpu is the CPU time that the server's processes have taken, those that have ended
// included.
func (s *server) cpu() (sum time.Duration) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, stat := range stats {
		dir, err := os.Readlink(filepath.Join(filepath.Dir(stat), "cwd"))
		if err != nil || !strings.HasPrefix(dir, s.base+"/") {
			continue
		}
		text, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, field := range fields[11:15] { // utime, stime, and those of children
			ticks, err := strconv.ParseInt(field, 10, 64)
			if err == nil {
				sum += time.Duration(ticks) * 10 * time.Millisecond
			}
		}
	}
	return sum
}
