package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// ErrNotSo marks a statement about the cluster that was checked and does not
// hold, as against one that could not be checked.
var ErrNotSo = errors.New("not so")

// sqlTimeout bounds a statement: one that commits may wait for a standby for ever.
const sqlTimeout = 60 * time.Second

// SQL runs a statement on nodes as the superuser, under the node's own settings,
// and notes the first value of its first row. With expect, any other value is an
// ErrNotSo.
func (s *Scene) SQL(selectors []string, query string, expect *string) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
		defer cancel()
		conn, err := n.ConnectPlain(ctx, "sql")
		if err != nil {
			return fmt.Errorf("connect to %s: %w", n.Name(), err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		value, found, err := firstValue(ctx, conn, query)
		if err != nil {
			return fmt.Errorf("on %s: %w", n.Name(), err)
		}
		if found {
			act.Note("%s: %s", n.Name(), value)
			act.Number(n.Name(), value)
		}
		if expect != nil && (!found || value != *expect) {
			return fmt.Errorf("%w: %s answered %q, expected %q", ErrNotSo, n.Name(), value, *expect)
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
