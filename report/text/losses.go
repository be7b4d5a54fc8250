package text

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/audit"
	"pgchaos/internal/units"
	"pgchaos/record"
	"pgchaos/report"
)

// writeLosses says how many writes were lost, and why.
func writeLosses(doc *document, r *report.Result) {
	if len(r.Audits) == 0 {
		return
	}
	doc.heading("losses", "What was lost", "")
	for _, two := range r.TwoWritable {
		doc.para(red, 2, "SPLIT BRAIN: %s", two)
	}
	for i := range r.Audits {
		a := &r.Audits[i]
		if len(r.Audits) > 1 {
			doc.para(bold, 2, "table %s", a.Table)
		}
		writeSplitBrain(doc, a)
		if a.Unexplained > 0 {
			doc.para(red, 2, "UNEXPLAINED: %s that no event explains", units.Count(a.Unexplained, "loss", "losses"))
		}
		writeLost(doc, a)
		writeRPO(doc, r, a)
		for _, c := range []struct {
			count        *audit.Count
			answer, what string
			ink          ink
		}{
			{&a.WeakLost, "acknowledged", "weakly acknowledged writes were lost (their wait for a standby was cancelled, or fewer standbys than demanded acknowledged them)", yellow},
			{&a.Resurrected, "refused", "RESURRECTED: rows of writes that certainly failed", red},
			{&a.Corrupted, "answered", "CORRUPTED: rows with another value than was written", red},
			{&a.Duplicated, "answered", "DUPLICATED: rows that a node has more than once", red},
			{&a.Foreign, "answered", "FOREIGN: rows that this run never wrote", red},
		} {
			if c.count.N > 0 {
				doc.para(c.ink, 2, "%s %s", units.Grouped(c.count.N), c.what)
				writeRuns(doc, c.answer, c.count)
			}
		}
		if w := a.Weak; w != nil && w.Sum() > 0 {
			doc.para(plain, 2, "%s", weakAckWords(w, a))
			for _, s := range w.Stretches {
				doc.para(yellow, 2, "%s", weakWords(r, a, s))
			}
		}
		if a.Ghosts != nil && *a.Ghosts > 0 {
			doc.para(yellow, 2, "%s", ghostWords(*a.Ghosts))
		}
		if a.Ghosts == nil && r.Afterwards != nil && a.Lost.N+a.WeakLost.N+a.Vanished.N > 0 {
			doc.para(plain, 2, "it is not recorded whether clients had read the missing rows, because the pgchaos of the run was killed")
		}
		for _, fork := range report.UnreadForks(a) {
			doc.para(plain, 2, "%s", fork)
		}
		if a.Survived.N+a.Vanished.N > 0 {
			doc.para(plain, 2, "%s", unansweredWords(a))
		}
	}
}

func ghostWords(n int64) string {
	return units.Count(n, "row was read by a client, and is", "rows were read by clients, and are") + " not there any more"
}

// unansweredWords are about the writes without a reply: both outcomes are correct.
func unansweredWords(a *audit.Audit) string {
	return fmt.Sprintf("%s got no reply: %s committed, %s not; both are correct",
		units.Count(a.Survived.N+a.Vanished.N, "write", "writes"), units.Grouped(a.Survived.N), units.Grouped(a.Vanished.N))
}

// weakAckWords say what weak acknowledgements mean: "83 writes were acknowledged weakly, so that a second
// failure would have lost them: 47 under a weaker setting than demanded, 36 perhaps under a weaker setting: it was changed, and either value may have
// counted".
func weakAckWords(w *audit.WeakAcks, a *audit.Audit) string {
	var parts []string
	if w.Notice > 0 {
		parts = append(parts, fmt.Sprintf("%s after a cancelled wait for a standby", units.Grouped(w.Notice)))
	}
	if w.Regime > 0 {
		if certain := w.Regime - w.Transition; certain > 0 {
			parts = append(parts, units.Grouped(certain)+" under a weaker setting than demanded")
		}
		if w.Transition > 0 {
			parts = append(parts, units.Grouped(w.Transition)+" perhaps under a weaker setting: it was changed, and either value may have counted")
		}
	}
	risk := "; " + report.WeakRisk(w.Sum(), a)
	if a.WeakLost.N == 0 {
		risk = strings.Replace(risk, "; ", ", so that ", 1)
	}
	return fmt.Sprintf("%s weakly%s: %s", units.Count(w.Sum(), "write was acknowledged", "writes were acknowledged"), risk, strings.Join(parts, ", "))
}

