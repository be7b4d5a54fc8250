package chaos

import (
	"context"
	"errors"
	"slices"
	"time"

	"pgchaos/cluster"
	"pgchaos/record"
)

// How a node comes back from a fault. At the end of a run one that would be a second
// primary comes back read-only: its own fork is to be read, not continued.

// BringBack starts a node again.
func (s *Scene) BringBack(ctx context.Context, n *cluster.Node, ending bool) error {
	if ending && n.Paused() {
		// A step that failed to stop it is taken back before the pause is.
		if err := s.Release(ctx, n, n.Resume, ending); err != nil {
			return err
		}
	}
	if ending && n.Disconnected() {
		// pgchaos cannot see a server start while the node is cut off from the network.
		if err := n.Reconnect(ctx); err != nil {
			return err
		}
	}
	if ending && n.Leaving() {
		// A smart shutdown that waits for a client would wait for ever.
		if err := n.Stop(ctx, cluster.StopFast, 0); err != nil && !errors.Is(err, cluster.ErrNotRunning) {
			return err
		}
	}
	if ending && n.ReadOnly() {
		return nil // the reversal of another fault has brought it back
	}
	if ending && n.Ended(ctx) && (s.superseded(ctx, n.Name()) || s.takenOver(ctx, n.Name())) {
		return n.StartReadOnly(ctx)
	}
	return n.Start(ctx)
}

// Release lets a node go on that still runs, frozen or cut off. At the end of a run a
// former primary is not let go on, not even for a moment: it is killed as it stands,
// and started read-only.
func (s *Scene) Release(ctx context.Context, n *cluster.Node, goOn func(context.Context) error, ending bool) error {
	away := n.Paused() || n.Disconnected() // else a step, or another reversal, has brought it back
	if !ending || !away || !s.superseded(ctx, n.Name()) {
		return goOn(ctx)
	}
	standby, err := n.StartsAsStandby(ctx)
	if err != nil {
		return err
	}
	if standby {
		return goOn(ctx)
	}
	if err := n.Kill(ctx); err != nil && !errors.Is(err, cluster.ErrNotRunning) {
		return err
	}
	if n.Disconnected() {
		if err := n.Reconnect(ctx); err != nil {
			return err
		}
	}
	return n.StartReadOnly(ctx)
}

// standDownTimeout is how long a second primary may take to shut down before it is killed.
const standDownTimeout = 10 * time.Second

// StandDown ends a server that runs as a primary beside another one. At the end of a run it is then started read-only, and
// the only primary is left alone.
func (s *Scene) StandDown(ctx context.Context, n *cluster.Node, ending bool) error {
	switch {
	case n.Ended(ctx), n.ReadOnly(), n.State(ctx).Role == record.RoleStandby, ending && !s.takenOver(ctx, n.Name()):
		return nil
	}
	if err := n.Stop(ctx, cluster.StopFast, standDownTimeout); err != nil && !errors.Is(err, cluster.ErrNotRunning) {
		if err := n.Kill(ctx); err != nil && !errors.Is(err, cluster.ErrNotRunning) {
			return err
		}
	}
	if !ending {
		return nil
	}
	return n.StartReadOnly(ctx)
}

// takenOver tells whether another node accepts writes while this one is down: a former primary that a step has
// started again, for one.
func (s *Scene) takenOver(ctx context.Context, node string) bool {
	return slices.ContainsFunc(s.States(ctx), func(st record.NodeState) bool {
		return st.Node != node && st.Role == record.RolePrimary && st.Writable && !s.readOnly(st.Node)
	})
}

// readOnly tells whether a node was started read-only by the end of the run.
func (s *Scene) readOnly(node string) bool {
	n := s.Cluster.Node(node)
	return n != nil && n.ReadOnly()
}

// superseded tells whether another node has become the primary since this one was it, by
// a step, or in a way that no step knows of. (A standby may be called superseded, too.)
func (s *Scene) superseded(ctx context.Context, node string) bool {
	known := s.Watch.Primaries()
	if known[len(known)-1] != node {
		return true
	}
	return slices.ContainsFunc(s.States(ctx), func(st record.NodeState) bool {
		return st.Role == record.RolePrimary && !slices.Contains(known, st.Node)
	})
}
