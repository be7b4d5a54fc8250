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

// Delay makes data come later.
type Delay struct {
	Sides `yaml:",inline"`

	Latency      units.Duration `yaml:"latency" jsonschema:"required" jsonschema_description:"How much later data arrives, in each direction that is named."`
	Jitter       units.Duration `yaml:"jitter" jsonschema_description:"How much the latency varies; not at all by default."`
	Distribution string         `yaml:"distribution" jsonschema_description:"How the jitter is spread: uniform (the default), normal or pareto."`
}

func delay() Kind {
	return onLinks(Kind{
		Name: "delay",
		Doc:  "Makes data between two sides arrive later.",
		Manual: Manual{
			Does: "Data arrives later by latency, in each direction that is named: with between a round trip takes twice the latency longer. jitter varies it: uniform from latency - jitter to latency + jitter, " +
				"normal with jitter as the standard deviation, pareto with a long tail of late data above latency. The order of the data stays. Opening a connection is not delayed. " + inKernel + "tc delays every packet (netem), also those that open a connection; pareto has its mean at latency. A run whose engine's kernel lacks netem is refused before it makes anything.",
			Effect:   "Each statement takes a round trip longer. With synchronous replication and a delay between the primary and a standby that it waits for, each commit does.",
			Verified: "Data that is sent through each link and back takes at least the delay; where the jitter is large, it is sent in many connections at once, and their mean counts. While another fault lets nothing pass, nothing is seen: the step has taken no effect then. With Docker, a session of the superuser sends it, and the kernel's counters show that packets pass its queues.",
			Back:     "Data is no longer delayed. What was on its way arrives at once.",
			Example:  "- {at: 4s, delay: {between: [primary, replicas], latency: 20ms, jitter: 5ms}, for: 3s}\n",
		},
		New: func() Parameters { return &Delay{} },
	}, cluster.CanDelay)
}

// Words are the distributions.
func (p *Delay) Words() map[string][]string {
	return map[string][]string{"distribution": {string(link.Uniform), string(link.Normal), string(link.Pareto)}}
}

// Default is uniform.
func (p *Delay) Default(has func(key string) bool) {
	if !has("distribution") {
		p.Distribution = string(link.Uniform)
	}
}

// mostDelay is more than any network has, and less than the time-outs of replication.
const mostDelay = units.Duration(time.Minute)

// Check demands a latency.
func (p *Delay) Check() []Mistake {
	wrong := p.Sides.Check()
	switch {
	case p.Latency <= 0:
		wrong = append(wrong, Mistake{"", "delay has no latency", "write latency: 20ms"})
	case p.Latency > mostDelay:
		wrong = append(wrong, Mistake{"latency", fmt.Sprintf("latency is %s", p.Latency), fmt.Sprintf("write at most %s, or use partition", mostDelay)})
	}
	if p.Jitter > p.Latency {
		wrong = append(wrong, Mistake{"jitter", "the jitter is greater than the latency, and data cannot arrive before it is sent", "write at most " + p.Latency.String()})
	}
	return wrong
}

// Detail is the sides and the delay.
func (p *Delay) Detail() string {
	text := fmt.Sprintf("%s, latency %s", p.Sides.Detail(), p.Latency)
	if p.Jitter > 0 {
		text += fmt.Sprintf(", jitter %s %s", p.Jitter, p.Distribution)
	}
	return text
}

// Action delays the data.
func (p *Delay) Action(env Env) chaos.Action {
	shape := link.Shape{Latency: time.Duration(p.Latency), Jitter: time.Duration(p.Jitter), Distribution: link.Distribution(p.Distribution)}
	return p.impose(env, func(w way) link.Rule {
		shape.Seed = env.Scene.Seed()
		return w.rule(shape)
	}, func(ctx context.Context, w way) (string, error) {
		least, latency, patience := p.least(w), time.Duration(p.Latency), answering+20*time.Duration(p.Latency+p.Jitter)
		if least >= latency/2 {
			return takes(ctx, w, 1, time.Duration(w.times())*least, patience)
		}
		// A single piece of data can be hardly later at all. In the mean of these it is later by a quarter of the latency at least, but for one step in
		// more than a thousand.
		return takes(ctx, w, samples(w), time.Duration(w.times())*latency/4, patience)
	})
}

// samples is how often data is sent where the jitter is large. The kernel's faults need a session of the superuser for each.
func samples(w way) int {
	if w.filter != nil {
		return 8
	}
	return 32
}

// least is what every piece of data is delayed by. A normal one is by no more than four deviations less than the mean, in
// practice; nor is the kernel's Pareto one, whose mean is the latency.
func (p *Delay) least(w way) time.Duration {
	switch d := link.Distribution(p.Distribution); {
	case d == link.Pareto && w.filter == nil:
		return time.Duration(p.Latency)
	case d == link.Pareto, d == link.Normal:
		return max(0, time.Duration(p.Latency-4*p.Jitter))
	default:
		return time.Duration(p.Latency - p.Jitter)
	}
}

// times is how many directions are meant.
func (w way) times() (n int) {
	for _, meant := range w.meant {
		if meant {
			n++
		}
	}
	return n
}

// takes verifies that data takes at least so long through a link and back; in the mean of some connections at once.
func takes(ctx context.Context, w way, connections int, least, patience time.Duration) (string, error) {
	if err := w.open(); err != nil {
		return "", err
	}
	met := make([]link.Met, connections)
	err := chaos.AtOnce(connections, func(i int) (err error) {
		met[i], err = w.transfer(ctx, [2]int{1, 1}, patience)
		return err
	})
	if err != nil {
		return "", err
	}
	var mean time.Duration
	for _, m := range met {
		if m.Refused || m.Hung {
			return "", fmt.Errorf("%w: data that was to take at least %s through the link and back %s", chaos.ErrNoEffect, least, m)
		}
		mean += m.Took / time.Duration(connections)
	}
	switch {
	case mean >= least:
		return "", nil
	case connections == 1:
		return "", fmt.Errorf("%w: data that was to take at least %s through the link and back %s", chaos.ErrNoEffect, least, met[0])
	}
	return "", fmt.Errorf("%w: data that was to take at least %s through the link and back, in the mean of %d connections, took %s", chaos.ErrNoEffect, least, connections, mean.Round(time.Microsecond))
}
