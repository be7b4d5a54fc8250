package text

import (
	"fmt"

	"pgchaos/internal/units"
	"pgchaos/outage"
	"pgchaos/report"
)

// writeReads is what readers saw: how far behind each node was, and what of that
// breaks a promise.
func writeReads(doc *document, r *report.Result) {
	t := table{columns: []column{
		left("Label"), left("Node"), right("# Reads"), right("Stale"), right("Median"), right("99% Line"), right("Max"), right("Most behind"),
	}}
	found := false
	for _, w := range r.Workloads {
		if w.Reads == nil {
			continue
		}
		found = true
		label := w.Name
		for _, n := range w.Reads.Nodes {
			t.add(plain, append([]string{label}, nodeReadsWords(n)...)...)
			label = ""
		}
	}
	if !found {
		return
	}
	doc.heading("reads", "What readers saw", "in ms, how long the oldest missing write had been acknowledged")
	if len(t.rows) > 0 {
		doc.table(&t)
	}
	for _, w := range r.Workloads {
		if w.Reads != nil {
			writeReadFindings(doc, w.Name, w.Reads)
		}
	}
	for _, f := range r.Forks {
		writeForks(doc, f)
	}
}

// nodeReadsWords are the cells of one node.
func nodeReadsWords(n report.NodeReads) []string {
	if n.Reads == 0 {
		return []string{n.Node, "0", "-", "-", "-", "-", "-"}
	}
	least := func(beyond int64) string {
		if n.AtLeast > beyond {
			return ">= "
		}
		return ""
	}
	d := n.Staleness
	return []string{
		n.Node, units.Grouped(n.Reads), units.Percent(float64(n.Stale) / float64(n.Reads)),
		least(n.Reads/2) + units.Millis(d.P50), least(n.Reads/100) + units.Millis(d.P99), least(0) + units.Millis(d.Max), units.Count(n.Behind.Max, "write", "writes"),
	}
}

func writeReadFindings(doc *document, workload string, s *report.Reads) {
	switch {
	case s.Unchecked != "":
		doc.para(yellow, 2, "%s: not checked: %s", workload, s.Unchecked)
		return
	case s.Total() == 0:
		doc.para(yellow, 2, "%s: no read was answered, so nothing was seen", workload)
		return
	}
	violations := false
	for _, f := range s.Findings {
		if f.Violation {
			violations = true
			doc.para(red, 2, "%s: VIOLATION: %s%s", workload, report.ReadFindingText(f, s.Total()), findingExample(f))
		}
	}
	for _, f := range s.Findings {
		if !f.Violation {
			doc.para(plain, 2, "%s: %s (PostgreSQL allows it)%s", workload, report.ReadFindingText(f, s.Total()), findingExample(f))
		}
	}
	if s.NotJudged > 0 {
		doc.para(yellow, 2, "%s: %s not judged: too little was kept to say what PostgreSQL promises for them", workload,
			units.Count(s.NotJudged, "stale read was", "stale reads were"))
	}
	if !violations {
		doc.para(plain, 2, "%s: PostgreSQL kept all that it promises to readers", workload)
	}
}

// findingExample is the first of the reads.
func findingExample(f outage.ReadFinding) string {
	if len(f.Examples) == 0 {
		return ""
	}
	return ". Example: " + exampleWords(f.What, f.Examples[0])
}

// exampleWords are one read: "client 2 at 3.210 s on b: the newest write of writer 3 was 41, though
// 44 had been acknowledged at 3.205 s by a".
func exampleWords(what outage.ReadWhat, x outage.ReadExample) string {
	text := fmt.Sprintf("client %d at %s on %s: ", x.Client, units.Seconds(x.At), x.Node)
	switch what {
	case outage.ReadHole:
		text += fmt.Sprintf("of writer %d it saw %s, before that %s, but not %d, which", x.Writer, seen(x.Seen), seen(x.Next), x.Acked)
	case outage.ReadNever:
		text += fmt.Sprintf("it saw write %s of writer %d", seen(x.Seen), x.Writer)
	default:
		text += fmt.Sprintf("the newest write of writer %d was %s", x.Writer, seen(x.Seen))
	}
	switch {
	case what == outage.ReadWentBack:
		text += fmt.Sprintf(", and before it had been %d", x.Before)
	case what == outage.ReadBehind:
		text += fmt.Sprintf(", and before it had been %d on %s", x.Before, x.On)
	case x.Acked > 0 && what != outage.ReadHole:
		text += fmt.Sprintf(", though %d", x.Acked)
	}
	if x.Acked > 0 {
		text += " had been acknowledged at " + units.Seconds(x.AckedAt)
		if x.AckedBy != "" {
			text += " by " + x.AckedBy
		}
	}
	return text
}

func seen(seq int64) string {
	if seq <= 0 {
		return "none"
	}
	return fmt.Sprint(seq)
}

// writeForks is what comparing the newest writes on all nodes shows.
func writeForks(doc *document, f outage.Forks) {
	all := units.Count(f.Readings, "reading", "readings") + " of the newest writes of " + units.Count(int64(f.Writers), "writer", "writers")
	if f.Of > f.Writers {
		all += fmt.Sprintf(" (of %d)", f.Of)
	}
	if f.Readings == 0 {
		doc.para(yellow, 2, "table %s: the newest writes on the nodes were never compared", f.Table)
		return
	}
	if f.WentBack.N > 0 {
		doc.para(red, 2, "table %s: VIOLATION: %s%s", f.Table, report.WentBackText(f), wentBackExample(f))
	}
	if f.Standbys.N > 0 {
		doc.para(red, 2, "table %s: VIOLATION: %s%s", f.Table, report.StandbyForksText(f), forkExample(f.Standbys))
	}
	if f.Primary.N == 0 {
		doc.para(plain, 2, "table %s: the primary and the standbys showed writes in the same order in %s", f.Table, all)
		return
	}
	doc.para(plain, 2, "table %s: %s the primary and a standby showed writes in opposite orders (a long fork, which is normal), in %s%s", f.Table,
		units.Count(f.Primary.N, "time", "times"), all, forkExample(f.Primary))
}

func wentBackExample(f outage.Forks) string {
	if len(f.WentBack.Examples) == 0 {
		return ""
	}
	x := f.WentBack.Examples[0]
	return fmt.Sprintf(". Example: %s at %s: the newest write of writer %d was %d, and before it had been %d", x.Node, units.Seconds(x.At), x.Ahead.Writer, x.Ahead.Here, x.Ahead.There)
}

func forkExample(n outage.ForkCount) string {
	if len(n.Examples) == 0 {
		return ""
	}
	x := n.Examples[0]
	return fmt.Sprintf(". Example: the newest writes of writers %d and %d were %d and %d on %s at %s, and %d and %d on %s at %s",
		x.Behind.Writer, x.Ahead.Writer, x.Behind.Here, x.Ahead.Here, x.Node, units.Seconds(x.At),
		x.Behind.There, x.Ahead.There, x.Other, units.Seconds(x.OtherAt))
}
