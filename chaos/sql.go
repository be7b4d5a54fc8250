package chaos

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
)

// ErrNotSo marks a statement about the cluster that was checked and does not
// hold, as against one that could not be checked.
var ErrNotSo = errors.New("not so")

// SQL runs a statement on nodes as the superuser, and notes the first value of
// its first row. With expect, any other value is an ErrNotSo.
func (s *Scene) SQL(selector, query string, expect *string) Action {
	return s.each(selector, func(ctx context.Context, act *Act, n *cluster.Node) error {
		conn, err := n.Connect(ctx, "sql")
		if err != nil {
			return fmt.Errorf("connect to %s: %w", n.Name(), err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		value, any, err := firstValue(ctx, conn, query)
		if err != nil {
			return fmt.Errorf("on %s: %w", n.Name(), err)
		}
		if any {
			act.Note("%s: %s", n.Name(), value)
		}
		if expect != nil && (!any || value != *expect) {
			return fmt.Errorf("%w: %s answered %q, expected %q", ErrNotSo, n.Name(), value, *expect)
		}
		return nil
	})
}

// firstValue is the first column of the first row, as text; any is false without a row.
func firstValue(ctx context.Context, conn *pgx.Conn, query string) (value string, any bool, err error) {
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
