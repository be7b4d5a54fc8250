package runner

import (
	"slices"
	"sync"

	"pgchaos/record"
)

// stepLog is what steps of the run have done, and are doing, and which promotions were seen that none of them made. It is safe
// for concurrent use.
type stepLog struct {
	mu     sync.Mutex
	events []record.Event
}

// begin notes a step, or a part of one. What was seen is none.
func (l *stepLog) begin(m record.Event) {
	if m.Status != record.EventSeen {
		l.see(m)
	}
}

// see notes what happened without a step.
func (l *stepLog) see(m record.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, m)
}

// end notes that a step is over.
func (l *stepLog) end(m record.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.events, func(s record.Event) bool { return s.Name == m.Name && s.Issued == m.Issued }); i >= 0 {
		l.events[i] = m
	}
}

func (l *stepLog) any(so func(record.Event) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.events, so)
}
