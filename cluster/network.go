package cluster

import (
	"context"
	"errors"
)

// Disconnect pulls the node's network cable. A server that does not run has none.
func (n *Node) Disconnect(ctx context.Context) error {
	return n.locked(ctx, "disconnect", "", func(ctx context.Context) error {
		host, err := n.networked()
		if err != nil {
			return err
		}
		if n.down() {
			return ErrNotRunning
		}
		if n.unplugged.Load() {
			return errors.New("it is disconnected already")
		}
		n.unplugged.Store(true) // before: a call that fails can still have taken effect
		return host.Disconnect(ctx)
	})
}

// Reconnect plugs it in again, whether the server runs or not. Connections that were
// open all the time go on when TCP tries again, after as long as twice the time that
// they were silent.
func (n *Node) Reconnect(ctx context.Context) error {
	return n.locked(ctx, "connect", "", func(ctx context.Context) error {
		host, err := n.networked()
		if err != nil {
			return err
		}
		if err := host.Connect(ctx); err != nil {
			return err
		}
		n.unplugged.Store(false)
		return nil
	})
}

// Disconnected tells whether the node's cable is pulled.
func (n *Node) Disconnected() bool { return n.unplugged.Load() }
