package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// maxHolders bounds the nodes of an audit, and the forks: a set of them is the bits
// of a word.
const maxHolders = 64

// Table holds what every node has of one table against what was promised: by
// algebra over sets of numbers, and one pass over the ledger, which tells who
// acknowledged what is not there, when and where in the WAL. Beside the sets it keeps
// nothing but counts and at most MaxRuns runs of each kind.
//
// A node that was not read proves nothing, in either direction: Complete is then
// false, and what was found on the others counts. The error is for what makes the
// audit worthless: a ledger that cannot be read or contradicts itself.
//
// A failed write counts as resurrected wherever it is, on a former primary's fork
// too: a certain failure commits nowhere.
func Table(e Evidence) (Audit, error) {
	a, err := newAuditor(&e)
	if err == nil {
		err = a.run()
	}
	if err != nil {
		return Audit{}, fmt.Errorf("audit %s: %w", e.Table.Name, err)
	}
	a.conclude()
	return a.audit, nil
}

// auditor is one audit under way.
type auditor struct {
	*Evidence
	audit    Audit
	evidence *evidenceReader
	accounts []ledger.Account // of this table, by number
	others   map[int]string   // the workloads of other writers of the run
	nodes    []held
	forks    []held
	// authority is the index of the one whose rows count; -1: none. absence is set when
	// it is known what that one does not hold.
	authority int
	absence   bool
	unjudged  int64               // losses that are not explained for want of a lineage
	elsewhere map[string]int64    // acknowledgements of servers of other clusters, by system identifier
	blind     map[string]struct{} // nodes that acknowledged, and whose regime is not known
	rpo       map[rpoKey]*rpo

	lost, weakLost, survived, vanished, resurrected, duplicated, foreign, corrupted rangeCollector
}

func newAuditor(e *Evidence) (*auditor, error) {
	if n := max(len(e.Nodes), len(e.Forks)); n > maxHolders {
		return nil, fmt.Errorf("%d nodes, and at most %d can be compared", n, maxHolders)
	}
	if err := KnownActions(e.Events); err != nil {
		return nil, err
	}
	a := &auditor{
		Evidence: e, evidence: newEvidenceReader(e), others: map[int]string{}, blind: map[string]struct{}{}, elsewhere: map[string]int64{}, rpo: map[rpoKey]*rpo{},
		authority: slices.IndexFunc(e.Nodes, func(n NodeHolding) bool { return n.Node == e.Authority && e.Authority != "" }),
		audit:     Audit{Table: e.Table.Name, Authority: e.Authority, Weak: &WeakAcks{}, Damage: damageOf(e.Book)},
	}
	if e.Readers != nil {
		a.audit.Ghosts = new(int64)
	}
	for _, n := range e.Nodes {
		a.nodes = append(a.nodes, newHeld(n.Node, n.Holding))
	}
	for _, f := range e.Forks {
		a.forks = append(a.forks, newHeld(forkName(f, e.Forks), f.Holding))
	}
	if a.authority >= 0 {
		h := a.nodes[a.authority].holding
		a.absence = h != nil && !h.Truncated()
	}
	return a, a.open()
}

// open picks the accounts of this table. One whose name damage has taken may be one.
func (a *auditor) open() error {
	seen := map[int]struct{}{}
	for _, w := range a.Book.Writers() {
		if _, twice := seen[w.ID]; twice {
			return fmt.Errorf("the ledger has two writers with the number %d", w.ID)
		}
		seen[w.ID] = struct{}{}
		if !slices.Contains(a.Workloads, w.Workload) && (w.Workload != "" || len(a.audit.Damage) == 0) {
			a.others[w.ID] = w.Workload
			continue
		}
		a.accounts = append(a.accounts, w)
		a.audit.Acknowledged += w.Acknowledged()
		a.audit.Weak.Notice += int64(w.Weak.GetCardinality())
	}
	slices.SortFunc(a.accounts, func(x, y ledger.Account) int { return cmp.Compare(x.ID, y.ID) })
	return nil
}

// run visits writer after writer, in the order of their numbers: those of this table,
// and every other of whom there is a row.
func (a *auditor) run() error {
	writers := map[int]struct{}{}
	for _, of := range [][]held{a.nodes, a.forks} {
		for i := range of {
			of[i].writers(writers)
		}
	}
	accounts := map[int]*ledger.Account{}
	for i := range a.accounts {
		accounts[a.accounts[i].ID] = &a.accounts[i]
		writers[a.accounts[i].ID] = struct{}{}
	}
	a.keyless()
	for _, id := range slices.Sorted(maps.Keys(writers)) {
		issued, workload := int64(0), a.others[id]
		if account := accounts[id]; account != nil {
			issued, workload = account.Issued, account.Workload
			if err := a.account(account); err != nil {
				return fmt.Errorf("writer %d: %w", id, err)
			}
		}
		a.strangers(id, issued, workload)
	}
	return nil
}

