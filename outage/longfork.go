package outage

import (
	"cmp"
	"slices"
	"time"
)

// ProgressReading is one reading of how far every writer is on one node, in one snapshot.
type ProgressReading struct {
	Node string
	// Conn tells the connections to a node apart. A node that is rewound, cloned or
	// restarted gets a new one, and may show less over it than before.
	Conn          int
	Before, After time.Duration // of the reading
	Timeline      uint32        // 0: unknown
	Standby       bool
	Newest        []int64 // the newest sequence numbers, in the order of Chain's writers
}

// Forks is what the readings of the writers' progress in one table say.
type Forks struct {
	Table    string `json:"table"`
	Readings int64  `json:"readings"`
	Writers  int    `json:"writers"` // in each reading
	Of       int    `json:"of_writers"`
	// WentBack are readings that show less than one before over the same connection.
	WentBack ForkCount `json:"went_back"`
	// Standbys are readings of a standby that no order of commits explains together
	// with one of another standby on the same timeline.
	Standbys ForkCount `json:"between_standbys"`
	// Primary are the same between a standby and the primary. These are normal: a
	// primary shows commits in another order than it writes them into the WAL.
	Primary ForkCount `json:"long_forks"`
}

// ForkCount is a number of forks, with examples.
type ForkCount struct {
	N        int64  `json:"n"`
	Examples []Fork `json:"examples,omitempty"`
}

// Fork is two readings, of which each is behind the other in some writer. Of one that
// went back, Ahead is the writer that did, and Behind says nothing.
type Fork struct {
	Node    string        `json:"node"`
	At      time.Duration `json:"at_ns"`
	Other   string        `json:"other"`
	OtherAt time.Duration `json:"other_at_ns"`
	Ahead   Lead          `json:"ahead"`  // a writer of whom the other showed more
	Behind  Lead          `json:"behind"` // one of whom the other showed less
}

// Lead is one writer as two readings show it.
type Lead struct {
	Writer int   `json:"writer"`
	Here   int64 `json:"here"`
	There  int64 `json:"there"`
}

const (
	maxForkExamples = 100
	// chainNumbers bounds what a Chain holds at once: 16 MiB. The readings are looked
	// at in windows of so many; a fork between two windows can be missed.
	chainNumbers  = 2 << 20
	chainReadings = 20_000
	chainOverlap  = 64 // readings of each node that the next window begins with
)

// Chain finds forks among readings. Make it with NewChain; not for concurrent use.
type Chain struct {
	forks   Forks
	writers []int
	limit   int
	window  []snapshot
}

// snapshot is a ProgressReading and the sum of its sequence numbers: of two readings in
// order, the later one has the greater sum.
type snapshot struct {
	ProgressReading
	sum int64
	old bool // counted in the window before
}

// NewChain begins a chain of the readings of a table's writers, of which there are `of`.
func NewChain(table string, writers []int, of int) *Chain {
	limit := min(chainReadings, chainNumbers/max(1, len(writers)))
	return &Chain{forks: Forks{Table: table, Writers: len(writers), Of: of}, writers: writers, limit: limit}
}

// Add takes one reading. Those of one node come in their order.
func (c *Chain) Add(v ProgressReading) {
	c.forks.Readings++
	r := snapshot{ProgressReading: v}
	for _, seq := range v.Newest {
		r.sum += seq
	}
	c.window = append(c.window, r)
	if len(c.window) >= c.limit {
		c.conclude()
		c.window = c.tail()
	}
}

// Forks is what was found in all readings. Nothing can be added any more.
func (c *Chain) Forks() Forks {
	c.conclude()
	c.window = nil
	return c.forks
}

// tail is the newest readings of each node, which the next window begins with.
func (c *Chain) tail() (kept []snapshot) {
	n := map[string]int{}
	for _, r := range slices.Backward(c.window) {
		if n[r.Node]++; n[r.Node] <= min(chainOverlap, c.limit/16) {
			r.old = true
			kept = append(kept, r)
		}
	}
	slices.Reverse(kept)
	return kept
}

// strand is what one node showed on one timeline, in one role.
type strand struct {
	node     string
	timeline uint32
	standby  bool
	readings []snapshot // by sum
}

func (c *Chain) conclude() {
	c.inOrder()
	strands := c.strands()
	for i, a := range strands {
		for _, b := range strands[i+1:] {
			if a.node == b.node || a.timeline != b.timeline || a.timeline == 0 {
				continue
			}
			switch {
			case a.standby && b.standby:
				c.between(a, b, &c.forks.Standbys)
			case a.standby:
				c.between(a, b, &c.forks.Primary)
			case b.standby:
				c.between(b, a, &c.forks.Primary)
			}
		}
	}
}

// inOrder finds the readings that show less than the one before them.
func (c *Chain) inOrder() {
	newest := map[string]snapshot{}
	for _, r := range c.window {
		before, ok := newest[r.Node]
		newest[r.Node] = r
		if !ok || r.old || before.Conn != r.Conn || before.Timeline != r.Timeline {
			continue
		}
		if i := exceeds(before.Newest, r.Newest); i >= 0 {
			c.forks.WentBack.add(Fork{
				Node: r.Node, At: r.After, Other: r.Node, OtherAt: before.After, Ahead: c.lead(i, r, before),
			})
		}
	}
}

func (c *Chain) strands() (all []strand) {
	for _, r := range c.window {
		i := slices.IndexFunc(all, func(s strand) bool {
			return s.node == r.Node && s.timeline == r.Timeline && s.standby == r.Standby
		})
		if i < 0 {
			i = len(all)
			all = append(all, strand{node: r.Node, timeline: r.Timeline, standby: r.Standby})
		}
		all[i].readings = append(all[i].readings, r)
	}
	for _, s := range all {
		slices.SortStableFunc(s.readings, func(a, b snapshot) int { return cmp.Compare(a.sum, b.sum) })
	}
	return all
}

// between counts the readings of one strand that are not in order with some of
// another. That one is in order itself, so only its two neighbours by sum need to be
// compared: what lies below the lower one, or above the upper, is in order with them.
func (c *Chain) between(a, b strand, into *ForkCount) {
	for _, r := range a.readings {
		if r.old {
			continue
		}
		above, _ := slices.BinarySearchFunc(b.readings, r.sum+1, func(x snapshot, sum int64) int { return cmp.Compare(x.sum, sum) })
		for i := max(0, above-1); i < min(above+1, len(b.readings)); i++ {
			other := b.readings[i]
			less, more := exceeds(other.Newest, r.Newest), exceeds(r.Newest, other.Newest)
			if less >= 0 && more >= 0 {
				into.add(Fork{
					Node: r.Node, At: r.After, Other: other.Node, OtherAt: other.After, Ahead: c.lead(less, r, other), Behind: c.lead(more, r, other),
				})
				break
			}
		}
	}
}

func (n *ForkCount) add(f Fork) {
	n.N++
	if len(n.Examples) < maxForkExamples {
		n.Examples = append(n.Examples, f)
	}
}

func (c *Chain) lead(i int, here, there snapshot) Lead {
	return Lead{Writer: c.writers[i], Here: here.Newest[i], There: there.Newest[i]}
}

// exceeds is the first place in which a has more than b; -1 for none.
func exceeds(a, b []int64) int {
	for i := range min(len(a), len(b)) {
		if a[i] > b[i] {
			return i
		}
	}
	return -1
}
