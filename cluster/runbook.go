package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pgchaos/record"
	"pgchaos/standbynames"
)

// What the runbooks need beside the other operations of a node.

// Synchronous is the node's synchronous replication as pgchaos has configured it, with PostgreSQL's own default for
// synchronous_commit. It is in force only while the node is a primary.
func (n *Node) Synchronous() Synchronous {
	settings := n.currentSettings()
	return Synchronous{Commit: cmp.Or(settings["synchronous_commit"], "on"), Standbys: settings["synchronous_standby_names"]}
}

// AwaitSynchronous waits until every connected standby is what synchronous_standby_names makes of it, and says which are connected.
func (n *Node) AwaitSynchronous(ctx context.Context) (detail string, err error) {
	err = n.locked(ctx, "look at the standbys of", "", func(ctx context.Context) error {
		names, err := standbynames.Parse(n.currentSettings()["synchronous_standby_names"])
		if err == nil {
			detail, err = n.awaitSync(ctx, names)
		}
		return err
	})
	return detail, err
}

// Checkpoint makes a checkpoint, or a restartpoint of a standby, and returns when it is complete.
func (n *Node) Checkpoint(ctx context.Context) error {
	return n.locked(ctx, "checkpoint", "", func(ctx context.Context) error {
		conn, err := n.Connect(ctx, "checkpoint")
		if err != nil {
			return err
		}
		defer abandon(conn)
		_, err = conn.Exec(ctx, "checkpoint")
		return err
	})
}

// ShutdownCheckpoint is where the last record of a primary begins that has shut down in good order. An error where it
// has not: then its WAL can go further.
func (n *Node) ShutdownCheckpoint(ctx context.Context) (at record.LSN, err error) {
	err = n.locked(ctx, "read the control data of", "", func(ctx context.Context) error {
		if n.running() != nil {
			return errors.New("it runs")
		}
		own, err := n.readControlData(ctx)
		if err != nil {
			return err
		}
		if own.state != "shut down" {
			return fmt.Errorf("its state is %q, and not that of a primary that has shut down", own.state)
		}
		at = own.checkpoint
		return nil
	})
	return at, err
}

// StartAsStandby starts a server that does not run as a standby of upstream, on the data that it has, and returns when
// it streams. A former primary can be started so only where upstream has all of its WAL; an error wraps ErrForked where
// that is known not to be so. Nothing is taken from its data in any case.
func (n *Node) StartAsStandby(ctx context.Context, upstream *Node) error {
	return n.locked(ctx, "start", " as a standby of "+upstream.Name(), func(ctx context.Context) error {
		switch {
		case upstream == n:
			return errors.New("a node cannot follow itself")
		case n.running() != nil:
			return errors.New("it runs; stop it first")
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		if err := n.becomeStandby(ctx, upstream); err != nil {
			return err
		}
		return n.startStandby(ctx, upstream)
	})
}
