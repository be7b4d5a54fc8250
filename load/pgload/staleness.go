package pgload

import (
	"slices"
	"sync"
	"time"
)

// StaleStep is how stale the reads of one node were that were sent in one step.
type StaleStep struct {
	At    time.Duration // the beginning of the step
	Reads int64
	Most  time.Duration // the greatest staleness; 0: all reads were fresh
}

const (
	staleStep = time.Second
	// mostStaleSteps bounds the steps of a node: those of an hour. When there are more, the step is doubled.
	mostStaleSteps = 3600
)

// staleness is how stale reads were by time, on each node, of all clients together. Each client keeps the step at hand for itself
// and adds it when the next one begins, so that it takes the lock once a second.
type staleness struct {
	mu    sync.Mutex
	nodes map[int]*staleSeries
}

type staleSeries struct {
	step  time.Duration
	steps []StaleStep // by number; without reads: nothing is known
}

// add adds a step of a client.
func (s *staleness) add(node int, one StaleStep) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nodes == nil {
		s.nodes = map[int]*staleSeries{}
	}
	if s.nodes[node] == nil {
		s.nodes[node] = &staleSeries{step: staleStep}
	}
	s.nodes[node].add(one)
}

func (s *staleSeries) add(one StaleStep) {
	for one.At/s.step >= mostStaleSteps {
		s.widen()
	}
	i := int(one.At / s.step)
	for len(s.steps) <= i {
		s.steps = append(s.steps, StaleStep{At: time.Duration(len(s.steps)) * s.step})
	}
	s.steps[i].join(one)
}

func (t *StaleStep) join(other StaleStep) {
	t.Reads += other.Reads
	t.Most = max(t.Most, other.Most)
}

// widen doubles the step.
func (s *staleSeries) widen() {
	s.step *= 2
	var fewer []StaleStep
	for i, one := range s.steps {
		if i%2 == 0 {
			fewer = append(fewer, StaleStep{At: one.At})
		}
		fewer[len(fewer)-1].join(one)
	}
	s.steps = fewer
}

// of are the steps of a node in which something was read.
func (s *staleness) of(node int) []StaleStep {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nodes[node] == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.nodes[node].steps), func(t StaleStep) bool { return t.Reads == 0 })
}

// note counts a read of a node, sent at some time, in the step at hand.
func (r *reader) note(n *nodeReads, node int, at, stale time.Duration) {
	if begin := at.Truncate(staleStep); n.step.Reads == 0 || begin != n.step.At {
		r.passOn(n, node)
		n.step = StaleStep{At: begin}
	}
	n.step.join(StaleStep{Reads: 1, Most: stale})
}

// passOn adds the step at hand to those of all clients.
func (r *reader) passOn(n *nodeReads, node int) {
	if n.step.Reads > 0 && r.byTime != nil {
		r.byTime.add(node, n.step)
	}
	n.step = StaleStep{}
}
