package observe

import (
	"slices"
	"sync"
	"time"

	"pgchaos/record"
)

// Kind is what has changed.
type Kind string

const (
	// Crashed is a server that has recovered from the crash of one of its processes.
	Crashed Kind = "crashed"
	// Restarted is a server that was started again, by a step or by anything else.
	Restarted Kind = "restarted"
	// WritableMoved is a change of the node that serves writes.
	WritableMoved Kind = "writable_moved"
	// Promoted is a standby that has become a primary, by a step or by anything else.
	Promoted Kind = "promoted"
	// RegimeChanged is a change of what the commits of a primary wait for, or the end of its being a primary.
	RegimeChanged Kind = "regime_changed"
)

// Change is something that a reading has shown. The times are offsets on the run's clock.
type Change struct {
	Kind Kind
	Node string // of WritableMoved the node that serves writes now; "": none does
	// Since is, but of WritableMoved, the last reading without the change. At is the first with it. What a server
	// was by an answer it was when it was asked, too: Since is then.
	Since, At time.Duration
	// From and To are, of Promoted, the timelines before and after it; 0: not known.
	From, To uint32
	// Was and Is are, of RegimeChanged, the readings before and after it; Is is one of a standby where that is what
	// the primary has become.
	Was, Is record.NodeState
}

// mostPending bounds what a Subscription keeps for a subscriber that takes nothing.
const mostPending = 1024

// Subscription keeps changes until its subscriber takes them. It never holds up the Watcher.
type Subscription struct {
	kinds []Kind
	ready chan struct{} // holds one token while something is pending

	mu      sync.Mutex
	pending []Change
	missed  int
}

// Subscribe collects the changes of some kinds from now on.
func (w *Watcher) Subscribe(kinds ...Kind) *Subscription {
	s := &Subscription{kinds: kinds, ready: make(chan struct{}, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subs = append(w.subs, s)
	return s
}

// Ready receives when there is something to take.
func (s *Subscription) Ready() <-chan struct{} { return s.ready }

// Take returns the changes since the last call, in their order, and how many newer ones were not
// kept because too many were pending.
func (s *Subscription) Take() (changes []Change, missed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes, missed = s.pending, s.missed
	s.pending, s.missed = nil, 0
	return changes, missed
}

// notify hands a change to the subscribers of its kind. mu is held.
func (w *Watcher) notify(c Change) {
	for _, s := range w.subs {
		if slices.Contains(s.kinds, c.Kind) {
			s.add(c)
		}
	}
}

func (s *Subscription) add(c Change) {
	s.mu.Lock()
	if len(s.pending) < mostPending {
		s.pending = append(s.pending, c)
	} else {
		s.missed++
	}
	s.mu.Unlock()
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// befell notifies of what happened to a server after the last reading of it before, and before the one now.
func (w *Watcher) befell(kind Kind, before, now record.NodeState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notify(Change{Kind: kind, Node: now.Node, Since: before.At, At: now.At})
}
