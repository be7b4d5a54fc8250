package existing

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"pgchaos/cluster"
)

// endWithin is how long a command may take to end once it was killed.
const endWithin = 2 * time.Second

// run runs a command on this machine, in a session of its own, whose process group is killed when the context ends. Programs such as ssh keep what
// they run on the other side, which pgchaos cannot end. In a session of its own a command has no terminal: one that would ask there for a password,
// or whether a host is known, would stop for ever, since its group is in the background.
func run(ctx context.Context, argv []string, as cluster.Command) (cluster.Output, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the user's own template
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = endWithin
	cmd.Stdin = as.Stdin
	stdout, stderr := as.Sink(), as.Sink()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	out := cluster.Output{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out, nil
	case errors.Is(err, exec.ErrWaitDelay):
		out.Held = true
		return out, nil
	case ctx.Err() != nil:
		return out, fmt.Errorf("run %s: %w", cluster.CommandLine(argv), context.Cause(ctx))
	case errors.As(err, &exit):
		return out, cluster.Exited(exit, argv, out.Stderr)
	}
	return out, fmt.Errorf("run %s: %w", cluster.CommandLine(argv), err)
}

// tryExec runs a command that changes nothing on a node's machine.
func tryExec(ctx context.Context, m machine) error {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	_, err := m.Exec(ctx, cluster.TryCommand())
	return err
}
