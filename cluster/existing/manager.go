package existing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// manager asks what manages a cluster. It is the part of a host that makes it cluster.Managed.
type manager struct {
	of    cluster.ManagerAddress
	nodes []cluster.ExistingNode
}

// Manager is its name.
func (m manager) Manager() string {
	if m.of.Patroni != "" {
		return "Patroni"
	}
	return "pg_auto_failover"
}

// Switchover asks for one.
func (m manager) Switchover(ctx context.Context, to string) error {
	if m.of.Patroni != "" {
		return m.patroniSwitchover(ctx, to)
	}
	return m.monitorSwitchover(ctx, to)
}

func (m manager) standby(node string) string {
	for _, n := range m.nodes {
		if n.Name == node && n.Standby != "" {
			return n.Standby
		}
	}
	return node
}

func (m manager) patroniSwitchover(ctx context.Context, to string) error {
	var answer struct {
		Members []patroniMember `json:"members"`
	}
	if err := getJSON(ctx, m.of.Patroni, "/cluster", &answer); err != nil {
		return err
	}
	order := map[string]string{}
	for _, member := range answer.Members {
		if member.Role == "leader" || member.Role == "standby_leader" {
			order["leader"] = member.Name
		}
	}
	if order["leader"] == "" {
		return errors.New("it has no leader now, so that there is nothing to exchange")
	}
	if to != "" {
		order["candidate"] = m.standby(to)
	}
	body, err := json.Marshal(order)
	if err == nil {
		_, err = request(ctx, http.MethodPost, m.of.Patroni, "/switchover", body)
	}
	return err
}

// monitorSwitchover calls what pg_autoctl perform switchover calls, and perform promotion where the node is chosen
// (cli_perform_switchover and monitor_perform_promotion in pg_auto_failover's src/bin/pg_autoctl).
func (m manager) monitorSwitchover(ctx context.Context, to string) error {
	conn, err := pgx.Connect(ctx, m.of.PgAutoFailover)
	if err != nil {
		return fmt.Errorf("ask the monitor: %w", withoutPassword(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if to == "" {
		_, err = conn.Exec(ctx, "select pgautofailover.perform_failover(formation_id => 'default', group_id => 0)")
	} else {
		_, err = conn.Exec(ctx, `select pgautofailover.perform_promotion(n.formationid, n.nodename) from pgautofailover.node n
			where 'pgautofailover_standby_' || n.nodeid = $1`, m.standby(to))
	}
	if err != nil {
		return fmt.Errorf("ask the monitor for a switchover: %w", err)
	}
	return nil
}

// managedHost is a node of a cluster with a manager that can be asked.
type managedHost struct {
	host
	manager
}

// managedCommandedHost is such a node on whose machine commands run.
type managedCommandedHost struct {
	host
	machine
	manager
}
