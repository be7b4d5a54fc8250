package fault

import (
	"context"
	_ "embed"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// LongQuery runs a query that does not end: `long_query: pgslave`, or `{node: pgslave, table: test_data}`.
type LongQuery struct {
	OnNodes `yaml:",inline"`

	Table string `yaml:"table" jsonschema_description:"A table that the query reads: its lock then conflicts with VACUUM FULL, ALTER TABLE and the like. Left out: it has a snapshot alone."`
}

func longQuery() Kind {
	return Kind{
		Name: "long_query", Group: Sessions, Doc: "Runs a query that does not end, as a report on a standby does.",
		Manual: Manual{
			Does: "Opens a session as the superuser and sends a query that sleeps for a day. It has a snapshot, and with `table` a lock on that table. The session has an " +
				"application_name that begins with pgchaos-fault-.",
			Effect: "On a standby, replay stops at the first WAL record that conflicts with the query (removed row versions, or an exclusive lock on the table), for up to " +
				"max_standby_streaming_delay. Then the query is cancelled (40001), unless that setting is -1. With synchronous_commit = remote_apply commits wait as long.",
			Verified: "pg_stat_activity shows the query as active, with a backend_xmin.",
			Back:     "The session is ended (pg_terminate_backend), and no session of its name is left. It also ends with the server and, from PostgreSQL 15 on, within a second or so of the end of pgchaos.",
			Example: `- {at: 5s, for: 5s, long_query: {node: pgslave, table: test_data}}
`,
		},
		New:   func() Parameters { return &LongQuery{} },
		Facts: record.Facts{Lasts: true, Sessions: true}, Phase: true, Undo: endSessions(), Reversible: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

// Check looks at the table's name.
func (p *LongQuery) Check() []Mistake {
	if p.Table == "" {
		return nil
	}
	return wrongTable(p.Table)
}

// Detail is the table.
func (p *LongQuery) Detail() string {
	if p.Table == "" {
		return "with a snapshot"
	}
	return "with a snapshot, and a lock on " + p.Table
}

// Before is the name of the session.
func (p *LongQuery) Before(_ context.Context, env Env, _ *cluster.Node) (any, error) {
	return nameSessions(env), nil
}

// Statements is the query.
func (p *LongQuery) Statements(schema string) []string {
	query := "select pg_catalog.pg_sleep(86400)"
	if p.Table != "" {
		query += ", (select pg_catalog.count(*) from " + tableIn(schema, p.Table) + " where false)"
	}
	return []string{query}
}

//go:embed long_query.sql
var longQuerySQL string

// Action sends the query, and does not wait for its answer.
func (p *LongQuery) Action(env Env) chaos.Action {
	query := p.Statements(env.Scene.Cluster.Schema())[0]
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		app, err := holdOne(ctx, env, act, n, func(ctx context.Context, conn *pgx.Conn) error {
			if p.Table != "" { // an error of the query itself would stand unread
				if _, err := conn.PgConn().Exec(ctx, "select from "+relation(env, p.Table)+" where false").ReadAll(); err != nil {
					return err
				}
			}
			conn.PgConn().Frontend().SendQuery(&pgproto3.Query{String: query})
			return conn.PgConn().Frontend().Flush()
		})
		if err != nil {
			return err
		}
		xmin, err := awaitShown(ctx, n, "the query", longQuerySQL, app)
		if err == nil {
			act.Note("%s: holds xmin %s", n.Name(), xmin)
		}
		return err
	})
}
