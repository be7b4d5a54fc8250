package fault

import (
	"time"

	"pgchaos/chaos"
	"pgchaos/internal/units"
)

// Wait does nothing for a time.
type Wait struct {
	Time units.Duration `yaml:"-"`
}

func waiting() Kind {
	return Kind{
		Name: "wait", Group: Load, Doc: "Does nothing for a time.",
		Manual: Manual{
			Does:     "Does nothing for a time.",
			Effect:   "Nothing.",
			Verified: "The time is over.",
			Example: `- {at: 3s, kill: pgslave}
- {wait: 2s}
- {start: pgslave}`,
		},
		New: func() Parameters { return &Wait{} },
	}
}

// Selectors are none.
func (p *Wait) Selectors() []string { return nil }

// Short is for `wait: 5s`, which is the only way to write it.
func (p *Wait) Short() any { return &p.Time }

// Detail is the time.
func (p *Wait) Detail() string { return p.Time.String() }

// Action waits.
func (p *Wait) Action(Env) chaos.Action { return chaos.Wait(time.Duration(p.Time)) }
