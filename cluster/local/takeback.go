package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"pgchaos/cluster"
)

// LeftNodes are the nodes of a run whose pgchaos is gone, to take back what was done to them before they are removed.
type LeftNodes struct {
	lock  *os.File
	hosts map[string]*leftHost
}

// leftHost is what can still be done to a node.
type leftHost struct {
	h      *host
	groups []string
}

// Thaw lets every process of the node go on, as host.Thaw does.
func (l *leftHost) Thaw(ctx context.Context) error { return l.h.Thaw(ctx) }

// SetLimits takes all limits away: a node of this provider has none of its own.
func (l *leftHost) SetLimits(ctx context.Context, to cluster.Limits) error {
	if to != (cluster.Limits{}) {
		return fmt.Errorf("limits of %s: %+v are not those of before: a local node had none", l.h.name, to)
	}
	return dissolveAll(ctx, l.groups)
}

// Exec runs a command in the node's directory, as the server's user. PostgreSQL's programs are found on the system's path alone.
func (l *leftHost) Exec(ctx context.Context, c cluster.Command) (cluster.Output, error) {
	return l.h.Run(ctx, c)
}

// OpenNodes finds the nodes of a run as Clean does, and has the same errors. The run is taken until Close.
func OpenNodes(ctx context.Context, base, run string) (*LeftNodes, error) {
	if !nameForm.MatchString(run) {
		return nil, fmt.Errorf("nodes of run %s: not the name of a run", run)
	}
	dir, rec, lock, err := claim(ctx, base, run)
	if err != nil {
		return nil, fmt.Errorf("nodes of run %s: %w", run, err)
	}
	nodes := &LeftNodes{lock: lock, hosts: map[string]*leftHost{}}
	own, err := serverOwner()
	if err != nil {
		return nodes, nil //nolint:nilerr // without a user for servers no process can be known as a node's
	}
	for _, n := range rec.Nodes {
		if nameForm.MatchString(n.Name) {
			nodes.hosts[n.Name] = &leftHost{
				h:      &host{provider: &Provider{owner: own}, name: n.Name, dir: filepath.Join(dir, nodesDir, n.Name)},
				groups: groupsOf(rec.Run, n),
			}
		}
	}
	return nodes, nil
}

// Host is what can still be done to a node, as methods of a cluster.Host; nil: the run has no such node.
func (n *LeftNodes) Host(name string) any {
	if h := n.hosts[name]; h != nil {
		return h
	}
	return nil
}

// Close gives the run up again.
func (n *LeftNodes) Close() error { return n.lock.Close() }
