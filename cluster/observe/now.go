package observe

import "pgchaos/record"

// Now is a node as it is known at one moment.
type Now struct {
	Name string
	// Absent nodes have not been built.
	Absent bool
	// Up is set where the node has answered its newest question, not longer ago than a sample may be.
	Up     bool
	Sample record.NodeSample
	// Usage is the newest that is known of what it uses of its machine; nil: nothing, or nothing of the last
	// seconds. It must not be changed.
	Usage *record.ResourceSample
}

// usageLasts is how long the newest ResourceSample of a node describes it: some providers need more than a second for one.
const usageLasts = 3 * usageEvery

// Now is every node as its newest readings have found it, in the order of the cluster. It asks no node.
func (w *Watcher) Now() []Now {
	now := w.clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]Now, len(w.readers))
	for i, r := range w.readers {
		name := r.node.Name()
		all[i] = Now{Name: name, Absent: r.node.Absent(), Sample: record.NodeSample{At: now}}
		if all[i].Absent {
			continue
		}
		all[i].Up, all[i].Sample = w.recent(name, now, 0).Reachable, w.sampleOf(name, now)
		if u := w.usageNow[name]; u != nil && now-u.At <= usageLasts {
			all[i].Usage = u
		}
	}
	return all
}
