package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"
)

// The labels of everything that pgchaos makes on an engine.
const (
	labelRun        = "pgchaos.run"
	labelNode       = "pgchaos.node"
	labelExperiment = "pgchaos.experiment"
	labelResults    = "pgchaos.results" // the result directory, on the machine of the run's pgchaos
	labelPart       = "pgchaos.part"
	labelPort       = "pgchaos.port"
	labelStarted    = "pgchaos.started"
	labelHost       = "pgchaos.host"    // the machine of the run's pgchaos, and its boot
	labelProcess    = "pgchaos.process" // that pgchaos itself
	labelFilter     = "pgchaos.filter"  // the chain whose rules a container puts in force and out of force
)

// The parts that labelPart names.
const (
	partServer  = "server"
	partTools   = "tools"
	partData    = "data"
	partNetwork = "network"
	partKept    = "kept" // its presence says that the run was left on purpose
	partOnce    = "once" // a container for one question
)

// Leftover is a run of which something is on the engine.
type Leftover struct {
	Run        string
	Experiment string
	Results    string    // its result directory on the machine of its pgchaos; "" when the labels do not tell
	Started    time.Time // zero when the labels do not tell
	Alive      bool      // its pgchaos runs on this machine, and nobody else may clean it
	Elsewhere  string    // the machine of its pgchaos, when that is not this one: whether it runs is unknown
	Kept       bool      // it was left on purpose
	Containers int
	Networks   int
	Volumes    int
	Nodes      []LeftoverNode
}

// LeftoverNode is a node of a run, as its container is.
type LeftoverNode struct {
	Name      string
	Container string
	State     string // "running", "paused", "exited", ...
}

// BringBack says in words how a user of the engine gets a node to answer again that
// does not. Where there is a primary already, a node that was one before would come
// back as a second.
func (n LeftoverNode) BringBack(beside bool) string {
	switch n.State {
	case "paused":
		return "its container is paused, and goes on with `docker unpause " + n.Container + "`"
	case "running":
		return "its container runs, and does not answer; if it was cut off from the network, `docker restart " + n.Container + "` connects it again"
	}
	text := "its container is " + n.State + ", and starts with `docker start " + n.Container + "`"
	if beside {
		text += " (as a second primary, if it was one)"
	}
	return text
}

// found is what carries a run's label.
type found struct {
	containers []container.Summary
	networks   []network.Summary
	volumes    []*volume.Volume
}

func (f found) empty() bool { return len(f.containers)+len(f.networks)+len(f.volumes) == 0 }

// find lists what carries the label of a run, or of any run when run is "".
func (e *engine) find(ctx context.Context, run string) (f found, err error) {
	label := labelRun
	if run != "" {
		label += "=" + run
	}
	by := func() filters.Args { return filters.NewArgs(filters.Arg("label", label)) }
	if f.containers, err = e.ContainerList(ctx, container.ListOptions{All: true, Filters: by()}); err != nil {
		return f, e.explain("list containers", err)
	}
	if f.networks, err = e.NetworkList(ctx, network.ListOptions{Filters: by()}); err != nil {
		return f, e.explain("list networks", err)
	}
	volumes, err := e.VolumeList(ctx, volume.ListOptions{Filters: by()})
	if err != nil {
		return f, e.explain("list volumes", err)
	}
	f.volumes = volumes.Volumes
	return f, nil
}

// removeRun removes what carries the run's label, and returns an error that names
// what is left.
func (e *engine) removeRun(ctx context.Context, run string) error {
	if run == "" { // whose label every run carries
		return errors.New("no run is named")
	}
	var failed error
	for _, wait := range []time.Duration{0, 100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second} { // something may have been in the making
		select {
		case <-ctx.Done():
			return errors.Join(failed, ctx.Err())
		case <-time.After(wait):
		}
		f, err := e.find(ctx, run)
		if err != nil {
			return errors.Join(failed, err)
		}
		if f.empty() {
			return nil
		}
		failed = e.removeAll(ctx, f)
	}
	f, err := e.find(ctx, run)
	if err != nil {
		return errors.Join(failed, err)
	}
	if f.empty() {
		return nil
	}
	return errors.Join(failed, fmt.Errorf("left on the engine: %s", f))
}

func (f found) String() string {
	var text []byte
	for _, c := range f.containers {
		text = fmt.Appendf(text, "container %s, ", c.ID[:12])
	}
	for _, n := range f.networks {
		text = fmt.Appendf(text, "network %s, ", n.Name)
	}
	for _, v := range f.volumes {
		text = fmt.Appendf(text, "volume %s, ", v.Name)
	}
	return string(text[:max(0, len(text)-2)])
}

