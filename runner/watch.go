package runner

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/probe"
	"pgchaos/record"
	"pgchaos/report"
)

const (
	stateEvery = 100 * time.Millisecond // how often each node is asked for its state
	alertEvery = 10 * time.Millisecond  // and how often while something is being done to the cluster, or missing
	usageEvery = time.Second            // and for what it uses of its machine
)

// watch reads every node's state and resource use through the run, each node on
// its own, so that one that hangs hides nothing of the others.
type watch struct {
	clock record.Clock
	// crashed is told that a server was seen to have recovered from the crash of one
	// of its processes: after the last reading of the old ones, at `well`.
	crashed func(node string, well, at time.Duration)
	wg      sync.WaitGroup
	stop    context.CancelFunc

	// writable is the node that accepts writes; nil or "": there is none.
	writable atomic.Pointer[string]

	mu     sync.Mutex
	states map[string][]record.NodeState // the changes, and before each the last reading without it
	last   record.View
	alert  alert
	usage  []record.ResourceSample
	errs   map[string]error // the newest failure to read a node's resource use
}

// startWatch watches until end is called.
func startWatch(ctx context.Context, c *cluster.Cluster, clock record.Clock, crashed func(node string, well, at time.Duration), guard func(func())) *watch {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &watch{
		clock: clock, crashed: crashed, stop: stop,
		states: map[string][]record.NodeState{}, last: record.View{}, errs: map[string]error{}, alert: newAlert(),
	}
	for _, n := range c.Nodes() {
		w.wg.Go(func() { guard(func() { w.watchState(ctx, n) }) })
		w.wg.Go(func() { guard(func() { w.watchUsage(ctx, n) }) })
	}
	return w
}

// end stops watching, and waits until nothing of it is left.
func (w *watch) end() {
	w.stop()
	w.wg.Wait()
}

func (w *watch) watchState(ctx context.Context, n *cluster.Node) {
	prober := probe.NewProber(func(ctx context.Context) (*pgx.Conn, error) { return n.Connect(ctx, "probe") }, n.Name(), n.Credentials().Load.Name)
	defer prober.Close()
	var alive record.NodeState // the newest state in which it answered
	var thorough time.Duration // when it was last read in full
	for first := true; ctx.Err() == nil; first = false {
		at := w.clock.Now()
		pace, wake := w.pace()
		quick := !first && pace < stateEvery && at-thorough < stateEvery
		if !quick {
			thorough = at
		}
		if !n.Absent() {
			if st := w.read(ctx, n, prober, quick); ctx.Err() == nil {
				if st.Reachable {
					if st.CrashedSince(alive) {
						w.crashed(n.Name(), alive.At, st.At)
					}
					alive = st
				}
				w.keep(st)
			}
		}
		rest := time.NewTimer(at + pace - w.clock.Now())
		select {
		case <-ctx.Done():
		case <-wake:
		case <-rest.C:
		}
		rest.Stop()
	}
}

// keep notes a state, and makes it part of the story if it differs from the one before,
// and that one too: until when something was certainly so is part of the story.
func (w *watch) keep(st record.NodeState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if changed(w.last[st.Node], st) {
		w.states[st.Node] = append(w.history(st.Node), st)
	}
	w.last[st.Node] = st
	if name := w.last.Writable(); name != w.primary() {
		w.writable.Store(&name)
	}
}

// primary is the node that accepts writes; "": there is none. It is cheap enough to be
// asked before every operation.
func (w *watch) primary() string {
	if name := w.writable.Load(); name != nil {
		return *name
	}
	return ""
}

// history is a node's story up to its last reading. mu is held.
func (w *watch) history(node string) []record.NodeState {
	states, last := w.states[node], w.last[node]
	if n := len(states); n > 0 && states[n-1].At < last.At {
		return append(slices.Clip(states), last)
	}
	return states
}

// read reads a node's state over the held connection, which must not keep it from
// shutting down. A quick reading asks for less, and does not look whether a node without an answer runs at all.
func (w *watch) read(ctx context.Context, n *cluster.Node, prober *probe.Prober, quick bool) record.NodeState {
	ask, down := prober.Read, func() bool { return n.Down(ctx) }
	if quick {
		ask, down = prober.Glance, nil
	}
	return w.dated(n.Name(), func() record.NodeState {
		if n.Leaving() {
			prober.Disconnect()
			return record.NodeState{Node: n.Name(), Error: "it is shutting down"}
		}
		return ask(ctx)
	}, down)
}

// dated is a state with its times. That of a node that answers is as of the answer, for only then
// is it certain, and so is that of one that is found to be down: when the question was sent it may have run, and have
// accepted writes until it was looked at. That of one that does not answer is as of the question. Down is nil in a
// quick reading, which takes over what was known of a node that did not answer before either.
func (w *watch) dated(node string, ask func() record.NodeState, down func() bool) record.NodeState {
	asked := w.clock.Now()
	st := ask()
	st.At, st.Asked = asked, asked
	switch {
	case st.Reachable:
		st.At = w.clock.Now()
	case down == nil:
		w.mu.Lock()
		last := w.last[node]
		w.mu.Unlock()
		if !last.Reachable {
			st.Role = last.Role
		}
	case down():
		st.Role, st.At = record.RoleDown, w.clock.Now()
	}
	return st
}

func (w *watch) watchUsage(ctx context.Context, n *cluster.Node) {
	every(ctx, usageEvery, func() {
		if n.Absent() {
			return
		}
		u, err := n.Usage(ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.errs[n.Name()] = err
			return
		}
		u.At = w.clock.Now()
		w.usage = append(w.usage, u)
	})
}

// every calls f at once, and then at each tick until ctx ends.
func every(ctx context.Context, d time.Duration, f func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for ctx.Err() == nil {
		f()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// current is the newest state of every node that has been read, by name.
func (w *watch) current() []record.NodeState {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []record.NodeState
	for _, name := range slices.Sorted(maps.Keys(w.last)) {
		out = append(out, w.last[name])
	}
	return out
}

// histories are the stories of the nodes, in their order: each change of state, the last
// reading before it, and the newest one.
func (w *watch) histories(c *cluster.Cluster) []report.NodeHistory {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []report.NodeHistory
	for _, n := range c.Nodes() {
		out = append(out, report.NodeHistory{Node: n.Name(), States: w.history(n.Name())})
	}
	return out
}

// changed tells whether a state differs from the one before in what matters for
// the story: not in LSNs, which always move.
func changed(a, b record.NodeState) bool {
	return a.Node == "" || a.Reachable != b.Reachable || a.Role != b.Role || a.Timeline != b.Timeline ||
		!a.ServerStarted.Equal(b.ServerStarted) || !a.CheckpointerStarted.Equal(b.CheckpointerStarted) ||
		a.Writable != b.Writable || a.Streaming != b.Streaming || a.SyncNames != b.SyncNames || a.SyncCommit != b.SyncCommit ||
		!slices.EqualFunc(a.Standbys, b.Standbys, func(x, y record.StandbyState) bool {
			return x.Name == y.Name && x.State == y.State && x.SyncState == y.SyncState
		})
}
