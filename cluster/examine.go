package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgchaos/internal/wait"
	"pgchaos/record"
)

// Examine is called before Rejoin or Clone takes away the rows that only this node has. A
// former primary can have such rows, and a standby that went past the fork. The node can
// be read meanwhile, by pgchaos only. Where it cannot, err says why. The state is the node's at
// the end of its own WAL.
type Examine func(ctx context.Context, n *Node, state record.NodeState, err error)

// examined lets a node be examined that may have WAL past the fork, and returns why a
// plain restart cannot work, if that has become certain.
//
// It is started as a standby without an upstream: it then recovers all of its WAL and adds
// nothing to it, whereas a primary would write a checkpoint, and could never again
// become a standby by a plain restart.
func (n *Node) examined(ctx context.Context, own controlData, line record.Lineage, why impossible, examine Examine) error {
	if examine != nil && own.system == "" { // its data directory does not say what it was
		examine(ctx, n, record.NodeState{}, why.restart)
		return why.restart
	}
	if examine == nil || why.restart == nil && own.certain(line) {
		return why.restart
	}
	state, err := n.startAlone(ctx)
	if err != nil {
		examine(ctx, n, state, fmt.Errorf("start it to read what it has alone: %w", err))
		return errors.Join(why.restart, n.endAlone(ctx))
	}
	past := why.restart
	if past == nil {
		past = excludes(line, record.Lineage{Timeline: own.timeline, Forks: own.forks}, state.LSN)
	}
	if past != nil {
		examine(ctx, n, state, nil)
	}
	return errors.Join(past, n.endAlone(ctx))
}

// examineAll ends the node and lets it be examined, before all that it has is replaced
// by a copy of upstream. One that never was anything is left alone, and so is one of
// which its data directory says that it has nothing of its own. What upstream's history
// does not tell, the rows will.
func (n *Node) examineAll(ctx context.Context, upstream *Node, examine Examine) {
	if examine == nil || n.Absent() {
		return
	}
	if err := n.endOrKill(ctx); err != nil {
		examine(ctx, n, record.NodeState{}, fmt.Errorf("end it to read what it has alone: %w", err))
		return
	}
	own, err := n.readControlData(ctx)
	up, line, unknown := upstream.descent(ctx)
	why := own.judge(up, line, errors.Join(err, unknown))
	if err := n.examined(ctx, own, line, why, examine); err != nil {
		n.cluster.logf("%s: before it is cloned: %v", n.Name(), err) // whatever is left of it is wiped
	}
}

// endOrKill ends the server, if it runs; one that is frozen cannot shut down.
func (n *Node) endOrKill(ctx context.Context) error {
	switch {
	case n.running() == nil:
		return nil
	case n.paused.Load():
		return n.kill(ctx)
	}
	return n.end(ctx)
}

// descent is what a running node is, and how its timeline came about.
func (n *Node) descent(ctx context.Context) (record.NodeState, record.Lineage, error) {
	h := held{node: n}
	defer h.drop()
	state, err := h.read(ctx)
	if err != nil {
		return state, record.Lineage{}, err
	}
	line, err := readLineage(ctx, h.conn, state.Timeline)
	return state, line, err
}

func (n *Node) startAlone(ctx context.Context) (record.NodeState, error) {
	if err := n.becomeStandby(ctx, nil); err != nil {
		return record.NodeState{}, err
	}
	if err := n.start(ctx, alone); err != nil {
		return record.NodeState{}, err
	}
	h := held{node: n}
	defer h.drop()
	return h.atEnd(ctx)
}

// atEnd waits until a standby without an upstream has replayed all of its own WAL, and returns
// its state there. One that was a standby before lets clients in long before that. Its
// startup process then waits to look for more (xlogrecovery.c,
// WaitForWALToBecomeAvailable).
func (h *held) atEnd(ctx context.Context) (record.NodeState, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if _, err := h.read(ctx); err != nil {
			return record.NodeState{}, err
		}
		var waits bool
		err := h.conn.QueryRow(ctx, `select count(*) > 0 from pg_stat_activity
			where backend_type = 'startup' and wait_event in ('RecoveryRetrieveRetryInterval', 'RecoveryWalStream', 'RecoveryWalAll')`).Scan(&waits)
		if err != nil {
			return record.NodeState{}, fmt.Errorf("ask %s how far it has replayed its own WAL: %w", h.node.Name(), err)
		}
		if waits {
			return h.read(ctx)
		}
		if wait.For(ctx, 20*time.Millisecond) != nil {
			return record.NodeState{}, fmt.Errorf("%s has not replayed all of its own WAL within %s", h.node.Name(), startTimeout)
		}
	}
}

// endAlone ends what startAlone has started, if it has.
func (n *Node) endAlone(ctx context.Context) error {
	if n.running() == nil {
		return nil
	}
	return n.end(ctx)
}
