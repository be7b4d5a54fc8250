// Package census reads what nodes hold, for the audit: every row of a table, in
// order, and whether a node has all that another one had (a barrier).
package census

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"strings"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/check"
	"pgchaos/history"
)

// The SQLSTATEs that decide what to do next.
const (
	undefinedTable       = "42P01"
	invalidSchemaName    = "3F000"
	serializationFailure = "40001" // on a standby: a conflict with recovery
)

// maxConflicts is how many conflicts with recovery one reading may meet.
const maxConflicts = 10

//go:embed rows.sql
var rowsSQL string

// Rows reads every row of a table, ordered by Key, rows with Key 0 first. It
// scans the table itself and sorts (on the server, on disk if need be), so that
// a broken index hides nothing; here it takes constant memory.
//
// On a standby, replay can end the query (40001), and now and then the session
// too. The query is then made again from the last row that was yielded, which must
// still be there: where the table has changed meanwhile, that is an error.
//
// An iteration that is stopped early closes conn, as does an ended context, and
// such an end of the session; otherwise conn can be used again. It must not be in
// a transaction.
func Rows(ctx context.Context, conn *pgx.Conn, t check.Table) iter.Seq2[check.Row, error] {
	return func(yield func(check.Row, error) bool) {
		r := reading{conn: conn, table: t, yield: yield}
		for conflicts := 0; ; conflicts++ {
			err := r.once(ctx)
			if isConflict(err) && conflicts < maxConflicts {
				if err = r.reconnect(ctx, conn); err == nil {
					continue
				}
			}
			if r.conn != conn {
				// It was opened here, and all that it has read is known.
				_ = r.conn.Close(context.WithoutCancel(ctx))
			}
			if err != nil && !errors.Is(err, errStopped) {
				yield(check.Row{}, explain(err, t))
			}
			return
		}
	}
}

func isConflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == serializationFailure
}

// reconnect opens another session like the given one, where that has ended.
func (r *reading) reconnect(ctx context.Context, like *pgx.Conn) error {
	if !r.conn.IsClosed() {
		return nil
	}
	config := like.Config()
	config.DialFunc = (&net.Dialer{}).DialContext // like's own may serve for one session alone
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	r.conn = conn
	return nil
}

var errStopped = errors.New("the iteration was stopped")

func explain(err error, t check.Table) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == undefinedTable || pg.Code == invalidSchemaName) {
		return fmt.Errorf("table %s does not exist on this node: %w", t.Name, err)
	}
	if refused := (*pgconn.ConnectError)(nil); errors.As(err, &refused) {
		return err // it says of itself what was tried, and it is no matter of this table
	}
	return fmt.Errorf("read table %s: %w", t.Name, err)
}

// reading is one use of Rows.
type reading struct {
	conn  *pgx.Conn
	table check.Table
	yield func(check.Row, error) bool

	yielded int64 // rows
	last    check.Row
	value   []byte // what last.Value points to
}

// once reads the table in one transaction, from the last row yielded on.
func (r *reading) once(ctx context.Context) error {
	query, err := r.query()
	if err != nil {
		return err
	}
	if err := r.exec(ctx, "begin isolation level repeatable read read only;"+
		"set local enable_indexscan = off; set local enable_indexonlyscan = off; set local enable_bitmapscan = off;"+
		"set local work_mem = '64MB'; set local statement_timeout = 0"); err != nil {
		return err
	}
	err = r.copy(ctx, query)
	if r.conn.IsClosed() {
		return err
	}
	return errors.Join(err, r.exec(ctx, "rollback"))
}

func (r *reading) exec(ctx context.Context, sql string) error {
	_, err := r.conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// query is the COPY that begins at the last row yielded: its order is total, but
// for rows that are the same in all they hold.
func (r *reading) query() (string, error) {
	tmpl, err := template.New("rows").Parse(rowsSQL)
	if err != nil {
		return "", err
	}
	var sql strings.Builder
	err = tmpl.Execute(&sql, map[string]any{
		"Table":     pgx.Identifier(strings.Split(r.table.Name, ".")).Sanitize(),
		"Serial":    r.table.Serial,
		"MaxWriter": history.MaxWriter,
		"MaxSeq":    int64(history.MaxSeq),
		"Offset":    max(0, r.yielded-1),
	})
	return sql.String(), err
}

// copy runs the COPY in a goroutine of its own, which has ended when copy returns.
func (r *reading) copy(ctx context.Context, query string) error {
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		w := bufio.NewWriterSize(pw, 1<<18)
		_, err := r.conn.PgConn().CopyTo(ctx, w, query)
		if err == nil {
			err = w.Flush()
		}
		pw.CloseWithError(err) // nil is io.EOF
		done <- err
	}()
	err := r.decode(pr)
	if err != nil && !isServers(err) {
		// Nobody reads the rest. Closing the socket ends the server's query too;
		// pgx, left alone, would read all of it and throw it away.
		_ = r.conn.PgConn().Conn().Close()
	}
	_ = pr.CloseWithError(errStopped)
	if copyErr := <-done; copyErr != nil && err == nil {
		err = copyErr
	}
	return err
}

// isServers tells whether the error came through the stream from the server,
// which has then ended the query by itself.
func isServers(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg)
}

func (r *reading) decode(in io.Reader) error {
	d := newDecoder(in)
	resumed := r.yielded > 0
	for {
		row, err := d.next()
		switch {
		case errors.Is(err, io.EOF) && resumed:
			return errors.New("the table shrank while it was read")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case resumed && !r.isLast(row):
			return errors.New("the table changed while it was read")
		case resumed:
			resumed = false
			continue
		}
		r.keep(row)
		if !r.yield(row, nil) {
			return errStopped
		}
	}
}

func (r *reading) isLast(row check.Row) bool {
	return row.Key == r.last.Key && row.Int == r.last.Int &&
		(row.Value == nil) == (r.last.Value == nil) && bytes.Equal(row.Value, r.last.Value)
}

func (r *reading) keep(row check.Row) {
	r.yielded++
	r.value = append(r.value[:0], row.Value...)
	r.last = row
	if row.Value != nil {
		r.last.Value = r.value
	}
}

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
