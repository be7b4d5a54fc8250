package cluster

import (
	"context"
	"errors"
	"path"
)

// StartAsPrimary starts a server that does not run as a primary on its own timeline, whatever it was: without
// standby.signal, and without a promotion. It returns when the server has committed a write of its own.
func (n *Node) StartAsPrimary(ctx context.Context) error {
	return n.locked(ctx, "start as a primary", "", func(ctx context.Context) error {
		if n.Absent() {
			return errors.New("it has no data directory yet; a clone makes one")
		}
		if n.running() != nil {
			return errors.New("it runs; stop or kill it first")
		}
		if err := n.remove(ctx, path.Join(n.dataDir(), standbySignal)); err != nil {
			return err
		}
		if err := n.start(ctx, normally); err != nil {
			return err
		}
		conn, err := n.Connect(ctx, "start")
		if err != nil {
			return err
		}
		defer abandon(conn)
		return verifyWritable(ctx, conn)
	})
}
