package audit

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// WeakStretch is a time in which a server's commits waited for less than was demanded.
type WeakStretch struct {
	Node string        `json:"node"`
	From time.Duration `json:"from_ns"`
	To   time.Duration `json:"to_ns"` // or the last such acknowledgement
	N    int64         `json:"n"`     // acknowledgements
	// Standbys is how many a commit waited for, with Commit as its synchronous_commit;
	// Demanded and DemandedCommit are what was demanded. The Names are those of whom the standbys could be; none, or "*": of all.
	Standbys       int      `json:"standbys"`
	Demanded       int      `json:"demanded"`
	Commit         string   `json:"commit"`
	DemandedCommit string   `json:"demanded_commit"`
	Names          []string `json:"names,omitempty"`
	DemandedNames  []string `json:"demanded_names,omitempty"`
}

// stretch counts an acknowledgement that a span makes weak.
func (w *WeakAcks) stretch(node string, by *weakSpan, e *ledger.Entry) {
	to := by.to
	if to == forever {
		to = e.Done
	}
	i := slices.IndexFunc(w.Stretches, func(s WeakStretch) bool { return s.Node == node && s.From == by.from })
	if i < 0 {
		i = len(w.Stretches)
		w.Stretches = append(w.Stretches, WeakStretch{
			Node: node, From: by.from, Standbys: by.waited.num, Demanded: by.demand.num,
			Commit: commitLevels[by.waited.level], DemandedCommit: commitLevels[by.demand.level],
			Names: by.waited.names, DemandedNames: by.demand.names,
		})
	}
	w.Stretches[i].N++
	w.Stretches[i].To = max(w.Stretches[i].To, to)
}

// join puts stretches together of which one follows the other: the time in which a
// regime changes is a stretch of its own until then.
func (w *WeakAcks) join() {
	slices.SortFunc(w.Stretches, func(a, b WeakStretch) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.From, b.From))
	})
	joined := w.Stretches[:0]
	for _, s := range w.Stretches {
		if n := len(joined); n > 0 && joined[n-1].Node == s.Node && s.From <= joined[n-1].To && joined[n-1].same(s) {
			joined[n-1].N += s.N
			joined[n-1].To = max(joined[n-1].To, s.To)
			continue
		}
		joined = append(joined, s)
	}
	slices.SortStableFunc(joined, func(a, b WeakStretch) int { return cmp.Compare(a.From, b.From) })
	w.Stretches = joined
}

// same tells whether two stretches waited for the same, where the same was demanded.
func (s WeakStretch) same(other WeakStretch) bool {
	return s.Standbys == other.Standbys && s.Demanded == other.Demanded && s.Commit == other.Commit && s.DemandedCommit == other.DemandedCommit &&
		slices.Equal(s.Names, other.Names) && slices.Equal(s.DemandedNames, other.DemandedNames)
}

// WeakBy tells of acknowledgements whether they were weak, as the audit counts them; of
// anything else, and of what was promised in full, it is "". The evidence must have the
// states of the nodes, the steps, the demands and the workloads' own synchronous_commit.
func WeakBy(e Evidence) (func(workload string, entry *ledger.Entry) WeakReason, error) {
	if err := KnownActions(e.Events); err != nil {
		return nil, err
	}
	w, servers := newEvidenceReader(&e), map[ledger.Server]*serverEvidence{}
	return func(workload string, entry *ledger.Entry) WeakReason {
		switch entry.Outcome {
		case record.OK:
		case record.Weak:
			return WeakNotice
		default:
			return ""
		}
		s := servers[entry.Server]
		if s == nil {
			s = &serverEvidence{server: entry.Server, elsewhere: w.elsewhere(entry.Server.SystemID)}
			w.govern(s)
			servers[entry.Server] = s
		}
		if s.elsewhere {
			return ""
		}
		return weakness(w.waitsOf(s, e.Commits[workload]).weak, entry)
	}, nil
}
