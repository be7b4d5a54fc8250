package trend

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pgchaos/compare"
	"pgchaos/verdict"
)

// Run is a run of a history.
type Run struct {
	compare.Run
	// Accepted: a step that begins with this run is intended, and the reference begins anew with its night.
	Accepted bool
}

// Night is all runs of one night: the rounds of a series and a repetition are no nights of their own,
// because what disturbs one of them disturbs the others, too.
type Night struct {
	ID       string    // the id of their series, or of the run that is of none
	At       time.Time // when the first of them began
	Accepted bool
	Runs     []compare.Run // those that are in figures, by time
	Left     []LeftOut     // those that are in none
}

// LeftOut is a run that is in no figure.
type LeftOut struct {
	Run string
	At  time.Time
	Why []string
}

// Nights are the nights of runs, by time. Warm-up rounds are left out.
func Nights(runs []Run) (nights []Night) {
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b Run) int { return a.Started.Compare(b.Started) })
	at := map[string]int{}
	for _, r := range runs {
		if r.Warmup {
			continue
		}
		id := NightOf(r.Run)
		i, ok := at[id]
		if !ok {
			i = len(nights)
			at[id] = i
			nights = append(nights, Night{ID: id, At: r.Started})
		}
		n := &nights[i]
		n.Accepted = n.Accepted || r.Accepted
		if why := leftOut(r.Run); len(why) > 0 {
			n.Left = append(n.Left, LeftOut{r.ID, r.Started, why})
		} else {
			n.Runs = append(n.Runs, r.Run)
		}
	}
	return nights
}

// NightOf is the id of the night that a run is of.
func NightOf(r compare.Run) string {
	if r.Series != "" {
		return r.Series
	}
	return r.ID
}

// leftOut says why a run is in no figure; none: it is. A run whose verdict is fail was measured as
// well as any other.
func leftOut(r compare.Run) []string {
	why := slices.Clone(r.NotComparable)
	if len(why) == 0 && r.Verdict == verdict.Inconclusive {
		why = append(why, "its verdict is inconclusive")
	}
	return why
}

// sinceAccepted are the nights from the last accepted one on.
func sinceAccepted(nights []Night) []Night {
	for i, n := range slices.Backward(nights) {
		if n.Accepted {
			return nights[i:]
		}
	}
	return nights
}

// figure is the night's figure of a metric: the median of its runs. Where one does not know it, the
// night has that of the others.
func (n *Night) figure(metric string) compare.Figure {
	f := compare.Figure{Metric: metric}
	var all []float64
	for _, r := range n.Runs {
		of := r.Figure(metric)
		if !of.Known {
			f.Why = of.Why
			continue
		}
		number := max(of.Value, (of.Value+of.Most)/2) // between two bounds: the middle
		if of.AtLeast {
			number, f.Value = math.Inf(1), max(f.Value, of.Value)
		}
		all = append(all, number)
	}
	if len(all) == 0 {
		if len(n.Runs) == 0 {
			f.Why = n.whyLeft()
		}
		return f
	}
	slices.Sort(all)
	f.Known, f.Why = true, ""
	if v := middle(all); math.IsInf(v, 1) {
		f.AtLeast = true
	} else {
		f.Value = v
	}
	return f
}

// whyLeft says why none of the night's runs is in a figure.
func (n *Night) whyLeft() string {
	var all []string
	for _, l := range n.Left {
		for _, why := range l.Why {
			if !slices.Contains(all, why) {
				all = append(all, why)
			}
		}
	}
	return fmt.Sprintf("the run is in no figure: %s", strings.Join(all, "; "))
}

// first is the id of the night's first run that is in figures.
func (n *Night) first() string { return n.Runs[0].ID }

// value is the figure of one night as a number that sorts: what had not ended is +Inf.
type value struct {
	night   *Night
	number  float64
	atLeast float64 // where number is +Inf: what it is at least
}

func (n *Night) value(metric string) (value, bool) {
	f := n.figure(metric)
	v := value{night: n, number: f.Value}
	if f.AtLeast {
		v.number, v.atLeast = math.Inf(1), f.Value
	}
	return v, f.Known
}
