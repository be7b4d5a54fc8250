package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"pgchaos/compare/trend"
	"pgchaos/internal/redact"
	"pgchaos/internal/units"
	"pgchaos/report/junit"
	"pgchaos/report/markdown"
)

// wordOK is the result of a case in which nothing was found.
const wordOK = "ok"

// word is the result of a case.
func (c *nightCase) word() string {
	switch c.code() {
	case exitPass:
		if c.has(trend.Suspect) {
			return "suspect"
		}
		return wordOK
	case exitFail:
		if len(c.Fails) > 0 {
			return "fail"
		}
		return "regression"
	case exitInconclusive:
		return "inconclusive"
	case exitUsage:
		if !c.met {
			return "could not begin"
		}
		return "refused"
	}
	if len(c.Runs) > 0 {
		return "not judged"
	}
	return "not run"
}

// lines are all that there is to say, the worst first.
func (c *nightCase) lines() (all []string) {
	for _, texts := range [][]string{c.Problems, c.Refused, c.Fails, c.Unknown} {
		all = append(all, texts...)
	}
	for _, f := range c.Findings {
		switch f.State {
		case trend.Regression, trend.Suspect, trend.Missing, trend.Better:
			all = append(all, findingText(f, c.Store))
		}
	}
	return append(all, c.Notes...)
}

// findingText is a finding as a sentence, with what accepts a regression in a store.
func findingText(f trend.Finding, store string) string {
	text := f.Text()
	if f.State == trend.Regression {
		text += fmt.Sprintf("; where it is intended: pgchaos history accept %s --why REASON --store %s", f.First, store)
	}
	return text
}

// text is the summary on a terminal.
func (n *night) text(out io.Writer) error {
	var b bytes.Buffer
	for i := range n.cases {
		c := &n.cases[i]
		const indent = "              "
		fmt.Fprintf(&b, "%-12s  %s%s\n", c.word(), redact.Printable(c.Name), c.progress())
		for _, line := range c.lines() {
			b.WriteString(indent + strings.ReplaceAll(redact.Printable(line), "\n", "\n"+indent) + "\n")
		}
	}
	_, err := out.Write(b.Bytes())
	return err
}

// progress says how many nights are still missing, or what was compared where nothing was found.
func (c *nightCase) progress() string {
	steady, nights := 0, 0
	for _, f := range c.Findings {
		switch f.State {
		case trend.NotYet:
			return fmt.Sprintf(": whether it became worse is not known yet (%d of %d nights)", f.Nights, f.Needed)
		case trend.Steady:
			steady, nights = steady+1, max(nights, f.Nights)
		}
	}
	if steady == 0 || c.word() != wordOK {
		return ""
	}
	return fmt.Sprintf(": no change found in %s (%d nights)", units.Count(int64(steady), "metric", "metrics"), nights)
}

// markdown is the summary for a merge request or a job's page.
func (n *night) markdown(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# pgchaos, night of %s\n\n| result | experiment | runs |\n|---|---|---|\n", n.began.Format("2006-01-02"))
	for i := range n.cases {
		c := &n.cases[i]
		fmt.Fprintf(&b, "| %s | %s | %d |\n", c.word(), markdown.Escape(c.Name), len(c.Runs))
	}
	for i := range n.cases {
		c := &n.cases[i]
		fmt.Fprintf(&b, "\n## %s: %s\n\n", markdown.Escape(c.Name), c.word())
		for _, line := range c.lines() {
			fmt.Fprintf(&b, "- %s\n", markdown.Escape(line))
		}
		for _, run := range c.Runs {
			fmt.Fprintf(&b, "- run %s\n", markdown.Escape(run))
		}
		if len(c.Findings) == 0 {
			continue
		}
		b.WriteString("\n| metric | tonight | nights | finding |\n|---|---|---|---|\n")
		for _, f := range c.Findings {
			fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", markdown.Escape(f.Metric), markdown.Escape(f.Tonight.Text()), f.Nights, f.State)
		}
	}
	_, err := out.Write(b.Bytes())
	return err
}

// suite is the night for JUnit: a case for the runs, and one for each metric. Metrics without a figure stand in the error of a run that
// is to blame for that: the same error for each of them would hide the one that matters.
func (n *night) suite() junit.Suite {
	s := junit.Suite{Name: "pgchaos nightly", At: n.began}
	for _, c := range n.cases {
		of := junit.Case{Class: c.Experiment, Name: c.Name, Failures: c.Fails, Output: strings.Join(append(c.Notes, c.Runs...), "\n")}
		of.Errors = slices.Concat(c.Problems, c.Refused, c.Unknown)
		blamed := len(of.Failures)+len(of.Errors) > 0
		if missing := c.missing(); blamed && len(missing) > 0 {
			of.Errors = append(of.Errors, units.Count(int64(len(missing)), "metric has", "metrics have")+" no figure tonight: "+strings.Join(missing, ", "))
		}
		s.Cases = append(s.Cases, of)
		for _, f := range c.Findings {
			if blamed && f.State == trend.Missing {
				continue
			}
			of := junit.Case{Class: c.Experiment, Name: c.Name + ": " + f.Metric}
			switch text := findingText(f, c.Store); f.State {
			case trend.Regression:
				of.Failures = []string{text}
			case trend.Missing:
				of.Errors = []string{text}
			default:
				of.Output = text
			}
			s.Cases = append(s.Cases, of)
		}
	}
	return s
}

// missing are the metrics that most nights have, and this night has not.
func (c *nightCase) missing() (metrics []string) {
	for _, f := range c.Findings {
		if f.State == trend.Missing {
			metrics = append(metrics, f.Metric)
		}
	}
	return metrics
}
