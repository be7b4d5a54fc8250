package fault

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// LockTable holds a lock on a table: `lock_table: {node: primary, table: test_data}`.
type LockTable struct {
	OnNodes `yaml:",inline"`

	Table  string         `yaml:"table" jsonschema:"required" jsonschema_description:"The table, such as test_data or myschema.orders."`
	Mode   string         `yaml:"mode" jsonschema_description:"The lock mode in PostgreSQL's words; access exclusive by default."`
	Within units.Duration `yaml:"within" jsonschema_description:"How long the lock is waited for; 10s by default."`
}

func lockTable() Kind {
	return Kind{
		Name: "lock_table", Group: Sessions, Doc: "Holds a lock on a table.",
		Manual: Manual{
			Does: "Opens a session as the superuser, takes the lock in a transaction, and leaves the transaction open. The session has an application_name that begins with pgchaos-fault-.",
			Effect: "Statements that need a conflicting lock wait: with access exclusive every statement on the table, reads included. Those that wait hold their connections, " +
				"and clients run into their time-outs.",
			Verified: "Another session sees the lock as granted in pg_locks.",
			Back:     "The session is ended (pg_terminate_backend), and no session of its name is left. It also ends with pgchaos or with the server.",
			Example: `- {at: 5s, for: 2s, lock_table: {node: primary, table: test_data}}
`,
		},
		New:   func() Parameters { return &LockTable{} },
		Facts: record.Facts{Lasts: true, Sessions: true}, Outage: true, Phase: true, Undo: endSessions(), Reversible: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

// lockModes are PostgreSQL's, the strongest first.
func lockModes() []string {
	return []string{"access exclusive", "exclusive", "share row exclusive", "share", "share update exclusive", "row exclusive", "row share", "access share"}
}

// Short keeps a node from being written without a table.
func (p *LockTable) Short() any { return nil }

// Words are the modes.
func (p *LockTable) Words() map[string][]string { return map[string][]string{"mode": lockModes()} }

// Default is the strongest lock, waited for ten seconds.
func (p *LockTable) Default(has func(key string) bool) {
	if !has("mode") {
		p.Mode = lockModes()[0]
	}
	if !has("within") {
		p.Within = units.Duration(10 * time.Second)
	}
}

// Check demands a table.
func (p *LockTable) Check() []Mistake { return wrongTable(p.Table) }

// ForPrimaries is true of the locks that PostgreSQL refuses on a standby: all that are stronger than row exclusive.
func (p *LockTable) ForPrimaries() bool {
	return slices.Index(lockModes(), p.Mode) < slices.Index(lockModes(), "row exclusive")
}

// Detail is the lock.
func (p *LockTable) Detail() string { return p.Table + " in " + p.Mode + " mode" }

// Before is the name of the session.
func (p *LockTable) Before(_ context.Context, env Env, _ *cluster.Node) (any, error) {
	return nameSessions(env), nil
}

// Statements takes the lock.
func (p *LockTable) Statements(schema string) []string {
	return []string{fmt.Sprintf("begin; set local lock_timeout = %d; lock table %s in %s mode", time.Duration(p.Within).Milliseconds(), tableIn(schema, p.Table), p.Mode)}
}

//go:embed lock_table.sql
var lockTableSQL string

// Action takes the lock, and holds it.
func (p *LockTable) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		if !slices.Contains(lockModes(), p.Mode) {
			return fmt.Errorf("%q is no lock mode", p.Mode)
		}
		within := time.Duration(p.Within)
		ctx, cancel := context.WithTimeout(ctx, within+seenWithin)
		defer cancel()
		app, err := holdOne(ctx, env, act, n, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.PgConn().Exec(ctx, p.Statements(env.Scene.Cluster.Schema())[0]).ReadAll()
			return err
		})
		if err != nil {
			return err
		}
		name := strings.ReplaceAll(p.Mode, " ", "") + "lock"
		pid, err := awaitShown(ctx, n, "the lock", lockTableSQL, app, relation(env, p.Table), name)
		if err == nil {
			act.Note("%s: %s is locked by process %s", n.Name(), p.Table, pid)
		}
		return err
	})
}
