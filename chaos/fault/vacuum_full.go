package fault

import (
	"errors"

	"pgchaos/chaos"
	"pgchaos/record"
)

// VacuumFull rewrites a table: `vacuum_full: {node: primary, table: test_data}`.
type VacuumFull struct{ OnTable }

func vacuumFull() Kind {
	return Kind{
		Name: "vacuum_full", Group: Maintenance, Doc: "Rewrites a table under an exclusive lock, as VACUUM FULL does.",
		Manual: Manual{
			Does: "Runs VACUUM FULL on the table as the superuser, on a primary.",
			Effect: "Every statement on the table waits until it is done, reads included. The whole table goes into the WAL, and standbys lag. On a standby, its replay waits for queries " +
				"on the table, for up to max_standby_streaming_delay.",
			Verified: "The table has another file (pg_relation_filenode) than before.",
			Example: `- {at: 5s, vacuum_full: {node: primary, table: test_data}}
`,
		},
		New:   func() Parameters { return &VacuumFull{} },
		Facts: record.Facts{Sessions: true}, Outage: true, Phase: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

// Statements is the command.
func (p *VacuumFull) Statements(schema string) []string {
	return []string{"vacuum full " + tableIn(schema, p.Table)}
}

// Action rewrites the table.
func (p *VacuumFull) Action(env Env) chaos.Action {
	return p.run(env, maintenance{
		command:  p.Statements(env.Scene.Cluster.Schema())[0],
		evidence: "select pg_catalog.pg_relation_filenode($1::pg_catalog.text::pg_catalog.regclass)::pg_catalog.text",
		args:     []any{relation(env, p.Table)},
		done: func(before, after string) error {
			if before == after {
				return errors.New("the table still has the same file: it was not rewritten")
			}
			return nil
		},
		note: p.Table + " was in file {before}, and is in {after}",
	})
}
