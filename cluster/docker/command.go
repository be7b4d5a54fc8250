package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"pgchaos/cluster"
)

// Run runs a command beside the server, in a container of its own that has the
// node's volume and network, so that it runs whether the server does or not. When
// the context ends, it is killed with its process group, and the error is the
// context's. What it wrote until then is returned in any case.
func (h *host) Run(ctx context.Context, c cluster.Command) (cluster.Output, error) {
	out, err := h.exec(ctx, h.tools, h.provider.image.user, c)
	var exit *cluster.ExitError
	if err != nil && !errors.As(err, &exit) {
		name := "a command"
		if len(c.Argv) > 0 {
			name = c.Argv[0]
		}
		err = fmt.Errorf("run %s on %s: %w", name, h.name, err)
	}
	return out, err
}

// exec runs a command in one of the node's containers.
func (h *host) exec(ctx context.Context, in, user string, c cluster.Command) (cluster.Output, error) {
	if len(c.Argv) == 0 {
		return cluster.Output{}, errors.New("no command")
	}
	if err := ctx.Err(); err != nil {
		return cluster.Output{}, context.Cause(ctx)
	}
	// The engine cannot end a command: it leaves its number, for another to kill it.
	pidFile := "/tmp/pgchaos-command-" + strconv.FormatInt(h.commands.Add(1), 10)
	e := h.provider.engine
	made, err := e.ContainerExecCreate(ctx, in, container.ExecOptions{
		User: user, AttachStdin: c.Stdin != nil, AttachStdout: true, AttachStderr: true,
		Env: append([]string{"HOME=" + h.Dir()}, c.Env...), WorkingDir: "/",
		Cmd: append([]string{"/bin/sh", "-c", `echo $$ >"$0"; exec "$@"`, pidFile}, c.Argv...),
	})
	if err != nil {
		return cluster.Output{}, e.explain("make a command", err)
	}
	conn, err := e.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return cluster.Output{}, e.explain("begin a command", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() {
		h.killCommand(in, pidFile)
		time.Sleep(50 * time.Millisecond) // for what it still had to say
		conn.Close()
	})
	if c.Stdin != nil {
		go func() {
			_, _ = io.Copy(conn.Conn, c.Stdin) // a command may end without having read everything
			_ = conn.CloseWrite()
		}()
	}
	var stdout, stderr bytes.Buffer
	_, readErr := stdcopy.StdCopy(&stdout, &stderr, conn.Reader)
	out := cluster.Output{Stdout: stdout.String(), Stderr: stderr.String()}
	if !stop() {
		return out, context.Cause(ctx)
	}
	if readErr != nil {
		return out, fmt.Errorf("read its output: %w", readErr)
	}
	code, err := h.exitCode(ctx, made.ID)
	if err != nil {
		return out, err
	}
	if code != 0 {
		return out, &cluster.ExitError{Argv: c.Argv, Status: statusText(code), Code: code, Stderr: cluster.Complaint(out.Stderr)}
	}
	return out, nil
}

// exitCode asks how a command ended whose output has. The engine can take a
// moment to know.
func (h *host) exitCode(ctx context.Context, id string) (int, error) {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		info, err := h.provider.engine.ContainerExecInspect(ctx, id)
		if err != nil {
			return 0, h.provider.engine.explain("ask how it ended", err)
		}
		if !info.Running {
			return info.ExitCode, nil
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// killCommand ends a command and its process group: the engine makes every command
// the leader of a session.
func (h *host) killCommand(in, pidFile string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.provider.ctx), 5*time.Second)
	defer cancel()
	e := h.provider.engine
	made, err := e.ContainerExecCreate(ctx, in, container.ExecOptions{
		User: "0:0", AttachStdout: true, Cmd: []string{"/bin/sh", "-c", `pid=$(cat "$0"); kill -9 "-$pid" || kill -9 "$pid"`, pidFile},
	})
	if err != nil {
		return // the container is gone, and the command with it
	}
	conn, err := e.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.Conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.Copy(io.Discard, conn.Reader)
}
