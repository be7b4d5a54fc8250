package report

import (
	"cmp"
	"io"
	"slices"

	"pgchaos/check"
)

// TextOptions say how the terminal report looks.
type TextOptions struct {
	Color bool
	Width int    // of the terminal, in columns; 0: 120
	Dir   string // the run's directory, to say where the files are; "" leaves that out
}

// Text writes the report for a terminal: the verdict first, then what was lost,
// what readers saw, how fast it was, what happened when, how long it was down, and what the nodes
// say. A section that has nothing to say is left out.
func Text(w io.Writer, r *Result, o TextOptions) error {
	p := newPage(w, o)
	r.writeVerdict(p)
	r.writeLosses(p)
	r.writeReads(p)
	r.writeLoad(p)
	r.writeTimeline(p)
	r.writeOutages(p)
	r.writeRecoveries(p)
	r.writeNodes(p)
	r.writeUsage(p)
	r.writeGenerator(p)
	r.writeCluster(p, o.Dir)
	return p.flush()
}

// verdictWord is how a verdict is shown, large and small.
func verdictWord(v check.Verdict) (large, small string, i ink) {
	switch v {
	case check.Pass:
		return "PASS", "ok", green
	case check.Fail:
		return "FAIL", "FAILED", red
	case check.Inconclusive:
	}
	return "INCONCLUSIVE", "inconclusive", yellow
}

// writeVerdict is the answer, and why.
func (r *Result) writeVerdict(p *page) {
	large, _, i := verdictWord(r.Verdict)
	text := cmp.Or(r.Name, "an experiment without a name")
	if r.Duration > 0 {
		text += ", ran for " + span(r.Duration)
	}
	if lost := r.lost(); lost > 0 {
		text += ", LOST " + count(lost, "acknowledged write", "acknowledged writes")
	}
	p.line(plain, p.paint(i, large)+"  "+p.paint(bold, text))

	reasons := r.Reasons
	// A run that broke off was never judged: its file says so by its stage.
	if stopped := r.stopped(); stopped != "" && !slices.Contains(reasons, stopped) {
		reasons = append(slices.Clone(reasons), stopped)
	}
	for _, reason := range reasons {
		p.item(i, "  because       ", reason)
	}
	for _, doubt := range r.doubts() {
		if !slices.ContainsFunc(r.Expectations, func(e check.Judgement) bool { return e.Why == doubt }) {
			p.item(yellow, "  warning       ", doubt)
		}
	}
	for _, e := range r.Expectations {
		_, small, i := verdictWord(e.Verdict)
		text := e.Text
		if e.Observed != "" {
			text += "   (was " + e.Observed + ")"
		}
		if e.Verdict == check.Inconclusive {
			text += ": " + cmp.Or(e.Why, "nobody said why")
		}
		p.item(i, "  "+pad(small, 14, false), text)
	}
}

// lost is the number of acknowledged writes that are gone, over all tables.
func (r *Result) lost() (n int64) {
	for _, a := range r.Audits {
		n += a.Lost.N
	}
	return n
}
