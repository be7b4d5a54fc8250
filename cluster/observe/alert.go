package observe

import (
	"slices"
	"time"

	"pgchaos/record"
)

const (
	// alertLeast is how long the watcher stays on the alert after a step at least: what
	// the step does can show a moment after it is over.
	alertLeast = time.Second
	// alertMost is how long it waits for a node to stream again that nothing demands.
	alertMost = 10 * time.Second
)

// alert is whether the watcher reads every 10 ms: from a step that does something to
// the cluster, or an incident, until the demanded redundancy is back. Watcher.mu guards it.
type alert struct {
	on      bool
	wake    chan struct{}       // closed when it goes on
	busy    map[string]struct{} // steps under way
	ended   time.Duration       // when the last one was over
	away    []string            // nodes that faults took away
	before  int                 // standbys that certainly streamed before
	demands []record.Demand     // so far
}

func newAlert() alert { return alert{wake: make(chan struct{}), busy: map[string]struct{}{}} }

// idle are the actions that change nothing about which node does what.
var idle = []string{"wait", "verify", "start_load", "stop_load", "backup"}

// StepBegins puts the watcher on the alert.
func (w *Watcher) StepBegins(m record.Event) {
	if slices.Contains(idle, m.Action) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alert.busy[m.Name] = struct{}{}
	if !w.alert.on {
		w.alert.on, w.alert.before = true, w.last.Streaming().Least
		close(w.alert.wake)
	}
}

// StepEnds ends the alert in its time.
func (w *Watcher) StepEnds(m record.Event, demands ...record.Demand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.alert.busy, m.Name)
	w.alert.ended = w.clock.Now()
	w.alert.demands = append(w.alert.demands, demands...)
	if m.Fault {
		w.alert.away = append(w.alert.away, m.Nodes...)
	}
}

// Demand notes what is demanded from the beginning.
func (w *Watcher) Demand(d record.Demand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alert.demands = append(w.alert.demands, d)
}

// Demands are all that were made so far.
func (w *Watcher) Demands() []record.Demand {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.alert.demands)
}

// pace is how long a node may be left alone now; wake is closed when that changes.
func (w *Watcher) pace() (pace time.Duration, wake <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := &w.alert
	if a.on && w.calm(w.clock.Now()) {
		a.on, a.away, a.wake = false, nil, make(chan struct{})
	}
	if a.on {
		return alertEvery, nil
	}
	return stateEvery, a.wake
}

// calm tells whether all is as it should be again. mu is held.
func (w *Watcher) calm(now time.Duration) bool {
	a := &w.alert
	before := record.Count{Least: a.before, Most: a.before}
	if len(a.busy) > 0 || now < a.ended+alertLeast || w.last.Redundant(a.demands, now, before) != record.True {
		return false
	}
	return now >= a.ended+alertMost || !slices.ContainsFunc(a.away, func(n string) bool { return w.last.Joined(n) != record.True })
}
