package compare

import (
	"fmt"
	"strconv"
	"time"

	"pgchaos/expect"
	"pgchaos/internal/units"
)

// Text is the figure with its unit, or why it is not known.
func (f Figure) Text() string {
	if !f.Known {
		return "not known: " + f.Why
	}
	shown := func(n float64) string { return strconv.FormatFloat(n, 'g', 6, 64) }
	if of, err := expect.ParseMetric(f.Metric); err == nil {
		shown = of.Kind.Format
	}
	switch {
	case f.AtLeast:
		return "at least " + shown(f.Value)
	case f.Most != 0:
		return "from " + shown(f.Value) + " to " + shown(f.Most)
	}
	return shown(f.Value)
}

// Text says when the kill was, and what it lost.
func (l Kill) Text() string {
	text := fmt.Sprintf("%s at %s: ", l.Step, units.Seconds(l.At))
	if !l.Known {
		return text + "not known what it lost: " + l.Why
	}
	text += units.Count(l.Lost, "write lost", "writes lost")
	if l.Weak > 0 {
		text += fmt.Sprintf(", %s of them acknowledged weakly", units.Grouped(l.Weak))
	}
	if l.Span > 0 {
		text += ", " + units.Span(l.Span)
	}
	return text
}

// Text is the value of the setting.
func (s Setting) Text() string {
	switch {
	case s.Measured != 0:
		return units.Span(time.Duration(s.Measured * float64(time.Second)))
	case s.Value == "":
		return "not recorded"
	}
	return s.Value
}
