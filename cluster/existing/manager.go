package existing

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/cluster"
)

// manager asks what manages a cluster. It is the part of a host that makes it cluster.Managed.
type manager struct {
	of     cluster.ManagerAddress
	nodes  []cluster.ExistingNode
	system string // the system identifier of the cluster
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
	members, err := patroniMembers(ctx, m.of.Patroni)
	if err != nil {
		return err
	}
	order := map[string]string{}
	for _, member := range members {
		if member.leads() {
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

// Ready asks Patroni for what it looks at before it agrees to a switchover, and nothing else: the monitor of pg_auto_failover
// only says in its answer that it refuses.
func (m manager) Ready(ctx context.Context, to string) error {
	if m.of.Patroni == "" {
		return nil
	}
	members, err := patroniMembers(ctx, m.of.Patroni)
	if err != nil {
		return err
	}
	var config struct {
		Synchronous any `json:"synchronous_mode"` // true, or "on"; from Patroni 4 on also "quorum"
	}
	if err := getJSON(ctx, m.of.Patroni, "/config", &config); err != nil {
		return err
	}
	if to != "" {
		to = m.standby(to)
	}
	return wouldAgree(members, to, synchronousMode(config.Synchronous))
}

// wouldAgree is nil where Patroni would make one of the members the leader: it has one, and in synchronous mode only a
// synchronous standby of its own list can follow it (is_failover_possible in patroni/api.py).
func wouldAgree(members []patroniMember, to string, synchronous bool) error {
	if !slices.ContainsFunc(members, patroniMember.leads) {
		return errors.New("it has no leader")
	}
	for _, member := range members {
		if member.leads() || to != "" && member.Name != to {
			continue
		}
		if !synchronous || member.Role == "sync_standby" || member.Role == "quorum_standby" {
			return nil
		}
	}
	if !synchronous {
		return errors.New("it has no other member that could lead")
	}
	return errors.New(cmp.Or(to, "no member") + " is " + map[bool]string{true: "not "}[to != ""] + "a synchronous standby by its list")
}

func synchronousMode(value any) bool {
	switch fmt.Sprint(value) {
	case "<nil>", "false", "off", "no", "0", "":
		return false
	}
	return true
}

// monitorSwitchover calls what pg_autoctl perform switchover calls, and perform promotion where the node is chosen
// (cli_perform_switchover and monitor_perform_promotion in pg_auto_failover's src/bin/pg_autoctl).
func (m manager) monitorSwitchover(ctx context.Context, to string) error {
	conn, end, err := toMonitor(ctx, m.of.PgAutoFailover)
	if err != nil {
		return err
	}
	defer end()
	// A monitor can have several formations and groups, and its nodes other addresses than those of clients: the group of this
	// cluster is known by the system identifier.
	if to == "" {
		err = asked(conn.Exec(ctx, `select pgautofailover.perform_failover(formation_id => n.formationid, group_id => n.groupid)
			from (select distinct formationid, groupid from pgautofailover.node where sysidentifier::text = $1) n`, m.system))
	} else {
		err = asked(conn.Exec(ctx, `select pgautofailover.perform_promotion(n.formationid, n.nodename) from pgautofailover.node n
			where n.sysidentifier::text = $1 and 'pgautofailover_standby_' || n.nodeid = $2`, m.system, m.standby(to)))
	}
	if err != nil {
		return fmt.Errorf("ask the monitor for a switchover: %w", err)
	}
	return nil
}

// asked is an error where the monitor was asked for nothing, or for more than one.
func asked(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() != 1 {
		err = fmt.Errorf("it knows %d groups of this cluster, or standbys of this name, and not one", tag.RowsAffected())
	}
	return err
}

// systems are the system identifiers of the clusters that it manages.
func (m manager) systems(ctx context.Context) (ids []string, err error) {
	if m.of.Patroni != "" {
		var answer struct {
			System string `json:"database_system_identifier"`
		}
		if err := getJSON(ctx, m.of.Patroni, "/patroni", &answer); err != nil {
			return nil, err
		}
		return []string{answer.System}, nil
	}
	conn, end, err := toMonitor(ctx, m.of.PgAutoFailover)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := conn.Query(ctx, "select distinct sysidentifier::text from pgautofailover.node")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// managed wants the manager to be that of this cluster: a switchover of another one would break what nobody has marked.
func (e *Examination) managed(ctx context.Context, x cluster.Existing) {
	p := e.primary()
	if p == nil || x.Manager == (cluster.ManagerAddress{}) {
		return
	}
	m := manager{x.Manager, x.Nodes, p.SystemID}
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	systems, err := m.systems(ctx)
	switch {
	case err != nil:
		e.add(Bad, "", "mend cluster.existing.manager, or leave it out", "%s cannot be asked: %v", m.Manager(), err)
	case !slices.Contains(systems, p.SystemID):
		e.add(Bad, "", "check cluster.existing.manager", "%s manages another cluster: it names the system identifiers %q, and the nodes have %s", m.Manager(), systems, p.SystemID)
	default:
		e.add(Good, "", "", "%s manages this cluster", m.Manager())
	}
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
