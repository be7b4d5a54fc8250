package fault

import (
	"context"
	"fmt"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster/link"
	"pgchaos/internal/units"
)

// Throttle bounds how much data passes.
type Throttle struct {
	Sides `yaml:",inline"`

	BytesPerSecond units.Size `yaml:"bytes_per_second" jsonschema:"required" jsonschema_description:"How much passes each link in a second, in each direction that is named, such as 1MB."`
}

func throttle() Kind {
	return shaped(onLinks(Kind{
		Name: "throttle",
		Doc:  "Bounds how much data passes between two sides in a second.",
		Manual: Manual{
			Does: "At most bytes_per_second pass each link between a member of one side and a member of the other, in each direction that is named. All connections of a link share it, " +
				"and all clients are one member.",
			Effect:   "A standby whose link carries less than the primary writes falls behind. With synchronous replication, commits wait for it. What is sent and has not passed is in the buffers of the operating system.",
			Verified: "Data that is sent through each link and back takes as long as the bound demands.",
			Back:     "Data passes as fast as it can.",
			Example:  "- {at: 4s, throttle: {from: primary, to: replicas, bytes_per_second: 100kB}, for: 3s}\n",
		},
		New: func() Parameters { return &Throttle{} },
	}))
}

// Check demands a bound.
func (p *Throttle) Check() []Mistake {
	wrong := p.Sides.Check()
	if p.BytesPerSecond <= 0 {
		wrong = append(wrong, Mistake{"", "throttle has no bound", "write bytes_per_second: 1MB"})
	}
	return wrong
}

// Detail is the sides and the bound.
func (p *Throttle) Detail() string {
	return fmt.Sprintf("%s, %s a second", p.Sides.Detail(), p.BytesPerSecond)
}

// filling is how much data is sent to see a bound, as the time that it needs; half of that is demanded, since a link that was
// idle lets a little pass at once.
const filling = 100 * time.Millisecond

// Action throttles the links.
func (p *Throttle) Action(env Env) chaos.Action {
	shape := link.Shape{BytesPerSecond: int64(p.BytesPerSecond)}
	bytes := max(1, int(float64(p.BytesPerSecond)*filling.Seconds()))
	return p.impose(env, func(w way) link.Rule { return w.rule(shape) }, func(ctx context.Context, w way) (string, error) {
		met, err := w.relay.Probe(ctx, bytes, answering)
		if err == nil && !met.Hung && (met.Refused || met.Took < filling/2) { // it hangs where others have filled the link
			err = fmt.Errorf("%w: data that was to take at least %s through the link and back %s", chaos.ErrNotSo, filling/2, met)
		}
		return "", err
	})
}
