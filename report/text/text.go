// Package text is the report of a run for a terminal, written from its result alone.
package text

import (
	"cmp"
	"io"

	"pgchaos/internal/units"
	"pgchaos/report"
	"pgchaos/verdict"
)

// Options say how the terminal report looks.
type Options struct {
	Color bool
	Full  bool   // everything, and not the short report
	Width int    // of the terminal, in columns; 0: 100
	Dir   string // the run's directory, to say where the files are; "" leaves that out
}

// Write writes the report for a terminal: in at most MostLines lines what must be read first, or
// everything.
func Write(w io.Writer, r *report.Result, o Options) error {
	p := newPage(w, o)
	if o.Full {
		writeFull(p, r, o.Dir)
	} else {
		writeShort(p, r, o.Dir)
	}
	return p.flush()
}

// writeFull writes everything: the verdict first, then what was lost, what readers saw, how fast
// it was, what happened when, how long it was down, and what the nodes say. A section that has
// nothing to say is left out.
func writeFull(p *page, r *report.Result, dir string) {
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
	writeCluster(p, r, dir)
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
	if lost := r.Lost(); lost > 0 {
		text += ", LOST " + units.Count(lost, "acknowledged write", "acknowledged writes")
	}
	p.line(plain, p.paint(i, large)+"  "+p.paint(bold, text))

	for _, reason := range r.AllReasons() {
		p.item(i, "  because       ", reason)
	}
	for _, doubt := range warnings(r) {
		p.item(yellow, "  warning       ", doubt)
	}
	for _, e := range r.Expectations {
		_, small, i := verdictWord(e.Verdict)
		p.item(i, "  "+pad(small, 14, false), expectationWords(e))
	}
}