// removeAll removes containers first, which hold the others in use.
func (e *engine) removeAll(ctx context.Context, f found) error {
	var group errgroup.Group
	for _, c := range f.containers {
		group.Go(func() error {
			err := e.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
			return unlessGone("container", c.ID[:12], err)
		})
	}
	errs := []error{group.Wait()}
	for _, n := range f.networks {
		err := unlessGone("network", n.Name, e.NetworkRemove(ctx, n.ID))
		errs = append(errs, e.strangersOn(ctx, n.ID, err))
	}
	for _, v := range f.volumes {
		errs = append(errs, unlessGone("volume", v.Name, e.VolumeRemove(ctx, v.Name, true)))
	}
	return errors.Join(errs...)
}

// strangersOn adds who else is on a network to the error with which it could not be removed.
func (e *engine) strangersOn(ctx context.Context, id string, err error) error {
	if err == nil {
		return nil
	}
	info, inspectErr := e.NetworkInspect(ctx, id, network.InspectOptions{})
	if inspectErr != nil {
		return err
	}
	var names []string
	for _, c := range info.Containers {
		names = append(names, c.Name)
	}
	return namesStrangers(err, names)
}

// namesStrangers adds to an error which containers are on the network. Where there are none, the engine may have miscounted: see start.
func namesStrangers(err error, names []string) error {
	slices.Sort(names)
	switch {
	case len(names) > 0:
		return fmt.Errorf("%w; on it are containers that are not this run's: %s", err, strings.Join(names, ", "))
	case strings.Contains(err.Error(), "has active endpoints"):
		return fmt.Errorf("%w; but no container is on it: the engine has miscounted, as engines before 28.1 can (github.com/moby/moby/issues/42119). "+
			"The empty network does no harm; once the engine has been restarted, another clean removes it", err)
	}
	return err
}

func unlessGone(kind, name string, err error) error {
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) && kind == "container" { // conflict: its removal is already in progress
		return nil
	}
	return fmt.Errorf("remove %s %s: %w", kind, name, err)
}

// List finds the runs of which something is on the engine, and says which engine
// that is.
func List(ctx context.Context) (runs []Leftover, where string, err error) {
	e, err := connect(ctx)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	f, err := e.find(ctx, "")
	if err != nil {
		return nil, e.endpoint, err
	}
	return f.runs(self()), e.endpoint, nil
}

func (f found) runs(us owner) []Leftover {
	by := map[string]*Leftover{}
	see := func(labels map[string]string) *Leftover {
		l := by[labels[labelRun]]
		if l == nil {
			l = &Leftover{Run: labels[labelRun], Experiment: labels[labelExperiment], Results: labels[labelResults]}
			l.Started, _ = time.Parse(time.RFC3339, labels[labelStarted]) // zero when it does not tell
			switch lifeOf(labels, us) {
			case lifeAlive:
				l.Alive = true
			case lifeUnknown:
				l.Elsewhere = cmp.Or(labels[labelHost], "an unknown machine")
			}
			by[l.Run] = l
		}
		if labels[labelPart] == partKept {
			l.Kept = true
		}
		return l
	}
	for _, c := range f.containers {
		l := see(c.Labels)
		l.Containers++
		if c.Labels[labelPart] == partServer && len(c.Names) > 0 {
			l.Nodes = append(l.Nodes, LeftoverNode{Name: c.Labels[labelNode], Container: strings.TrimPrefix(c.Names[0], "/"), State: c.State})
		}
	}
	for _, n := range f.networks {
		see(n.Labels).Networks++
	}
	for _, v := range f.volumes {
		see(v.Labels).Volumes++
	}
	runs := make([]Leftover, 0, len(by))
	for _, name := range slices.Sorted(maps.Keys(by)) {
		l := *by[name]
		// A kept run's pgchaos may still be writing its report; the run is nobody's.
		l.Alive = l.Alive && !l.Kept
		runs = append(runs, l)
	}
	return runs
}

// Clean removes everything of a run whose pgchaos is gone, by its label. A run
// whose pgchaos lives on this machine is refused; whether one of another machine's
// lives nobody can see, and who names it must know.
func Clean(ctx context.Context, run string) (err error) {
	e, err := connect(ctx)
	if err != nil {
		return fmt.Errorf("clean run %s: %w", run, err)
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	f, err := e.find(ctx, run)
	if err != nil {
		return fmt.Errorf("clean run %s: %w", run, err)
	}
	for _, l := range f.runs(self()) {
		if l.Alive {
			return fmt.Errorf("clean run %s: its pgchaos is still running", run)
		}
	}
	if err := e.removeRun(ctx, run); err != nil {
		return fmt.Errorf("clean run %s: %w", run, err)
	}
	return nil
}
