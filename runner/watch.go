package runner

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/probe"
	"pgchaos/history"
	"pgchaos/report"
)

const (
	stateEvery = 100 * time.Millisecond // how often each node is asked for its state
	usageEvery = time.Second            // and for what it uses of its machine
)

// watch reads every node's state and resource use through the run, each node on
// its own, so that one that hangs hides nothing of the others.
type watch struct {
	clock history.Clock
	// crashed is told that a server was seen to have recovered from the crash of one
	// of its processes.
	crashed func(node string, at time.Duration)
	wg      sync.WaitGroup
	stop    context.CancelFunc

	mu     sync.Mutex
	states map[string][]history.NodeState // changes only
	last   map[string]history.NodeState
	usage  []history.Usage
	errs   map[string]error // the newest failure to read a node's resource use
}

// startWatch watches until end is called.
func startWatch(ctx context.Context, c *cluster.Cluster, clock history.Clock, crashed func(node string, at time.Duration)) *watch {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &watch{
		clock: clock, crashed: crashed, stop: stop,
		states: map[string][]history.NodeState{}, last: map[string]history.NodeState{}, errs: map[string]error{},
	}
	for _, n := range c.Nodes() {
		w.wg.Go(func() { w.watchState(ctx, n) })
		w.wg.Go(func() { w.watchUsage(ctx, n) })
	}
	return w
}

// end stops watching, and waits until nothing of it is left.
func (w *watch) end() {
	w.stop()
	w.wg.Wait()
}

func (w *watch) watchState(ctx context.Context, n *cluster.Node) {
	prober := probe.NewProber(func(ctx context.Context) (*pgx.Conn, error) { return n.Connect(ctx, "probe") }, n.Name())
	defer prober.Close()
	var alive history.NodeState // the newest state in which it answered
	every(ctx, stateEvery, func() {
		if n.Absent() {
			return
		}
		at := w.clock.Now()
		st := w.read(ctx, n, prober)
		if ctx.Err() != nil {
			return
		}
		st.At = at
		if st.Reachable {
			if st.CrashedSince(alive) {
				w.crashed(n.Name(), at)
			}
			alive = st
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if changed(w.last[n.Name()], st) {
			w.states[n.Name()] = append(w.states[n.Name()], st)
		}
		w.last[n.Name()] = st
	})
}

// read reads a node's state over the held connection, which must not keep it from
// shutting down.
func (w *watch) read(ctx context.Context, n *cluster.Node, prober *probe.Prober) history.NodeState {
	st := history.NodeState{Node: n.Name(), Error: "it is shutting down"}
	if n.Leaving() {
		prober.Disconnect()
	} else {
		st = prober.Read(ctx)
	}
	if !st.Reachable && n.Down(ctx) {
		st.Role = history.RoleDown
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

// sleep tells whether ctx has let it sleep to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// current is the newest state of every node that has been read, by name.
func (w *watch) current() []history.NodeState {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []history.NodeState
	for _, name := range slices.Sorted(maps.Keys(w.last)) {
		out = append(out, w.last[name])
	}
	return out
}

// histories are the changes of state of the nodes, in their order.
func (w *watch) histories(c *cluster.Cluster) []report.NodeHistory {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []report.NodeHistory
	for _, n := range c.Nodes() {
		out = append(out, report.NodeHistory{Node: n.Name(), States: w.states[n.Name()]})
	}
	return out
}

// changed tells whether a state differs from the one before in what matters for
// the story: not in LSNs, which always move.
func changed(a, b history.NodeState) bool {
	return a.Node == "" || a.Reachable != b.Reachable || a.Role != b.Role || a.Timeline != b.Timeline ||
		a.Streaming != b.Streaming || a.SyncNames != b.SyncNames || a.SyncCommit != b.SyncCommit ||
		!slices.EqualFunc(a.Standbys, b.Standbys, func(x, y history.StandbyState) bool {
			return x.Name == y.Name && x.State == y.State && x.SyncState == y.SyncState
		})
}
