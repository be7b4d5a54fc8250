package observe

import (
	"context"
	"sync"
	"testing"
	"time"

	"pgchaos/record"
)

// fakeNode is a node that answers as a test wants it to. It is its own Prober.
type fakeNode struct {
	name string

	mu       sync.Mutex
	state    record.NodeState
	takes    time.Duration // until it answers
	silenced bool
	absent   bool
	down     bool
	asked    []time.Duration // when it was asked, since it was made
	glances  int
	began    time.Time
}

func fake(name string, role record.Role, timeline uint32) *fakeNode {
	return &fakeNode{
		name: name, began: time.Now(),
		state: record.NodeState{Node: name, Reachable: true, Role: role, Timeline: timeline},
	}
}

func (n *fakeNode) set(change func(n *fakeNode)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

func (n *fakeNode) Name() string { return n.name }

func (n *fakeNode) Absent() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.absent
}

func (n *fakeNode) Leaving() bool { return false }

func (n *fakeNode) Silenced() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.silenced
}

func (n *fakeNode) Down(context.Context) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.down
}

func (n *fakeNode) Usage(context.Context) (record.ResourceSample, error) {
	return record.ResourceSample{Node: n.name}, nil
}

func (n *fakeNode) Prober() Prober { return n }
func (n *fakeNode) Disconnect()    {}
func (n *fakeNode) Close()         {}

// Read says what the node was when it was asked, or nothing if ctx ends first.
func (n *fakeNode) Read(ctx context.Context) record.NodeState {
	n.mu.Lock()
	n.asked = append(n.asked, time.Since(n.began))
	st, takes := n.state, n.takes
	n.mu.Unlock()
	select {
	case <-time.After(takes):
		return st
	case <-ctx.Done():
		return record.NodeState{Node: n.name, Error: ctx.Err().Error()}
	}
}

func (n *fakeNode) Glance(ctx context.Context) record.NodeState {
	n.set(func(n *fakeNode) { n.glances++ })
	return n.Read(ctx)
}

// start watches fakes until the test ends. It is called in a bubble.
func start(t *testing.T, nodes ...*fakeNode) *Watcher {
	t.Helper()
	var all []Node
	for _, n := range nodes {
		all = append(all, n)
	}
	w := Start(t.Context(), all, record.StartClock(), func(f func()) { f() })
	t.Cleanup(w.End)
	return w
}
