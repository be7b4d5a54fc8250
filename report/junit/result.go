package junit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/expect"
	"pgchaos/internal/redact"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// Of is a run as a suite: a case for each expectation, and one for the run itself, which has what the audit, the steps and pgchaos
// found beside them.
func Of(r *report.Result) Suite {
	s := Suite{Name: r.Name, At: r.Started, Took: r.Duration}
	for _, e := range r.Expectations {
		s.Cases = append(s.Cases, expectationCase(r, e))
	}
	s.Cases = append(s.Cases, runCase(r))
	return s
}

// expectationCase took as long as what it is about: the run, or a phase.
func expectationCase(r *report.Result, e expect.Judgement) Case {
	c := Case{Class: r.Name, Name: e.Text, Took: r.Duration}
	lines := []string{"run: " + r.Run}
	if x, err := expect.Parse(e.Text); err == nil && x.Phase != "" {
		c.Took = 0
		if i := slices.IndexFunc(r.Phases, func(p record.Phase) bool { return p.Name == x.Phase }); i >= 0 {
			p := r.Phases[i]
			c.Took = p.End - p.Start
			lines = append(lines, fmt.Sprintf("phase: %s, from %.3f s to %.3f s", p.Name, p.Start.Seconds(), p.End.Seconds()))
		}
	}
	lines = append(lines, "verdict: "+e.Verdict.String())
	if e.Observed != "" {
		lines = append(lines, "observed: "+e.Observed)
	}
	text := e.Text
	if e.Observed != "" {
		text += ": it was " + e.Observed
	}
	if e.Why != "" {
		lines = append(lines, "why: "+e.Why)
		text += ": " + e.Why
	}
	c.Output = output(lines)
	switch e.Verdict {
	case verdict.Pass:
	case verdict.Fail:
		c.Failures = []string{redact.Short(text)}
	default:
		c.Errors = []string{redact.Short(text)}
	}
	return c
}

// runCase fails where the verdict is fail and no expectation is broken: then one of its reasons is the failure. Otherwise a reason is
// something that is not known.
func runCase(r *report.Result) Case {
	c := Case{Class: r.Name, Name: "the run and its audit", Took: r.Duration}
	lines := []string{
		"run: " + r.Run, "verdict: " + r.Verdict.String(), "headline: " + r.Headline(),
		fmt.Sprintf("pgchaos %s, PostgreSQL %s, provider %s, seed %d", r.Tool, r.Cluster.Postgres, r.Cluster.Provider, r.Seed),
	}
	for _, m := range r.Replications() {
		lines = append(lines, fmt.Sprintf("replication from %.3f s: %s", m.Since.Seconds(), m))
	}
	for _, doubt := range slices.Concat(r.Warned(), r.Doubts()) {
		lines = append(lines, "warning: "+doubt)
	}
	for i := range r.Audits {
		if read := report.NodesRead(&r.Audits[i]); read != "" {
			lines = append(lines, r.Audits[i].Table+": "+read)
		}
		for _, fork := range report.UnreadForks(&r.Audits[i]) {
			lines = append(lines, "not read: "+r.Audits[i].Table+": "+fork)
		}
	}
	c.Output = output(lines)
	broken := slices.ContainsFunc(r.Expectations, func(e expect.Judgement) bool { return e.Verdict == verdict.Fail })
	reasons := shortened(r.AllReasons())
	switch {
	case r.Verdict == verdict.Pass:
	case r.Verdict == verdict.Fail && !broken:
		c.Failures = orOne(reasons, "its verdict is fail")
	case len(reasons) > 0:
		c.Errors = reasons
	case !slices.ContainsFunc(r.Expectations, func(e expect.Judgement) bool { return e.Verdict != verdict.Pass }):
		c.Errors = []string{"nothing was shown"}
	}
	return c
}

func orOne(texts []string, otherwise string) []string {
	if len(texts) == 0 {
		return []string{otherwise}
	}
	return texts
}

// mostReasons bounds the reasons that are written.
const mostReasons = 50

func shortened(texts []string) (all []string) {
	for i, text := range texts {
		if i == mostReasons {
			return append(all, fmt.Sprintf("and %d more", len(texts)-i))
		}
		all = append(all, redact.Short(text))
	}
	return all
}

func output(lines []string) string {
	for i, line := range lines {
		lines[i] = redact.Short(line)
	}
	return strings.Join(lines, "\n")
}

// tookOf is the time of a suite: its own, or that of its cases.
func tookOf(s *Suite) (took time.Duration) {
	if s.Took > 0 {
		return s.Took
	}
	for _, c := range s.Cases {
		took += c.Took
	}
	return took
}
