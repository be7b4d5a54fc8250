package selftest

import (
	"fmt"
	"slices"
	"strconv"

	"pgchaos/audit"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
)

// measure is one number that a result says of what was found.
type measure struct {
	name string
	of   func(r *report.Result) int64
}

// measures are all that a case makes a demand on: 0, unless it says otherwise. One
// for every kind of finding stands here, or a finding too many goes unseen.
func measures() []measure {
	return []measure{
		{"lost", audited(func(a *audit.Audit) int64 { return a.Lost.N })},
		{"weakly acknowledged", weak},
		{"weakly acknowledged and lost", audited(func(a *audit.Audit) int64 { return a.WeakLost.N })},
		{"weak by notice", weakly(func(w audit.WeakAcks) int64 { return w.Notice })},
		{"weak by regime", weakly(func(w audit.WeakAcks) int64 { return w.Regime })},
		{"weak in transition", weakly(func(w audit.WeakAcks) int64 { return w.Transition })},
		{"unexplained", audited(func(a *audit.Audit) int64 { return a.Unexplained })},
		{"explained by a fork", explainedBy(audit.CauseFork)},
		{"explained by two primaries", explainedBy(audit.CauseBeside)},
		{"explained by a foreign timeline", explainedBy(audit.CauseForeign)},
		{"explained by a crash", explainedBy(audit.CauseCrash)},
		{"survived", audited(func(a *audit.Audit) int64 { return a.Survived.N })},
		{"vanished", audited(func(a *audit.Audit) int64 { return a.Vanished.N })},
		{"resurrected", audited(func(a *audit.Audit) int64 { return a.Resurrected.N })},
		{"duplicated", audited(func(a *audit.Audit) int64 { return a.Duplicated.N })},
		{"foreign", audited(func(a *audit.Audit) int64 { return a.Foreign.N })},
		{"corrupted", audited(func(a *audit.Audit) int64 { return a.Corrupted.N })},
		{"missing on other nodes", onNodes(func(n audit.NodeAudit) int64 { return n.Missing })},
		{"extra on other nodes", onNodes(func(n audit.NodeAudit) int64 { return n.Extra })},
		{"different on other nodes", onNodes(func(n audit.NodeAudit) int64 { return n.Different })},
		{"forks read", onForks(func(f audit.ForkAudit) int64 { return one(f.Read) })},
		{"forks not read", onForks(func(f audit.ForkAudit) int64 { return one(!f.Read) })},
		{"nodes not read", onNodes(func(n audit.NodeAudit) int64 { return one(!n.Read) })},
		{"audits not complete", audited(func(a *audit.Audit) int64 { return one(!a.Complete) })},
		{"audits without acknowledgements", audited(func(a *audit.Audit) int64 { return one(a.Acknowledged == 0) })},
		{"tables not audited", func(r *report.Result) int64 { return one(len(r.Audits) != 1) }},
		{"audits of a damaged ledger", audited(func(a *audit.Audit) int64 { return one(len(a.Damage) > 0) })},
		{"overlapping servers", audited(func(a *audit.Audit) int64 { return int64(len(a.SplitBrain)) })},
		{"fail-backs to an older timeline", audited(func(a *audit.Audit) int64 { return int64(len(a.FailBacks)) })},
		{"servers writable at once", func(r *report.Result) int64 { return int64(len(r.TwoWritable)) }},
		{"times when a node went unwatched", func(r *report.Result) int64 { return int64(len(r.Unwatched)) }},
		{"rows read that vanished", audited(ghosts)},
		{"holes read", readers(outage.ReadHole)},
		{"rows read that were never attempted", readers(outage.ReadNever)},
		{"stale reads of the primary", readers(outage.ReadStalePrimary)},
		{"stale reads of who was waited for", readers(outage.ReadStaleApplied)},
		{"reads that went back", readers(outage.ReadWentBack)},
		{"forks between standbys", progress(func(f outage.Forks) int64 { return f.Standbys.N })},
		{"writers that went back", progress(func(f outage.Forks) int64 { return f.WentBack.N })},
		{"primaries too many", func(r *report.Result) int64 { return max(0, int64(len(r.SplitBrain))-1) }},
		{"nodes not settled", func(r *report.Result) int64 {
			return count(r.Settle, func(n report.SettleNote) bool { return n.Error != "" })
		}},
		{"unexpected events", func(r *report.Result) int64 {
			return count(r.Timeline, func(m record.Event) bool { return m.Status == record.EventSeen })
		}},
	}
}

func audited(of func(*audit.Audit) int64) func(*report.Result) int64 {
	return func(r *report.Result) (n int64) {
		for i := range r.Audits {
			n += of(&r.Audits[i])
		}
		return n
	}
}

func onNodes(of func(audit.NodeAudit) int64) func(*report.Result) int64 {
	return audited(func(a *audit.Audit) (n int64) {
		for _, node := range a.Nodes {
			n += of(node)
		}
		return n
	})
}

func onForks(of func(audit.ForkAudit) int64) func(*report.Result) int64 {
	return audited(func(a *audit.Audit) (n int64) {
		for _, f := range a.Forks {
			n += of(f)
		}
		return n
	})
}

func ghosts(a *audit.Audit) int64 {
	if a.Ghosts == nil {
		return 0 // nobody read
	}
	return *a.Ghosts
}

