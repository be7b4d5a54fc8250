package fault

import (
	"context"
	"fmt"
	"math"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// ApplyDelay has standbys replay each commit late: `{node: b, delay: 5s}`.
type ApplyDelay struct {
	OnNodes `yaml:",inline"`

	Delay units.Duration `yaml:"delay" jsonschema:"required" jsonschema_description:"How long after its time on the primary a commit is replayed."`
}

// applyDelaySetting is PostgreSQL's setting.
const applyDelaySetting = "recovery_min_apply_delay"

func applyDelay() Kind {
	return Kind{
		Name: "apply_delay", Group: Replication, Doc: "Has a standby replay each commit late, by a fixed time.",
		Manual: Manual{
			Does: "Sets recovery_min_apply_delay on a standby and reloads it. The standby receives WAL at once and replays each commit only " +
				"when it is that old, by the clocks of both machines.",
			Effect: "Readers of the standby see old rows, and replay_lag grows to the delay. Commits that wait with remote_apply take at " +
				"least that long. A promotion first replays all that was received, without the delay.",
			Verified: "A new session on the standby sees the value in force.",
			Back: "The setting has the value of before again, also in force. Delays of other steps that are still in force stay. A server that " +
				"does not run has it at its next start.",
			Example: `- {at: 5s, apply_delay: {node: pgslave, delay: 2s}, for: 5s}`,
		},
		New:   func() Parameters { return &ApplyDelay{} },
		Facts: record.Facts{Lasts: true, Reloads: true, Keeps: true}, Outage: true, Phase: true, Undo: undelay(), Reversible: true,
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Short keeps a node from being written without a delay.
func (p *ApplyDelay) Short() any { return nil }

// ForStandbys is true: a primary replays nothing.
func (p *ApplyDelay) ForStandbys() bool { return true }

// Check demands a delay that PostgreSQL knows.
func (p *ApplyDelay) Check() []Mistake {
	switch ms := time.Duration(p.Delay).Milliseconds(); {
	case p.Delay == 0:
		return []Mistake{{"", "apply_delay has no delay", "write delay: 5s"}}
	case ms < 1 || ms > math.MaxInt32:
		return []Mistake{{"delay", fmt.Sprintf("delay is %s", p.Delay), "write a time from 1ms to 24 days"}}
	}
	return nil
}

// Detail is the delay.
func (p *ApplyDelay) Detail() string { return "by " + p.Delay.String() }

// Action sets the delay.
func (p *ApplyDelay) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		standby, err := isStandby(ctx, n)
		if err != nil {
			return err
		}
		if !standby {
			return notStandby(n)
		}
		value := fmt.Sprintf("%dms", time.Duration(p.Delay).Milliseconds())
		return env.Scene.Override(ctx, n, applyDelaySetting, value, act.Reversal())
	})
}

// undelay takes a delay back. Where the run's pgchaos is gone there is nothing to do: the setting ends with the node.
func undelay() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "undelay", Asks: true,
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, r chaos.Reversal, _ bool) error {
			return s.EndOverride(ctx, n, applyDelaySetting, r.ID)
		},
	}
}
