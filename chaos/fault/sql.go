package fault

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/record"
)

// sqlTimeout bounds a statement: one that commits may wait for a standby for ever.
const sqlTimeout = 60 * time.Second

// SQL runs a statement on nodes as the superuser, under the node's own settings,
// and notes the first value of its first row. With Expect, any other value is a
// chaos.ErrNotSo.
type SQL struct {
	OnNodes `yaml:",inline"`

	Query  string  `yaml:"query" jsonschema:"required" jsonschema_description:"The statement."`
	Expect *string `yaml:"expect" jsonschema_description:"What the first value of the first row has to be. Left out: anything."`
}

func sql() Kind {
	return Kind{
		Name: "sql", Group: Runbooks, Doc: "Runs a statement as the superuser; its result is shown on the timeline.",
		Manual: Manual{
			Does: "Runs a statement as the superuser, under the settings that the server gives to any session, within a minute. The first " +
				"value of the first row is shown on the timeline.",
			Effect: "Whatever the statement does. Since pgchaos cannot know it, an incident on that node afterwards does not make the run " +
				"inconclusive.",
			Verified: "The first value is compared with `expect`, where that is written. Another one fails the run; an error of the statement " +
				"makes it inconclusive.",
			Back:    "Nothing takes it back: write a second step that does.",
			Example: `- {at: 5s, sql: {node: pgslave, query: "select pg_is_in_recovery()", expect: "t"}}`,
		},
		New:   func() Parameters { return &SQL{} },
		Facts: record.Facts{Reloads: true, Provokes: true},
		Needs: Needs{Process: Running, Connected: true},
	}
}

// Short keeps a node from being written without a statement.
func (p *SQL) Short() any { return nil }

// Check demands a statement.
func (p *SQL) Check() []Mistake {
	if strings.TrimSpace(p.Query) == "" {
		return []Mistake{{"", "the step has no statement", "write query: STATEMENT"}}
	}
	return nil
}

// Detail is the statement.
func (p *SQL) Detail() string { return p.Query }

// Statements is the statement.
func (p *SQL) Statements(string) []string { return []string{p.Query} }

// Action runs the statement.
func (p *SQL) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
		defer cancel()
		conn, err := n.ConnectPlain(ctx, "sql")
		if err != nil {
			return fmt.Errorf("connect to %s: %w", n.Name(), err)
		}
		defer endsession.Within(time.Second, conn)
		value, found, err := firstValue(ctx, conn, p.Query)
		if err != nil {
			return fmt.Errorf("on %s: %w", n.Name(), err)
		}
		asExpected := p.Expect == nil || found && value == *p.Expect
		if found && asExpected {
			act.Note("%s: %s", n.Name(), value)
		}
		if found {
			act.Number(n.Name(), value)
		}
		if !found && !asExpected {
			return chaos.Marked(chaos.ErrNotSo, "%s answered with no row, expected %q", n.Name(), *p.Expect)
		}
		if !asExpected {
			return chaos.Marked(chaos.ErrNotSo, "%s answered %q, expected %q", n.Name(), value, *p.Expect)
		}
		return nil
	})
}

// firstValue is the first column of the first row, as text; found is false without a row.
func firstValue(ctx context.Context, conn *pgx.Conn, query string) (value string, found bool, err error) {
	// The simple protocol, since a user may write several statements.
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		return "", false, err
	}
	for _, r := range results {
		if len(r.Rows) > 0 && len(r.Rows[0]) > 0 {
			return string(r.Rows[0][0]), true, nil
		}
	}
	return "", false, nil
}
