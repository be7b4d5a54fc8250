package load

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/record"
)

// maxEpisodes bounds what is kept of one client, where there are few.
const maxEpisodes = 1024

// episodesKept shares 128 Ki episodes among many clients: 9 MB, if all are that unlucky.
func episodesKept(clients int) int { return min(max(131_072/clients, 16), maxEpisodes) }

// Stuck is how long an operation that is acknowledged at last may take before its
// client counts as not served meanwhile.
const Stuck = 250 * time.Millisecond

// ClientRecord is when one client was not served. It is the same client through all
// of its flights: one whose operation was given up on has not recovered by that.
type ClientRecord struct {
	// Episodes are in the order of their beginning. The last is open, its FirstOK 0,
	// if the client was not served again.
	Episodes []record.Episode
	// Discarded counts episodes that are not kept: the shortest of more than 1,024, or of
	// fewer where there are more than 128 clients.
	Discarded int64
}

// trail is where a client's ClientRecord comes from.
type trail struct {
	keep   int // episodes at most
	lastOK time.Duration
	node   int // that gave it
	open   bool
	now    record.Episode   // while open
	ended  []record.Episode // in their order until there are too many, then in none
	// least is a length that no ended episode falls below, once there are too many.
	least     time.Duration
	discarded int64
}

// note follows one operation. An acknowledgement that comes in good time after
// another costs three comparisons and two stores.
func (t *trail) note(op *record.Op) {
	switch {
	case op.Outcome.Acknowledged():
		if t.open || op.Done-op.Sent >= Stuck {
			t.served(op)
		}
		t.lastOK, t.node = op.Done, op.Node
	case op.Outcome != record.Dropped: // which is no client's: nobody took it
		t.failed(op)
	}
}

// begin opens an episode with the operation that went wrong first.
func (t *trail) begin(op *record.Op) {
	t.open = true
	t.now = record.Episode{LastOK: t.lastOK, Before: t.node, Sent: op.Sent}
}

func (t *trail) failed(op *record.Op) {
	if !t.open {
		t.begin(op)
		t.now.FirstError = op.Done
	}
	t.now.LastError = op.Done
	t.now.Errors++
}

// served ends an episode, which may be the operation itself.
func (t *trail) served(op *record.Op) {
	if !t.open {
		t.begin(op)
	}
	t.open = false
	t.now.FirstOK, t.now.After = op.Done, op.Node
	if len(t.ended) < t.keep {
		t.ended = append(t.ended, t.now)
		return
	}
	t.discarded++
	if length, _ := t.now.Length(); length > t.least {
		t.replace(length)
	}
}

// replace puts the episode in the place of the shortest, if that is shorter.
func (t *trail) replace(length time.Duration) {
	shortest, at := length, -1
	for i, e := range t.ended {
		if l, _ := e.Length(); l < shortest {
			shortest, at = l, i
		}
	}
	t.least = shortest
	if at >= 0 {
		t.ended[at] = t.now
	}
}

// record copies what is known by now.
func (t *trail) record() ClientRecord {
	r := ClientRecord{Episodes: slices.Clone(t.ended), Discarded: t.discarded}
	slices.SortFunc(r.Episodes, func(a, b record.Episode) int { return cmp.Compare(a.Sent, b.Sent) })
	if t.open {
		r.Episodes = append(r.Episodes, t.now)
	}
	return r
}
