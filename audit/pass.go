package audit

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// part is a set of one writer's numbers, and what to do with each, in turn.
type part struct {
	set  roaring64.IntPeekable64
	what func(*pass, write, *serverEvidence)
}

// next tells whether the set has this number, which is no less than the one before.
func (p *part) next(seq int64) bool {
	if !p.set.HasNext() || p.set.PeekNext() != uint64(seq) {
		return false
	}
	p.set.Next()
	return true
}

// pass is the pass over one writer's entries.
type pass struct {
	*auditor
	account *ledger.Account
	parts   []part
	last    *serverEvidence // of the entry before
}

// account goes over one writer's writes.
func (a *auditor) account(w *ledger.Account) error {
	p := &pass{auditor: a, account: w}
	p.divide()
	n := int64(0)
	for e, err := range a.Book.Entries(w.ID, 1, w.Issued) {
		if err != nil {
			return err
		}
		p.entry(&e)
		n++
	}
	if err := p.evidence.err; err != nil {
		return err
	}
	if n != w.Issued || slices.ContainsFunc(p.parts, func(p part) bool { return p.set.HasNext() }) {
		return fmt.Errorf("%d writes were issued, and the ledger tells of %d", w.Issued, n)
	}
	return nil
}

// divide finds the writes of which there is something to say.
func (p *pass) divide() {
	w := p.account
	add := func(set *roaring64.Bitmap, what func(*pass, write, *serverEvidence)) {
		if !set.IsEmpty() {
			p.parts = append(p.parts, part{set.Iterator(), what})
		}
	}
	attempted := func(of func(*held) *roaring64.Bitmap) *roaring64.Bitmap {
		set := p.union(of)
		set.RemoveRange(uint64(w.Issued)+1, record.MaxSeq+1)
		return set
	}
	if p.authority >= 0 {
		there := p.nodes[p.authority].present(w.ID)
		add(roaring64.And(w.Unknown, there), func(p *pass, w write, _ *serverEvidence) { p.survived.add(w) })
		if p.absence {
			add(roaring64.AndNot(w.OKSet(), there), (*pass).missed)
			add(roaring64.AndNot(w.Weak, there), (*pass).missed)
			add(roaring64.AndNot(w.Unknown, there), (*pass).vanish)
		}
	}
	add(p.union(func(h *held) *roaring64.Bitmap { return roaring64.And(w.Failed, h.present(w.ID)) }),
		func(p *pass, w write, _ *serverEvidence) { p.resurrected.add(w) })
	add(attempted(func(h *held) *roaring64.Bitmap { return setOf(h.double, w.ID) }), func(p *pass, w write, _ *serverEvidence) {
		w.found = p.doubles(w.key)
		p.duplicated.add(w)
	})
	add(attempted(func(h *held) *roaring64.Bitmap { return setOf(h.altered, w.ID) }), func(p *pass, w write, _ *serverEvidence) {
		w.found = p.alterations(w.key)
		p.corrupted.add(w)
	})
}

// entry looks at one write.
func (p *pass) entry(e *ledger.Entry) {
	s := p.evidenceOf(e)
	var weak WeakReason
	if e.Outcome.Acknowledged() {
		weak = p.acknowledged(s, e)
	}
	for i := range p.parts {
		if !p.parts[i].next(e.Seq) {
			continue
		}
		key := record.PackKey(p.account.ID, e.Seq)
		w := write{key: key, n: 1, workload: p.account.Workload, entry: *e, weak: weak, found: p.holders(key)}
		if s != nil {
			w.timeline = s.server.Timeline
		}
		p.parts[i].what(p, w, s)
	}
}

// evidenceOf is the evidence of the server that answered the write, or that must have; nil
// if none did.
func (p *pass) evidenceOf(e *ledger.Entry) *serverEvidence {
	if e.Server.Node == "" && !e.Outcome.Acknowledged() {
		return nil
	}
	if !p.evidence.tells(p.last, e) {
		p.last = p.evidence.of(e)
	}
	return p.last
}

// acknowledged notes a promise, and says whether it was a weak one.
func (p *pass) acknowledged(s *serverEvidence, e *ledger.Entry) WeakReason {
	if s.elsewhere {
		p.elsewhere[s.server.SystemID]++
		return "" // it is neither lost nor there: missed leaves it out
	}
	s.serve(e)
	if e.Outcome == record.Weak {
		return WeakNotice
	}
	if s.demanded && s.regimes == nil {
		p.blind[cmp.Or(s.server.Node, "a server that is not known")] = struct{}{}
	}
	weak := p.waits(s).weak
	if len(weak) == 0 {
		return ""
	}
	by := weakBy(weak, e)
	if by == nil {
		return ""
	}
	p.audit.Weak.Regime++
	p.audit.Weak.stretch(s.server.Node, by, e)
	if by.transition {
		p.audit.Weak.Transition++
		return WeakTransition
	}
	return WeakRegime
}

// waits are what the commits of the account at hand waited for.
func (p *pass) waits(s *serverEvidence) *waits {
	return p.evidence.waitsOf(s, p.Commits[p.account.Workload])
}

// missed is an acknowledged write that is not there.
func (p *pass) missed(w write, s *serverEvidence) {
	if s.elsewhere {
		return // nobody read where it is
	}
	v := verdictOf{why: "how the timeline of " + p.Authority + " came about was not read"}
	if p.Lineage.Known() {
		v = p.evidence.explain(&loss{entry: w.entry, evidence: s, waits: p.waits(s)})
	}
	switch {
	case v.explained:
		p.attribute(&w, v)
	case p.Lineage.Known():
		p.audit.Unexplained++
	default:
		p.unjudged++
	}
	w.loss = &v
	into := &p.lost
	if w.weak != "" {
		into = &p.weakLost
	}
	into.add(w)
	p.haunt(w)
}

// vanish is a write that was never answered and is not there.
func (p *pass) vanish(w write, _ *serverEvidence) {
	p.vanished.add(w)
	p.haunt(w)
}
