package cluster

import (
	"context"
	"errors"
	"fmt"

	"pgchaos/history"
)

// Examine is told of a former primary before Rejoin takes away what it has alone: the
// node can be read meanwhile, by pgchaos only. Where it cannot, err says why. The
// state is the node's at the end of its own WAL.
type Examine func(ctx context.Context, n *Node, state history.NodeState, err error)

// examined lets a former primary be examined that may have WAL past the fork, and
// returns why a plain restart cannot work, if that has become certain.
//
// It is started as a standby of nobody: it then recovers all of its WAL and adds
// nothing to it, whereas a primary would write a checkpoint, and could never again
// become a standby by a plain restart.
func (n *Node) examined(ctx context.Context, own ownPast, line history.Lineage, why hopeless, examine Examine) error {
	if examine != nil && own.system == "" { // its data directory does not say what it was
		examine(ctx, n, history.NodeState{}, why.restart)
		return why.restart
	}
	if examine == nil || !own.primary() || own.state == "shut down" && why.restart == nil {
		return why.restart
	}
	state, err := n.startAlone(ctx)
	if err != nil {
		examine(ctx, n, state, fmt.Errorf("start it to read what it has alone: %w", err))
		return errors.Join(why.restart, n.endAlone(ctx))
	}
	past := why.restart
	if past == nil {
		past = excludes(line, history.Lineage{Timeline: own.timeline, Forks: own.forks}, state.LSN)
	}
	if past != nil {
		examine(ctx, n, state, nil)
	}
	return errors.Join(past, n.endAlone(ctx))
}

func (n *Node) startAlone(ctx context.Context) (history.NodeState, error) {
	if err := n.becomeStandby(ctx, nil); err != nil {
		return history.NodeState{}, err
	}
	if err := n.start(ctx, alone); err != nil {
		return history.NodeState{}, err
	}
	h := held{node: n}
	defer h.drop()
	return h.read(ctx)
}

// endAlone ends what startAlone has started, if it has.
func (n *Node) endAlone(ctx context.Context) error {
	if n.running() == nil {
		return nil
	}
	return n.end(ctx)
}
