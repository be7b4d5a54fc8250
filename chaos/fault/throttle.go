package fault

import (
	"context"
	"fmt"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/cluster/link"
	"pgchaos/internal/units"
)

// Throttle bounds how much data passes.
type Throttle struct {
	Sides `yaml:",inline"`

	BytesPerSecond units.Size `yaml:"bytes_per_second" jsonschema:"required" jsonschema_description:"How much passes each link in a second, in each direction that is named, such as 1MB; 1GB at most."`
}

func throttle() Kind {
	return onLinks(Kind{
		Name: "throttle",
		Doc:  "Bounds how much data passes between two sides in a second.",
		Manual: Manual{
			Does: "At most bytes_per_second pass each link between a member of one side and a member of the other, in each direction that is named. All connections of a link share it, " +
				"and all clients are one member. " + inKernel + "tc bounds what is sent (htb), and all connections between two nodes share it, whichever side has opened them.",
			Effect:   "A standby whose link carries less than the primary writes falls behind. With synchronous replication, commits wait for it. What is sent and has not passed is in the buffers of the operating system.",
			Verified: "Data that is sent through each link and back takes as long as the bound demands, or others have filled the link and as much passes as the bound allows. While another fault lets nothing pass, nothing is seen: the step has taken no effect then. A bound from 100 MB on is refused where the link carries no more without it. With Docker, a session of the superuser sends and receives it, and the kernel's counters show that packets pass its queues. Where no session can be had, the counters alone do, and the step says so.",
			Back:     "Data passes as fast as it can.",
			Example:  "- {at: 4s, throttle: {from: primary, to: replicas, bytes_per_second: 100kB}, for: 3s}\n",
		},
		New: func() Parameters { return &Throttle{} },
	}, cluster.CanShape)
}

// mostBound is more than a server sends to another one.
const mostBound = units.Size(1 << 30)

// Check demands a bound, and not one that bounds nothing.
func (p *Throttle) Check() []Mistake {
	wrong := p.Sides.Check()
	if p.BytesPerSecond <= 0 {
		wrong = append(wrong, Mistake{"", "throttle has no bound", "write bytes_per_second: 1MB"})
	}
	if p.BytesPerSecond > mostBound {
		wrong = append(wrong, Mistake{"bytes_per_second", fmt.Sprintf("bytes_per_second is %s, and a link of pgchaos hardly carries as much without a bound", p.BytesPerSecond), fmt.Sprintf("write at most %s", mostBound)})
	}
	return wrong
}

// Detail is the sides and the bound.
func (p *Throttle) Detail() string {
	return fmt.Sprintf("%s, %s a second", p.Sides.Detail(), p.BytesPerSecond)
}

// filling is how much data is sent to see a bound, as the time that it needs.
const filling = 100 * time.Millisecond

// Action throttles the links.
func (p *Throttle) Action(env Env) chaos.Action {
	shape := link.Shape{BytesPerSecond: int64(p.BytesPerSecond)}
	bound := float64(p.BytesPerSecond)
	return p.onLinks(env, func(ctx context.Context, act *chaos.Act, ways []way) error {
		if err := canBite(ctx, ways, bound); err != nil {
			return err
		}
		return imposeOn(ctx, act, env.Step, ways, func(w way) link.Rule { return w.rule(shape) }, func(ctx context.Context, w way) (string, error) {
			return bounded(ctx, w, bound, answering)
		})
	})
}
