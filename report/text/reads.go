package text

import (
	"fmt"

	"pgchaos/check"
	"pgchaos/internal/units"
	"pgchaos/report"
)

// writeReads is what readers saw: how far behind each node was, and what of that
// breaks a promise.
func writeReads(p *page, r *report.Result) {
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
	p.heading("What readers saw", "age in ms of the oldest acknowledged write not seen")
	if len(t.rows) > 0 {
		t.write(p)
	}
	for _, w := range r.Workloads {
		if w.Reads != nil {
			writeReadFindings(p, w.Name, w.Reads)
		}
	}
	for _, f := range r.Forks {
		writeForks(p, f)
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

func writeReadFindings(p *page, workload string, s *report.Reads) {
	switch {
	case s.Unchecked != "":
		p.para(yellow, 2, "%s: not checked: %s", workload, s.Unchecked)
		return
	case s.Total() == 0:
		p.para(yellow, 2, "%s: no read was answered, so nothing was seen", workload)
		return
	}
	violations := false
	for _, f := range s.Findings {
		if f.Violation {
			violations = true
			p.para(red, 2, "%s: FAIL: %s%s", workload, report.ReadFindingText(f), findingExample(f))
		}
	}
	for _, f := range s.Findings {
		if !f.Violation {
			p.para(plain, 2, "%s: information: %s%s", workload, report.ReadFindingText(f), findingExample(f))
		}
	}
	if s.NotJudged > 0 {
		p.para(yellow, 2, "%s: of %s too little was kept to say whether PostgreSQL promises otherwise", workload, units.Count(s.NotJudged, "stale read", "stale reads"))
	}
	if !violations {
		p.para(plain, 2, "%s: nothing that PostgreSQL promises was broken", workload)
	}
}

// findingExample is the first of the reads.
func findingExample(f check.ReadFinding) string {
	if len(f.Examples) == 0 {
		return ""
	}
	return ", such as " + exampleWords(f.What, f.Examples[0])
}

// exampleWords is one read: "client 2 at 3.210 s on b: of writer 3 it saw 41 (44 was acknowledged at 3.205 s by a)".
func exampleWords(what check.ReadWhat, x check.ReadExample) string {
	text := fmt.Sprintf("client %d at %s on %s: of writer %d it saw %s", x.Client, units.Seconds(x.At), x.Node, x.Writer, seen(x.Seen))
	switch {
	case what == check.ReadHole:
		text += fmt.Sprintf(" and then %s, without %d", seen(x.Next), x.Acked)
	case what == check.ReadWentBack:
		text += fmt.Sprintf(" after %d", x.Before)
	case what == check.ReadBehind:
		text += fmt.Sprintf(" after %d on %s", x.Before, x.On)
	case x.Acked > 0:
		text += fmt.Sprintf(", and not %d", x.Acked)
	}
	if x.Acked > 0 {
		text += ", acknowledged at " + units.Seconds(x.AckedAt)
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

// writeForks is what the readings of all heads say.
func writeForks(p *page, f check.Forks) {
	all := units.Count(f.Readings, "reading", "readings") + " of the heads of " + units.Count(int64(f.Writers), "writer", "writers")
	if f.Of > f.Writers {
		all += fmt.Sprintf(" (of %d)", f.Of)
	}
	if f.Readings == 0 {
		p.para(yellow, 2, "table %s: the heads of its writers were never read", f.Table)
		return
	}
	if f.WentBack.N > 0 {
		p.para(red, 2, "table %s: FAIL: %s%s", f.Table, report.WentBackText(f), wentBackExample(f))
	}
	if f.Standbys.N > 0 {
		p.para(red, 2, "table %s: FAIL: %s%s", f.Table, report.StandbyForksText(f), forkExample(f.Standbys))
	}
	if f.Primary.N == 0 {
		p.para(plain, 2, "table %s: no long fork between the primary and a standby in %s", f.Table, all)
		return
	}
	p.para(plain, 2, "table %s: information: %s between the primary and a standby, in %s; that is normal%s", f.Table,
		units.Count(f.Primary.N, "long fork", "long forks"), all, forkExample(f.Primary))
}

func wentBackExample(f check.Forks) string {
	if len(f.WentBack.Examples) == 0 {
		return ""
	}
	x := f.WentBack.Examples[0]
	return fmt.Sprintf(", such as on %s at %s: of writer %d %d after %d", x.Node, units.Seconds(x.At), x.Ahead.Writer, x.Ahead.Here, x.Ahead.There)
}

func forkExample(n check.ForkCount) string {
	if len(n.Examples) == 0 {
		return ""
	}
	x := n.Examples[0]
	return fmt.Sprintf(", such as %s at %s and %s at %s: of writer %d they showed %d and %d, of writer %d %d and %d",
		x.Node, units.Seconds(x.At), x.Other, units.Seconds(x.OtherAt), x.Behind.Writer, x.Behind.Here, x.Behind.There, x.Ahead.Writer, x.Ahead.Here, x.Ahead.There)
}
