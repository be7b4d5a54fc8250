package cluster

import (
	"context"
	"encoding/json"
)

// SwitchoverOrder is the body of a POST to Patroni's /switchover. Candidate is the name of a member; "": Patroni chooses.
func SwitchoverOrder(leader, candidate string) ([]byte, error) {
	order := map[string]string{"leader": leader}
	if candidate != "" {
		order["candidate"] = candidate
	}
	return json.Marshal(order)
}

// What pg_autoctl perform switchover calls on the monitor of pg_auto_failover, and perform promotion where the node is chosen
// (cli_perform_switchover and monitor_perform_promotion in pg_auto_failover's src/bin/pg_autoctl). $1 is the cluster's system identifier,
// and $2 the name of the standby. A monitor can have several formations and groups, and its nodes other addresses than those of clients.
const (
	MonitorFailoverSQL = `select pgautofailover.perform_failover(formation_id => n.formationid, group_id => n.groupid) ` +
		`from (select distinct formationid, groupid from pgautofailover.node where sysidentifier::text = $1) n`
	MonitorPromotionSQL = `select pgautofailover.perform_promotion(n.formationid, n.nodename) from pgautofailover.node n ` +
		`where n.sysidentifier::text = $1 and 'pgautofailover_standby_' || n.nodeid = $2`
)

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
