package load

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/record"
)

// maxOutages bounds what is kept of one client, where there are few.
const maxOutages = 1024

// outagesKept shares 128 Ki outages among many clients: 9 MB, if all are that unlucky.
func outagesKept(clients int) int { return min(max(131_072/clients, 16), maxOutages) }

// ClientRecord is when one client was not served. It is the same client through all
// of its attempts: one whose operation was given up on has not recovered by that.
type ClientRecord struct {
	// Outages are in the order of their beginning. The last is open, its FirstOK 0,
	// if the client was not served again.
	Outages []record.ClientOutage
	// Discarded counts outages that are not kept: the shortest of more than 1,024, or of
	// fewer where there are more than 128 clients.
	Discarded int64
}

// outageTracker is where a client's ClientRecord comes from.
type outageTracker struct {
	keep   int // outages at most
	lastOK time.Duration
	node   int // that gave it
	open   bool
	now    record.ClientOutage   // while open
	ended  []record.ClientOutage // in their order until there are too many, then in none
	// least is a length that no ended outage falls below, once there are too many.
	least     time.Duration
	discarded int64
}

// note follows one operation. An acknowledgement that comes in good time after
// another costs three comparisons and two stores.
func (t *outageTracker) note(op *record.Op) {
	switch {
	case op.Outcome.Acknowledged():
		if t.open || op.Done-op.Sent >= record.Stuck {
			t.served(op)
		}
		t.lastOK, t.node = op.Done, op.Node
	case op.Outcome != record.Dropped: // which is no client's: nobody took it
		t.failed(op)
	}
}

// begin opens an outage with the operation that went wrong first.
func (t *outageTracker) begin(op *record.Op) {
	t.open = true
	t.now = record.ClientOutage{LastOK: t.lastOK, Before: t.node, Sent: op.Sent}
}

func (t *outageTracker) failed(op *record.Op) {
	if !t.open {
		t.begin(op)
		t.now.FirstError = op.Done
	}
	t.now.LastError = op.Done
	t.now.Errors++
}

// brokenOff follows an operation that was in flight when the load was broken off. That it ended then is no failure; but
// a client that had been waiting for long was not served any more.
func (t *outageTracker) brokenOff(op *record.Op) {
	if !t.open && op.Done-op.Sent >= record.Stuck {
		t.begin(op)
	}
}

// served ends an outage, which may be the operation itself.
func (t *outageTracker) served(op *record.Op) {
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

// replace puts the outage in the place of the shortest, if that is shorter.
func (t *outageTracker) replace(length time.Duration) {
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
func (t *outageTracker) record() ClientRecord {
	r := ClientRecord{Outages: slices.Clone(t.ended), Discarded: t.discarded}
	slices.SortFunc(r.Outages, func(a, b record.ClientOutage) int { return cmp.Compare(a.Sent, b.Sent) })
	if t.open {
		r.Outages = append(r.Outages, t.now)
	}
	return r
}
