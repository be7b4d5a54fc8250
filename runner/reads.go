package runner

import (
	"fmt"

	"pgchaos/check"
	"pgchaos/load/pgload"
	"pgchaos/report"
	"pgchaos/spec"
)

// describeReads judges what a workload's clients saw; nil where it is none that reads.
func (r *run) describeReads(w *running, nodes []string) (*report.Reads, error) {
	if w.spec.Kind != pgload.Read {
		return nil, nil //nolint:nilnil // no reads is no error
	}
	seen := w.pg.Reads()
	out := &report.Reads{Unchecked: seen.Unchecked, Own: seen.Own}
	for i, n := range seen.Nodes {
		if n.Reads == 0 {
			continue
		}
		staleness, err := describeDist(n.Staleness)
		if err != nil {
			return nil, fmt.Errorf("workload %s: %w", w.spec.Name, err)
		}
		out.Nodes = append(out.Nodes, report.NodeReads{
			Node: nodes[i], Reads: n.Reads, Stale: n.Stale, Staleness: staleness, AtLeast: n.AtLeast, Behind: report.Behind(n.Behind),
		})
	}
	course := check.ReadCourse{Nodes: nodes, Ack: r.loads.ack, Awaited: awaited}
	for _, n := range r.result.States {
		course.States = append(course.States, n.States...)
	}
	judged := check.ReadsSeen{
		Stale: check.ReadEvents(seen.Stale), Misses: check.ReadEvents(seen.Misses), Gaps: check.ReadEvents(seen.Gaps),
		Back: check.ReadEvents(seen.Back), Across: check.ReadEvents(seen.Across), Never: check.ReadEvents(seen.Never),
	}
	out.Findings, out.NotJudged = check.Reads(judged, course), judged.Stale.Unkept()
	return out, nil
}

// ack looks a write up in the ledger.
func (s *loadSet) ack(writer int, seq int64) (a check.Ack, issued bool) {
	run, issued := s.ledger.Writers()[writer].Lookup(seq)
	return check.Ack{Node: run.Node, Outcome: run.Outcome, From: run.From, To: run.To}, issued
}

// awaited parses what a server says of its synchronous_standby_names; what cannot be
// read promises nothing.
func awaited(names string) check.Awaited {
	s, err := spec.ParseStandbys(names)
	if err != nil {
		return check.Awaited{}
	}
	return check.Awaited{Any: s.Method == "ANY", Num: s.Num, Names: s.Names}
}

// ghosts finds the rows that were read and then were gone, when the audits have told
// which are.
func (r *run) ghosts() {
	for i, w := range r.loads.list {
		reads := r.result.Workloads[i].Reads
		if reads == nil || reads.Unchecked != "" {
			continue
		}
		for _, a := range r.result.Audits {
			if a.Table != w.spec.Table {
				continue
			}
			g := &report.Ghosts{AtLeast: !a.Complete}
			for _, gone := range []check.Count{a.Lost, a.WeakLost, a.Vanished} {
				g.AtLeast = g.AtLeast || gone.More > 0
				for _, run := range gone.Runs {
					if n := w.pg.RowsRead(run.Writer, run.First, run.Last); n > 0 {
						g.N += n
						g.Runs = append(g.Runs, report.GhostRun{
							Writer: run.Writer, First: run.First, Last: run.Last, Rows: n, Readers: w.pg.Readers(run.Writer, run.First, run.Last),
						})
					}
				}
			}
			reads.Ghosts = g
		}
	}
}
