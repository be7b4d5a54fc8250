package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Kill ends every process of nodes with SIGKILL. It is taken back by starting them.
type Kill struct{ OnNodes }

func kill() Kind {
	return Kind{
		Name: "kill", Group: Servers, Doc: "Kills all processes of nodes at once; what they have written to the operating system stays.",
		Manual: Manual{
			Does: "Sends SIGKILL to every process of the node at once, the postmaster and all its children. What the server had only in " +
				"its memory is gone. The machine stays up, and so does what the server had handed to the operating system: after a loss of power that can be gone, too.",
			Effect: "Open connections end, and new ones are refused at once. Standbys see the stream break. The next start recovers from " +
				"the WAL.",
			Verified: "No process of the node is left.",
			Back: "The server is started again as what it was, recovers, and answers queries. At the end of a run a former primary beside " +
				"a promoted node is started read-only, so that its own rows can be read.",
			Example: `- {at: 5s, kill: primary}
- {promote: most_advanced}
- {at: 10s, rejoin: former_primary}`,
		},
		New:   func() Parameters { return &Kill{} },
		Facts: record.Facts{Ends: true, Kills: true}, Outage: true, Phase: true, Undo: startAgain(), Reversible: true,
		Needs:        Needs{Process: Running | Paused},
		Capabilities: []cluster.Capability{cluster.CanRun},
	}
}

// Action kills the nodes.
func (p *Kill) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return n.Kill(ctx)
	})
}
