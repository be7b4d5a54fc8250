package observe

import (
	"time"

	"pgchaos/record"
)

// Follower sees every reading from its beginning on: what was read before may be of before something that its owner has done.
type Follower struct {
	watcher *Watcher
	ready   chan struct{} // holds one token when a node was read since the last receive
	since   time.Duration
}

// Followed is a node as a Follower knows it.
type Followed struct {
	Name   string
	Absent bool // it has not been built
	// Up is set where the node has answered its newest question.
	Up bool
	// Writable is set for the node that serves writes.
	Writable bool
	Sample   record.NodeSample
	// Own is what the node has said of itself; only its name where that is not known.
	Own record.NodeState
	// State is the state of the node's line in pg_stat_replication, such as streaming; "" where it has none. LineKnown is set where
	// that is known, and so SyncState of Sample is, too.
	State     string
	LineKnown bool
	// Streaming is whether the node and the one that it follows both say that it streams; nil: not known.
	Streaming *bool
}

// Follow begins to follow the readings. Each node is read in full at once, unless a reading is under way.
func (w *Watcher) Follow() *Follower {
	f := &Follower{watcher: w, ready: make(chan struct{}, 1)}
	for _, r := range w.readers {
		if !r.node.Absent() {
			r.ask(make(chan record.NodeState, 1)) // the answer comes to keep as well
		}
	}
	f.since = w.clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.follows[f] = struct{}{}
	return f
}

// End ends it. It may be called again.
func (f *Follower) End() {
	f.watcher.mu.Lock()
	defer f.watcher.mu.Unlock()
	delete(f.watcher.follows, f)
}

// Ready receives after each reading of a node.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

func (f *Follower) wake() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// Now is every node by what was asked since the Follower began, in the order of the cluster. It asks no node.
func (f *Follower) Now() []Followed {
	w := f.watcher
	now := w.clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	writable := w.recent(w.last.Writable(), now, f.since)
	all := make([]Followed, len(w.readers))
	for i, r := range w.readers {
		n := &all[i]
		n.Name, n.Absent = r.node.Name(), r.node.Absent()
		if n.Absent {
			continue
		}
		own := w.recent(n.Name, now, f.since)
		var line record.StandbyState
		n.Sample, line = w.look(n.Name, now, f.since)
		n.Own = own
		n.Up, n.Writable, n.State = own.Reachable, own.Reachable && n.Name == writable.Node, line.State
		n.LineKnown = line.Name != "" || writable.Reachable
		n.Streaming = streaming(own, n.State, n.LineKnown)
	}
	return all
}

// streaming is whether a node streams; nil: not known.
func streaming(own record.NodeState, line string, lineKnown bool) *bool {
	is := own.Streaming && line == "streaming"
	switch {
	case own.Role == record.RoleDown, own.Reachable && (!own.Streaming || lineKnown):
		return &is
	}
	return nil
}
