// Package observe is the one watcher of a cluster: what every node says of itself, read at a steady
// pace, its changes, a series of it, and which node is the primary.
package observe

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pgchaos/internal/wait"
	"pgchaos/record"
)

const (
	stateEvery = 100 * time.Millisecond // how often each node is asked for its state
	alertEvery = 10 * time.Millisecond  // and how often while something is being done to the cluster, or missing
	usageEvery = time.Second            // and for what it uses of its machine
)

// Watcher reads every node's state and resource use through the run, each node on
// its own, so that one that hangs hides nothing of the others.
type Watcher struct {
	clock   record.Clock
	readers []*reader // one for each node, in the order of the cluster
	wg      sync.WaitGroup
	stop    context.CancelFunc

	// writable is record.View.Writable of the newest readings; nil: none yet.
	writable atomic.Pointer[string]

	mu       sync.Mutex
	states   map[string][]record.NodeState // the changes, and before each the last reading without it
	last     record.View
	alert    alert
	promoted promotions
	regimes  map[string]record.NodeState // the newest reading of each node as a primary, until it is one of a standby
	usage    []record.ResourceSample
	usageNow map[string]*record.ResourceSample // the newest of each node
	errs     map[string]error                  // the newest failure to read a node's resource use
	subs     []*Subscription
	follows  map[*Follower]struct{}
	written  positions
	series   map[string]*record.NodeSeries
}

// Start watches nodes until End is called, or a reading panics. The first of them is the primary.
// Guard runs every goroutine's work, to catch panics.
func Start(ctx context.Context, nodes []Node, clock record.Clock, guard func(func())) *Watcher {
	w := newWatcher(nodes, clock)
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, r := range w.readers {
		w.wg.Go(func() {
			defer close(r.gone)
			guard(func() { r.run(ctx) })
		})
		w.wg.Go(func() { guard(func() { w.watchUsage(ctx, r.node) }) })
	}
	w.wg.Go(func() { guard(func() { w.sample(ctx) }) })
	return w
}

func newWatcher(nodes []Node, clock record.Clock) *Watcher {
	w := &Watcher{
		clock: clock, states: map[string][]record.NodeState{}, last: record.View{}, errs: map[string]error{}, alert: newAlert(),
		series: map[string]*record.NodeSeries{}, usageNow: map[string]*record.ResourceSample{}, follows: map[*Follower]struct{}{},
		regimes: map[string]record.NodeState{},
	}
	for _, n := range nodes {
		w.readers = append(w.readers, newReader(w, n))
	}
	if len(nodes) > 0 {
		w.promoted.add(nodes[0].Name())
	}
	return w
}

// End stops watching, and waits until nothing of it is left. What was read stays.
func (w *Watcher) End() {
	w.stop()
	w.wg.Wait()
}

// keep notes a state, and adds it to the node's history if it differs from the one before,
// and that one too: until when something was certainly so is part of the history.
func (w *Watcher) keep(st record.NodeState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if changed(w.last[st.Node], st) {
		w.states[st.Node] = append(w.history(st.Node), st)
	}
	w.last[st.Node] = st
	w.promoted.see(w.last)
	w.seeRegime(st)
	name := w.last.Writable()
	if st.AcceptsWrites() && st.Node == name {
		w.written.add(st)
	}
	if name != w.Writable() {
		w.writable.Store(&name)
		w.notify(Change{Kind: WritableMoved, Node: name, At: st.At})
	}
	for f := range w.follows {
		f.wake()
	}
}

// Writable is the node that serves writes, as record.View has it; "": there is none. It is cheap
// enough to be asked before every operation.
func (w *Watcher) Writable() string {
	if name := w.writable.Load(); name != nil {
		return *name
	}
	return ""
}

// Primary is the name of the primary by the newest readings, as record.Primary has it.
func (w *Watcher) Primary() string { return record.Primary(w.current()).Node }

// history is a node's changes up to its last reading. mu is held.
func (w *Watcher) history(node string) []record.NodeState {
	states, last := w.states[node], w.last[node]
	if n := len(states); n > 0 && states[n-1].At < last.At {
		return append(slices.Clip(states), last)
	}
	return states
}

// History is what a node said of itself: each change of its state, the last reading before
// it, and the newest reading.
func (w *Watcher) History(node string) []record.NodeState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.history(node))
}

// Latest is the newest state of every node that has been read, by name. It asks no node.
func (w *Watcher) Latest() []record.NodeState { return w.current() }

// current is the newest state of every node that has been read, by name.
func (w *Watcher) current() []record.NodeState {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []record.NodeState
	for _, name := range slices.Sorted(maps.Keys(w.last)) {
		out = append(out, w.last[name])
	}
	return out
}

func (w *Watcher) watchUsage(ctx context.Context, n Node) {
	wait.Every(ctx, usageEvery, func() {
		if !n.Absent() {
			u, err := n.Usage(ctx)
			w.keepUsage(n.Name(), u, err)
		}
	})
}

func (w *Watcher) keepUsage(node string, u record.ResourceSample, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.errs[node] = err
		return
	}
	u.At = w.clock.Now()
	w.usage = append(w.usage, u)
	w.usageNow[node] = &u
}

// Usage is what the nodes used of their machines, by time, and of each node that could not always be
// read the newest error.
func (w *Watcher) Usage() (samples []record.ResourceSample, errs map[string]error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.usage), maps.Clone(w.errs)
}

// changed tells whether a state differs from the one before in what matters for
// the history: not in LSNs, which always move.
func changed(a, b record.NodeState) bool {
	return a.Node == "" || a.Reachable != b.Reachable || a.Role != b.Role || a.Timeline != b.Timeline ||
		!a.ServerStarted.Equal(b.ServerStarted) || !a.CheckpointerStarted.Equal(b.CheckpointerStarted) ||
		a.Writable != b.Writable || a.Streaming != b.Streaming || a.SyncNames != b.SyncNames || a.SyncCommit != b.SyncCommit || a.CommitOfRole != b.CommitOfRole ||
		!slices.EqualFunc(a.Standbys, b.Standbys, func(x, y record.StandbyState) bool {
			return x.Name == y.Name && x.State == y.State && x.SyncState == y.SyncState
		})
}