// readers is how often the clients of all read workloads saw one thing.
func readers(what outage.ReadWhat) func(*report.Result) int64 {
	return func(r *report.Result) (n int64) {
		for _, w := range r.Workloads {
			if w.Reads == nil {
				continue
			}
			for _, f := range w.Reads.Findings {
				if f.What == what {
					n += f.N
				}
			}
		}
		return n
	}
}

// progress is a number from the readings of the writers' progress on all nodes.
func progress(of func(outage.Forks) int64) func(*report.Result) int64 {
	return func(r *report.Result) (n int64) {
		for _, f := range r.Forks {
			n += of(f)
		}
		return n
	}
}

// explainedBy is how many losses one cause explains, the weak ones too.
func explainedBy(cause audit.Cause) func(*report.Result) int64 {
	return audited(func(a *audit.Audit) (n int64) {
		for _, p := range a.RPO {
			if p.Cause == cause {
				n += p.Lost + p.WeakLost
			}
		}
		return n
	})
}

// weakly is a part of the weak acknowledgements, as the audit of a table has them.
func weakly(of func(audit.WeakAcks) int64) func(*report.Result) int64 {
	return audited(func(a *audit.Audit) int64 {
		if a.Weak == nil {
			return unknown
		}
		return of(*a.Weak)
	})
}

// unknown is the number of what a result should say and does not: no demand is met by it.
const unknown = -1

func weak(r *report.Result) (n int64) {
	for _, w := range r.Workloads {
		n += w.Total.Weak
	}
	return n
}

func one(so bool) int64 {
	if so {
		return 1
	}
	return 0
}

func count[T any](all []T, so func(T) bool) (n int64) {
	for _, x := range all {
		n += one(so(x))
	}
	return n
}

// demand is "" for a number that is right, or else what would be.
type demand func(n int64, r *report.Result) (right string)

func exactly(want int64) demand {
	return func(n int64, _ *report.Result) string {
		if n == want {
			return ""
		}
		return strconv.FormatInt(want, 10)
	}
}

func atMost(most int64) demand {
	return func(n int64, _ *report.Result) string {
		if n >= 0 && n <= most {
			return ""
		}
		return fmt.Sprintf("at most %d", most)
	}
}

// whatever demands nothing, of what is up to the moment.
func whatever(int64, *report.Result) string { return "" }

// some leaves open how many they are: that is up to the load.
func some(n int64, _ *report.Result) string {
	if n > 0 {
		return ""
	}
	return "at least 1"
}

// same demands the number that something else in the result comes to.
func same(as evidence) demand {
	return func(n int64, r *report.Result) string {
		switch want, ok := as.of(r); {
		case !ok:
			return as.what + ", which is not known"
		case n != want:
			return fmt.Sprintf("%d (%s)", want, as.what)
		}
		return ""
	}
}

// between demands as many as one evidence at least, and as another one at most.
func between(least, most evidence) demand {
	return func(n int64, r *report.Result) string {
		a, known := least.of(r)
		b, ok := most.of(r)
		switch {
		case !known:
			return "at least " + least.what + ", which is not known"
		case !ok:
			return "at most " + most.what + ", which is not known"
		case n < a || n > b:
			return fmt.Sprintf("from %d (%s) to %d (%s)", a, least.what, b, most.what)
		}
		return ""
	}
}

// evidence is a number that does not come from the audit.
type evidence struct {
	what string
	of   func(r *report.Result) (n int64, ok bool)
}

// sql is the number that a sql step read.
func sql(step string) evidence {
	return evidence{"by SQL in " + step, func(r *report.Result) (int64, bool) {
		i := slices.IndexFunc(r.Timeline, func(m record.Event) bool { return m.Name == step && m.Action == "sql" })
		if i < 0 || len(r.Timeline[i].Nodes) != 1 {
			return 0, false
		}
		n, ok := r.Timeline[i].Numbers[r.Timeline[i].Nodes[0]]
		return n, ok
	}}
}

// minus is by how much the number of one sql step is greater than that of another.
func minus(step, less string) evidence {
	return evidence{fmt.Sprintf("by SQL, %s less %s", step, less), func(r *report.Result) (int64, bool) {
		a, known := sql(step).of(r)
		b, ok := sql(less).of(r)
		return a - b, known && ok
	}}
}

func times(factor int64, e evidence) evidence {
	return evidence{fmt.Sprintf("%d times %s", factor, e.what), func(r *report.Result) (int64, bool) {
		n, ok := e.of(r)
		return factor * n, ok
	}}
}

func plus(a, b evidence) evidence {
	return evidence{a.what + " and " + b.what, func(r *report.Result) (int64, bool) {
		n, known := a.of(r)
		m, ok := b.of(r)
		return n + m, known && ok
	}}
}

// unanswered is how many operations of all workloads were never answered.
func unanswered() evidence {
	return evidence{"what was never answered", func(r *report.Result) (n int64, ok bool) {
		for _, w := range r.Workloads {
			n += w.Total.Unknown
		}
		return n, true
	}}
}

// found demands a number of evidence.
func found(e evidence, must demand) condition {
	return func(r *report.Result) string {
		n, ok := e.of(r)
		if !ok {
			return e.what + ": not known"
		}
		if right := must(n, r); right != "" {
			return fmt.Sprintf("%s: %d, and must be %s", e.what, n, right)
		}
		return ""
	}
}