// keyless counts the rows without a key. Which node has which of them nobody can
// tell, so that each is somebody's, and the same on all nodes.
func (a *auditor) keyless() {
	most := map[record.Key]int64{}
	for _, of := range [][]held{a.nodes, a.forks} {
		for i := range of {
			for key, n := range of[i].keyless {
				most[key] = max(most[key], n)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(most)) {
		is := func(h *held) bool { return h.keyless[key] > 0 }
		a.foreign.add(write{key: key, n: most[key], workload: a.others[key.Writer()], found: a.where(is)})
		if more := a.where(func(h *held) bool { return key != 0 && h.keyless[key] > 1 }); !more.empty() {
			a.duplicated.add(write{key: key, n: 1, found: more})
		}
	}
}

// where are the holders of which something is so.
func (a *auditor) where(is func(*held) bool) (w where) {
	for i := range a.nodes {
		if is(&a.nodes[i]) {
			w.nodes |= 1 << i
		}
	}
	for i := range a.forks {
		if is(&a.forks[i]) {
			w.forks |= 1 << i
		}
	}
	return w
}

func (a *auditor) holders(key record.Key) where {
	return a.where(func(h *held) bool { return h.has(key) })
}

// union is what any holder has in one of its sets of a writer.
func (a *auditor) union(of func(*held) *roaring64.Bitmap) *roaring64.Bitmap {
	all := roaring64.New()
	for _, list := range [][]held{a.nodes, a.forks} {
		for i := range list {
			all.Or(of(&list[i]))
		}
	}
	return all
}

// strangers counts the rows of a writer past what it was issued.
func (a *auditor) strangers(writer int, issued int64, workload string) {
	beyond := func(set *roaring64.Bitmap) *roaring64.Bitmap {
		if set.IsEmpty() || set.Maximum() <= uint64(issued) {
			return roaring64.New()
		}
		set = set.Clone()
		set.RemoveRange(0, uint64(issued)+1)
		return set
	}
	foreign := a.union(func(h *held) *roaring64.Bitmap { return beyond(h.present(writer)) })
	for seq := range roaring64.Values(foreign) {
		key := record.PackKey(writer, int64(seq))
		a.foreign.add(write{key: key, n: 1, workload: workload, found: a.holders(key)})
	}
	double := a.union(func(h *held) *roaring64.Bitmap { return beyond(setOf(h.double, writer)) })
	for seq := range roaring64.Values(double) {
		key := record.PackKey(writer, int64(seq))
		a.duplicated.add(write{key: key, n: 1, workload: workload, found: a.doubles(key)})
	}
}

func (a *auditor) doubles(key record.Key) where {
	return a.where(func(h *held) bool { return setOf(h.double, key.Writer()).Contains(uint64(key.Seq())) })
}

func (a *auditor) alterations(key record.Key) where {
	return a.where(func(h *held) bool { return setOf(h.altered, key.Writer()).Contains(uint64(key.Seq())) })
}

// haunt counts a row that somebody has read and that is not there.
func (a *auditor) haunt(w write) {
	if a.Readers != nil && a.Readers(w.key.Writer(), w.key.Seq(), w.key.Seq()) > 0 {
		*a.audit.Ghosts++
	}
}

// conclude closes the counts, and says how far they can be trusted.
func (a *auditor) conclude() {
	a.audit.Weak.join()
	au := &a.audit
	au.Lost, au.WeakLost, au.Vanished = a.lost.close(a), a.weakLost.close(a), a.vanished.close(a)
	au.Survived, au.Resurrected = a.survived.close(a), a.resurrected.close(a)
	au.Duplicated, au.Foreign, au.Corrupted = a.duplicated.close(a), a.foreign.close(a), a.corrupted.close(a)
	if a.Readers != nil {
		for _, c := range []*Count{&au.Lost, &au.WeakLost, &au.Vanished} {
			for i := range c.Runs {
				r := &c.Runs[i]
				r.Readers = a.Readers(r.Writer, r.First, r.Last)
			}
		}
	}
	for i := range a.nodes {
		au.Nodes = append(au.Nodes, a.node(i))
	}
	for i, f := range a.Forks {
		fork := ForkAudit{Node: f.Node, Step: f.Step, Timeline: f.Timeline, At: f.Read, Read: f.Holding != nil, Why: f.Why}
		if f.Holding != nil {
			fork.Rows = a.forks[i].holding.Rows
		}
		au.Forks = append(au.Forks, fork)
	}
	au.UnreadForks = a.evidence.unreadForks()
	au.SplitBrain, au.FailBacks = a.evidence.rivals()
	au.RPO = a.points()
	why := a.doubtful()
	au.Complete = len(why) == 0
	if !au.Complete {
		au.Why = strings.Join(append(au.bounds(a.absence), why...), "; ")
	}
}

// node compares one node with the authority.
func (a *auditor) node(i int) NodeAudit {
	h := &a.nodes[i]
	n := NodeAudit{Node: h.name, Read: h.holding != nil, CaughtUp: a.Nodes[i].CaughtUp, Behind: a.Nodes[i].Behind}
	if !n.Read {
		n.Why = cmp.Or(a.Nodes[i].Why, "the reason is not recorded")
		return n
	}
	n.Rows = h.holding.Rows
	for _, set := range h.double {
		n.Duplicated += int64(set.GetCardinality())
	}
	for _, account := range a.accounts {
		if set := h.altered[account.ID]; set != nil {
			n.Corrupted += int64(set.Rank(uint64(account.Issued)))
		}
	}
	if a.authority >= 0 && a.nodes[a.authority].holding != nil {
		n.compare(a.nodes[a.authority].holding, h.holding)
	}
	return n
}
