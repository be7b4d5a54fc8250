package text

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgchaos/audit"
	"pgchaos/internal/units"
	"pgchaos/report"
)

// writeNodes is what each node has at the end.
func writeNodes(doc *document, r *report.Result) {
	t := table{columns: []column{
		left("Node"), left("Role"), right("Timeline"), left("Table"), right("Rows"), left("Content"),
		right("Missing"), right("Extra"), right("Different"), right("Corrupted"), right("Duplicated"),
	}}
	var unread []string
	for i := range r.Audits {
		a := &r.Audits[i]
		name := ""
		if len(r.Audits) > 1 {
			name = a.Table
		}
		for _, reason := range a.Unread() {
			if !slices.Contains(unread, reason) {
				unread = append(unread, reason)
			}
		}
		for _, n := range a.Nodes {
			role, timeline := finalState(r, n.Node)
			content, ink := contentWords(report.ContentOf(a, n))
			missing, extra := units.Grouped(n.Missing), units.Grouped(n.Extra)
			if !report.AuthorityRead(a) || !n.Read && n.Rows == 0 {
				missing, extra = "-", "-"
			}
			t.add(ink, n.Node, role, timeline, name, rowsWords(n), content, missing, extra, some(n.Different), some(n.Corrupted), some(n.Duplicated))
		}
	}
	if len(r.Audits) == 0 {
		for _, n := range r.States {
			role, timeline := finalState(r, n.Node)
			t.add(plain, n.Node, role, timeline, "", "", "", "", "", "", "", "")
		}
	}
	if len(t.rows) == 0 {
		return
	}
	doc.heading("nodes", "Nodes", "at the audit, after the load")
	doc.table(&t)
	for _, reason := range unread {
		doc.para(red, 2, "%s", reason)
	}
}

// finalState is a node's role and timeline at the end; "?" where they are not known.
func finalState(r *report.Result, node string) (role, timeline string) {
	final := r.FinalState(node)
	role, timeline = cmp.Or(string(final.Role), "?"), "?"
	if final.Timeline > 0 {
		timeline = strconv.FormatUint(uint64(final.Timeline), 10)
	}
	return role, timeline
}

func rowsWords(n audit.NodeAudit) string {
	switch {
	case n.Read:
		return units.Grouped(n.Rows)
	case n.Rows > 0:
		return "at least " + units.Grouped(n.Rows)
	}
	return "-"
}

// contentWords are how a node's rows compare with the primary's.
func contentWords(c report.Content) (text string, i ink) {
	switch c {
	case report.ContentDiffers:
		return "DIFFERS", red
	case report.ContentBehind:
		return "behind", yellow
	case report.ContentUnread:
		return "NOT READ", red
	case report.ContentReference:
		return "reference", plain
	case report.ContentNotCompared:
		return "not compared", yellow
	case report.ContentEqual:
		return "equal", plain
	case report.ContentUnknown:
	}
	return "not known", yellow
}

// writeUsage is what the nodes used of their machine, in the columns of docker stats.
func writeUsage(doc *document, r *report.Result) {
	uses := r.UseByPhase()
	if len(uses) == 0 {
		return
	}
	doc.heading("usage", "Resources", "average CPU, of one core; greatest memory and number of processes; bytes in / out during the phase")
	t := table{columns: []column{left("Node"), left("Phase"), right("CPU %"), right("MEM USAGE"), right("NET I/O"), right("BLOCK I/O"), right("PIDS")}}
	node, noNet, noBlock := "", false, false
	for _, u := range uses {
		name := ""
		if u.Node != node {
			node, name = u.Node, u.Node
		}
		memory := units.Bytes(u.Memory)
		if u.Limit > 0 {
			memory += " / " + units.Bytes(u.Limit)
		}
		cpu := "-"
		if u.CPUTime > 0 {
			cpu = fmt.Sprintf("%.2f%%", u.CPU/u.CPUTime.Seconds())
		}
		if u.CPUTime > 0 { // a first sample alone speaks for no stretch of time
			noNet = noNet || !u.NetIn.Known || !u.NetOut.Known
			noBlock = noBlock || !u.BlockIn.Known || !u.BlockOut.Known
		}
		t.add(plain, name, u.Phase, cpu, memory, traffic(u.NetIn, u.NetOut), traffic(u.BlockIn, u.BlockOut), strconv.Itoa(u.Processes))
	}
	doc.table(&t)
	writeUsageNotes(doc, r, noNet, noBlock)
}

