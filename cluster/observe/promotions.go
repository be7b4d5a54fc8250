package observe

import (
	"maps"
	"slices"

	"pgchaos/record"
)

// promotions are the nodes that have been primary, in the order in which they became it, whether a step of the
// run or anything else promoted them.
type promotions struct {
	nodes  []string
	newest uint32 // the newest timeline of a primary that was read
}

// add notes that a node has become the primary.
func (p *promotions) add(node string) {
	if n := len(p.nodes); n == 0 || p.nodes[n-1] != node {
		p.nodes = append(p.nodes, node)
	}
}

// see notes a promotion that readings show: each one begins a newer timeline. A former primary that came
// back on its own accepts writes, too, and was not promoted.
func (p *promotions) see(view record.View) {
	primary := record.Primary(slices.Collect(maps.Values(view)))
	if primary.Node == "" || primary.Timeline <= p.newest {
		return
	}
	p.newest = primary.Timeline
	p.add(primary.Node)
}

// wasPromoted notifies of a promotion between two readings of a node.
func (w *Watcher) wasPromoted(before, now record.NodeState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := Change{Kind: Promoted, Node: now.Node, Since: before.Asked, At: now.At, To: now.Timeline}
	switch { // at the end of its recovery a standby already names the new timeline
	case before.Timeline < now.Timeline:
		c.From = before.Timeline
	case w.promoted.newest < now.Timeline:
		c.From = w.promoted.newest
	}
	w.notify(c)
}

// BecamePrimary notes that a step has promoted a node, which may be gone before it is read again.
func (w *Watcher) BecamePrimary(node string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.promoted.add(node)
}

// Primaries are the nodes that have been primary, in the order in which they became it. A node
// can be among them several times.
func (w *Watcher) Primaries() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.promoted.nodes)
}
