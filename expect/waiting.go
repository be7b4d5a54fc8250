package expect

import (
	"strings"
	"time"
)

// Readings are what a Condition is held against at one moment.
type Readings interface {
	// Reading is the value of a comparison's quantity. Of a quantity that is one of some words it has the word in Text. What
	// was not read is an unknown Value, with the reason.
	Reading(c *Comparison) Value
}

// Waiting holds a condition against readings, again and again. It is not safe for concurrent use.
type Waiting struct {
	condition Condition
	since     map[*term]time.Duration // since when a term has held without a break that must hold for some time
	longest   map[*term]time.Duration // and the longest that it ever did
	read      map[*Comparison]*readSoFar
}

// readSoFar is what was read for one comparison.
type readSoFar struct {
	known bool   // at any time
	best  Value  // the known number that came nearest to the comparison
	last  Value  // the newest, known or not
	shown string // the newest that was known
	holds bool   // by the newest
}

// Wait begins to wait for the condition.
func (c Condition) Wait() *Waiting {
	return &Waiting{condition: c, since: map[*term]time.Duration{}, longest: map[*term]time.Duration{}, read: map[*Comparison]*readSoFar{}}
}

// Look tells whether the condition holds, by readings of a moment, which must not be before that of an earlier call. A comparison whose
// value is not known does not hold.
func (w *Waiting) Look(now time.Duration, r Readings) bool { return w.holds(w.condition.root, now, r) }

func (w *Waiting) holds(t *term, now time.Duration, r Readings) bool {
	if t == nil {
		return false
	}
	if t.comparison != nil {
		return w.compare(t.comparison, r)
	}
	holds := !t.any
	for _, part := range t.terms { // each of them: how long they hold is counted
		one := w.holds(part, now, r)
		holds = t.any && (holds || one) || !t.any && holds && one
	}
	if t.held == 0 {
		return holds
	}
	if !holds {
		delete(w.since, t)
		return false
	}
	if _, before := w.since[t]; !before {
		w.since[t] = now
	}
	w.longest[t] = max(w.longest[t], now-w.since[t])
	return now-w.since[t] >= t.held
}

func (w *Waiting) compare(c *Comparison, r Readings) bool {
	v := r.Reading(c)
	so := w.read[c]
	if so == nil {
		so = &readSoFar{}
		w.read[c] = so
	}
	so.last, so.holds = v, false
	if !v.Known {
		return false
	}
	if !so.known || c.nearer(v.Number, so.best.Number) {
		so.best = v
	}
	so.known, so.shown = true, c.show(v)
	so.holds = c.Holds(v)
	return so.holds
}

// Holds tells whether a value is as the comparison demands. An unknown one is not.
func (c *Comparison) Holds(v Value) bool {
	if c.Kind == 0 {
		return v.Known && (v.Text == c.Word) == (c.Op == "==")
	}
	return c.Expectation().Holds(v)
}

// nearer tells whether one number comes nearer to what the comparison demands than another.
func (c *Comparison) nearer(a, b float64) bool {
	return strings.HasPrefix(c.Op, ">") && a > b || strings.HasPrefix(c.Op, "<") && a < b
}

// show is what was read, as half a sentence: "lag of b was 1.2 MB", "lag of laggard (b) was 1.2 MB".
func (c *Comparison) show(v Value) string {
	holder := ""
	if v.Node != "" {
		holder = " (" + v.Node + ")"
	}
	switch c.Kind {
	case 0:
		return c.String() + holder + " was " + v.Text
	case MetricTruth:
		if v.Bool {
			return c.Of + holder + " was streaming"
		}
		return c.Of + holder + " was not streaming"
	}
	return c.String() + holder + " was " + c.Kind.FormatBeside(v.Number, c.Value)
}

// Met says what was read of the comparisons that hold.
func (w *Waiting) Met() string {
	var parts []string
	for _, c := range w.condition.Comparisons() {
		if so := w.read[c]; so != nil && so.holds {
			parts = append(parts, so.shown)
		}
	}
	return strings.Join(parts, ", ")
}

// Unmet says what was read of every comparison so far, for a condition that has not come to hold: of a number that has to be
// great the greatest, of one that has to be small the least, and of anything else the newest.
func (w *Waiting) Unmet() string {
	var parts []string
	for _, c := range w.condition.Comparisons() {
		parts = append(parts, w.unmet(c))
	}
	return strings.Join(append(parts, w.tooShort(w.condition.root)...), "; ")
}

func (w *Waiting) unmet(c *Comparison) string {
	so := w.read[c]
	why := ""
	if so != nil && !so.last.Known && so.last.Why != "" {
		why = ": " + so.last.Why
	}
	if so == nil || !so.known {
		return c.String() + " was never known" + why
	}
	text := so.shown + " at last"
	switch {
	case c.Kind == 0 || c.Kind == MetricTruth:
	case strings.HasPrefix(c.Op, ">"):
		text = c.show(so.best) + " at most"
	case strings.HasPrefix(c.Op, "<"):
		text = c.show(so.best) + " at least"
	}
	if !so.last.Known {
		text += ", and then it was not known" + why
	}
	return text
}

// tooShort says how long the terms held that must hold for some time.
func (w *Waiting) tooShort(t *term) (parts []string) {
	if t == nil {
		return nil
	}
	if t.held > 0 && w.longest[t] < t.held {
		parts = append(parts, "what must hold for "+t.held.String()+" did so for "+w.longest[t].Round(10*time.Millisecond).String()+" at most")
	}
	for _, part := range t.terms {
		parts = append(parts, w.tooShort(part)...)
	}
	return parts
}
