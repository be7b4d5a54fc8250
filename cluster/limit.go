package cluster

import "context"

// Limits are what a node may use; 0 is no limit.
type Limits struct {
	NanoCPUs int64 // billionths of a core
	Memory   int64 // bytes
}

// Limits are the node's limits now.
func (n *Node) Limits(ctx context.Context) (Limits, error) {
	host, err := n.limited()
	if err != nil {
		return Limits{}, err
	}
	return host.Limits(ctx)
}

// SetLimits changes the node's limits; 0 takes one away.
func (n *Node) SetLimits(ctx context.Context, to Limits) error {
	return n.locked(ctx, "limit", "", func(ctx context.Context) error {
		host, err := n.limited()
		if err != nil {
			return err
		}
		return host.SetLimits(ctx, to)
	})
}
