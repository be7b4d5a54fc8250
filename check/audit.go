package check

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"pgchaos/history"
)

// maxNodes bounds the nodes of an audit: a set of them is the bits of a word.
const maxNodes = 64

// WritersOf picks the books of the writers of some workloads: those that wrote
// the table which is to be audited.
func WritersOf(ledger []*history.Writer, workloads ...string) []*history.Writer {
	var of []*history.Writer
	for _, w := range ledger {
		if slices.Contains(workloads, w.Workload) {
			of = append(of, w)
		}
	}
	return of
}

// AuditTable holds what every node has of one table against what its writers
// recorded. It reads all nodes' rows and the ledger at once, in the order of the
// keys, and keeps nothing but counts and at most MaxRuns runs of each kind, so
// that the size of the table does not matter.
//
// The writers are those of this table alone (see WritersOf): a key of any other
// writer is foreign here. The authority is the one writable node; "" means that
// there was not exactly one, and then nothing can be called lost or survived.
//
// A node whose stream ends in an error is not read: what was found on it until
// then counts, and Complete is false. The error returned is for what makes the
// audit itself worthless: rows out of order, or two writers with one number.
//
// A failed write counts as resurrected wherever it is, on a former primary's
// fork too: a certain failure commits nowhere.
func AuditTable(writers []*history.Writer, table Table, authority string, nodes []NodeRows) (Audit, error) {
	book, err := openBook(writers)
	if err != nil {
		return Audit{}, fmt.Errorf("audit %s: %w", table.Name, err)
	}
	if len(nodes) > maxNodes {
		return Audit{}, fmt.Errorf("audit %s: %d nodes, and at most %d can be compared", table.Name, len(nodes), maxNodes)
	}
	a := &auditor{
		audit:     Audit{Table: table.Name, Authority: authority, Acknowledged: acknowledged(writers), Nodes: make([]NodeAudit, len(nodes))},
		table:     table,
		authority: slices.IndexFunc(nodes, func(n NodeRows) bool { return n.Node == authority }),
		book:      book,
		seed:      maphash.MakeSeed(),
		found:     make([]holding, len(nodes)),
	}
	for i, n := range nodes {
		a.streams = append(a.streams, openStream(n, &a.audit.Nodes[i]))
	}
	defer func() {
		for _, s := range a.streams {
			s.stop()
		}
	}()
	if err := a.merge(); err != nil {
		return Audit{}, fmt.Errorf("audit %s: %w", table.Name, err)
	}
	a.conclude()
	return a.audit, nil
}

// acknowledged counts what the writers were promised.
func acknowledged(writers []*history.Writer) (n int64) {
	for _, w := range writers {
		for _, r := range w.Runs {
			if r.Outcome.Acknowledged() {
				n += r.Last - r.First + 1
			}
		}
	}
	return n
}

// auditor is one audit under way.
type auditor struct {
	audit     Audit
	table     Table
	authority int // index into streams; -1: none
	book      *book
	streams   []*stream
	seed      maphash.Seed

	found    []holding // of the key at hand, a node each
	expected []byte    // the value that belongs to it

	lost, weakLost, survived, vanished, resurrected, duplicated, foreign, corrupted gatherer
}

// holding is what one node has of the key at hand.
type holding struct {
	rows int64
	// content is a sum over the rows that does not depend on their order: two
	// nodes have the same rows when rows and content are equal (but for one
	// chance in 2^64).
	content   uint64
	corrupted bool
	// exact is set when the node was read past the key, so that rows is all it has.
	exact bool
}

// merge visits every key that the ledger or any node knows, lowest first.
func (a *auditor) merge() error {
	for _, s := range a.streams {
		if err := s.advance(); err != nil {
			return err
		}
	}
	for {
		key, attempted, ok := a.lowest()
		if !ok {
			return nil
		}
		if err := a.collect(key, attempted); err != nil {
			return err
		}
		a.judge(key, attempted)
		a.compare()
		if attempted {
			a.book.next()
		}
	}
}

// lowest is the next key, and whether the ledger has it.
func (a *auditor) lowest() (key history.Key, attempted, ok bool) {
	key, ok = a.book.head()
	attempted = ok
	for _, s := range a.streams {
		if s.has && (!ok || s.row.Key < key) {
			key, attempted, ok = s.row.Key, false, true
		}
	}
	return key, attempted, ok
}

// collect takes every row with the key off every stream.
func (a *auditor) collect(key history.Key, attempted bool) error {
	a.expected = a.expected[:0]
	for i, s := range a.streams {
		f := holding{}
		for s.has && s.row.Key == key {
			if attempted && len(a.expected) == 0 {
				a.expected = history.AppendPayload(a.expected, key, a.table.Payload)
			}
			f.rows++
			f.content += a.digest(s.row)
			if attempted && !a.belongs(s.row) {
				f.corrupted = true
			}
			if err := s.advance(); err != nil {
				return err
			}
		}
		f.exact = !s.blind
		a.found[i] = f
	}
	return nil
}

// belongs tells whether the row at hand is the one that was written under its key.
func (a *auditor) belongs(r Row) bool {
	return bytes.Equal(r.Value, a.expected) && (a.table.Serial || r.Int == int64(r.Key))
}

