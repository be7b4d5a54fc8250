package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgchaos/record"
)

// Rejoined says how a former primary became a standby again.
type Rejoined struct {
	Way  string        // WayRestart, WayRewind or WayBackup
	Took time.Duration // from the first attempt until it streamed
	// Tried are the ways that did not work before, and why.
	Tried []string
}

// The ways of Rejoin, in the order in which they are tried.
const (
	WayRestart = record.WayRestart
	WayRewind  = record.WayRewind
	WayBackup  = record.WayBackup
)

// plainTimeout is how long a plain restart may take from accepting connections
// until it streams.
const plainTimeout = 10 * time.Second

// Rejoin makes a standby of upstream, a primary, from a node that may have been a
// primary itself, or a standby that went another way: running, stopped or killed. It tries, in this order, to restart
// it as a standby, which works where it has nothing of its own past the fork; to
// rewind it; and to copy it anew. What the node had alone is gone afterwards: examine,
// which may be nil, can read it before. An upstream that gives the node no answer is a SilentError: no other way is tried then.
func (n *Node) Rejoin(ctx context.Context, upstream *Node, examine Examine) (Rejoined, error) {
	var done Rejoined
	began := time.Now()
	err := n.locked(ctx, "rejoin", " to "+upstream.Name(), func(ctx context.Context) error {
		return n.rejoin(ctx, upstream, &done, examine)
	})
	done.Took = time.Since(began)
	return done, err
}

func (n *Node) rejoin(ctx context.Context, upstream *Node, done *Rejoined, examine Examine) error {
	switch {
	case upstream == n:
		return errors.New("a node cannot follow itself")
	case n.Absent():
		return errors.New("it has no data directory yet; clone it")
	case n.paused.Load():
		return errors.New("it is paused; resume it first")
	}
	up, line, err := upstream.readyToServe(ctx)
	if err != nil {
		return err
	}
	if err := n.canCopy(ctx, upstream); err != nil {
		return err
	}
	if n.running() != nil {
		if err := n.end(ctx); err != nil {
			return err
		}
	}
	own, err := n.readControlData(ctx)
	why := own.judge(up, line, err)
	why.restart = n.examined(ctx, own, line, why, examine)
	ways := []struct {
		name string
		not  error // why it cannot work
		do   func(context.Context, *Node) error
	}{
		{WayRestart, why.restart, n.restartAsStandby},
		{WayRewind, why.rewind, n.rewind},
		{WayBackup, nil, n.copyAnew},
	}
	for _, way := range ways {
		err := way.not
		if err == nil {
			err = way.do(ctx, upstream)
		}
		if err == nil {
			done.Way = way.name
			return nil
		}
		done.Tried = append(done.Tried, fmt.Sprintf("%s: %v", way.name, err))
		n.cluster.logf("%s: rejoin by %s: %v", n.Name(), way.name, err)
		if silent := (*SilentError)(nil); ctx.Err() != nil || errors.As(err, &silent) {
			return err
		}
	}
	return fmt.Errorf("no way worked: %q", done.Tried)
}

// readyToServe checks that the node is a primary that others can follow, and
// makes the checkpoint without which pg_rewind takes it, right after a
// promotion, for what it was before.
func (n *Node) readyToServe(ctx context.Context) (record.NodeState, record.Lineage, error) {
	h := held{node: n}
	defer h.drop()
	state, err := h.read(ctx)
	if err != nil {
		return state, record.Lineage{}, err
	}
	if state.Role != record.RolePrimary {
		return state, record.Lineage{}, fmt.Errorf("%s is a %s; a former primary rejoins a primary, promote one first", n.Name(), state.Role)
	}
	if _, err := h.conn.Exec(ctx, "checkpoint"); err != nil {
		return state, record.Lineage{}, fmt.Errorf("checkpoint %s: %w", n.Name(), err)
	}
	line, err := readLineage(ctx, h.conn, state.Timeline)
	return state, line, err
}

// end shuts the server down, and kills it where that takes too long: what it
// waits for can be a standby that is frozen.
func (n *Node) end(ctx context.Context) error {
	if err := n.stop(ctx, StopFast, 30*time.Second); err != nil {
		n.cluster.logf("%s: %v; killed", n.Name(), err)
		return n.kill(ctx)
	}
	return nil
}

// restartAsStandby is the first way: start it as a standby of upstream on the
// data that it has. Time is left for the other ways.
func (n *Node) restartAsStandby(ctx context.Context, upstream *Node) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := n.becomeStandby(ctx, upstream); err != nil {
		return err
	}
	if err := n.start(ctx, normally); err != nil {
		return err
	}
	return n.awaitStreaming(ctx, upstream, plainTimeout)
}

// rewind is the second way. pg_rewind first recovers the data directory of a
// killed server in single-user mode, which refuses a standby's. It need not sync
// what it wrote: the server does before it recovers.
func (n *Node) rewind(ctx context.Context, upstream *Node) error {
	if n.running() != nil {
		if err := n.end(ctx); err != nil {
			return err
		}
	}
	if err := n.remove(ctx, n.dataDir()+"/"+standbySignal); err != nil {
		return err
	}
	user := n.cluster.creds.Superuser
	source := n.conninfo(upstream, map[string]string{"user": user.Name, "dbname": n.cluster.creds.Database})
	if err := n.copying(ctx, upstream, n.dataDir(), []string{"PGPASSWORD=" + user.Password, toolOptions},
		n.program("pg_rewind"), "-D", n.dataDir(), "--source-server="+source, "--no-sync"); err != nil {
		return err
	}
	if err := n.becomeStandby(ctx, upstream); err != nil {
		return err
	}
	return n.startStandby(ctx, upstream)
}
