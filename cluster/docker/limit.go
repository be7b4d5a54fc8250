package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types/container"

	"pgchaos/cluster"
)

// Limits are those of the server's container.
func (h *host) Limits(ctx context.Context) (cluster.Limits, error) {
	info, err := h.provider.engine.ContainerInspect(ctx, h.server)
	if err != nil {
		return cluster.Limits{}, h.provider.engine.explain("inspect container "+h.container, err)
	}
	l := cluster.Limits{NanoCPUs: info.HostConfig.NanoCPUs, Memory: info.HostConfig.Memory}
	if l.NanoCPUs >= h.provider.engine.cpus {
		l.NanoCPUs = 0
	}
	if l.Memory >= h.provider.engine.memory {
		l.Memory = 0
	}
	return l, nil
}

// SetLimits changes them while the container runs, or for its next start. The
// engine takes 0 for "as it was": no limit is all that the machine has.
func (h *host) SetLimits(ctx context.Context, to cluster.Limits) error {
	e := h.provider.engine
	now, err := h.Limits(ctx)
	if err != nil {
		return err
	}
	var r container.Resources
	if to.NanoCPUs != now.NanoCPUs {
		if r.NanoCPUs = to.NanoCPUs; r.NanoCPUs == 0 {
			r.NanoCPUs = e.cpus
		}
	}
	if to.Memory != now.Memory {
		if r.Memory = to.Memory; r.Memory == 0 {
			r.Memory = e.memory
		}
		r.MemorySwap = r.Memory
	}
	if r.NanoCPUs == 0 && r.Memory == 0 {
		return nil
	}
	for _, id := range []string{h.server, h.tools} {
		said, err := e.ContainerUpdate(ctx, id, container.UpdateConfig{Resources: r, RestartPolicy: container.RestartPolicy{}})
		if err != nil {
			return e.explain("limit container "+h.container, err)
		}
		if len(said.Warnings) > 0 {
			return fmt.Errorf("limit container %s: the engine warns: %s", h.container, strings.Join(said.Warnings, "; "))
		}
	}
	if now, err = h.Limits(ctx); err == nil && now != to {
		err = fmt.Errorf("limit container %s: it has %+v now, and not %+v", h.container, now, to)
	}
	return err
}

// Exec runs a command among the server's own processes, and beside the server's
// container when that does not run.
func (h *host) Exec(ctx context.Context, c cluster.Command) (cluster.Output, error) {
	state, err := h.state(ctx)
	if err != nil {
		return cluster.Output{}, err
	}
	if state.Paused {
		return cluster.Output{}, errors.New("it is paused, and nothing runs on it; resume it first")
	}
	if !state.Running {
		return h.Run(ctx, c)
	}
	return h.exec(ctx, h.server, h.provider.image.user, c)
}