// digest is a number for the whole content of a row.
func (a *auditor) digest(r Row) uint64 {
	x := maphash.Bytes(a.seed, r.Value) + uint64(r.Int)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// judge says what became of the write at hand, or that it was none of ours.
func (a *auditor) judge(key history.Key, attempted bool) {
	var holders, doubles, corrupt uint64
	var most int64
	for i, f := range a.found {
		if f.rows > 0 {
			holders |= 1 << i
		}
		if f.rows > 1 && key != 0 {
			doubles |= 1 << i
			a.audit.Nodes[i].Duplicated++
		}
		if f.corrupted {
			corrupt |= 1 << i
			a.audit.Nodes[i].Corrupted++
		}
		most = max(most, f.rows)
	}
	w := write{key: key, n: 1}
	if !attempted {
		// Rows without a key are side by side under Key 0, and each is a write of somebody's.
		if key == 0 {
			w.n = most
		}
		w.workload = a.book.workload(key.Writer())
		a.foreign.add(w, holders)
	} else {
		w.workload, w.run = a.book.entry()
		a.settle(w, holders)
	}
	if doubles != 0 {
		a.duplicated.add(w, doubles)
	}
	if corrupt != 0 {
		a.corrupted.add(w, corrupt)
	}
}

// settle compares an attempted write's outcome with where it is.
func (a *auditor) settle(w write, holders uint64) {
	present, absent := false, false
	if a.authority >= 0 {
		f := a.found[a.authority]
		present, absent = f.rows > 0, f.rows == 0 && f.exact
	}
	switch w.run.Outcome {
	case history.OK:
		if absent {
			a.lost.add(w, holders)
		}
	case history.Weak:
		if absent {
			a.weakLost.add(w, holders)
		}
	case history.Failed, history.Dropped:
		if holders != 0 {
			a.resurrected.add(w, holders)
		}
	default:
		if present {
			a.survived.add(w, holders)
		}
		if absent {
			a.vanished.add(w, holders)
		}
	}
}

// compare holds every node's rows of the key at hand against the authority's.
func (a *auditor) compare() {
	if a.authority < 0 || !a.found[a.authority].exact {
		return
	}
	want := a.found[a.authority]
	for i, f := range a.found {
		n := &a.audit.Nodes[i]
		switch {
		case i == a.authority || !f.exact:
		case f.rows < want.rows:
			n.Missing += want.rows - f.rows
		case f.rows > want.rows:
			n.Extra += f.rows - want.rows
		case f.content != want.content:
			n.Different++
		}
	}
}

// conclude closes the counts, and says how far they can be trusted.
func (a *auditor) conclude() {
	au := &a.audit
	au.Lost, au.WeakLost = a.lost.close(au.Nodes), a.weakLost.close(au.Nodes)
	au.Survived, au.Vanished = a.survived.close(au.Nodes), a.vanished.close(au.Nodes)
	au.Resurrected, au.Duplicated = a.resurrected.close(au.Nodes), a.duplicated.close(au.Nodes)
	au.Foreign, au.Corrupted = a.foreign.close(au.Nodes), a.corrupted.close(au.Nodes)
	var why []string
	switch {
	case au.Authority == "":
		why = append(why, "there is not exactly one writable node, so nothing can be called lost or survived")
	case a.authority < 0:
		why = append(why, au.Authority+", the writable node, is not among the nodes read, so nothing can be called lost or survived")
	}
	why = append(why, au.Unread()...)
	if a.authority >= 0 && !au.Nodes[a.authority].Read {
		why = append(why, au.Authority+" is the writable node, and what it was not read for cannot be called lost or survived")
	}
	au.Complete, au.Why = len(why) == 0, strings.Join(why, "; ")
	for i := range au.Nodes {
		n := &au.Nodes[i]
		n.Equal = n.Read && a.authority >= 0 && au.Nodes[a.authority].Read && n.Missing == 0 && n.Extra == 0 && n.Different == 0
	}
}

// Unread says which nodes were not read to their end, and why: those with the
// same reason together.
func (a Audit) Unread() (all []string) {
	var reasons []string
	nodes := map[string][]string{}
	for _, n := range a.Nodes {
		if n.Read {
			continue
		}
		if nodes[n.Why] == nil {
			reasons = append(reasons, n.Why)
		}
		nodes[n.Why] = append(nodes[n.Why], n.Node)
	}
	for _, reason := range reasons {
		were := " was"
		if len(nodes[reason]) > 1 {
			were = " were"
		}
		all = append(all, strings.Join(nodes[reason], ", ")+were+" not read: "+cmp.Or(reason, "nobody said why"))
	}
	return all
}

// Finding is one thing about a run that bears on its verdict, in words.
type Finding struct {
	Verdict Verdict
	Reason  string
}

// Findings says what of an audit cannot pass whatever the experiment expects.
//
// A resurrected, corrupted, duplicated or foreign row is always a failure: it
// means a bug, in PostgreSQL or in pgchaos, or somebody else writing. An audit
// which is not complete, or in which no write was acknowledged, proves nothing
// and is inconclusive.
//
// Lost writes are not among them: asynchronous replication is allowed to lose,
// and an experiment may be there to show it. Whoever makes the verdict must fail
// a run with lost writes of which no expectation speaks; report.Result does.
func (a Audit) Findings() []Finding {
	var all []Finding
	for _, c := range []struct {
		n    int64
		what string
	}{
		{a.Resurrected.N, "resurrected (present, although certain to have failed)"},
		{a.Corrupted.N, "corrupted (present with another value than was written)"},
		{a.Duplicated.N, "duplicated (present more than once on a node)"},
		{a.Foreign.N, "foreign (present, although this run never attempted them)"},
	} {
		if c.n > 0 {
			all = append(all, Finding{Fail, fmt.Sprintf("table %s: %d %s", a.Table, c.n, c.what)})
		}
	}
	if !a.Complete {
		all = append(all, Finding{Inconclusive, fmt.Sprintf("table %s: %s", a.Table, cmp.Or(a.Why, "not every node was read, and nobody said why"))})
	}
	if a.Acknowledged == 0 {
		all = append(all, Finding{Inconclusive, fmt.Sprintf("table %s: no write was acknowledged, so none could be lost", a.Table)})
	}
	return all
}
