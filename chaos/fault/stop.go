package fault

import (
	"context"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// Shutdown is how a server is shut down: `stop: a`, or `{node: a, mode: immediate}`.
type Shutdown struct {
	OnNodes `yaml:",inline"`

	Mode    string         `yaml:"mode" jsonschema_description:"fast (the default), smart or immediate."`
	Timeout units.Duration `yaml:"timeout" jsonschema_description:"How long the server may take; 60s by default."`
}

// Words are the modes that PostgreSQL knows.
func (p *Shutdown) Words() map[string][]string {
	return map[string][]string{"mode": {string(cluster.StopFast), string(cluster.StopSmart), string(cluster.StopImmediate)}}
}

// Default is fast, within a minute.
func (p *Shutdown) Default(has func(key string) bool) {
	if !has("mode") {
		p.Mode = string(cluster.StopFast)
	}
	if !has("timeout") {
		p.Timeout = units.Duration(time.Minute)
	}
}

// Detail is the mode.
func (p *Shutdown) Detail() string { return p.Mode }

// Stop shuts nodes down. It is taken back by starting them.
type Stop struct{ Shutdown }

func stop() Kind {
	return Kind{
		Name: "stop", Group: Servers, Doc: "Shuts nodes down in good order.",
		Manual: Manual{
			Does: "Shuts the server of a node down with one of PostgreSQL's three modes. `fast` rolls open transactions back and writes a " +
				"checkpoint. `smart` waits until every client has left. `immediate` ends at once without a checkpoint, so that the next " +
				"start recovers from the WAL.",
			Effect: "Clients get FATAL 57P01 or see their connection close; new connections are refused at once. A primary that is shut " +
				"down with `fast` or `smart` first sends all its WAL to the standbys that stream.",
			Verified: "No process of the server is left. A shutdown that takes longer than `timeout` is an error; it goes on.",
			Back: "The server is started again as what it was, and answers queries. The report then counts the outage to the first " +
				"success.",
			Example: `- {at: 5s, stop: {node: pgslave, mode: immediate}, for: 4s}`,
		},
		New:   func() Parameters { return &Stop{} },
		Facts: record.Facts{Ends: true}, Outage: true, Phase: true, Undo: startAgain(), Reversible: true,
		Needs:        Needs{Process: Running},
		Capabilities: []cluster.Capability{cluster.CanRun},
	}
}

// Action stops the nodes.
func (p *Stop) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		act.Mode(cluster.StopMode(p.Mode))
		return n.Stop(ctx, cluster.StopMode(p.Mode), time.Duration(p.Timeout))
	})
}

// startAgain starts a node again. A run whose pgchaos is gone has no use for that: its nodes are removed.
func startAgain() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "start",
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, _ chaos.Reversal, ending bool) error {
			return s.BringBack(ctx, n, ending)
		},
	}
}
