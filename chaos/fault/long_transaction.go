package fault

import (
	"context"
	_ "embed"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// LongTransaction leaves a transaction open that has a snapshot: `long_transaction: primary`.
type LongTransaction struct{ OnNodes }

func longTransaction() Kind {
	return Kind{
		Name: "long_transaction", Group: Sessions, Doc: "Leaves a transaction with a snapshot open, idle.",
		Manual: Manual{
			Does: "Opens a session as the superuser, begins a transaction at the isolation level repeatable read, reads once, and does nothing more. " +
				"The session has an application_name that begins with pgchaos-fault-.",
			Effect: "The session is idle in transaction and holds xmin: VACUUM removes no row version that is newer than its snapshot, so tables that are updated grow. On a standby " +
				"with hot_standby_feedback it holds the primary's xmin back, and without it replay may wait for it.",
			Verified: "pg_stat_activity shows the session idle in transaction, with a backend_xmin.",
			Back:     "The session is ended (pg_terminate_backend), and no session of its name is left. It also ends with pgchaos or with the server. What has bloated stays so.",
			Example: `- {at: 5s, for: 5s, long_transaction: primary}
`,
		},
		New:   func() Parameters { return &LongTransaction{} },
		Facts: record.Facts{Lasts: true, Sessions: true}, Phase: true, Undo: endSessions(), Reversible: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

// Before is the name of the session.
func (p *LongTransaction) Before(_ context.Context, env Env, _ *cluster.Node) (any, error) {
	return nameSessions(env), nil
}

// Statements begins the transaction.
func (p *LongTransaction) Statements(string) []string {
	return []string{"begin isolation level repeatable read; select pg_catalog.count(*) from pg_catalog.pg_class"}
}

//go:embed long_transaction.sql
var longTransactionSQL string

// Action begins the transaction.
func (p *LongTransaction) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		app, err := holdOne(ctx, env, act, n, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.PgConn().Exec(ctx, p.Statements("")[0]).ReadAll()
			return err
		})
		if err != nil {
			return err
		}
		xmin, err := awaitShown(ctx, n, "the open transaction", longTransactionSQL, app)
		if err == nil {
			act.Note("%s: holds xmin %s", n.Name(), xmin)
		}
		return err
	})
}
