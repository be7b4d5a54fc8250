package docker

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"pgchaos/cluster"
)

// flapScript puts the rules of two chains in force and out of force by a period.
//
//go:embed flap.sh
var flapScript string

// period is how long rules are in force, and how long they are not then.
type period struct{ down, up time.Duration }

// periodOf is the period of the rules of one name, which have the same; false: they are always in force.
func periodOf(rules []cluster.Traffic) (p period, flaps bool) {
	for _, r := range rules {
		if r.Rule.Down > 0 {
			return period{r.Rule.Down, r.Rule.Up}, true
		}
	}
	return period{}, false
}

// startFlap starts a helper container in the network namespace of the server's container, which puts the rules of a chain in
// force and out of force until endFlap. It goes on where pgchaos is killed, and is found by its labels.
func (h *host) startFlap(ctx context.Context, chain string, every period) error {
	ctx, cancel := unbroken(ctx)
	defer cancel()
	p := h.provider
	labels := p.labels(h.name, partOnce)
	labels[labelFilter] = chain
	centiseconds := func(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()/10), 10) }
	made, err := p.engine.ContainerCreate(ctx, &container.Config{
		Image: p.image.id, User: "0:0", Labels: labels, Volumes: map[string]struct{}{},
		Entrypoint: []string{"/bin/sh", "-c", flapScript, "sh", chain, centiseconds(every.down), centiseconds(every.up)},
	}, networkOf(h.server), nil, nil, "")
	if err != nil {
		return p.engine.explain("make a container for a period", err)
	}
	if err := p.engine.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		return p.engine.explain("start a container for a period", err)
	}
	return nil
}

// endFlap removes what startFlap has started for a chain, and returns when it is gone. It is idempotent.
func (h *host) endFlap(ctx context.Context, chain string) error {
	e := h.provider.engine
	list, err := e.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", labelRun+"="+h.provider.options.Run), filters.Arg("label", labelNode+"="+h.name), filters.Arg("label", labelFilter+"="+chain))})
	if err != nil {
		return e.explain("look for the container of a period", err)
	}
	var errs []error
	for _, c := range list {
		gone := e.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		errs = append(errs, unlessGone("container", c.ID[:12], gone))
	}
	return errors.Join(errs...)
}
