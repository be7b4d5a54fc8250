package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// Kind is this provider.
func Kind() cluster.Kind {
	return cluster.Kind{Description: Describe(), Open: open, Leftovers: leftovers}
}

func open(ctx context.Context, o cluster.OpenOptions) (cluster.Opened, error) {
	if o.BinDir != "" {
		return cluster.Opened{}, &cluster.UsageError{Err: errors.New("--pg-bin is of no use with the docker provider, which runs the programs of its image; set cluster.docker.image")}
	}
	c := o.Containers
	p, err := New(ctx, Options{
		Run: o.Run, Experiment: o.Experiment, Results: o.Results, Major: o.Major, Needs: o.Needs, Pulling: o.Progress,
		Image: c.Image, ExactNames: c.ExactNames, Network: c.Network, Subnet: c.Subnet, Ports: c.Ports, Restart: c.Restart,
		Memory: c.Limits.Memory, NanoCPUs: c.Limits.NanoCPUs, Disk: c.Disk,
	})
	if err != nil {
		return cluster.Opened{}, err
	}
	return cluster.Opened{Provider: p, Bin: p.Image() + ":" + p.Programs(), Programs: p}, nil
}

// leftovers are all runs of which something is on the engine.
func leftovers(ctx context.Context) (found []cluster.Leftover, where string, err error) {
	runs, engine, err := List(ctx)
	if errors.Is(err, ErrNoEngine) { // most machines have none
		where = "no Docker engine, since none answers"
	}
	if err != nil {
		return nil, where, &cluster.UnreachableError{Err: fmt.Errorf("look for what earlier runs left on the engine: %w", err)}
	}
	for _, l := range runs {
		found = append(found, cluster.Leftover{
			Run: l.Run, Alive: l.Alive, Kept: l.Kept, Elsewhere: l.Elsewhere, Results: l.Results,
			What: fmt.Sprintf("%s, %s and %s", units.Count(int64(l.Containers), "container", "containers"),
				units.Count(int64(l.Volumes), "volume", "volumes"), units.Count(int64(l.Networks), "network", "networks")),
			Nodes:  func(ctx context.Context) (cluster.LeftNodes, error) { return OpenNodes(ctx, l.Run) },
			Remove: func(ctx context.Context) error { return Clean(ctx, l.Run) },
			BringBack: func(node, _ string, onlyToRead bool) string {
				i := slices.IndexFunc(l.Nodes, func(n LeftoverNode) bool { return n.Name == node })
				if i < 0 {
					return ""
				}
				return l.Nodes[i].BringBack(onlyToRead)
			},
		})
	}
	return found, "the engine at " + engine, nil
}

// Describe is what the provider says about itself.
func (p *Provider) Describe() cluster.Description { return Describe() }

// Describe is what this provider says about itself.
func Describe() cluster.Description {
	return cluster.Description{
		Name: "docker", Summary: "containers",
		Capabilities: []cluster.Capability{
			cluster.CanRun, cluster.CanFreeze, cluster.CanCommand, cluster.CanReachFiles, cluster.CanCutOff, cluster.CanLimit, cluster.CanMeasure, cluster.CanFill, cluster.CanLink, cluster.CanShape, cluster.CanDelay,
		},
		Frozen:   "no command runs in a paused container",
		Postgres: "13 or newer, of an image", ChecksSettings: true,
		UsageNotes: record.UsageNotes{NoBlock: "the kernel of the Docker engine does not count the blocks of a container"},
	}
}
