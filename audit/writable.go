package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// Rivals are two servers that accepted writes at the same time, whether anybody wrote
// to them or not, as far as their readings prove it: from when both had said so to the
// last time that one of them was asked and did so still.
type Rivals struct {
	One   ledger.Server `json:"one"`
	Other ledger.Server `json:"other"` // of the newer timeline, if of another
	From  time.Duration `json:"from_ns"`
	To    time.Duration `json:"to_ns"`
}

// String says who, and when.
func (r Rivals) String() string {
	return fmt.Sprintf("%s and %s both accepted writes from %.3f s to %.3f s", serverWords(r.One), serverWords(r.Other), r.From.Seconds(), r.To.Seconds())
}

// term is a time in which a server certainly accepted writes: from its answer to one
// reading to when the last one was asked for, the server having been neither restarted
// nor out of reach in between. A primary remains one until it is restarted.
type term struct {
	server   ledger.Server
	from, to time.Duration
}

// TwoWritable finds the servers that accepted writes at the same time in the states of
// the nodes, each in the order of time; of each pair the first time. The last reading
// before each change must be among them, or less is proved than was so. What accepts
// writes and cannot be reached is none: nobody writes to it.
func TwoWritable(states map[string][]record.NodeState) (all []Rivals) {
	var terms []term
	for _, node := range slices.Sorted(maps.Keys(states)) {
		terms = append(terms, termsOf(states[node])...)
	}
	slices.SortStableFunc(terms, func(a, b term) int {
		return cmp.Or(cmp.Compare(a.server.Timeline, b.server.Timeline), cmp.Compare(a.from, b.from))
	})
	for i, one := range terms {
		for _, other := range terms[i+1:] {
			r := Rivals{one.server, other.server, max(one.from, other.from), min(one.to, other.to)}
			known := slices.ContainsFunc(all, func(k Rivals) bool { return k.One == r.One && k.Other == r.Other })
			if r.From <= r.To && !known { // terms of one node have no moment in common
				all = append(all, r)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Rivals) int { return cmp.Compare(a.From, b.From) })
	return all
}

// termsOf are the terms of one node. A single reading makes none: at what moment
// between the question and the answer it was so is not known.
func termsOf(states []record.NodeState) (all []term) {
	var before record.NodeState
	for _, s := range withoutRefusals(states) {
		if s.Writable {
			same := before.Writable && !s.ServerStarted.IsZero() &&
				before.ServerStarted.Equal(s.ServerStarted) && before.CheckpointerStarted.Equal(s.CheckpointerStarted)
			if !same {
				all = append(all, term{server: ledger.Server{SystemID: s.SystemID, Node: s.Node, Timeline: s.Timeline}, from: s.At})
			} else {
				all[len(all)-1].to = s.Asked
			}
		}
		before = s
	}
	return all
}

// withoutRefusals leaves out the readings by which a server was down that answered before and after them: it only refused who
// asked, and served others.
func withoutRefusals(states []record.NodeState) (kept []record.NodeState) {
	last := -1 // of those kept, the last that answered
	for _, s := range states {
		if s.Reachable && last >= 0 && sameServer(kept[last], s) {
			kept = append(kept[:last+1], slices.DeleteFunc(kept[last+1:], func(d record.NodeState) bool { return d.Role == record.RoleDown })...)
		}
		if kept = append(kept, s); s.Reachable {
			last = len(kept) - 1
		}
	}
	return kept
}
