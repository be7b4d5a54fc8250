package existing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/cluster"
)

// Mark is what a person writes into the comment on a database to let pgchaos break its cluster: `pgchaos mark`.
const Mark = "[pgchaos may break this cluster]"

// insufficientPrivilege is the SQLSTATE of what needs more rights.
const insufficientPrivilege = "42501"

// readOnlyTransaction is the SQLSTATE of a write in a transaction that may not write.
const readOnlyTransaction = "25006"

// MarkChange is what SetMark did to the comment on a database.
type MarkChange struct {
	Before, After string
	SQL           string // that did it
	Changed       bool   // false: it was so already
}

// SetMark writes the mark into the comment on the database of a primary, or takes it out of it. The rest of the comment stays.
// Where the role may not do that, the error has the SQL for somebody who may.
func SetMark(ctx context.Context, dsn cluster.DSN, remove bool) (c MarkChange, err error) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	conn, err := connect(ctx, dsn, "mark", true)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return setMark(ctx, conn, dsn, remove)
}

// setMark does it in one transaction, which a pooler gives one session.
func setMark(ctx context.Context, conn *pgx.Conn, dsn cluster.DSN, remove bool) (c MarkChange, err error) {
	for _, sql := range []string{"begin", "set local search_path = pg_catalog", "set local standard_conforming_strings = on"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return c, fmt.Errorf("begin to mark: %w", err)
		}
	}
	var standby bool
	var database string
	err = conn.QueryRow(ctx, `select pg_is_in_recovery(), current_database(),
       coalesce((select shobj_description(d.oid, 'pg_database') from pg_database d where d.datname = current_database()), '')`).Scan(&standby, &database, &c.Before)
	if err != nil {
		return c, fmt.Errorf("read the comment on the database: %w", err)
	}
	if standby {
		return c, fmt.Errorf("%s is a standby: give the connection string of the primary", dsn)
	}
	c.After = unmarked(c.Before)
	if !remove {
		c.After = strings.TrimSpace(c.After + " " + Mark)
	}
	c.SQL = commentSQL(database, c.After)
	if strings.Contains(c.Before, Mark) != remove {
		c.After = c.Before
		return c, nil
	}
	c.Changed = true
	if _, err = conn.Exec(ctx, c.SQL); err == nil {
		_, err = conn.Exec(ctx, "commit")
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == insufficientPrivilege {
		return c, fmt.Errorf("the role %s may not comment on the database %s: only its owner and superusers may. One of them runs:\n%s;", dsn.User.Name, database, c.SQL)
	}
	if errors.As(err, &pg) && pg.Code == readOnlyTransaction {
		return c, fmt.Errorf("new sessions of the role %s in the database %s are read-only (default_transaction_read_only = on), and neither a mark nor a run can write there. Where they need not be, undo that; or run:\nbegin read write; %s; commit;",
			dsn.User.Name, database, c.SQL)
	}
	if err != nil {
		return c, fmt.Errorf("comment on the database %s: %w", database, err)
	}
	return c, nil
}

// unmarked is a comment without the mark.
func unmarked(comment string) string {
	if !strings.Contains(comment, Mark) {
		return comment
	}
	before, after, _ := strings.Cut(comment, Mark)
	return strings.TrimRight(before, " ") + unmarked(after)
}

// commentSQL is the command that makes a comment the one on a database.
func commentSQL(database, comment string) string {
	text := "null"
	if comment != "" {
		text = "'" + strings.ReplaceAll(comment, "'", "''") + "'"
	}
	return "comment on database " + pgx.Identifier{database}.Sanitize() + " is " + text
}