// writeLost is about the acknowledged writes.
func writeLost(doc *document, a *audit.Audit) {
	switch {
	case a.Lost.N > 0:
		least := ""
		if !report.AuthorityRead(a) {
			least = "at least "
		}
		text := fmt.Sprintf("LOST: %s%s of %s not on %s", least, units.Grouped(a.Lost.N),
			units.Count(a.Acknowledged, "acknowledged write", "acknowledged writes"), primaryOf(a))
		if first, last, ok := lossSpan(&a.Lost); ok {
			text += "; acknowledged " + spanWords(first, last)
		}
		doc.para(red, 2, "%s", text)
		writeRuns(doc, "acknowledged", &a.Lost)
	default:
		text, i := keptWords(a)
		doc.para(i, 2, "%s", text)
	}
}

// keptWords are about acknowledged writes of which none is known to be lost.
func keptWords(a *audit.Audit) (text string, i ink) {
	writes := units.Count(a.Acknowledged, "acknowledged write", "acknowledged writes")
	switch {
	case a.Acknowledged == 0:
		return "nothing was acknowledged, so nothing could be lost", yellow
	case !report.AuthorityRead(a):
		return "not known whether any of " + writes + " was lost: " + report.Incomplete(a), yellow
	case a.WeakLost.N > 0:
		return "none of " + writes + " was lost, except weakly acknowledged ones", plain
	case onAllNodes(a):
		return fmt.Sprintf("nothing lost: %s on %s", writes, everyNode(len(a.Nodes))), green
	case !a.Complete:
		return fmt.Sprintf("nothing lost: %s on %s; %s", writes, primaryOf(a), cmp.Or(report.NodesRead(a), "the audit is not complete")), green
	}
	return fmt.Sprintf("nothing lost: %s on %s, but not on every other node", writes, primaryOf(a)), green
}

// primaryOf names the node that counts.
func primaryOf(a *audit.Audit) string {
	return cmp.Or(a.Authority, "no node") + " (the primary)"
}

