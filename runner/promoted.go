package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgchaos/cluster/observe"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/spec"
)

func promotes(m record.Event) bool {
	facts, _ := m.Effects()
	return facts.Promotes
}

// promoted tells whether a step made a promotion that was seen. A step that is done had found the node to be a
// primary; one that failed may have its effect later. A promotion that was seen before is no step's, and hides no later one of its node.
func (l *stepLog) promoted(c observe.Change) bool {
	return l.any(func(s record.Event) bool {
		over := s.Status == record.EventDone && s.Ended < c.Since || s.Status == record.EventSkipped
		return s.Status != record.EventSeen && promotes(s) && slices.Contains(s.Nodes, c.Node) && s.Issued <= c.At && !over
	})
}

// lineageWithin bounds how long a promotion is kept from the timeline while it is read where the timelines forked.
const lineageWithin = 2 * time.Second

// seePromotion puts a promotion on the timeline that no step has made.
func (r *run) seePromotion(ctx context.Context, c observe.Change) {
	if r.steps.promoted(c) {
		return
	}
	p := record.Promotion{From: c.From, To: c.To}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lineageWithin)
	defer cancel()
	lineage, err := lineageOf(ctx, r.cluster.Node(c.Node))
	if then, ok := lineage.UpTo(c.To); ok && len(then.Forks) > 0 {
		last := then.Forks[len(then.Forks)-1]
		p.From, p.Fork = last.Timeline, last.At
	}
	m := promotionEvent(r.unused("promoted-"+c.Node), c, p, err)
	r.steps.see(m)
	r.seen(m)
}

// unasked makes faults of the promotions that nothing explains: the outages of their clients are no step's doing, and began when the former
// primary was gone.
func (r *run) unasked() {
	for i, m := range r.result.Timeline {
		if m.Promotion == nil || r.result.CauseOf(m) != nil {
			continue
		}
		m.Fault = true
		early := m
		if early.Issued = lastWritable(r.result.States, m); r.result.CauseOf(early) == nil {
			m = early
		}
		r.result.Timeline[i] = m
	}
}

// lastWritable is when another node than the one that was promoted was last seen to accept writes, or when that one was last seen to be a
// standby, whichever came first.
func lastWritable(states []report.NodeHistory, promoted record.Event) time.Duration {
	last := time.Duration(-1)
	for _, h := range states {
		for i, s := range h.States {
			if s.AcceptsWrites() && s.At <= promoted.Effective && !slices.Contains(promoted.Nodes, h.Node) {
				last = max(last, min(readAsPrimary(h.States, i), promoted.Effective))
			}
		}
	}
	if last < 0 {
		return promoted.Issued
	}
	return min(last, promoted.Issued)
}

// readAsPrimary is until when a node that accepted writes in reading i was read to: a history has no readings between two that are alike.
func readAsPrimary(states []record.NodeState, i int) time.Duration {
	if i+1 < len(states) && states[i+1].AcceptsWrites() {
		return states[i+1].At
	}
	return states[i].At
}

// promotionEvent is a promotion on the timeline; unread is why the history of its timeline was not read, nil: it was.
func promotionEvent(name string, c observe.Change, p record.Promotion, unread error) record.Event {
	detail := fmt.Sprintf("timeline %d to %d", p.From, p.To)
	if p.From == 0 {
		detail = fmt.Sprintf("to timeline %d", p.To)
	}
	switch {
	case p.Fork > 0:
		detail += ", fork at " + p.Fork.String()
	case unread != nil:
		detail += ", fork LSN not known: " + unread.Error()
	default:
		detail += ", fork LSN not known"
	}
	return record.Event{
		Name: name, Action: "promoted", Nodes: []string{c.Node},
		Issued: c.Since, Effective: c.At, Ended: c.At, Detail: detail, Promotion: &p,
	}
}

// unused is a name for what was seen that nothing on the timeline has yet.
func (r *run) unused(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(r.line.Events(), func(m record.Event) bool { return m.Name == name }) ||
			slices.ContainsFunc(r.plan.Experiment.Timeline, func(s spec.Step) bool { return s.Name == name })
	}
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}
