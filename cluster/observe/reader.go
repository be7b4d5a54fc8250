package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pgchaos/record"
)

// reader reads the state of one node, over a connection that it holds.
type reader struct {
	watcher *Watcher
	node    Node
	gone    chan struct{} // closed when no reading follows any more

	wake chan struct{} // holds one token when somebody has begun to wait
	mu   sync.Mutex
	// waiting get the next reading that begins.
	waiting []chan<- record.NodeState
}

func newReader(w *Watcher, n Node) *reader {
	return &reader{watcher: w, node: n, gone: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// run reads the node until ctx ends.
func (r *reader) run(ctx context.Context) {
	w := r.watcher
	prober := r.node.Prober()
	defer prober.Close()
	var alive record.NodeState // the newest state in which it answered
	var thorough time.Duration // when it was last read in full
	for first := true; ctx.Err() == nil; first = false {
		at := w.clock.Now()
		pace, alerted := w.pace()
		waiting := r.take() // before the node is asked
		quick := !first && len(waiting) == 0 && pace < stateEvery && at-thorough < stateEvery
		if !quick {
			thorough = at
		}
		st := record.NodeState{Node: r.node.Name(), Error: "it has not been built"}
		if !r.node.Absent() {
			if st = r.read(ctx, prober, quick); ctx.Err() != nil {
				return
			}
			if st.Reachable {
				if st.CrashedSince(alive) {
					w.befell(Crashed, alive, st)
				}
				if st.RestartedSince(alive) {
					w.befell(Restarted, alive, st)
				}
				if st.PromotedSince(alive) {
					w.wasPromoted(alive, st)
				}
				alive = st
			}
			w.keep(st)
		}
		for _, c := range waiting {
			c <- st
		}
		rest := time.NewTimer(at + pace - w.clock.Now())
		select {
		case <-ctx.Done():
		case <-alerted:
		case <-r.wake:
		case <-rest.C:
		}
		rest.Stop()
	}
}

// read reads a node's state over the held connection, which must not keep it from
// shutting down. A quick reading asks for less, and does not look whether a node without an answer runs at all.
func (r *reader) read(ctx context.Context, prober Prober, quick bool) record.NodeState {
	ask, down := prober.Read, func() bool { return r.node.Down(ctx) }
	if quick {
		ask, down = prober.Glance, nil
	}
	return r.watcher.dated(r.node.Name(), func() record.NodeState {
		if r.node.Leaving() {
			prober.Disconnect()
			return record.NodeState{Node: r.node.Name(), Error: "it is shutting down"}
		}
		return ask(ctx)
	}, down)
}

// dated is a state with its times. That of a node that answers is as of the answer, for only then
// is it certain, and so is that of one that is found to be down: when the question was sent it may have run, and have
// accepted writes until it was looked at. That of one that does not answer is as of the question, and says when the attempt failed. Down is nil in a
// quick reading, which takes over what was known of a node that did not answer before either.
func (w *Watcher) dated(node string, ask func() record.NodeState, down func() bool) record.NodeState {
	asked := w.clock.Now()
	st := ask()
	st.At, st.Asked = asked, asked
	if !st.Reachable {
		st.Failed = w.clock.Now()
	}
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

// grace is how much later than the others the answer of a node may come that is not
// expected to answer at all. It must not hold up a promotion that the others are asked for: the
// delay would be pgchaos's own, and be counted as the cluster's. Every other node has all the time that a
// reading may take: on a busy machine an answer can be late, and without it the wrong node could be chosen.
const grace = 500 * time.Millisecond

var (
	errLate = fmt.Errorf("no answer within %s of the first answer of another node", grace)
	errGone = errors.New("it is not watched any more")
)

// Fresh is what every node that has been built says of itself now, in the order of the cluster. All are read at once, and
// asked after the call: a reading that was under way may be of before an event that the caller has seen. A
// silenced node that answers much later than the others is unreachable.
func (w *Watcher) Fresh(ctx context.Context) []record.NodeState {
	silenced, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var first sync.Once
	built := slices.DeleteFunc(slices.Clone(w.readers), func(r *reader) bool { return r.node.Absent() })
	states := make([]record.NodeState, len(built))
	var wg sync.WaitGroup
	for i, r := range built {
		wg.Go(func() {
			waiting := ctx
			if r.node.Silenced() {
				waiting = silenced
			}
			if states[i] = r.fresh(waiting); states[i].Reachable {
				first.Do(func() { time.AfterFunc(grace, func() { cancel(errLate) }) })
			}
		})
	}
	wg.Wait()
	return states
}

// fresh is the next reading that begins. Where it does not come, the node is unreachable, or down.
func (r *reader) fresh(ctx context.Context) record.NodeState {
	answer := make(chan record.NodeState, 1)
	r.ask(answer)
	st := record.NodeState{Node: r.node.Name()}
	select {
	case st = <-answer:
		return st
	case <-ctx.Done():
		st.Error = context.Cause(ctx).Error()
	case <-r.gone:
		st.Error = errGone.Error()
	}
	if r.node.Down(ctx) {
		st.Role = record.RoleDown
	}
	return st
}

// ask lets the next reading begin at once, unless one is under way.
func (r *reader) ask(answer chan<- record.NodeState) {
	r.mu.Lock()
	r.waiting = append(r.waiting, answer)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reader) take() []chan<- record.NodeState {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.waiting
	r.waiting = nil
	return waiting
}
