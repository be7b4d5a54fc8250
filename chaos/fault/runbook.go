package fault

import (
	"context"
	"fmt"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// The parts of runbooks. Each is an event of its own, as of the step that does the same.

// readyToLead gives a standby the synchronous replication that will be demanded of it once it is promoted. It is in force
// before the promotion, so that no commit is acknowledged without it.
func readyToLead(ctx context.Context, act *chaos.Act, n *cluster.Node, sync cluster.Synchronous) error {
	kind := configure()
	return act.Part(ctx, chaos.Part{Action: kind.Name, Facts: kind.Facts, Demanded: &sync}, n, func(ctx context.Context, part *chaos.Act) error {
		if n.Synchronous() == sync {
			part.Note("as it was: %s", &sync)
			return nil
		}
		part.Note("%s", &sync)
		_, err := n.Configure(ctx, nil, &sync)
		return err
	})
}

// lead promotes a standby.
func lead(ctx context.Context, act *chaos.Act, s *chaos.Scene, n *cluster.Node) error {
	kind := promote()
	return act.Part(ctx, chaos.Part{Action: kind.Name, Facts: kind.Facts}, n, func(ctx context.Context, part *chaos.Act) error {
		if err := n.Promote(ctx); err != nil {
			return err
		}
		part.Effective()
		s.Watch.BecamePrimary(n.Name())
		if st := n.State(ctx); st.Reachable {
			part.Note("timeline %d", st.Timeline)
		}
		return nil
	})
}

// shutDown stops a node fast.
func shutDown(ctx context.Context, act *chaos.Act, n *cluster.Node, timeout time.Duration) error {
	kind := stop()
	return act.Part(ctx, chaos.Part{Action: kind.Name, Facts: kind.Facts}, n, func(ctx context.Context, part *chaos.Act) error {
		part.Mode(cluster.StopFast)
		return n.Stop(ctx, cluster.StopFast, timeout)
	})
}

// repoint has a running standby follow another node.
func repoint(ctx context.Context, act *chaos.Act, n, to *cluster.Node) error {
	kind := follow()
	return act.Part(ctx, chaos.Part{Action: kind.Name, Facts: kind.Facts}, n, func(ctx context.Context, part *chaos.Act) error {
		part.Note("upstream %s", to.Name())
		return n.Follow(ctx, to)
	})
}

// startBehind starts a stopped node as a standby.
func startBehind(ctx context.Context, act *chaos.Act, n, to *cluster.Node) error {
	return act.Part(ctx, chaos.Part{Action: start().Name, Facts: record.Facts{Starts: true, Standby: true}}, n, func(ctx context.Context, part *chaos.Act) error {
		part.Note("as a standby of %s", to.Name())
		return n.StartAsStandby(ctx, to)
	})
}

// atOnce does several things at the same time, and returns all their errors.
func atOnce(all ...func() error) error {
	return chaos.AtOnce(len(all), func(i int) error { return all[i]() })
}

// runningStandbys are the standbys that answer, without those that are named.
func runningStandbys(s *chaos.Scene, states []record.NodeState, without ...*cluster.Node) (nodes []*cluster.Node) {
	for _, st := range states {
		n := s.Cluster.Node(st.Node)
		skip := false
		for _, other := range without {
			skip = skip || n == other
		}
		if st.Reachable && st.Role == record.RoleStandby && !skip {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// redundancy waits until the synchronous standbys of a new primary are what is demanded, and notes which are connected.
func redundancy(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
	detail, err := n.AwaitSynchronous(ctx)
	if err == nil {
		act.Note("%s", detail)
	}
	return err
}

// onePrimary is an error unless the node is the only one that accepts writes.
func onePrimary(states []record.NodeState, node string) error {
	found := false
	for _, st := range states {
		switch {
		case st.Role != record.RolePrimary:
		case st.Node == node:
			found = true
		case st.Writable:
			return fmt.Errorf("%w: %s accepts writes beside %s; stop it, or make a standby of it by rejoin", chaos.ErrNoEffect, st.Node, node)
		}
	}
	if !found {
		return fmt.Errorf("%w: %s is no primary", chaos.ErrNoEffect, node)
	}
	return nil
}