// writeUsageNotes says why a figure is not there.
func writeUsageNotes(doc *document, r *report.Result, noNet, noBlock bool) {
	notes, unmeasured := r.Cluster.Notes(), "the "+r.Cluster.Provider+" provider does not measure it"
	if noNet {
		doc.para(faint, 2, "NET I/O -: %s", cmp.Or(notes.NoNet, unmeasured))
	}
	if notes.BlockOut != "" {
		doc.para(faint, 2, "BLOCK I/O out: %s", notes.BlockOut)
	}
	if noBlock {
		doc.para(faint, 2, "BLOCK I/O -: %s", cmp.Or(notes.NoBlock, unmeasured))
	}
}

// writeCluster is how the cluster came up, and what had to be healed.
func writeCluster(doc *document, r *report.Result) {
	doc.heading("cluster", "Cluster", "")
	c := r.Cluster
	text := fmt.Sprintf("%s, PostgreSQL %s", cmp.Or(c.Provider, "unknown provider"), cmp.Or(c.Postgres, "of unknown version"))
	absent, unread := 0, 0
	for _, n := range c.Nodes {
		switch {
		case n.Unread:
			unread++
		case n.Absent:
			absent++
		}
	}
	if n := len(c.Nodes) - absent - unread; n > 0 {
		text += ", " + units.Count(int64(n), "node", "nodes")
	}
	if c.UpIn > 0 {
		text += " up and streaming in " + units.Span(c.UpIn)
	}
	if absent > 0 {
		text += fmt.Sprintf(", %d added by the timeline", absent)
	}
	if unread > 0 {
		text += fmt.Sprintf(", %d that nothing leads to", unread)
	}
	if c.RunsBefore > 0 {
		text += fmt.Sprintf(", used by %s before", units.Count(int64(c.RunsBefore), "run", "runs"))
	}
	doc.para(plain, 2, "%s", text)
	if c.Rebuilt != "" {
		doc.para(plain, 2, "built anew, because the cluster of the run before could not be used again: %s", c.Rebuilt)
	}
	for _, w := range c.Warnings {
		doc.para(yellow, 2, "warning: %s", w)
	}
	writeModes(doc, r)
	doc.para(plain, 2, "run %s, started %s, seed %d, pgchaos %s on %s, %s", cmp.Or(r.Run, "?"),
		r.Started.UTC().Format("2006-01-02 15:04:05 UTC"), r.Seed, cmp.Or(r.Tool, "?"), cmp.Or(r.Host.OS, "?"), units.Count(int64(r.Host.CPUs), "CPU", "CPUs"))
	for _, n := range r.Settle {
		who := ""
		if n.Node != "" {
			who = n.Node + ": "
		}
		if n.Done != "" {
			doc.para(plain, 2, "before the audit: %s%s", who, n.Done)
		}
		if n.Error != "" {
			doc.para(red, 2, "NOT READY for the audit: %s%s", who, n.Error)
		}
	}
	for _, l := range r.Logs {
		doc.heading("logs", "Log of "+l.Node, l.File)
		for _, line := range l.Lines {
			doc.verbatim("  " + strings.ReplaceAll(line, "\t", "    "))
		}
	}
}

// writeModes are all replication modes that the primary had, by time.
func writeModes(doc *document, r *report.Result) {
	modes := r.Replications()
	if len(modes) == 0 {
		doc.para(yellow, 2, "replication mode not known")
	}
	for _, m := range modes {
		since := "from the start"
		if m.Since > 0 {
			since = "from " + units.Seconds(m.Since)
		}
		doc.para(plain, 2, "replication %s: %s, synchronous_commit %s, on %s", since, m, cmp.Or(m.Commit, "not known"), m.Node)
	}
}

// traffic is a pair of transfers, in and out.
func traffic(in, out report.Transfer) string {
	if !in.Known && !out.Known {
		return "-"
	}
	words := func(t report.Transfer) string {
		if !t.Known {
			return "-"
		}
		return units.Bytes(t.Bytes)
	}
	return words(in) + " / " + words(out)
}
