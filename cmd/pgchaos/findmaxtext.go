package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"pgchaos/expect"
	"pgchaos/search"
)

// stepLine says how a step ended, while the search goes on.
func stepLine(n int, value string, s *search.Step) string {
	if s.Outcome == search.Held {
		return fmt.Sprintf("step %d: %s held, p99 %s", n, value, shownFigure(s.P99, expect.MetricDuration))
	}
	return fmt.Sprintf("step %d: %s did not hold: %s", n, value, s.Why)
}

func shownFigure(v *float64, kind expect.MetricKind) string {
	if v == nil {
		return "?"
	}
	return kind.Format(*v)
}

// writeSearch prints the steps of a search, and what came out.
func writeSearch(out io.Writer, s *search.Search, dir string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: the highest %s that holds\n", s.Experiment, s.Path)
	for _, text := range s.Until {
		fmt.Fprintf(&b, "  until %s\n", text)
	}
	fmt.Fprintf(&b, "Each step warms up for %s and is measured for %s at least, on one cluster. A rate must be achieved to %s.\n",
		s.Warmup, s.Span, expect.MetricShare.Format(s.LeastAchieved))
	fmt.Fprint(&b, "The timeline and the expectations of the experiment are left out: steps have no faults.\n\n")
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "STEP\tASKED\tACHIEVED\tP50\tP99\tERRORS\tHOLDS\tWHY NOT\n")
	for i := range s.Steps {
		t := &s.Steps[i]
		holds := "no"
		switch t.Outcome {
		case search.Held:
			holds = "yes"
		case search.Condition, search.Rate:
		default:
			holds = "?"
		}
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i+1, s.Format(t.Value), shownFigure(t.Throughput, expect.MetricRate),
			shownFigure(t.P50, expect.MetricDuration), shownFigure(t.P99, expect.MetricDuration), shownFigure(t.ErrorRate, expect.MetricShare),
			holds, strings.Join(strings.Fields(t.Why), " "))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%s\nThe search is in %s/%s, and the result of each step below %s/steps.\n", conclusionText(s), dir, search.FileName, dir)
	_, err := out.Write(b.Bytes())
	return err
}

// conclusionText says what came out of a search.
func conclusionText(s *search.Search) string {
	c := s.Conclusion
	held, broke := "No value held.", ""
	if c.Held != nil {
		held = fmt.Sprintf("The highest value that held is %s.", s.Format(*c.Held))
	}
	if c.Broke != nil {
		broke = fmt.Sprintf(" The lowest that did not is %s.", s.Format(*c.Broke))
	}
	if !c.Found {
		return "NOT FOUND: " + c.Why + ".\n" + held + broke
	}
	return fmt.Sprintf("FOUND: %s%s\nWhat gave way first: %s.", held, broke, gaveWayText(c))
}

func gaveWayText(c search.Conclusion) string {
	if c.GaveWay == search.Rate {
		return "the rate was not achieved: " + c.Why
	}
	return "the condition: " + c.Why
}
