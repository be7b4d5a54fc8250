package outage

import (
	"slices"
	"time"

	"pgchaos/record"
)

// answered has the acknowledgements, those too that came when no client waited for them
// any more.
func (n NodeActivity) answered() []record.Slot {
	if len(n.Late) == 0 {
		return n.Slots
	}
	all := slices.Clone(n.Slots)
	for _, at := range n.Late {
		if i := slot(at); i < len(all) {
			all[i].Add(record.OK, at)
		}
	}
	return all
}

// servedIn tells whether the node acknowledged something in [from, to).
func (n NodeActivity) servedIn(from, to time.Duration) bool {
	at, ok := clientTimeline{Activity: Activity{Slots: n.Slots}}.lastBefore(to)
	return ok && at >= from
}

// Activity is when a workload's clients were served, and when they were not.
type Activity struct {
	Workload string
	Writes   bool // it writes: its outages count for write_rto; otherwise for read_rto
	// Slots are what ended in each record.SlotLength of the run's clock, from offset 0.
	Slots []record.Slot
	// Active tells when the workload was running.
	Active []struct{ From, To time.Duration }
	// BrokenOff is set where operations were in flight when the load was broken off. They are no failures, and in no slot.
	BrokenOff bool
	// Spread is set when the workload is on several nodes at once, each of which can
	// then have an outage of its own.
	Spread bool
	// Nodes are the parts of Slots whose node is known. The number of a node in
	// an outage is 1 + its index here.
	Nodes   []NodeActivity
	Clients []ClientActivity
}

// NodeActivity is the part of one node in an Activity.
type NodeActivity struct {
	Node  string
	Slots []record.Slot
	// Late are when the node acknowledged what its clients had given up on, of each
	// slot the last moment. Nobody was served by that, but the node had not stopped.
	Late []time.Duration
}
