package fault

import (
	"pgchaos/chaos"
	"pgchaos/cluster/link"
)

// HalfOpen is a black hole in one direction: what one side sends is lost on its way, and what the other sends arrives.
type HalfOpen struct {
	Sides `yaml:",inline"`
}

func halfOpen() Kind {
	return onLinks(Kind{
		Name: "half_open",
		Doc:  "Lets nothing pass from one side to the other, while the other direction works.",
		Manual: Manual{
			Does: "No byte that from sends reaches to. What to sends still arrives at from. New connections between the two sides get no answer, whichever side opens them. " +
				"It is a partition in one direction, and takes from and to, not between. " + inKernel + "iptables drops the packets of one direction (DROP). TCP's own acknowledgements " +
				"in that direction are lost, too: the sender of the other direction stops once its buffers are full.",
			Effect: "One side believes the connection to be well. From a standby to its primary: WAL still arrives and is replayed, but the primary hears of no progress, and synchronous commits wait. " +
				"From clients to a server: queries do not arrive.",
			Verified: "A new connection through each link gets no answer within 0.3 s, and no byte passes in the cut direction. " + kernelProof,
			Back:     "The data that was held back goes on, and connections that are still open continue.",
			Example:  "- {at: 4s, half_open: {from: replicas, to: primary}, for: 3s}\n",
		},
		New:    func() Parameters { return &HalfOpen{} },
		Outage: true, Instead: "disconnect the node from everything",
	})
}

// Check demands one direction.
func (p *HalfOpen) Check() []Mistake {
	if len(p.Between) > 0 {
		return []Mistake{{"between", "half_open is about one direction, and between means both", "write from: ONE SIDE, to: THE OTHER, or partition instead of half_open"}}
	}
	return p.Sides.Check()
}

// WithoutKeys is both directions.
func (p *HalfOpen) WithoutKeys() []string { return []string{"between"} }

// Action cuts one direction of the links.
func (p *HalfOpen) Action(env Env) chaos.Action {
	return p.impose(env, func(w way) link.Rule { return w.rule(link.Shape{BlackHole: true}) }, hangs(probing))
}
