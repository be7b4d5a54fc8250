package chaos

import (
	"context"
	"strings"

	"pgchaos/cluster"
	"pgchaos/record"
)

// Part is one part of a runbook: the action that a step of its own would do, under that action's name.
type Part struct {
	Action string
	Facts  record.Facts
	// Demanded is the synchronous replication that holds for the commits of the part's nodes once it is done; nil: it
	// changes none.
	Demanded *cluster.Synchronous
}

// Part does a part of a step, which gets an event of its own on the timeline. So whatever reads the timeline later
// sees the same as of steps that do one thing each, and needs to know nothing of runbooks. Parts may run at the same time.
func (a *Act) Part(ctx context.Context, p Part, n *cluster.Node, do func(context.Context, *Act) error) error {
	part := &Act{nodes: []*cluster.Node{n}}
	if a.timeline == nil { // an action that is done outside of a timeline
		return protect(func() error { return do(ctx, part) })
	}
	return a.timeline.part(ctx, a.step, p, part, do)
}

// part does a part of a step, and marks it.
func (t *Timeline) part(ctx context.Context, step string, p Part, act *Act, do func(context.Context, *Act) error) error {
	event := record.Event{
		Name: step + "/" + p.Action + "-" + strings.Join(act.names(), "-"), Action: p.Action, PartOf: step, Facts: &p.Facts, SamePhase: true,
		Nodes: act.names(), Issued: t.Clock.Now(),
	}
	if p.Demanded != nil {
		event.Demanded = &record.SyncDemand{Commit: p.Demanded.Commit, Standbys: p.Demanded.Standbys}
	}
	t.Begin(event)
	err := protect(func() error { return do(ctx, act) })
	t.conclude(ctx, &event, act, true, err)
	return err
}
