package fault

import (
	"context"
	"encoding/json"
	"fmt"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// Limit changes what nodes may use while they run. What is left out stays as it is.
type Limit struct {
	OnNodes `yaml:",inline"`

	CPUs   units.CPUs `yaml:"cpus" jsonschema_description:"The most cores, such as 0.5."`
	Memory units.Size `yaml:"memory" jsonschema_description:"The most memory, such as 256MB."`
}

// leastMemory is the least that a server starts with.
const leastMemory units.Size = 64 << 20

// TooLittle says what is wrong with a size of memory that no server starts with, and what
// would be right; "" where it is enough.
func TooLittle(memory units.Size) (what, right string) {
	if memory >= leastMemory {
		return "", ""
	}
	return fmt.Sprintf("%s is too little for a server", memory), fmt.Sprintf("write at least %s", leastMemory)
}

func limit() Kind {
	return Kind{
		Name: "limit", Group: Resources, Doc: "Changes what a node may use, while it runs. With local nodes, it needs cgroups that pgchaos can write.",
		Manual: Manual{
			Does: "Changes how much processor time and memory the node's container may use, while it runs. What is left out stays as it " +
				"is. With the local provider the server's processes are put into a cgroup of their own, which needs root or a cgroup that is " +
				"delegated to the user; a server that is started meanwhile starts in it, and memory that it held before does not count.",
			Effect: "With less processor time everything takes longer, replication and replay too. With too little memory the kernel kills " +
				"a process of the server, which then restarts all of them; the report names that as out-of-memory.",
			Verified: "The engine reports the new limits; with the local provider the kernel does, and each process of the server is in the cgroup.",
			Back:     "The limits are those of before. Limits of other steps that are still in force stay.",
			Example:  `- {at: 5s, limit: {node: pgslave, cpus: 0.2}, for: 4s}`,
		},
		New:   func() Parameters { return &Limit{} },
		Facts: record.Facts{Provokes: true, Lasts: true}, Phase: true, Undo: unlimit(), Reversible: true,
		Needs: Needs{Process: Present}, Capabilities: []cluster.Capability{cluster.CanLimit},
	}
}

// Short keeps a limit from being written without saying of what.
func (p *Limit) Short() any { return nil }

// Check demands a limit.
func (p *Limit) Check() (wrong []Mistake) {
	if p.CPUs == 0 && p.Memory == 0 {
		wrong = append(wrong, Mistake{"", "limit changes nothing", "give it cpus or memory"})
	}
	if what, right := TooLittle(p.Memory); p.Memory != 0 && what != "" {
		wrong = append(wrong, Mistake{"memory", what, right})
	}
	return wrong
}

// Action limits the nodes.
func (p *Limit) Action(env Env) chaos.Action {
	return env.Scene.Limit(p.Nodes, cluster.Limits{NanoCPUs: int64(p.CPUs), Memory: int64(p.Memory)})
}

// before is what a node may use without the limits of steps; 0 is no limit.
type before struct {
	NanoCPUs int64 `json:"nano_cpus"`
	Memory   int64 `json:"memory"`
}

// Before is what the node may use without limits of steps.
func (p *Limit) Before(ctx context.Context, env Env, n *cluster.Node) (any, error) {
	l, err := env.Scene.LimitsBefore(ctx, n)
	return before(l), err
}

// unlimit takes a limit away.
func unlimit() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "unlimit",
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, r chaos.Reversal, _ bool) error {
			return s.Unlimit(ctx, n, r)
		},
		Clean: onHost(func(ctx context.Context, h interface {
			SetLimits(ctx context.Context, to cluster.Limits) error
		}, r chaos.Reversal) error {
			var to before
			if err := json.Unmarshal(r.Arguments, &to); err != nil {
				return fmt.Errorf("read what the limits were: %w", err)
			}
			return h.SetLimits(ctx, cluster.Limits(to))
		}),
	}
}
