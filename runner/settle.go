package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/cluster/census"
	"pgchaos/history"
	"pgchaos/report"
)

const (
	quiesceGrace   = 3 * time.Second  // how long backends of the load may take to end by themselves
	barrierTimeout = 30 * time.Second // how long a standby may take to catch up
	settleTimeout  = 10 * time.Minute // all of settling
)

// settle heals what the timeline broke, waits until no backend of the load is
// left, finds the one node that accepts writes, and waits until the others have
// caught up with it. What cannot be settled is noted, not returned: the audit
// reads what can be read.
func (r *run) settle(ctx context.Context) (authority *cluster.Node) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	r.Observer.Stage("settling: faults taken back, standbys catching up")
	writable := r.writable(r.scene.States(ctx))
	if len(writable) > 1 {
		for _, st := range writable {
			r.result.SplitBrain = append(r.result.SplitBrain, fmt.Sprintf("%s (timeline %d)", st.Node, st.Timeline))
		}
	}
	if err := r.undo.Heal(ctx); err != nil {
		r.note("", "", fmt.Errorf("take the faults back: %w", err))
	}
	for _, n := range r.present() {
		r.quiesce(ctx, n)
	}
	states := r.scene.States(ctx)
	if authority = r.authority(writable, states); authority != nil {
		r.catchUp(ctx, authority, states)
	}
	return authority
}

// writable are the nodes that accept writes. Asked before the faults are taken
// back, more than one is a split brain: a former primary that only comes back with
// the end of its fault is none, as no client could reach it.
func (r *run) writable(states []history.NodeState) (found []history.NodeState) {
	for _, st := range states {
		if st.Role == history.RolePrimary && !r.cluster.Node(st.Node).ReadOnly() {
			found = append(found, st)
		}
	}
	return found
}

// authority is the node whose rows are the cluster's: the one that accepted writes
// before the faults were taken back, or else the one that does now. It is nil
// where there is no such node; of several, the one on the highest timeline.
func (r *run) authority(before, now []history.NodeState) *cluster.Node {
	primary := chaos.Primary(before)
	if len(before) == 0 {
		primary = chaos.Primary(r.writable(now))
	}
	for _, st := range now {
		if st.Role == history.RolePrimary && st.Node != primary.Node {
			r.note(st.Node, fmt.Sprintf("is a primary of its own, on timeline %d: read as a fork", st.Timeline), nil)
		}
	}
	if primary.Node == "" {
		r.note("", "", errors.New("there is not one node that accepts writes, so nobody's rows are the cluster's"))
		return nil
	}
	return r.cluster.Node(primary.Node)
}

// present are the nodes that have been built.
func (r *run) present() (nodes []*cluster.Node) {
	for _, n := range r.cluster.Nodes() {
		if !n.Absent() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// quiesce waits until no backend of the load is left on a node: one that hangs
// there may still commit.
func (r *run) quiesce(ctx context.Context, n *cluster.Node) {
	conn, err := n.Connect(ctx, "settle")
	if err != nil {
		return // a node that cannot be reached shows when it is to be read
	}
	defer closeConn(ctx, conn)
	ended, err := census.Quiesce(ctx, conn, r.cluster.AppName(loadApp), quiesceGrace)
	if err != nil {
		r.note(n.Name(), "", fmt.Errorf("wait for the load's backends to end: %w", err))
	} else if ended > 0 {
		r.note(n.Name(), fmt.Sprintf("%d backends of the load had to be terminated", ended), nil)
	}
}

// catchUp writes a barrier row on the authority and waits until each standby shows
// it: LSNs alone prove nothing.
func (r *run) catchUp(ctx context.Context, authority *cluster.Node, states []history.NodeState) {
	barrier, err := r.barrier(ctx, authority)
	if err != nil {
		r.note(authority.Name(), "", err)
		return
	}
	for _, st := range states {
		if st.Node == authority.Name() || st.Role == history.RolePrimary {
			continue
		}
		n := r.cluster.Node(st.Node)
		// One that has diverged would be waited for in vain.
		err := n.CanFollow(ctx, authority)
		if !errors.Is(err, cluster.ErrForked) {
			err = r.await(ctx, n, barrier)
		}
		if err != nil {
			r.note(st.Node, "", fmt.Errorf("has not caught up with %s: %w", authority.Name(), err))
		}
	}
}

// barrier writes a barrier row on a primary.
func (r *run) barrier(ctx context.Context, primary *cluster.Node) (census.Point, error) {
	conn, err := primary.Connect(ctx, "barrier")
	if err != nil {
		return census.Point{}, err
	}
	defer closeConn(ctx, conn)
	return census.Barrier(ctx, conn, r.Run)
}

// await waits until a standby shows the barrier row.
func (r *run) await(ctx context.Context, n *cluster.Node, barrier census.Point) error {
	ctx, cancel := context.WithTimeout(ctx, barrierTimeout)
	defer cancel()
	conn, err := n.Connect(ctx, "settle")
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	return census.AwaitBarrier(ctx, conn, barrier)
}

func (r *run) note(node, done string, err error) {
	n := report.SettleNote{Node: node, Done: done}
	if err != nil {
		n.Error = err.Error()
	}
	r.result.Settle = append(r.result.Settle, n)
}

// closeConn closes a connection politely, also when ctx has ended.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // nothing depends on the goodbye
}
