package runner

import (
	"cmp"
	"fmt"
	"slices"

	"pgchaos/load/pgload"
	"pgchaos/outage"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/standbynames"
)

// describeReads judges what a workload's clients saw; nil where it is none that reads.
func (r *run) describeReads(w *running, nodes []string) (*report.Reads, error) {
	if !w.spec.ReadsFrom("") {
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
		node := report.NodeReads{
			Node: nodes[i], Reads: n.Reads, Stale: n.Stale, Staleness: staleness, AtLeast: n.AtLeast, Behind: report.Behind(n.Behind),
		}
		for _, step := range n.ByTime {
			node.ByTime = append(node.ByTime, report.StaleStep(step))
		}
		out.Nodes = append(out.Nodes, node)
	}
	acks := lookup{book: r.book, stretches: map[int]stretch{}}
	course := outage.ReadCourse{Nodes: nodes, Ack: acks.ack, Awaited: awaited}
	for _, n := range r.result.States {
		course.States = append(course.States, n.States...)
	}
	judged := outage.ReadsSeen{
		Stale: outage.ReadEvents(seen.Stale), Misses: outage.ReadEvents(seen.Misses), Gaps: outage.ReadEvents(seen.Gaps),
		Back: outage.ReadEvents(seen.Back), Across: outage.ReadEvents(seen.Across), Never: outage.ReadEvents(seen.Never),
	}
	out.Findings, out.NotJudged = outage.Reads(judged, course), judged.Stale.Unkept()
	if acks.err != nil {
		return nil, fmt.Errorf("workload %s: judge its reads by the ledger: %w", w.spec.Name, acks.err)
	}
	return out, nil
}

// lookup finds single writes in the ledger, and keeps the stretch around the last one
// of each writer: reads ask for neighbours.
type lookup struct {
	book      *ledger.Book // nil: the ledger could not be read, and nothing is found
	stretches map[int]stretch
	err       error
}

// stretch is lookupSpan entries of a writer, from a multiple of that on.
type stretch struct {
	first   int64
	entries []ledger.Entry
}

const lookupSpan = 512

// ack is the outcome of a write.
func (l *lookup) ack(writer int, seq int64) (a outage.Ack, issued bool) {
	if l.book == nil {
		return outage.Ack{}, false
	}
	s, read := l.stretches[writer]
	if first := seq - seq%lookupSpan; !read || s.first != first {
		s = stretch{first: first}
		for e, err := range l.book.Entries(writer, first, first+lookupSpan-1) {
			if err != nil {
				l.err = err
				break
			}
			s.entries = append(s.entries, e)
		}
		l.stretches[writer] = s
	}
	i, issued := slices.BinarySearchFunc(s.entries, seq, func(e ledger.Entry, seq int64) int { return cmp.Compare(e.Seq, seq) })
	if !issued {
		return outage.Ack{}, false
	}
	e := s.entries[i]
	return outage.Ack{Node: e.Server.Node, Outcome: e.Outcome, From: e.Done, To: e.Done, Late: e.Late}, true
}

// awaited parses what a server says of its synchronous_standby_names; what cannot be
// read promises nothing.
func awaited(names string) outage.Awaited {
	s, err := standbynames.Parse(names)
	if err != nil {
		return outage.Awaited{}
	}
	return outage.Awaited{Any: s.Any, Num: s.Num, Names: s.Names}
}

// readers tells how many clients have read one of these rows. It is nil where nothing
// reads, or where it is not recorded of every workload what it has read.
func (s *loadSet) readers() func(writer int, first, last int64) int {
	var all []*pgload.Workload
	for _, w := range s.list {
		if !w.spec.ReadsFrom("") {
			continue
		}
		if w.pg.Unchecked() != "" {
			return nil
		}
		all = append(all, w.pg)
	}
	if all == nil {
		return nil
	}
	return func(writer int, first, last int64) (clients int) {
		for _, w := range all {
			clients += w.Readers(writer, first, last)
		}
		return clients
	}
}
