package runner

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"pgchaos/cluster/observe"
	"pgchaos/record"
	"pgchaos/spec"
)

// promotingSteps are the steps of the run that have promoted a node, or may do so yet. It is safe for concurrent use.
type promotingSteps struct {
	mu    sync.Mutex
	steps []record.Event
}

func promotes(m record.Event) bool {
	facts, _ := m.Effects()
	return facts.Promotes
}

// begin notes a step, or the part of one.
func (p *promotingSteps) begin(m record.Event) {
	if !promotes(m) || m.Status == record.EventSeen {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = append(p.steps, m)
}

// end notes that it is over.
func (p *promotingSteps) end(m record.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.steps, func(s record.Event) bool { return s.Name == m.Name && s.Issued == m.Issued }); i >= 0 {
		p.steps[i] = m
	}
}

// made tells whether one of them made a promotion that was seen. A step that is done had found the node to be a
// primary; one that failed may have its effect later.
func (p *promotingSteps) made(c observe.Change) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.steps, func(s record.Event) bool {
		over := s.Status == record.EventDone && s.Ended < c.Since || s.Status == record.EventSkipped
		return slices.Contains(s.Nodes, c.Node) && s.Issued <= c.At && !over
	})
}

// lineageWithin bounds how long a promotion is kept from the timeline while it is read where the timelines forked.
const lineageWithin = 2 * time.Second

// seePromotion puts a promotion on the timeline that no step has made.
func (r *run) seePromotion(ctx context.Context, c observe.Change) {
	if r.promoted.made(c) {
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
	r.seen(promotionEvent(r.unused("promoted-"+c.Node), c, p, err))
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
