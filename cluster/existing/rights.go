package existing

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// right is one that the role of a run should have.
type right struct {
	name   string
	has    string // SQL that tells whether the role has it
	leaves string // what is unknown without it
}

// rights are those of pg_monitor, one by one.
var rights = []right{
	{"pg_read_all_stats", "pg_has_role('pg_read_all_stats', 'usage')",
		"the state, the positions and the lag of standbys (pg_stat_replication, pg_stat_wal_receiver), sessions that wait for them, and so whether a commit waited"},
	{"pg_read_all_settings", "pg_has_role('pg_read_all_settings', 'usage')",
		"settings that only superusers see, such as primary_conninfo"},
	{"execute on pg_ls_waldir()", "has_function_privilege('pg_ls_waldir()', 'execute')",
		"how much WAL lies on the disk"},
	{"execute on pg_control_checkpoint() and pg_control_recovery()",
		"has_function_privilege('pg_control_checkpoint()', 'execute') and has_function_privilege('pg_control_recovery()', 'execute')",
		"timelines, and where a promotion began a new one"},
}

// rights names each right that the role lacks, once, with the nodes that say so.
func (e *Examination) rights() {
	p := e.primary()
	if p == nil {
		return
	}
	var lacks []string
	for i, r := range rights {
		if !p.Rights[i] {
			lacks = append(lacks, r.name)
			e.add(Unknown, "", "grant pg_monitor to the role", "the role lacks %s; unknown without it: %s", r.name, r.leaves)
		}
	}
	if len(lacks) > 0 {
		e.Warnings = append(e.Warnings, fmt.Sprintf("the role lacked %s: grant pg_monitor to it. Without that the verdict is inconclusive at best; pgchaos doctor says what is unknown",
			strings.Join(lacks, ", ")))
		e.add(Unknown, "", "grant pg_monitor to the role", "without these rights the verdict of a run is inconclusive at best")
	} else {
		e.add(Good, "", "", "the role has the rights of pg_monitor")
	}
	if !p.Creates {
		e.add(Bad, "", "grant it: see the SQL below", "the role may not make a schema in the database: a run has its tables in one of its own")
	} else {
		e.add(Good, "", "", "the role may make a schema in the database")
	}
}

// RoleSQL is what a database administrator runs once to make the role of the nodes' connection strings. It has no password.
func RoleSQL(dsn cluster.DSN) string {
	role, database := pgx.Identifier{dsn.User.Name}.Sanitize(), pgx.Identifier{dsn.Database}.Sanitize()
	return strings.Join([]string{
		fmt.Sprintf("create role %s login;   -- then, in psql: \\password %s", role, role),
		fmt.Sprintf("grant pg_monitor to %s;", role),
		fmt.Sprintf("grant connect, create on database %s to %s;", database, role),
	}, "\n") + "\n"
}
