package fault

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// FillDisk fills the file system of a node's data: `fill_disk: primary`, or `{node: primary, leave: 16MB}`.
type FillDisk struct {
	OnNodes `yaml:",inline"`

	Leave units.Size `yaml:"leave" jsonschema_description:"How much stays free; nothing by default."`
}

func fillDisk() Kind {
	return Kind{
		Name: "fill_disk", Group: Resources, Doc: "Fills the file system that a node's data is on. Only where that is the node's own.",
		Manual: Manual{
			Does: "Writes a file beside the data directory until the file system is full. The node must have a file system of its own and of a known size, which `cluster: {docker: {disk: 512MB}}` gives it: " +
				"a tmpfs volume. It lies in the memory of the Docker engine's machine, so that its speed is not that of a disk.",
			Effect: "Statements that need more space fail with 53100 (disk full). A primary that has no space for WAL ends with a PANIC, \"could not write to file: No space left on device\". " +
				"On a standby the WAL receiver ends and is started again and again; where the replay needs space for a table, the whole server ends. It cannot start again before there is space.",
			Verified: "The file system has no more space left than `leave`.",
			Back: "The file is removed, and there is space again. A server that has ended meanwhile is started again as what it was, and a server that runs answers queries. " +
				"One that a step has stopped or killed stays as it is.",
			Example: `- {at: 5s, for: 3s, fill_disk: {node: pgslave, leave: 64MB}}
`,
			Cluster: "docker: {disk: 512MB}",
		},
		New:   func() Parameters { return &FillDisk{} },
		Facts: record.Facts{Lasts: true, Provokes: true}, Outage: true, Phase: true, Undo: emptyDisk(), Reversible: true,
		Needs: Needs{Process: Running}, Capabilities: []cluster.Capability{cluster.CanFill}, Instead: "fill a file system of your own by exec, with an undo",
	}
}

// Detail is how much stays free.
func (p *FillDisk) Detail() string {
	if p.Leave == 0 {
		return "completely"
	}
	return "all but " + p.Leave.String()
}

// Excludes is true of a second one.
func (p *FillDisk) Excludes(inForce Parameters) bool {
	_, same := inForce.(*FillDisk)
	return same
}

// Before demands a file system without the file.
func (p *FillDisk) Before(ctx context.Context, _ Env, n *cluster.Node) (any, error) {
	filled, err := space(ctx, n, "filled", 0)
	if err == nil && filled > 0 {
		err = inForce(n, "the file system is full")
	}
	return nil, err
}

//go:embed fill_disk.sh
var fillScript string

// space does something about the file that fills a node's file system, and returns how much is free or, of "filled", how large the file
// is, in bytes.
func space(ctx context.Context, n *cluster.Node, do string, leave units.Size) (bytes int64, err error) {
	dir, err := n.OwnFileSystem()
	if err != nil {
		return 0, err
	}
	out, err := n.RunBeside(ctx, cluster.Command{Argv: []string{"/bin/sh", "-c", fillScript, do, dir, strconv.FormatInt(int64(leave)/1024, 10)}, Keep: 1 << 10})
	if err != nil {
		return 0, fmt.Errorf("%s the file system of %s: %w", do, n.Name(), err)
	}
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(out.Stdout), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s the file system of %s: the answer is no number: %w", do, n.Name(), err)
	}
	return kilobytes * 1024, nil
}

// emptyDisk removes the file, and starts the server again where it has ended for want of space. The file system ends with its node.
func emptyDisk() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "empty_disk", Asks: true,
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, _ chaos.Reversal, ending bool) error {
			free, err := space(ctx, n, "empty", 0)
			if err == nil && free == 0 {
				err = fmt.Errorf("the file system of %s is full without the file, too", n.Name())
			}
			if err != nil {
				return err
			}
			return answersAgain(ctx, s, n, ending)
		},
	}
}

// answersAgain waits until the server of a node answers, and starts it where it has ended on its own. What a step has done to
// it stays until the end of the run.
func answersAgain(ctx context.Context, s *chaos.Scene, n *cluster.Node, ending bool) error {
	switch {
	case ending && n.Ended(ctx), n.EndedOnItsOwn():
		return s.BringBack(ctx, n, ending)
	case n.Ended(ctx), n.Silenced(), n.Leaving(), n.ReadOnly():
		return nil
	}
	// A server that was just ending for want of space ends while it is waited for.
	err := n.Start(ctx)
	if err != nil && n.EndedOnItsOwn() {
		err = s.BringBack(ctx, n, ending)
	}
	return err
}

// slack is how much more than asked for may be free: the server removes files of its own all the time.
const slack = 1 << 20

// Action fills the file systems.
func (p *FillDisk) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		free, err := space(ctx, n, "fill", p.Leave)
		if err != nil {
			return err
		}
		if free > int64(p.Leave)+slack {
			return fmt.Errorf("the file system of %s has still %s free", n.Name(), units.Size(free))
		}
		act.Note("%s: %s free", n.Name(), units.Size(free))
		return nil
	})
}
