// Package existing meets a cluster that was there before: its nodes are reached by the user's connection strings, and what
// breaks them are the user's own commands. It starts, configures and removes none of their servers; of the run there is a
// schema in the database, and a record on pgchaos's machine by which `pgchaos clean` finds it.
package existing

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"pgchaos/cluster"
)

// Kind is this provider, for the table of providers.
func Kind() cluster.Kind {
	return cluster.Kind{
		Description: cluster.Description{
			Name:         cluster.ExistingProvider,
			Summary:      "servers that you run: pgchaos meets them, breaks them by your commands, and leaves them as they are",
			Capabilities: []cluster.Capability{cluster.CanCommand, cluster.CanManage},
			Lacks:        "it does not know how your servers are started and stopped",
			Postgres:     "13 and later, on any machine that can be connected to",
		},
		Open: func(ctx context.Context, o cluster.OpenOptions) (cluster.Opened, error) {
			p, err := Open(ctx, o)
			return cluster.Opened{Provider: p}, err
		},
		Leftovers: leftovers,
	}
}

// Provider is one run's use of the cluster. It is a cluster.Provider; Open makes one.
type Provider struct {
	run     string
	nodes   []cluster.ExistingNode
	exec    *cluster.ExecTemplate // nil: no command runs on the nodes' machines
	manager manager
	seen    Examination
	file    *recordFile

	mu      sync.Mutex
	removed bool
}

var _ cluster.Provider = (*Provider)(nil)

// Open looks whether the cluster may be used, and notes the run's use of it. What speaks against it is a
// *cluster.UsageError, and then nothing was changed anywhere.
func Open(ctx context.Context, o cluster.OpenOptions) (*Provider, error) {
	exec, err := parseExec(o.Existing.Exec)
	if err != nil {
		return nil, &cluster.UsageError{Err: fmt.Errorf("cluster.existing.exec: %w", err)}
	}
	seen := Examine(ctx, o.Existing)
	if refused := seen.Refused(o.Existing.Risk); refused != nil {
		return nil, &cluster.UsageError{Err: refused}
	}
	r, err := newREST(o.Existing.Manager.TLS)
	if err != nil {
		return nil, &cluster.UsageError{Err: fmt.Errorf("cluster.existing.manager: %w", err)}
	}
	p := &Provider{run: o.Run, nodes: o.Existing.Nodes, exec: exec, manager: manager{o.Existing.Manager, r, o.Existing.Nodes, seen.primary().SystemID, seen.others, agentTimeout}, seen: seen}
	p.file, err = writeRecord(o)
	return p, err
}

func parseExec(text string) (*cluster.ExecTemplate, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no template is no error
	}
	t, err := cluster.ParseExec(text)
	return &t, err
}

// Describe is what the provider says about itself.
func (p *Provider) Describe() cluster.Description {
	d := Kind().Description
	d.Capabilities = nil
	if p.exec != nil {
		d.Capabilities = append(d.Capabilities, cluster.CanCommand)
	}
	if p.manager.of != (cluster.ManagerAddress{}) {
		d.Capabilities = append(d.Capabilities, cluster.CanManage)
	}
	return d
}

// Host is one of the nodes.
func (p *Provider) Host(_ context.Context, name string) (cluster.Host, error) {
	for _, n := range p.nodes {
		if n.Name != name {
			continue
		}
		h, commands, managed := host{node: n}, machine{n.Name, n.Host, p.exec}, p.manager
		switch known := managed.of != (cluster.ManagerAddress{}); {
		case known && p.exec != nil:
			return managedCommandedHost{h, commands, managed}, nil
		case known:
			return managedHost{h, managed}, nil
		case p.exec != nil:
			return commandedHost{h, commands}, nil
		}
		return h, nil
	}
	return nil, fmt.Errorf("the experiment names no node %s", name)
}

// Pooled tells whether a pooler gives each transaction of clients a session of a server.
func (p *Provider) Pooled() bool { return p.seen.Pooled }

// Warnings are what the report of the run must say of the cluster, as it was seen before, a sentence each.
func (p *Provider) Warnings() []string { return p.seen.Warnings }

// Unnamed are the standbys that streamed before, and that the file does not name.
func (p *Provider) Unnamed() []string { return p.seen.Unnamed }

// Keep leaves the run's schema where it is.
func (p *Provider) Keep() error { return p.file.keep() }

// Remove drops the run's schema, and forgets the run.
func (p *Provider) Remove(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed {
		return nil
	}
	if err := cluster.DropSchema(ctx, p.run, p.nodes); err != nil {
		return fmt.Errorf("%w; 'pgchaos clean %s' tries it again", err, p.run)
	}
	p.removed = true
	return p.file.remove()
}

// host is a node that can only be connected to.
type host struct{ node cluster.ExistingNode }

func (h host) Name() string { return h.node.Name }

// Machine is what {host} in commands stands for.
func (h host) Machine() string { return h.node.Host }

// Address is the same from everywhere that pgchaos connects from. From where a standby reaches it, only the cluster knows.
func (h host) Address(cluster.Vantage) cluster.Address { return h.node.DSN.Address }

// commandedHost is a node on whose machine commands run.
type commandedHost struct {
	host
	machine
}

// machine runs commands by the user's own program.
type machine struct {
	name, host string
	exec       *cluster.ExecTemplate
}

// Exec runs a command on the machine. Its environment goes along as arguments of env.
func (m machine) Exec(ctx context.Context, cmd cluster.Command) (cluster.Output, error) {
	template := m.exec
	if cmd.Template != "" {
		var err error
		if template, err = parseExec(cmd.Template); err != nil {
			return cluster.Output{}, err
		}
	}
	if template == nil {
		return cluster.Output{}, errors.New("nothing says how a command gets to " + m.name + ": write exec in cluster.existing")
	}
	return run(ctx, template.Argv(m.host, cmd.WithEnv()), cmd)
}
