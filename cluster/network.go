package cluster

import (
	"context"
	"errors"
)

// Disconnect cuts the node off from the network. A server that does not run cannot be cut off.
func (n *Node) Disconnect(ctx context.Context) error {
	return n.locked(ctx, "disconnect", "", func(ctx context.Context) error {
		host, err := n.networked()
		if err != nil {
			return err
		}
		if n.down() {
			return ErrNotRunning
		}
		if n.cutOff.Load() {
			return errors.New("it is disconnected already")
		}
		n.cutOff.Store(true) // before: a call that fails can still have taken effect
		return host.Disconnect(ctx)
	})
}

// Reconnect ends Disconnect, whether the server runs or not. Connections that were
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
		n.cutOff.Store(false)
		return nil
	})
}

// Disconnected says whether the node is cut off from the network.
func (n *Node) Disconnected() bool { return n.cutOff.Load() }
