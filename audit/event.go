package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// lossEvent is what a loss is put down to.
type lossEvent struct {
	name string
	at   time.Duration // when it took effect
}

// eventOf is what took a server away whose timeline was left: the newest fault that
// befell its node before the promotion that left it, or else that promotion. The promoted
// node accepted writes from succeeded on.
func (w *evidenceReader) eventOf(server ledger.Server) (event lossEvent, succeeded time.Duration) {
	next := w.e.Lineage.Next(server.Timeline)
	node, at := w.promoted(next)
	succeeded = at
	otherwise := lossEvent{fmt.Sprintf("the promotion to timeline %d", next), 0}
	if m := w.promotion(node, at); m != nil {
		if m.Effective > 0 {
			succeeded = min(succeeded, m.Effective)
		}
		at, otherwise = cameAt(m), eventAt(m)
	}
	if node == "" || node == server.Node {
		succeeded = forever
	}
	return w.takenAway(server.Node, at, otherwise), succeeded
}

// promotion is the newest step that promoted a node up to some moment, or nil; of any node
// where that is "".
func (w *evidenceReader) promotion(node string, by time.Duration) *record.Event {
	return w.newest(by, func(m record.Event) bool {
		return factsOf(m).Promotes && m.Status != record.EventSkipped && (node == "" || slices.Contains(m.Nodes, node))
	})
}

// cameAt is when a promotion was asked for. Of one that was seen it is only known when it was there.
func cameAt(m *record.Event) time.Duration {
	if m.Status == record.EventSeen {
		return m.Effective
	}
	return m.Issued
}

// takenAway is the newest fault of a node that was not over by some moment, or else what
// is said.
func (w *evidenceReader) takenAway(node string, by time.Duration, otherwise lossEvent) lossEvent {
	if fault := w.newest(by, func(m record.Event) bool {
		return m.Fault && !factsOf(m).Sessions && slices.Contains(m.Nodes, node) && !w.takenBack(m, node, by)
	}); fault != nil {
		return eventAt(fault)
	}
	return otherwise
}

// promoted is who was first seen as a primary on a timeline, and when; "" and forever
// where nobody was.
func (w *evidenceReader) promoted(timeline uint32) (node string, at time.Duration) {
	at = forever
	only := ""
	if timeline == w.e.Lineage.Timeline {
		node, only = w.e.Authority, w.e.Authority
	} else if len(w.primariesOn(timeline)) > 1 {
		source, _ := w.source(timeline)
		only = source.Node
	}
	for name, states := range w.e.States {
		if only != "" && name != only {
			continue
		}
		for _, s := range states {
			if s.AcceptsWrites() && s.Timeline == timeline && s.At < at && !w.onOtherBranch(s) {
				node, at = name, s.At
			}
		}
	}
	return node, at
}

// onOtherBranch says whether the timeline of a reading is known to be a different one from
// the authority's timeline of that number: two promotions can give the same number.
func (w *evidenceReader) onOtherBranch(s record.NodeState) bool {
	own := w.lineageAtEnd(s.Node)
	if i := w.takenBy(s.Node, s.At); i >= 0 {
		own = w.e.Forks[i].Lineage
	}
	then, known := own.UpTo(s.Timeline)
	ours, _ := w.e.Lineage.UpTo(s.Timeline)
	return known && !slices.Equal(then.Forks, ours.Forks)
}

// newest is the newest event of a kind that was issued up to some moment, or nil.
func (w *evidenceReader) newest(by time.Duration, is func(record.Event) bool) (found *record.Event) {
	for i, m := range w.e.Events {
		if m.Issued <= by && (found == nil || m.Issued >= found.Issued) && is(m) {
			found = &w.e.Events[i]
		}
	}
	return found
}

// takenBack tells whether a fault was over for a node by some moment.
func (w *evidenceReader) takenBack(fault record.Event, node string, by time.Duration) bool {
	if factsOf(fault).Restarts { // it takes itself back
		return fault.Ended > 0 && fault.Ended <= by
	}
	return w.newest(by, func(m record.Event) bool {
		return m.Effective > 0 && m.Effective <= by && lifts(m, fault, node)
	}) != nil
}

func eventAt(m *record.Event) lossEvent {
	return lossEvent{m.Name, cmp.Or(m.Effective, m.Ended, m.Issued)}
}
