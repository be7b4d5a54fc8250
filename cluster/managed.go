package cluster

import "context"

// Managed is a Host whose cluster has a manager that pgchaos can ask for a planned switchover.
type Managed interface {
	// Manager is its name: Patroni.
	Manager() string
	// Ready is nil where the manager would agree to a switchover to a node now, as far as it says so, and else why not. To is
	// as for Switchover.
	Ready(ctx context.Context, to string) error
	// Switchover asks it to make another node the primary, and returns when it has agreed or is done. To is the node; "": it
	// chooses.
	Switchover(ctx context.Context, to string) error
}

// Manager is the name of the cluster's manager, as far as pgchaos can ask it; "": there is none.
func (n *Node) Manager() string {
	m, err := n.managed()
	if err != nil {
		return ""
	}
	return m.Manager()
}

// ManagedSwitchover asks the manager for a switchover.
func (n *Node) ManagedSwitchover(ctx context.Context, to string) error {
	m, err := n.managed()
	if err != nil {
		return err
	}
	return m.Switchover(ctx, to)
}

// ManagerReady is nil where the manager would agree to a switchover now, as far as it says so.
func (n *Node) ManagerReady(ctx context.Context, to string) error {
	m, err := n.managed()
	if err != nil {
		return err
	}
	return m.Ready(ctx, to)
}
