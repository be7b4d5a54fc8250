package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pgchaos/internal/wait"
)

//go:embed processes.sh
var processesScript string

// ServerProcess is one process of a node's server, by the number that the server itself knows it by, and when it
// started, since its number may be given away again.
type ServerProcess struct {
	PID   int    `json:"pid"`
	Start string `json:"start"` // field 22 of /proc/PID/stat
	// Stopped tells whether it was stopped (SIGSTOP) when it was found.
	Stopped bool `json:"-"`
}

// processTimeout bounds how long a signal may take to show.
const processTimeout = 10 * time.Second

// ServerProcesses are the processes of these numbers that are there now. The numbers are PostgreSQL's, as in pg_stat_activity.
func (n *Node) ServerProcesses(ctx context.Context, pids []int) (found []ServerProcess, err error) {
	args := make([]string, len(pids))
	for i, pid := range pids {
		args[i] = strconv.Itoa(pid)
	}
	lines, err := n.processTable(ctx, "", args)
	for _, l := range lines {
		if !l.gone() {
			l.Stopped = l.stopped()
			found = append(found, l.ServerProcess)
		}
	}
	return found, err
}

// KillProcesses sends SIGKILL to processes of the server, and returns when none of them is left.
func (n *Node) KillProcesses(ctx context.Context, all []ServerProcess) error {
	return n.signalled(ctx, "KILL", all, func(lines []processLine) bool { return len(lines) == 0 })
}

// StopProcesses stops processes of the server (SIGSTOP), and returns when the process table shows all of them as stopped. One
// that has ended is an error.
func (n *Node) StopProcesses(ctx context.Context, all []ServerProcess) error {
	return n.signalled(ctx, "STOP", all, func(lines []processLine) bool {
		stopped := 0
		for _, l := range lines {
			if l.stopped() {
				stopped++
			}
		}
		return stopped == len(all)
	})
}

// ContinueProcesses lets stopped processes of the server go on (SIGCONT), and returns when the process table shows none of them as
// stopped. One that has ended needs nothing.
func (n *Node) ContinueProcesses(ctx context.Context, all []ServerProcess) error {
	return n.signalled(ctx, "CONT", all, func(lines []processLine) bool {
		for _, l := range lines {
			if l.stopped() {
				return false
			}
		}
		return true
	})
}

// signalled sends a signal to processes, and waits until the process table shows its effect. That alone counts: the end of a startup
// process ends the server, and in a container with it the command that has sent the signal.
func (n *Node) signalled(ctx context.Context, signal string, all []ServerProcess, done func([]processLine) bool) error {
	args := make([]string, len(all))
	for i, p := range all {
		args[i] = strconv.Itoa(p.PID) + ":" + p.Start
	}
	_, sent := n.processTable(ctx, signal, args)
	waiting, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	for {
		lines, err := n.processTable(ctx, "", args)
		there := lines[:0]
		for _, l := range lines {
			if !l.gone() {
				there = append(there, l)
			}
		}
		switch {
		case err == nil && done(there):
			return nil
		case err == nil && sent != nil:
			return fmt.Errorf("send SIG%s to processes of %s: %w", signal, n.Name(), sent)
		case wait.For(waiting, 20*time.Millisecond) == nil:
		case err != nil:
			return fmt.Errorf("look whether SIG%s has taken effect on %s: %w", signal, n.Name(), err)
		default:
			return fmt.Errorf("SIG%s shows no effect on %s within %s: of %d processes the process table has %v", signal, n.Name(), processTimeout, len(all), there)
		}
	}
}

// processLine is what the process table says of a process.
type processLine struct {
	ServerProcess
	state string // as ps says it: R, S, D, T, Z, ...
}

func (l processLine) String() string { return fmt.Sprintf("%d in state %s", l.PID, l.state) }

func (l processLine) stopped() bool { return l.state == "T" }

// gone tells that only an entry of the table is left, for its parent to read.
func (l processLine) gone() bool { return l.state == "Z" || l.state == "X" }

// processTable sends a signal ("": none) to processes, as the server's user and among the server's own processes, and returns
// what the process table had said of those that are there.
func (n *Node) processTable(ctx context.Context, signal string, processes []string) (lines []processLine, err error) {
	if len(processes) == 0 {
		return nil, nil
	}
	files, err := n.files()
	if err != nil {
		return nil, err
	}
	run := files.Run
	if e, ok := files.(Executor); ok {
		run = e.Exec
	}
	out, err := run(ctx, Command{Argv: append([]string{"/bin/sh", "-c", processesScript, "sh", signal}, processes...)})
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out.Stdout) {
		var l processLine
		if _, err := fmt.Sscan(line, &l.PID, &l.Start, &l.state); err != nil {
			return nil, fmt.Errorf("read the process table: %q: %w", strings.TrimSpace(line), err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}
