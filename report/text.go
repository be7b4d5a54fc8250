package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

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

// writeLosses says what became of the writes.
func (r *Result) writeLosses(p *page) {
	if len(r.Audits) == 0 {
		return
	}
	p.heading("What was lost", "")
	for i := range r.Audits {
		a := &r.Audits[i]
		if len(r.Audits) > 1 {
			p.para(bold, 2, "table %s", a.Table)
		}
		writeLost(p, a)
		for _, c := range []struct {
			count        *check.Count
			answer, what string
			ink          ink
		}{
			{&a.WeakLost, "acknowledged", "weakly acknowledged (their wait for a standby had been cancelled) and lost", yellow},
			{&a.Resurrected, "refused", "RESURRECTED: present, although certain to have failed", red},
			{&a.Corrupted, "answered", "CORRUPTED: present with another value than was written", red},
			{&a.Duplicated, "answered", "DUPLICATED: present more than once on a node", red},
			{&a.Foreign, "answered", "FOREIGN: present, although this run never attempted them", red},
		} {
			if c.count.N > 0 {
				p.para(c.ink, 2, "%s %s", grouped(c.count.N), c.what)
				writeRuns(p, c.answer, c.count)
			}
		}
		if n := a.Survived.N + a.Vanished.N; n > 0 {
			p.para(plain, 2, "%s never answered: %s there, %s not; either is allowed",
				count(n, "write was", "writes were"), grouped(a.Survived.N), grouped(a.Vanished.N))
		}
	}
}

// writeLost is about the acknowledged writes.
func writeLost(p *page, a *check.Audit) {
	read, all := authorityRead(a), count(a.Acknowledged, "acknowledged write is", "acknowledged writes are")
	switch {
	case a.Lost.N > 0:
		least := ""
		if !read {
			least = "at least "
		}
		text := fmt.Sprintf("LOST: %s%s of %s not on %s", least, grouped(a.Lost.N),
			count(a.Acknowledged, "acknowledged write", "acknowledged writes"), primaryOf(a))
		if first, last, ok := lossSpan(&a.Lost); ok {
			text += fmt.Sprintf("; acknowledged within %s, from %s to %s", span(last-first), seconds(first), seconds(last))
		}
		p.para(red, 2, "%s", text)
		writeRuns(p, "acknowledged", &a.Lost)
	case a.Acknowledged == 0:
		p.para(yellow, 2, "nothing was acknowledged, so nothing could be lost")
	case !read:
		p.para(yellow, 2, "not known whether %s still there: %s", all, incomplete(a))
	case a.WeakLost.N > 0:
		p.para(plain, 2, "nothing that was fully acknowledged is lost, of %s",
			count(a.Acknowledged, "acknowledged write", "acknowledged writes"))
	case onAllNodes(a):
		p.para(green, 2, "nothing lost: %s on %s", all, everyNode(len(a.Nodes)))
	case !a.Complete:
		p.para(green, 2, "nothing lost: %s on %s; not every node was read (see Nodes)", all, primaryOf(a))
	default:
		p.para(green, 2, "nothing lost: %s on %s, but not on every other node (see Nodes)", all, primaryOf(a))
	}
}

// primaryOf names the node that counts.
func primaryOf(a *check.Audit) string {
	return cmp.Or(a.Authority, "no node") + " (the primary)"
}

// authorityRead tells whether the node that counts was read to its end.
func authorityRead(a *check.Audit) bool {
	i := slices.IndexFunc(a.Nodes, func(n check.NodeAudit) bool { return n.Node == a.Authority })
	return i >= 0 && a.Nodes[i].Read
}

// onAllNodes tells whether every node was read and lacks nothing.
func onAllNodes(a *check.Audit) bool {
	return a.Complete && !slices.ContainsFunc(a.Nodes, func(n check.NodeAudit) bool { return !n.Read || n.Missing > 0 })
}

func everyNode(n int) string {
	switch n {
	case 1:
		return "the one node"
	case 2:
		return "both nodes"
	}
	return fmt.Sprintf("all %d nodes", n)
}

// lossSpan is the time over which the writes were acknowledged; ok is false when
// not all runs are kept.
func lossSpan(c *check.Count) (first, last time.Duration, ok bool) {
	for i, run := range c.Runs {
		if i == 0 || run.From < first {
			first = run.From
		}
		last = max(last, run.To)
	}
	return first, last, len(c.Runs) > 0 && c.More == 0 && last > 0
}

// shownRuns is how many runs of each kind are shown; the file has more.
const shownRuns = 10

// writeRuns lists where the writes are; answer says how they were answered.
func writeRuns(p *page, answer string, c *check.Count) {
	for _, run := range c.Runs[:min(shownRuns, len(c.Runs))] {
		p.para(plain, 4, "%s", runWords(run, answer))
	}
	if hidden := int64(len(c.Runs)-min(shownRuns, len(c.Runs))) + c.More; hidden > 0 {
		p.para(faint, 4, "and %s (see %s)", count(hidden, "more run", "more runs"), FileName)
	}
}

// runWords is one run: "writer 3 (writes), 1041-1467 (427), acknowledged
// 12.901-13.451 s by pgmaster; found on: pgmaster".
func runWords(run check.Run, answer string) string {
	if run.Last == 0 {
		return "rows whose value names no write; found on: " + strings.Join(run.FoundOn, ", ")
	}
	text := fmt.Sprintf("writer %d", run.Writer)
	if run.Workload != "" {
		text += " (" + run.Workload + ")"
	}
	if run.First == run.Last {
		text += fmt.Sprintf(", %d", run.First)
	} else {
		text += fmt.Sprintf(", %d-%d (%s)", run.First, run.Last, grouped(run.Last-run.First+1))
	}
	if run.To > 0 {
		text += fmt.Sprintf(", %s %.3f-%.3f s", answer, run.From.Seconds(), run.To.Seconds())
		if run.Node != "" {
			text += " by " + run.Node
		}
	}
	if len(run.FoundOn) == 0 {
		return text + "; found on no node"
	}
	return text + "; found on: " + strings.Join(run.FoundOn, ", ")
}
