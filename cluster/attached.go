package cluster

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster/probe"
	"pgchaos/record"
)

// AttachedNode is a node that an earlier pgchaos has built: it can be asked and read. Whether
// it runs, and how it could be started, only its provider knows.
type AttachedNode struct {
	node     AccessNode
	access   Access
	passfile string
	dialer   dialer
}

// Attach returns the nodes of a cluster that an earlier pgchaos has built, in the order
// of its configuration. Passfile is the libpq password file that lets pgchaos in. It
// connects to nothing.
func Attach(a Access, passfile string) []*AttachedNode {
	nodes := make([]*AttachedNode, 0, len(a.Nodes))
	for _, n := range a.Nodes {
		nodes = append(nodes, &AttachedNode{node: n, access: a, passfile: passfile, dialer: dialer{ordinary: n.DSN != ""}})
	}
	return nodes
}

// Name is the node's name.
func (m *AttachedNode) Name() string { return m.node.Name }

// Absent tells whether the node had not been built when the load began.
func (m *AttachedNode) Absent() bool { return m.node.Absent }

// Connect opens a connection as Node.Connect does.
func (m *AttachedNode) Connect(ctx context.Context, app string) (*pgx.Conn, error) {
	app = AppName(m.access.Run, app)
	if m.node.DSN != "" {
		dsn, err := ParseDSN(m.node.DSN)
		if err != nil {
			return nil, fmt.Errorf("connect to %s: %w", m.node.Name, err)
		}
		conn, err := m.dialer.own(ctx, m.node.Name, dsn.For(app), app)
		return conn, WhyNoPassword(err)
	}
	connString := m.access.Connection.url(m.node.Address, url.User(m.access.Superuser), m.access.Database,
		map[string]string{"application_name": app, "passfile": m.passfile})
	return m.dialer.own(ctx, m.node.Name, connString, app)
}

// State is what the node says of itself now, as Node.State; but that it is down is
// never certain here.
func (m *AttachedNode) State(ctx context.Context) record.NodeState {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	conn, err := m.Connect(ctx, "state")
	if err != nil {
		return record.NodeState{Node: m.Name(), Error: err.Error()}
	}
	defer abandon(conn)
	state, err := probe.Read(ctx, conn, m.Name(), m.access.LoadUser)
	if err != nil {
		return record.NodeState{Node: m.Name(), Error: err.Error()}
	}
	return state
}

// ReadOnly tells whether the server refuses what clients write by mistake, as one
// does that Node.StartReadOnly has started.
func (m *AttachedNode) ReadOnly(ctx context.Context) (readOnly bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	conn, err := m.Connect(ctx, "state")
	if err != nil {
		return false, err
	}
	defer abandon(conn)
	if err := conn.QueryRow(ctx, "select reset_val::boolean from pg_catalog.pg_settings where name = 'default_transaction_read_only'").Scan(&readOnly); err != nil {
		return false, fmt.Errorf("ask %s whether it is read-only: %w", m.Name(), err)
	}
	return readOnly, nil
}