// onAllNodes tells whether every node was read and lacks nothing.
func onAllNodes(a *audit.Audit) bool {
	return a.Complete && !slices.ContainsFunc(a.Nodes, func(n audit.NodeAudit) bool { return !n.Read || n.Missing > 0 })
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
func lossSpan(c *audit.Count) (first, last time.Duration, ok bool) {
	for i, run := range c.Runs {
		if i == 0 || run.From < first {
			first = run.From
		}
		last = max(last, run.To)
	}
	return first, last, len(c.Runs) > 0 && c.More == 0 && last > 0
}

// spanWords are the time of some writes: "at 0.022 s" where there is no other.
func spanWords(first, last time.Duration) string {
	if units.Seconds(first) == units.Seconds(last) {
		return "at " + units.Seconds(last)
	}
	return fmt.Sprintf("within %s, from %s to %s", units.Span(last-first), units.Seconds(first), units.Seconds(last))
}

// writeRPO is what each event lost, and why.
func writeRPO(doc *document, r *report.Result, a *audit.Audit) {
	for _, loss := range r.Losses(a) {
		doc.para(plain, 2, "cause of the loss at %s: %s", loss.Event, loss.Why())
	}
	for _, point := range a.RPO {
		doc.para(plain, 2, "%s", rpoWords(point))
	}
}

// rpoWords is one event: "RPO of kill-pgmaster: 430 writes lost within 1.10 s, 41,232
// bytes past the fork at 0/3000148".
func rpoWords(r audit.RPO) string {
	text := "RPO of " + r.Event + ": " + units.Count(r.Lost, "write", "writes") + " lost"
	if r.Lost > 0 && r.Span() > 0 {
		text += " within " + units.Span(r.Span())
	}
	if r.WeakLost > 0 {
		text += " and " + units.Count(r.WeakLost, "weakly acknowledged one", "weakly acknowledged ones")
	}
	if r.Lost > 0 && r.Bytes != nil {
		text += ", " + units.Count(*r.Bytes, "byte", "bytes") + " past " + causeWords(r.Cause) + " at " + r.Fork.String()
	}
	return text
}

func causeWords(c audit.Cause) string {
	if c == audit.CauseCrash {
		return "the end of the recovered WAL"
	}
	return "the fork"
}

// writeSplitBrain says which servers acknowledged at the same time, or one after the other and back.
func writeSplitBrain(doc *document, a *audit.Audit) {
	for _, o := range a.SplitBrain {
		doc.para(red, 2, "SPLIT BRAIN: %s", o)
	}
	for _, f := range a.FailBacks {
		doc.para(yellow, 2, "FAIL-BACK to an older timeline: %s", f)
	}
}

// shownRuns is how many runs of each kind are shown; the file has more.
const shownRuns = 10

// writeRuns lists where the writes are; answer says how they were answered.
func writeRuns(doc *document, answer string, c *audit.Count) {
	var lines []Block
	t := table{columns: []column{
		left("Writer"), left("Numbers"), right("Writes"), left(strings.ToUpper(answer[:1]) + answer[1:]), left("By"), right("Timeline"), left("LSN"), left("Why"), left("Missing on"),
		left("Found on"), right("Readers before"),
	}}
	for _, run := range c.Runs[:min(shownRuns, len(c.Runs))] {
		i := plain
		if run.Why != "" {
			i = red
		}
		lines = append(lines, Block{Tone: tones[i], Indent: 4, Text: runWords(run, answer)})
		t.add(i, runCells(run)...)
	}
	if lines != nil {
		doc.add(Block{Table: t.data(), Narrow: lines})
	}
	if hidden := int64(len(c.Runs)-min(shownRuns, len(c.Runs))) + c.More; hidden > 0 {
		doc.para(faint, 4, "and %s (see %s)", units.Count(hidden, "more run", "more runs"), report.FileName)
	}
}

// runCells are one run as cells of a table.
func runCells(run audit.Run) []string {
	if run.Last == 0 {
		return []string{"no client of this run", "", "", "", "", "", "", "", "", strings.Join(holders(run), ", ")}
	}
	numbers, at, timeline, lsn, readers := fmt.Sprint(run.First), "", "", "", ""
	if run.First != run.Last {
		numbers = fmt.Sprintf("%d-%d", run.First, run.Last)
	}
	if run.To > 0 {
		at = stretch(run.From, run.To)
	}
	if run.Timeline > 0 {
		timeline = fmt.Sprint(run.Timeline)
	}
	if run.LastLSN > 0 {
		lsn = positions(run.FirstLSN, run.LastLSN)
	}
	if run.Readers > 0 {
		readers = units.Grouped(int64(run.Readers))
	}
	why := strings.TrimPrefix(weakReasonWords(run.Weak)+lossWords(run), ", ")
	return []string{
		fmt.Sprint(run.Writer), numbers, units.Grouped(cmp.Or(run.N, run.Last-run.First+1)), at, run.Node, timeline, lsn, why,
		strings.Join(run.MissingOn, ", "), cmp.Or(strings.Join(holders(run), ", "), "no node"), readers,
	}
}

// runWords is one run: "writer 3, 1041-1467 (427), acknowledged 12.901-13.451 s on
// pgmaster, timeline 1, LSN 0/3000148-0/3009FFF, lost by kill-pgmaster, fork at LSN
// 0/3000100; missing on pgslave, pgslavenew; still on pgmaster's fork; read by 18
// readers before it vanished".
func runWords(run audit.Run, answer string) string {
	if run.Last == 0 {
		return "rows that no client of this run wrote; found on " + strings.Join(holders(run), ", ")
	}
	text := fmt.Sprintf("writer %d, ", run.Writer)
	if run.First == run.Last {
		text += fmt.Sprint(run.First)
	} else {
		text += fmt.Sprintf("%d-%d (%s)", run.First, run.Last, units.Grouped(cmp.Or(run.N, run.Last-run.First+1)))
	}
	if run.To > 0 {
		text += fmt.Sprintf(", %s %s", answer, stretch(run.From, run.To))
		if run.Node != "" {
			text += " on " + run.Node
		}
	}
	if run.Timeline > 0 {
		text += fmt.Sprintf(", timeline %d", run.Timeline)
	}
	if run.LastLSN > 0 {
		text += ", LSN " + positions(run.FirstLSN, run.LastLSN)
	}
	parts := []string{text + weakReasonWords(run.Weak) + lossWords(run)}
	if len(run.MissingOn) > 0 {
		parts = append(parts, "missing on "+strings.Join(run.MissingOn, ", "))
	}
	switch on := holders(run); {
	case len(on) == 0 && len(run.MissingOn) == 0:
		parts = append(parts, "found on no node")
	case len(on) > 0 && (run.Explained || run.Why != ""):
		parts = append(parts, "still on "+strings.Join(on, ", "))
	case len(on) > 0:
		parts = append(parts, "found on "+strings.Join(on, ", "))
	}
	if run.Readers > 0 {
		parts = append(parts, fmt.Sprintf("read by %s before it vanished", units.Count(int64(run.Readers), "reader", "readers")))
	}
	return strings.Join(parts, "; ")
}

// lossWords say what lost a run.
func lossWords(run audit.Run) string {
	switch {
	case run.Why != "":
		return ", UNEXPLAINED: " + run.Why
	case !run.Explained:
		return ""
	}
	text := ", lost at " + run.LostBy
	switch {
	case run.Cause == audit.CauseBeside:
		return text + fmt.Sprintf(", written beside the new primary: fork at LSN %s", run.Fork)
	case run.Cause == audit.CauseForeign && run.Fork == 0:
		return text + ", on a timeline that is not in the history of the primary"
	case run.Cause == audit.CauseForeign:
		return text + fmt.Sprintf(", on a timeline that is not in the history of the primary: fork at LSN %s", run.Fork)
	case run.Cause == audit.CauseCrash:
		return text + fmt.Sprintf(", recovered up to LSN %s", run.Fork)
	}
	return text + fmt.Sprintf(", fork at LSN %s", run.Fork)
}

func weakReasonWords(w audit.WeakReason) string {
	switch w {
	case audit.WeakNotice:
		return ", weak: its wait for a standby was cancelled"
	case audit.WeakRegime:
		return ", weak: fewer standbys than demanded"
	case audit.WeakTransition:
		return ", weak perhaps: the setting was changed"
	}
	return ""
}

// holders are all that have a run: nodes, and former primaries' own forks.
func holders(run audit.Run) []string {
	all := slices.Clone(run.FoundOn)
	for _, fork := range run.OnForks {
		name, step, _ := strings.Cut(fork, " ")
		all = append(all, strings.TrimSpace(name+"'s fork "+step))
	}
	return all
}

// stretch is the time between two moments.
func stretch(from, to time.Duration) string {
	if from == to {
		return units.Seconds(to)
	}
	return fmt.Sprintf("%.3f-%s", from.Seconds(), units.Seconds(to))
}

func positions(first, last record.LSN) string {
	if first == last || first == 0 {
		return last.String()
	}
	return first.String() + "-" + last.String()
}
