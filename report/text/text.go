// Package text is the report of a run for a terminal, written from its result alone.
package text

import (
	"cmp"
	"io"
	"slices"

	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/report"
	"pgchaos/verdict"
)

// Options say how the terminal report looks.
type Options struct {
	Color bool
	Width int    // of the terminal, in columns; 0: 120
	Dir   string // the run's directory, to say where the files are; "" leaves that out
}

// Write writes the report for a terminal: the verdict first, then what was lost,
// what readers saw, how fast it was, what happened when, how long it was down, and what the nodes
// say. A section that has nothing to say is left out.
func Write(w io.Writer, r *report.Result, o Options) error {
	p := newPage(w, o)
	writeVerdict(p, r)
	writeLosses(p, r)
	writeReads(p, r)
	writeLoad(p, r)
	writeTimeline(p, r)
	writeOutages(p, r)
	writeRecoveries(p, r)
	writeNodes(p, r)
	writeUsage(p, r)
	writeGenerator(p, r)
	writeCluster(p, r, o.Dir)
	return p.flush()
}

// verdictWord is how a verdict is shown, large and small.
func verdictWord(v verdict.Verdict) (large, small string, i ink) {
	switch v {
	case verdict.Pass:
		return "PASS", "ok", green
	case verdict.Fail:
		return "FAIL", "FAILED", red
	case verdict.Inconclusive:
	}
	return "INCONCLUSIVE", "inconclusive", yellow
}

// writeVerdict is the answer, and why.
func writeVerdict(p *page, r *report.Result) {
	large, _, i := verdictWord(r.Verdict)
	text := cmp.Or(r.Name, "an experiment without a name")
	if r.Duration > 0 {
		text += ", ran for " + units.Span(r.Duration)
	}
	if lost := lost(r); lost > 0 {
		text += ", LOST " + units.Count(lost, "acknowledged write", "acknowledged writes")
	}
	p.line(plain, p.paint(i, large)+"  "+p.paint(bold, text))

	reasons := r.Reasons
	// A run that broke off was never judged: its file says so by its stage.
	if stopped := r.Unfinished(); stopped != "" && !slices.Contains(reasons, stopped) {
		reasons = append(slices.Clone(reasons), stopped)
	}
	for _, reason := range reasons {
		p.item(i, "  because       ", reason)
	}
	for _, doubt := range r.Doubts() {
		if !slices.ContainsFunc(r.Expectations, func(e expect.Judgement) bool { return e.Why == doubt }) {
			p.item(yellow, "  warning       ", doubt)
		}
	}
	for _, e := range r.Expectations {
		_, small, i := verdictWord(e.Verdict)
		text := e.Text
		if e.Observed != "" {
			text += "   (was " + e.Observed + ")"
		}
		if e.Verdict == verdict.Inconclusive {
			text += ": " + cmp.Or(e.Why, "nobody said why")
		}
		p.item(i, "  "+pad(small, 14, false), text)
	}
}

// lost is the number of acknowledged writes that are gone, over all tables.
func lost(r *report.Result) (n int64) {
	for _, a := range r.Audits {
		n += a.Lost.N
	}
	return n
}
