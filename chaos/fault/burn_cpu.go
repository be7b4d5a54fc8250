package fault

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// BurnCPU keeps processors busy: `burn_cpu: pgslave`, or `{node: pgslave, processes: 4}`.
type BurnCPU struct {
	OnNodes `yaml:",inline"`

	Processes int            `yaml:"processes" jsonschema_description:"How many busy processes; 1 by default."`
	Most      units.Duration `yaml:"most" jsonschema_description:"When the processes end by themselves at the latest; 10m by default."`
}

// mostBurning bounds how many busy processes there can be on a node.
const mostBurning = 64

func burnCPU() Kind {
	return Kind{
		Name: "burn_cpu", Group: Resources, Doc: "Keeps processors of a node's machine busy.",
		Manual: Manual{
			Does: "Starts processes that do nothing but compute, as the server's user and with its priority, on no processor in particular: in the node's container, or on this machine with the local provider, " +
				"where they take time from all nodes and from pgchaos alike. There can be at most 64. It needs Linux.",
			Effect:   "The server gets less processor time: response times rise where there is none to spare.",
			Verified: "Each process has used processor time, by the process table.",
			Back:     "The processes are killed, and none is left. They also end with pgchaos, however that ends, with their container, and by themselves after `most`. Where some have ended before, as when somebody has killed them, the timeline says so beside the end of a `for`.",
			Example: `- {at: 5s, for: 3s, burn_cpu: {node: pgslave, processes: 2}}
`,
		},
		New:   func() Parameters { return &BurnCPU{} },
		Facts: record.Facts{Lasts: true, Provokes: true}, Phase: true, Undo: endBurning(), Reversible: true,
		Needs: Needs{Process: Running}, Capabilities: []cluster.Capability{cluster.CanReachFiles},
	}
}

// Default is one process, for ten minutes at most.
func (p *BurnCPU) Default(has func(key string) bool) {
	if !has("processes") {
		p.Processes = 1
	}
	if !has("most") {
		p.Most = units.Duration(10 * time.Minute)
	}
}

// Check bounds the processes.
func (p *BurnCPU) Check() []Mistake {
	if p.Processes < 1 || p.Processes > mostBurning {
		return []Mistake{{"processes", fmt.Sprintf("processes is %d", p.Processes), fmt.Sprintf("write a number from 1 to %d", mostBurning)}}
	}
	return nil
}

// Ends is most.
func (p *BurnCPU) Ends() (after time.Duration, key string) { return time.Duration(p.Most), "most" }

// Detail is how many.
func (p *BurnCPU) Detail() string {
	return units.Count(int64(p.Processes), "busy process", "busy processes")
}

// burning marks the processes of one step on one node, in their command lines.
type burning struct {
	Mark      string `json:"mark"`
	Processes int    `json:"processes,omitempty"`
}

var burningMark = regexp.MustCompile(`^pgchaos-burn-[a-z0-9]{16}$`)

// Before is the mark of the processes.
func (p *BurnCPU) Before(context.Context, Env, *cluster.Node) (any, error) {
	return burning{"pgchaos-burn-" + strings.ToLower(rand.Text()[:16]), p.Processes}, nil
}

func burningOf(decode func(any) error) (b burning, err error) {
	if err := decode(&b); err != nil {
		return burning{}, fmt.Errorf("read the mark of the processes: %w", err)
	}
	if !burningMark.MatchString(b.Mark) {
		return burning{}, fmt.Errorf("%q is no mark of busy processes", b.Mark)
	}
	return b, nil
}

// burningBy are the processes of a reversal.
func burningBy(r chaos.Reversal) (burning, error) {
	return burningOf(func(into any) error { return json.Unmarshal(r.Arguments, into) })
}

