package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgchaos/verdict"
)

// doubtful says why the counts may not be exact.
func (a *auditor) doubtful() (why []string) {
	au := &a.audit
	switch {
	case au.Authority == "":
		why = append(why, "there is not exactly one writable node, so nothing can be called lost or survived")
	case a.authority < 0:
		why = append(why, au.Authority+", the writable node, is not among the nodes read, so nothing can be called lost or survived")
	}
	why = append(why, au.Unread()...)
	if a.authority >= 0 && !au.Nodes[a.authority].Read {
		why = append(why, au.Authority+" is the writable node, so nothing can be called lost or survived")
	}
	for _, f := range au.Forks {
		if !f.Read {
			why = append(why, fmt.Sprintf("the fork of %s before %s was not read: %s", f.Node, cmp.Or(f.Step, "it was rebuilt"), cmp.Or(f.Why, "the reason is not recorded")))
		}
	}
	for i, of := range [][]held{a.nodes, a.forks} {
		for _, h := range of {
			if h.holding != nil && h.holding.Truncated() {
				name := h.name
				if i > 0 {
					name = "the fork of " + name
				}
				why = append(why, fmt.Sprintf("%d rows of %s are not as written, and only %d of them are known", h.holding.OddRows, name, len(h.holding.Odd)))
			}
		}
	}
	if n := len(au.Damage); n > 0 {
		more := ""
		if n > 1 {
			more = fmt.Sprintf(" (and %d more)", n-1)
		}
		why = append(why, "the ledger is damaged: "+au.Damage[0]+more)
	}
	for _, system := range slices.Sorted(maps.Keys(a.elsewhere)) {
		why = append(why, fmt.Sprintf("%d writes were acknowledged by a server of another cluster (system identifier %s), which was not read", a.elsewhere[system], system))
	}
	if len(a.blind) > 0 {
		why = append(why, "the synchronous regime of "+strings.Join(slices.Sorted(maps.Keys(a.blind)), ", ")+" is not known")
	}
	if a.unjudged > 0 {
		why = append(why, fmt.Sprintf("how the timeline of %s came about was not read, so that no loss can be explained", au.Authority))
	}
	return why
}

// bounds are the counts that can only be higher than they are.
func (a *Audit) bounds(lost bool) []string {
	var all []string
	if lost && a.Lost.N > 0 { // that it is no less than 0 tells nothing
		all = append(all, fmt.Sprintf("lost >= %d", a.Lost.N))
	}
	for _, c := range []struct {
		name string
		n    int64
	}{
		{"weak_lost", a.WeakLost.N}, {"resurrected", a.Resurrected.N}, {"duplicated", a.Duplicated.N},
		{"foreign", a.Foreign.N}, {"corrupted", a.Corrupted.N},
	} {
		if c.n > 0 {
			all = append(all, fmt.Sprintf("%s >= %d", c.name, c.n))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return []string{strings.Join(all, ", ")}
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
		all = append(all, strings.Join(nodes[reason], ", ")+were+" not read: "+cmp.Or(reason, "the reason is not recorded"))
	}
	return all
}

// Finding is one thing about a run that bears on its verdict, in words.
type Finding struct {
	Verdict verdict.Verdict
	Reason  string
}

// Findings says what of an audit cannot pass whatever the experiment expects.
//
// A loss that nothing explains, two servers that acknowledged at the same time, and a
// resurrected, corrupted, duplicated or foreign row are always failures, and so is a
// standby that has replayed all and yet holds something else: they mean a split brain, a
// bug in PostgreSQL or in pgchaos, a broken disk, or somebody else writing. An audit
// which is not complete, or in which no write was acknowledged, proves nothing and is
// inconclusive.
//
// Lost writes that are explained are not among them: asynchronous replication is
// allowed to lose, and an experiment may be there to show it. The code that makes the
// verdict must fail a run with lost writes that no expectation mentions; report.Result does.
func (a Audit) Findings() []Finding {
	var all []Finding
	if a.Unexplained > 0 {
		all = append(all, Finding{verdict.Fail, fmt.Sprintf("table %s: %d acknowledged and lost, and nothing explains it%s", a.Table, a.Unexplained, a.firstWhy())})
	}
	for _, o := range a.SplitBrain {
		all = append(all, Finding{verdict.Fail, fmt.Sprintf("table %s: split brain: %s", a.Table, o)})
	}
	foreign := verdict.Fail
	if len(a.Damage) > 0 {
		foreign = verdict.Inconclusive // a block that cannot be read may have listed them
	}
	for _, c := range []struct {
		n       int64
		verdict verdict.Verdict
		what    string
	}{
		{a.Resurrected.N, verdict.Fail, "resurrected (the write certainly failed)"},
		{a.Corrupted.N, verdict.Fail, "corrupted (another value than was written)"},
		{a.Duplicated.N, verdict.Fail, "duplicated (more than once on a node)"},
		{a.Foreign.N, foreign, "foreign (never written by this run)"},
	} {
		if c.n > 0 {
			all = append(all, Finding{c.verdict, fmt.Sprintf("table %s: %d %s", a.Table, c.n, c.what)})
		}
	}
	for _, n := range a.Nodes {
		if n.Read && n.CaughtUp && n.Differs() {
			all = append(all, Finding{verdict.Fail, fmt.Sprintf("table %s: %s had replayed all that %s wrote, and differs from it: %d missing, %d extra, %d different",
				a.Table, n.Node, a.Authority, n.Missing, n.Extra, n.Different)})
		}
	}
	if !a.Complete {
		all = append(all, Finding{verdict.Inconclusive, fmt.Sprintf("table %s: %s", a.Table, cmp.Or(a.Why, "not every node was read, and the reason is not recorded"))})
	}
	if a.Acknowledged == 0 {
		all = append(all, Finding{verdict.Inconclusive, fmt.Sprintf("table %s: no write was acknowledged, so none could be lost", a.Table)})
	}
	return all
}

// firstWhy is why the first unexplained run is one.
func (a *Audit) firstWhy() string {
	for _, c := range []*Count{&a.Lost, &a.WeakLost} {
		for _, r := range c.Runs {
			if !r.Explained && r.Why != "" {
				return ": " + r.Why
			}
		}
	}
	return ""
}
