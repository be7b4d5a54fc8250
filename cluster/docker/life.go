package docker

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"pgchaos/cluster"
)

// newest is the life that began last, nil before the first.
func (h *host) newest() *cluster.Life {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.main
}

// live begins a life of the main process, which the engine has begun. h.mu is held.
func (h *host) live(ctx context.Context) error {
	state, err := h.state(ctx)
	if err != nil {
		return err
	}
	h.main, h.started = cluster.NewLife(), state.StartedAt
	go h.await(h.main)
	if h.disconnected { // the restarted container has a new link
		if err := h.takeLinksDown(ctx); err != nil {
			return fmt.Errorf("keep it disconnected: %w", err)
		}
	}
	return h.refilter(ctx)
}

// revived is called when somebody has started the container: if that was not Start,
// its server has another life.
func (h *host) revived(ctx context.Context) (another bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	state, err := h.state(ctx)
	if err != nil || h.main == nil || !state.Running || state.StartedAt == h.started {
		return false, err
	}
	return true, h.live(ctx)
}

// await waits for the end of a life of the container, and keeps how it ended.
func (h *host) await(l *cluster.Life) {
	status, at := "unknown", time.Time{}
	defer func() {
		if at.IsZero() {
			at = time.Now()
		}
		l.End(status, at)
	}()
	ctx := h.provider.ctx
	for ctx.Err() == nil {
		ended, failed := h.provider.engine.ContainerWait(ctx, h.server, container.WaitConditionNotRunning)
		select {
		case end := <-ended:
			status = statusText(int(end.StatusCode))
			if state, err := h.state(ctx); err == nil && !state.Running {
				if state.OOMKilled && end.StatusCode == 128+int64(syscall.SIGKILL) {
					status += ", out of memory"
				}
				at = h.provider.engine.local(state.FinishedAt)
			}
			return
		case err := <-failed:
			if errdefs.IsNotFound(err) {
				status = "unknown: the container has been removed"
				return
			}
			// The engine is restarting, perhaps with its containers alive.
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

// statusText says how a process ended, in the words of os.ProcessState.
func statusText(code int) string {
	if sig := syscall.Signal(code - 128); code > 128 && code < 128+65 {
		return "signal: " + sig.String()
	}
	return "exit status " + strconv.Itoa(code)
}

func (h *host) state(ctx context.Context) (*container.State, error) {
	info, err := h.provider.engine.ContainerInspect(ctx, h.server)
	if err != nil {
		return nil, h.provider.engine.explain("inspect container "+h.container, err)
	}
	return info.State, nil
}

// Life is the newest life of the server's container, which the engine may have begun
// by itself (its restart policy), or a person.
func (h *host) Life() *cluster.Life { return h.newest() }
