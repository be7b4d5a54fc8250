package fault

import (
	"fmt"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster/link"
	"pgchaos/internal/units"
)

// Flap is a partition that comes and goes.
type Flap struct {
	Sides `yaml:",inline"`

	Down units.Duration `yaml:"down" jsonschema:"required" jsonschema_description:"How long nothing passes."`
	Up   units.Duration `yaml:"up" jsonschema:"required" jsonschema_description:"How long everything passes then."`
}

func flap() Kind {
	return onLinks(Kind{
		Name: "flap",
		Doc:  "Lets nothing pass between two sides for a time, then everything, and so on.",
		Manual: Manual{
			Does: "A partition that comes and goes: nothing passes for the time of down, then everything for the time of up, until it is taken back. It begins with down. " +
				inKernel + "iptables drops the packets (DROP). The first down lasts until its effect has been verified, at least 1 s, and then on to the next change: " +
				"the period is counted from the start of the engine's machine, so that both sides change at the same time.",
			Effect:   "Each time, clients and standbys wait, and go on. Where down is longer than a time-out, they connect again and again.",
			Verified: "While the link is down for the first time, a new connection through each link gets no answer, and no byte passes. " + kernelProof,
			Back:     "Everything passes again.",
			Example:  "- {at: 4s, flap: {between: [primary, pgslave], down: 500ms, up: 1s}, for: 5s}\n",
		},
		New:    func() Parameters { return &Flap{} },
		Outage: true, Instead: "disconnect the node from everything, with for",
	})
}

// shortestDown is what a probe can see.
const shortestDown = units.Duration(100 * time.Millisecond)

// Check demands the period.
func (p *Flap) Check() []Mistake {
	wrong := p.Sides.Check()
	switch {
	case p.Down <= 0 || p.Up <= 0:
		wrong = append(wrong, Mistake{"", "flap has no period", "write down: 1s and up: 2s"})
	case p.Down < shortestDown:
		wrong = append(wrong, Mistake{"down", fmt.Sprintf("down is %s, and that it takes effect cannot be seen in so short a time", p.Down), fmt.Sprintf("write at least %s", shortestDown)})
	}
	return wrong
}

// Detail is the sides and the period.
func (p *Flap) Detail() string {
	return fmt.Sprintf("%s, down %s, up %s", p.Sides.Detail(), p.Down, p.Up)
}

// Action has the links come and go.
func (p *Flap) Action(env Env) chaos.Action {
	return p.impose(env, func(w way) link.Rule {
		r := w.rule(link.Shape{BlackHole: true})
		r.Down, r.Up = time.Duration(p.Down), time.Duration(p.Up)
		return r
	}, hangs(min(probing, time.Duration(p.Down)/2)))
}
