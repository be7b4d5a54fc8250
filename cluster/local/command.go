package local

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"pgchaos/cluster"
)

// outputPatience is how long Run waits for the output of what a command left
// running with it: pg_ctl without -l, say.
const outputPatience = 5 * time.Second

// Run runs a command in the node's directory, where it counts among the node's
// processes: Kill ends it, Freeze stops it. When the context ends, it is killed
// with all its descendants, and the error is the context's. What it wrote until
// then is returned in any case. A process that it leaves in the background goes on. When pgchaos is killed, so is the command, and what descends from it goes on.
func (h *host) Run(ctx context.Context, c cluster.Command) (cluster.Output, error) {
	if len(c.Argv) == 0 {
		return cluster.Output{}, fmt.Errorf("run on %s: no command", h.name)
	}
	if err := ctx.Err(); err != nil {
		return cluster.Output{}, fmt.Errorf("run %s on %s: %w", c.Argv[0], h.name, context.Cause(ctx))
	}
	cmd := exec.Command(c.Argv[0], c.Argv[1:]...)
	cmd.Dir, cmd.Env = h.dir, append(h.provider.environment(h.dir), c.Env...)
	cmd.Stdin = c.Stdin
	stdout, stderr := c.Sink(), c.Sink()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = h.provider.owner.attributes()
	cmd.WaitDelay = outputPatience
	tie(cmd)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return cluster.Output{}, fmt.Errorf("run %s on %s: %w", c.Argv[0], h.name, err)
	}
	f := family{group: cmd.Process.Pid}
	if id, ok := identityOf(cmd.Process.Pid); ok {
		f.roots = []identity{id}
	}
	killed := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		// The context has ended; what ends the command needs one of its own.
		killed <- end(context.WithoutCancel(ctx), h.provider.owner, f)
	})
	err := cmd.Wait()
	out := func() cluster.Output { return cluster.Output{Stdout: stdout.String(), Stderr: stderr.String()} }
	if !stop() {
		left := <-killed
		if err != nil || left != nil { // else it had succeeded before it could be killed
			return out(), errors.Join(fmt.Errorf("run %s on %s: %w", c.Argv[0], h.name, context.Cause(ctx)), left)
		}
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return out(), cluster.Exited(exit, c.Argv, stderr.String())
	case errors.Is(err, exec.ErrWaitDelay): // it has succeeded
		held := out()
		held.Held = true
		return held, nil
	case err != nil:
		return out(), fmt.Errorf("run %s on %s: %w", c.Argv[0], h.name, err)
	}
	return out(), nil
}
