package check

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"pgchaos/history"
)

// stream is one node's rows, with the next one in hand.
type stream struct {
	next func() (Row, error, bool)
	stop func()
	row  Row
	has  bool // row is the next row
	// blind is set from where the node could not be read any further: what it
	// has of later keys is not known.
	blind bool
	node  *NodeAudit
}

// openStream begins to read a node. Whoever calls it calls stop, on every path.
func openStream(n NodeRows, into *NodeAudit) *stream {
	*into = NodeAudit{Node: n.Node}
	s := &stream{node: into, stop: func() {}}
	if n.Rows == nil {
		s.fail(cmp.Or(n.Why, "nobody said why"))
		return s
	}
	s.next, s.stop = iter.Pull2(n.Rows)
	return s
}

// advance takes the next row in hand. Its error is for rows out of order only;
// an error of the node itself makes the stream blind.
func (s *stream) advance() error {
	if s.blind || s.node.Read {
		return nil
	}
	before, first := s.row.Key, s.node.Rows == 0
	row, err, ok := s.next()
	switch {
	case !ok:
		s.has, s.node.Read = false, true
	case err != nil:
		s.fail(err.Error())
		s.stop()
	case !first && row.Key < before:
		return fmt.Errorf("read %s: rows are out of order: %v after %v", s.node.Node, row.Key, before)
	default:
		s.row, s.has = row, true
		s.node.Rows++
	}
	return nil
}

// fail notes that the node cannot be read any further.
func (s *stream) fail(why string) { s.has, s.blind, s.node.Why = false, true, why }

// book walks through every sequence number that was ever issued, in the order of
// the keys.
type book struct {
	writers []*history.Writer // by ID
	writer  int               // the one at hand
	seq     int64             // the sequence number at hand
	run     int               // the first run that does not end before seq
}

// openBook is a book at its first key.
func openBook(writers []*history.Writer) (*book, error) {
	b := &book{writers: slices.Clone(writers), seq: 1}
	slices.SortFunc(b.writers, func(x, y *history.Writer) int { return cmp.Compare(x.ID, y.ID) })
	for i := 1; i < len(b.writers); i++ {
		if id := b.writers[i].ID; id == b.writers[i-1].ID {
			return nil, fmt.Errorf("the ledger has two writers with the number %d", id)
		}
	}
	b.skipEmpty()
	return b, nil
}

// head is the key at hand; ok is false past the last one.
func (b *book) head() (key history.Key, ok bool) {
	if b.writer == len(b.writers) {
		return 0, false
	}
	return history.PackKey(b.writers[b.writer].ID, b.seq), true
}

// next goes on to the next key.
func (b *book) next() {
	b.seq++
	if runs := b.writers[b.writer].Runs; b.run < len(runs) && runs[b.run].Last < b.seq {
		b.run++
	}
	b.skipEmpty()
}

// skipEmpty goes on to the next writer while the one at hand has nothing left.
func (b *book) skipEmpty() {
	for b.writer < len(b.writers) && b.seq > b.writers[b.writer].Issued {
		b.writer, b.seq, b.run = b.writer+1, 1, 0
	}
}

// entry is what is recorded of the key at hand; without a record it is Unknown.
func (b *book) entry() (workload string, r history.Run) {
	w := b.writers[b.writer]
	if b.run < len(w.Runs) && w.Runs[b.run].First <= b.seq {
		return w.Workload, w.Runs[b.run]
	}
	return w.Workload, history.Run{First: b.seq, Last: b.seq}
}

// workload is the name that belongs to a writer's number, "" for a stranger's.
func (b *book) workload(id int) string {
	i, ok := slices.BinarySearchFunc(b.writers, id, func(w *history.Writer, id int) int { return cmp.Compare(w.ID, id) })
	if !ok {
		return ""
	}
	return b.writers[i].Workload
}

// write is one write and what is recorded of it.
type write struct {
	key      history.Key
	n        int64 // rows, for those without a key; otherwise 1
	workload string
	run      history.Run
}

// gatherer counts writes of one kind, and joins neighbours into runs. Writes
// come in the order of their keys.
type gatherer struct {
	count   Count
	open    Run
	holders uint64 // the nodes that hold the open run
	has     bool   // a run is open
	masks   []uint64
}

// add counts a write. A run ends where the writer, the node that answered or the
// nodes that hold it change: each of these is a different story of how it went.
func (g *gatherer) add(w write, holders uint64) {
	g.count.N += w.n
	writer, seq := w.key.Writer(), w.key.Seq()
	if g.has && g.open.Writer == writer && g.open.Last+1 == seq && g.open.Node == w.run.Node && g.holders == holders {
		g.open.Last, g.open.To = seq, w.run.To
		return
	}
	g.flush()
	// The ledger's times are those of its own runs, a quarter of a second long:
	// the widest interval that the writes can have been answered in.
	g.open = Run{Writer: writer, Workload: w.workload, First: seq, Last: seq, From: w.run.From, To: w.run.To, Node: w.run.Node}
	g.holders, g.has = holders, true
}

// flush keeps the open run, or counts it when there are enough.
func (g *gatherer) flush() {
	switch {
	case !g.has:
	case len(g.count.Runs) == MaxRuns:
		g.count.More++
	default:
		g.count.Runs = append(g.count.Runs, g.open)
		g.masks = append(g.masks, g.holders)
	}
	g.has = false
}

// close is the count, with the names of the nodes that hold each run.
func (g *gatherer) close(nodes []NodeAudit) Count {
	g.flush()
	for i, mask := range g.masks {
		for n := range nodes {
			if mask&(1<<n) != 0 {
				g.count.Runs[i].FoundOn = append(g.count.Runs[i].FoundOn, nodes[n].Node)
			}
		}
	}
	return g.count
}
