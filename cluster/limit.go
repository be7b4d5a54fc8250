package cluster

import (
	"context"
	"fmt"
)

// Limits are what a node may use; 0 is no limit.
type Limits struct {
	NanoCPUs int64 // billionths of a core
	Memory   int64 // bytes
}

// OwnFileSystem is a directory on the file system of the node's data, where that is the node's own; else an error.
func (n *Node) OwnFileSystem() (dir string, err error) {
	bounded, err := capable[Bounded](n, CanFill)
	if err != nil {
		return "", err
	}
	files, err := n.files()
	if err == nil && bounded.DiskSize() == 0 {
		err = fmt.Errorf("the file system of %s is not its own; write cluster: {docker: {disk: 512MB}}", n.Name())
	}
	if err != nil {
		return "", err
	}
	return files.Dir(), nil
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
