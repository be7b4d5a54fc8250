// Package text is the report of a run for a terminal, written from its result alone, and the words in which every other
// way to show a result says the same.
package text

import (
	"cmp"
	"io"
	"path/filepath"

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

// writeFull writes everything: the verdict first, then all sections, and where more is to be read.
func writeFull(p *page, r *report.Result, dir string) {
	writeVerdict(p, r)
	for _, s := range Sections(r) {
		p.section(s)
	}
	p.line(plain, "")
	if dir != "" {
		p.text(p.command("Data:         ", filepath.Join(dir, report.FileName)))
	}
	p.text(p.command("Run it again: ", Again(r)...))
}

// VerdictWord is a verdict in capital letters.
func VerdictWord(v verdict.Verdict) string {
	large, _, _ := verdictWord(v)
	return large
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
	for _, doubt := range Warnings(r) {
		p.item(yellow, "  warning       ", doubt)
	}
	for _, e := range r.Expectations {
		_, small, i := verdictWord(e.Verdict)
		p.item(i, "  "+pad(small, 14, false), expectationWords(e))
	}
}