// busy counts the processes that have used processor time.
func (b burning) busy(ctx context.Context, n *cluster.Node) (int, error) {
	out, err := n.RunBeside(ctx, burn("busy", b.Mark))
	if err != nil {
		return 0, fmt.Errorf("count the busy processes: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(out.Stdout))
}

// keeper makes of the mark of busy processes that of what looks after them.
const keeper = "-keeper"

//go:embed burn_cpu.sh
var burnScript string

// burn is the script that starts, counts or kills the processes of a mark.
func burn(do, mark string, more ...string) cluster.Command {
	command := cluster.Command{Argv: append([]string{"/bin/sh", "-c", burnScript, do}, more...), Env: []string{"MARK=" + mark}, Keep: 1 << 10}
	if do == "start" {
		command.Env = append(command.Env, "SCRIPT="+burnScript)
	}
	return command
}

// endBurning kills busy processes. They can be outside of the node, where that is no container.
func endBurning() *chaos.ReversalKind {
	end := func(ctx context.Context, r chaos.Reversal, run func(context.Context, cluster.Command) (cluster.Output, error)) error {
		b, err := burningBy(r)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, seenWithin)
		defer cancel()
		for {
			out, err := run(ctx, burn("kill", b.Mark))
			if err != nil {
				return fmt.Errorf("kill the busy processes: %w", err)
			}
			left := strings.Fields(out.Stdout)
			if len(left) == 0 {
				return nil
			}
			if wait.For(ctx, 20*time.Millisecond) != nil {
				return fmt.Errorf("busy processes are left, by number: %s; kill them", strings.Join(left, ", "))
			}
		}
	}
	return &chaos.ReversalKind{
		Name: "end_burning", Outlives: true,
		// They end by themselves after most, with their container, and where somebody kills them.
		Look: func(ctx context.Context, n *cluster.Node, r chaos.Reversal) (gone string) {
			b, err := burningBy(r)
			if err != nil {
				return ""
			}
			ctx, cancel := context.WithTimeout(ctx, seenWithin)
			defer cancel()
			left, err := b.busy(ctx, n)
			if err != nil || left >= b.Processes {
				return ""
			}
			return fmt.Sprintf("%s: %d of %s had ended before", n.Name(), b.Processes-left, units.Count(int64(b.Processes), "busy process", "busy processes"))
		},
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, r chaos.Reversal, _ bool) error {
			if b, err := burningBy(r); err == nil {
				s.Drop(b.Mark)
			}
			return end(ctx, r, n.RunBeside)
		},
		Clean: func(ctx context.Context, host any, r chaos.Reversal) error {
			if host == nil { // its container took the processes along
				return nil
			}
			return onHost(func(ctx context.Context, h cluster.Executor, r chaos.Reversal) error { return end(ctx, r, h.Exec) })(ctx, host, r)
		},
	}
}

// Action starts the processes.
func (p *BurnCPU) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		b, err := burningOf(act.Known)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, seenWithin)
		defer cancel()
		seconds := max(1, int(time.Duration(p.Most).Seconds()))
		standing, err := n.StandBeside(ctx, burn("start", b.Mark, strconv.Itoa(p.Processes), strconv.Itoa(seconds), b.Mark+keeper))
		if err != nil {
			return err
		}
		env.Scene.HoldCommand(b.Mark, standing)
		for {
			busy, err := b.busy(ctx, n)
			if err != nil {
				return fmt.Errorf("on %s: %w", n.Name(), err)
			}
			if busy == p.Processes {
				act.Note("%s: %s", n.Name(), p.Detail())
				return nil
			}
			select {
			case <-standing.Over(): // when all of them have ended
				return fmt.Errorf("on %s the busy processes have ended: %w", n.Name(), cmp.Or(standing.Err(), errors.New("something has killed them")))
			default:
			}
			if err := wait.For(ctx, 50*time.Millisecond); err != nil {
				return errors.Join(fmt.Errorf("on %s %d of %d processes have used processor time", n.Name(), busy, p.Processes), err)
			}
		}
	})
}
