package rowscan

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Quiesce waits until no client backend is left whose application_name begins
// with the prefix: an operation that its client gave up on can commit much later,
// and an audit before that would count it wrongly. After the grace it terminates
// those that are left, and waits for their end as long again. It returns how many
// it terminated, in which operations may have ended either way.
func Quiesce(ctx context.Context, conn *pgx.Conn, appPrefix string, grace time.Duration) (terminated int, err error) {
	left, err := awaitGone(ctx, conn, appPrefix, grace)
	if err != nil || left == 0 {
		return 0, err
	}
	if err := conn.QueryRow(ctx, terminateSQL, appPrefix).Scan(&terminated); err != nil {
		return 0, fmt.Errorf("terminate the backends of %s: %w", appPrefix, err)
	}
	left, err = awaitGone(ctx, conn, appPrefix, max(grace, time.Second))
	if err == nil && left > 0 {
		err = fmt.Errorf("%d backends of %s are left although they were terminated", left, appPrefix)
	}
	return terminated, err
}

//go:embed backends.sql
var backendsSQL string

//go:embed terminate.sql
var terminateSQL string

// awaitGone waits until no backend of the prefix is left, and returns how many are.
func awaitGone(ctx context.Context, conn *pgx.Conn, appPrefix string, grace time.Duration) (left int, err error) {
	for deadline := time.Now().Add(grace); ; {
		if err := conn.QueryRow(ctx, backendsSQL, appPrefix).Scan(&left); err != nil {
			return 0, fmt.Errorf("count the backends of %s: %w", appPrefix, err)
		}
		if left == 0 || time.Now().After(deadline) {
			return left, nil
		}
		select {
		case <-ctx.Done():
			return left, fmt.Errorf("wait for the end of %d backends of %s: %w", left, appPrefix, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
