package runner

import (
	"time"

	"pgchaos/report"
)

const (
	// beatEvery is how often the watchdog looks at the clock.
	beatEvery = 50 * time.Millisecond
	// stoodStill is the shortest time without a look that counts. Measured for half an hour on
	// two cores that five to thirty processes shared, the looks came up to 280 ms late; an outage
	// shorter than this is no stall in the report either.
	stoodStill = 500 * time.Millisecond
)

// heartbeat notices that pgchaos itself does not run: it was stopped (SIGSTOP, a
// debugger, a frozen container), or the machine slept. It cannot have sent anything
// then, and what looks like an outage of the server may be its own.
type heartbeat struct {
	begun       bool
	last, slept time.Duration
	stops       []report.Standstill
}

// beat is a look at the run's clock, which stands still while the machine sleeps, and at
// how long the machine has slept since it was started. It returns the standstill that
// ended with it; nil: there was none.
func (h *heartbeat) beat(now, slept time.Duration) *report.Standstill {
	was, sleptBefore := h.last, h.slept
	h.last, h.slept = now, slept
	if !h.begun {
		h.begun = true
		return nil
	}
	s := report.Standstill{From: was, To: now, Slept: max(0, slept-sleptBefore)}
	if s.Slept < stoodStill { // the two clocks are not read at one moment
		s.Slept = 0
	}
	if s.Slept == 0 && now-was-beatEvery < stoodStill {
		return nil
	}
	h.stops = append(h.stops, s)
	return &s
}
