package live

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgchaos/internal/units"
	"pgchaos/record"
	"pgchaos/runner"
)

// LineOf is the line that an event makes in the log of a run; ok is false where it makes none.
func LineOf(e runner.Event, verbose bool) (text string, ok bool) {
	switch e := e.(type) {
	case runner.StageBegan:
		return "-- " + e.Text, true
	case runner.Noted:
		return "-- " + e.Text, true
	case runner.Logged:
		return "   " + e.Text, verbose
	case runner.StepBegan:
		return fmt.Sprintf("%s  > %s", Clock(e.Step.Issued), e.Step.Name), true
	case runner.StepEnded:
		return endText(e.Step), true
	}
	return "", false
}

// endText says how a step ended.
func endText(m record.Event) string {
	text := fmt.Sprintf("%s  %s %s", Clock(m.Ended), m.Name, m.Status)
	if took := m.Ended - m.Issued; m.Status == record.EventDone && took >= time.Millisecond {
		text += " in " + took.Round(time.Millisecond).String()
	}
	for _, more := range []string{m.Detail, m.Error} {
		if more != "" {
			text += ": " + more
		}
	}
	return text
}

// PulledText says that an image has been downloaded.
func PulledText(e runner.ImageLoaded) string {
	return fmt.Sprintf("-- pulled image %s, %.1f MB", e.Image, float64(e.Total)/1e6)
}

// Clock is an offset on the run's clock, as a person reads it: 1:02.3.
func Clock(d time.Duration) string {
	tenths := d.Round(100*time.Millisecond).Milliseconds() / 100
	return fmt.Sprintf("%2d:%02d.%d", tenths/600, tenths/10%60, tenths%10)
}

// Latency is a latency with three digits at the most.
func Latency(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// Countdown is a time that has to pass, in whole seconds: it must not say 0 while there is one.
func Countdown(d time.Duration) string {
	return secondsText(int64((d + time.Second - 1) / time.Second))
}

func secondsText(seconds int64) string {
	if seconds < 100 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60)
}

// NextText says what comes next on the timeline, and when.
func NextText(s runner.Status, elapsed time.Duration) string {
	switch n := s.Next; {
	case n == nil:
		return "no step is left"
	case n.At > elapsed:
		return fmt.Sprintf("next %s in %s", n.Name, Countdown(n.At-elapsed))
	case n.At > 0:
		return fmt.Sprintf("next %s, due now", n.Name)
	case n.Waits:
		return fmt.Sprintf("next %s, when its condition holds", n.Name)
	default:
		return fmt.Sprintf("next %s, after the step before it", n.Name)
	}
}

// EndText says when timeline and load end.
func EndText(s runner.Status, elapsed time.Duration) string {
	if s.End <= elapsed {
		return "the end is not known"
	}
	return "at least " + Countdown(s.End-elapsed) + " left"
}

// FaultText says that a fault is in force, and for how long.
func FaultText(f runner.FaultStatus, elapsed time.Duration) string {
	return fmt.Sprintf("%s %s %s", f.Action, strings.Join(f.Nodes, ", "), secondsText(int64(max(elapsed-f.Since, 0)/time.Second)))
}

// KindsText are errors by their kind, the most frequent first.
func KindsText(kinds map[string]int64) string {
	names := slices.Sorted(maps.Keys(kinds)) // equally frequent ones are always in the same order
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(kinds[b], kinds[a]) })
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = fmt.Sprintf("%s %s", units.Grouped(kinds[name]), name)
	}
	return strings.Join(texts, ", ")
}

// ErrorsText says which errors there were, and whether there are any now.
func (m *Model) ErrorsText(at time.Time) string {
	errors, dropped := m.AllErrors()
	var parts []string
	switch {
	case errors == 0:
		parts = append(parts, "no errors")
	case m.ErrorsNow(at):
		parts = append(parts, fmt.Sprintf("%s errors/s: %s", units.Grouped(m.Errors.N), KindsText(m.Errors.Kinds)), units.Grouped(errors)+" in all")
	case m.Errors.N > 0:
		parts = append(parts, units.Grouped(errors)+" errors", fmt.Sprintf("the last at %s: %s", strings.TrimSpace(Clock(m.Errors.At)), KindsText(m.Errors.Kinds)))
	default:
		parts = append(parts, units.Count(errors, "error", "errors"))
	}
	if dropped > 0 {
		parts = append(parts, units.Grouped(dropped)+" operations not sent")
	}
	return strings.Join(parts, "; ")
}

// ErrorsNow tells whether there were errors in the newest second that a workload reports.
func (m *Model) ErrorsNow(at time.Time) bool {
	if !m.Loading(at) || m.Errors.N == 0 {
		return false
	}
	for _, w := range m.Workloads {
		if w.Running && w.Now.At > m.Errors.At {
			return false
		}
	}
	return true
}
