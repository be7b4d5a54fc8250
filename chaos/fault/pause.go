package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Pause keeps every process of nodes from running, without ending it: the kernel
// still accepts connections and data for them. It is taken back by resuming them.
type Pause struct{ OnNodes }

func pause() Kind {
	return Kind{
		Name: "pause", Group: Servers, Doc: "Freezes nodes: their connections stay, and nothing answers.",
		Manual: Manual{
			Does: "Freezes every process of the node: SIGSTOP to each, or the freezer of the container. No process ends, and the kernel " +
				"keeps the sockets open.",
			Effect: "Nothing answers, and nothing is refused: the kernel still accepts connections and data for the frozen server. Clients " +
				"wait for their own time-out. What was sent to it lies in socket buffers, and is read when the node goes on: a pause is " +
				"no network cut.",
			Verified: "Every process of the node is stopped, by the process table or the engine.",
			Back: "All processes go on, the postmaster last. Transactions that waited go on, too, and can still commit. At the end of a " +
				"run a former primary beside a promoted node does not go on: it is killed, and started read-only.",
			Example: `- {at: 5s, pause: pgslave, for: 4s}`,
		},
		New:   func() Parameters { return &Pause{} },
		Facts: record.Facts{Freezes: true}, Outage: true, Phase: true, Undo: goOn(), Reversible: true,
		Needs:        Needs{Process: Running},
		Capabilities: []cluster.Capability{cluster.CanFreeze},
	}
}

// Action pauses the nodes.
func (p *Pause) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return n.Pause(ctx)
	})
}

// goOn lets a frozen node go on.
func goOn() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "resume",
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, _ chaos.Reversal, ending bool) error {
			return s.Release(ctx, n, n.Resume, ending)
		},
		Clean: onHost(func(ctx context.Context, h interface {
			Thaw(ctx context.Context) error
		}, _ chaos.Reversal) error {
			return h.Thaw(ctx)
		}),
	}
}
