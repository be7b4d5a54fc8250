package trend

import (
	"fmt"
	"math"

	"pgchaos/compare"
)

// Text is the finding as a sentence.
func (f Finding) Text() string {
	text := f.Metric + ": " + f.State.String()
	switch f.State {
	case Missing, NoFigure:
		return text + ": " + f.Why
	case NotYet:
		return text + fmt.Sprintf(" (%d of %d nights)", f.Nights, f.Needed)
	case Steady, Better, Suspect, Regression:
	}
	change := "no ratio"
	if !math.IsInf(f.Change, 0) {
		change = fmt.Sprintf("%+d %%", int(math.Round(100*f.Change))) // no float, which can be -0
	}
	return text + fmt.Sprintf(", %s: median %s of the last %d nights, %s of the %d before (p %s)",
		change, f.Recent.text(f.Metric), f.Recent.Nights, f.Before.text(f.Metric), f.Before.Nights, compare.P(f.P))
}

func (m Median) text(metric string) string {
	return compare.Figure{Metric: metric, Value: m.Value, Known: true, AtLeast: m.AtLeast}.Text()
}
