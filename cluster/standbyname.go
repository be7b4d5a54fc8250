package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"pgchaos/record"
	"pgchaos/standbynames"
)

//go:embed standbyname.sql
var standbyNameSQL string

// learnStandbyNames finds the application_name of each node as a standby. A manager can call it as it likes: Patroni by the
// member's name, pg_auto_failover pgautofailover_standby_N; and each node keeps it through all its lives. That of the
// primary is not known before it is a standby, unless the file says it; nor is that of a node which nothing leads to.
func (c *Cluster) learnStandbyNames(ctx context.Context, nodes []*Node, states []record.NodeState) error {
	var names *standbyNames
	for i, n := range nodes {
		name := n.config.Standby
		n.nameKnown.Store(name != "" || states[i].Role == record.RoleStandby)
		if name == "" && states[i].Role == record.RoleStandby {
			var err error
			if name, err = n.askStandbyName(ctx); err != nil {
				return err
			}
		}
		if name == "" {
			name = n.Name()
		}
		names = names.with(name, n.Name(), addressesOf(ctx, n.config.DSN.Address.Host))
	}
	for _, n := range c.nodes {
		if !n.Met() && n.config.Standby != "" {
			names = names.with(n.config.Standby, n.Name(), nil)
		}
	}
	for _, s := range states {
		var err error
		if names, err = names.met(s); err != nil {
			return err
		}
	}
	c.standbyNames.Store(names)
	return nil
}

func (n *Node) askStandbyName(ctx context.Context) (name string, err error) {
	conn, err := n.Connect(ctx, "state")
	if err != nil {
		return "", err
	}
	defer abandon(conn)
	return StandbyName(ctx, conn, n.Name())
}

// StandbyName asks the server of a node for its application_name as a standby.
func StandbyName(ctx context.Context, conn *pgx.Conn, node string) (name string, err error) {
	var conninfo, clusterName *string
	if err := conn.QueryRow(ctx, standbyNameSQL).Scan(&conninfo, &clusterName); err != nil {
		return "", fmt.Errorf("ask %s for its application_name as a standby: %w", node, err)
	}
	if conninfo != nil {
		if name := applicationName(*conninfo); name != "" {
			return name, nil
		}
	}
	if clusterName != nil && *clusterName != "" {
		return *clusterName, nil // libpqwalreceiver.c's default
	}
	return "walreceiver", nil
}

// applicationName is that of a WAL receiver's conninfo; "": it has none of its own. PostgreSQL shows that text without quotes, so it is no
// connection string where a value has a blank in it. libpqrcv_get_conninfo writes the settings in the order of libpq's PQconninfoOptions, and
// fallback_application_name, which each WAL receiver has, is the next one.
//
// A WAL receiver that goes on after a change of timeline shows primary_conninfo itself (RequestXLogStreaming), which is a connection string.
func applicationName(conninfo string) string {
	before, _, shown := strings.Cut(" "+conninfo, " fallback_application_name=")
	if !shown {
		set, _ := dsnSettings(conninfo) // a server would not take one that cannot be read, and the name is then not known here
		return set["application_name"]
	}
	if i := strings.LastIndex(before, " application_name="); i >= 0 {
		return before[i+len(" application_name="):]
	}
	return ""
}

// learnStandbyName asks a node that was the primary when it was met for its application_name, once it is a standby.
func (n *Node) learnStandbyName(ctx context.Context, s record.NodeState) {
	if !n.Met() || s.Role != record.RoleStandby || !s.Streaming || n.nameKnown.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	name, err := n.askStandbyName(ctx)
	if err != nil {
		return // the next reading asks again
	}
	for addresses := addressesOf(ctx, n.config.DSN.Address.Host); ; { // the readers of other nodes may learn at the same time
		names := n.cluster.standbyNames.Load()
		if n.cluster.standbyNames.CompareAndSwap(names, names.with(name, n.Name(), addresses)) {
			break
		}
	}
	n.nameKnown.Store(true)
}

// named puts the nodes' names in the place of the standbys' application_names.
func (c *Cluster) named(s *record.NodeState) {
	names := c.standbyNames.Load()
	if names == nil {
		return
	}
	for i, of := range names.of(s.Node, s.Standbys) {
		s.Standbys[i].Name = of.name
	}
	if s.SyncNames == "" {
		return
	}
	parsed, err := standbynames.Parse(s.SyncNames)
	if err != nil {
		return // it stays as the server has it
	}
	changed := false
	for i, name := range parsed.Names {
		if node, ok := names.only(s.Node, name); ok && node != name {
			parsed.Names[i], changed = node, true
		}
	}
	if changed {
		s.SyncNames = parsed.String()
	}
}
