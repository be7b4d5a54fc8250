package local

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// Kind is this provider.
func Kind() cluster.Kind {
	return cluster.Kind{
		Description: Describe(),
		Open:        open,
		Programs: func(ctx context.Context, dir string, major int) (cluster.Programs, error) {
			return FindInstallation(ctx, dir, major)
		},
		Leftovers: func(context.Context) ([]cluster.Leftover, string, error) { return Leftovers(cluster.DefaultBase()) },
	}
}

func open(ctx context.Context, o cluster.OpenOptions) (cluster.Opened, error) {
	p, err := New(ctx, Options{Run: o.Run, BinDir: o.BinDir, Major: o.Major, Experiment: o.Experiment, Results: o.Results, Links: o.Links})
	if err != nil {
		return cluster.Opened{}, &cluster.UsageError{Err: err} // programs or a directory cannot be used
	}
	return cluster.Opened{Provider: p, Bin: p.Installation().BinDir}, nil
}

// Leftovers are all runs in a base directory, and its path.
func Leftovers(base string) (found []cluster.Leftover, where string, err error) {
	base, err = filepath.Abs(base)
	if err != nil {
		return nil, "", err
	}
	runs, err := List(base)
	if err != nil {
		return nil, "", fmt.Errorf("look for what earlier runs left in %s: %w", base, err)
	}
	for _, l := range runs {
		one := cluster.Leftover{
			Run: l.Run, Doubt: l.Doubt, Alive: l.Alive, Kept: l.Kept, What: units.Count(int64(l.Processes), "process", "processes"), Results: l.Results,
			Nodes:  func(ctx context.Context) (cluster.LeftNodes, error) { return OpenNodes(ctx, base, l.Run) },
			Remove: func(ctx context.Context) error { return Clean(ctx, base, l.Run) },
			BringBack: func(node, bin string, onlyToRead bool) string {
				i := slices.IndexFunc(l.Nodes, func(n LeftoverNode) bool { return n.Name == node })
				if i < 0 {
					return ""
				}
				return l.Nodes[i].BringBack(bin, onlyToRead)
			},
		}
		if len(l.Others) > 0 {
			one.What += fmt.Sprintf("; left alone: processes %s, which work in its directory but are not part of the run", someNumbers(l.Others))
		}
		found = append(found, one)
	}
	return found, base, nil
}

// Describe is what the provider says about itself.
func (p *Provider) Describe() cluster.Description { return Describe() }

// Describe is what this provider says about itself.
func Describe() cluster.Description {
	return cluster.Description{
		Name: "local", Summary: "processes of this machine",
		Capabilities:   []cluster.Capability{cluster.CanRun, cluster.CanFreeze, cluster.CanCommand, cluster.CanReachFiles, cluster.CanLimit, cluster.CanMeasure, cluster.CanLink, cluster.CanShape, cluster.CanDelay},
		Lacks:          "its nodes are processes of one machine",
		Depends:        map[cluster.Capability]string{cluster.CanLimit: "where pgchaos can write cgroups, as root or in one that is delegated to the user"},
		Unable:         unable(),
		Postgres:       "13 or newer, the newest installed",
		ChecksSettings: true,
		Disks:          []string{cluster.DefaultBase()},
		UsageNotes: record.UsageNotes{
			NoNet:    "the nodes are processes of one machine, which counts network traffic as a whole and not for each process",
			BlockOut: "bytes written to files; fewer bytes can reach the disk, or later",
		},
	}
}
