package pgload

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/jackc/pgx/v5"

	"pgchaos/history"
)

// The defaults of an update's table.
const (
	DefaultUpdateTable = "update_data"
	DefaultRows        = 10_000
)

// Setup makes the tables that a workload needs, where they do not exist, over a
// connection to the primary; of a mix those of all its parts. What is there already is
// left as it is, so that it may be called again, also after it was broken off. A sql or
// a script workload brings its own.
func Setup(ctx context.Context, conn *pgx.Conn, cfg Config) error {
	works := []Work{cfg.Work}
	if cfg.Kind == Mix {
		works = works[:0]
		for _, p := range cfg.Mix {
			works = append(works, p.Work)
		}
	}
	for _, w := range works {
		var err error
		switch w.Kind {
		case Insert, Read:
			err = CreateTable(ctx, conn, cmp.Or(w.Table, DefaultTable))
		case Update:
			err = CreateUpdateTable(ctx, conn, cmp.Or(w.Table, DefaultUpdateTable), cmp.Or(w.Rows, DefaultRows), w.Payload)
		case TPCB:
			err = CreatePgbench(ctx, conn, max(w.Scale, 1))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// CreateUpdateTable makes a table for updates, with the keys 1 to rows. One that has
// fewer rows than that gets those that are missing, all at once; its other rows stay.
func CreateUpdateTable(ctx context.Context, conn *pgx.Conn, table string, rows, payload int) error {
	quoted, schema, exists, err := lookFor(ctx, conn, table)
	if err != nil {
		return err
	}
	var have int64
	if exists {
		// By key, for others may have more of them than this workload wants.
		if err := conn.QueryRow(ctx, "select coalesce(max(int_value), 0) from "+quoted).Scan(&have); err != nil {
			return fmt.Errorf("look at the keys of table %s: %w", table, err)
		}
		if have >= int64(rows) {
			return nil
		}
	}
	return inTransaction(ctx, conn, "fill table "+table, func(tx pgx.Tx) error {
		if !exists {
			var list []string
			if schema != "" {
				list = append(list, "create schema if not exists "+schema, "grant usage on schema "+schema+" to public")
			}
			list = append(list, "create table "+quoted+" (int_value bigint not null, char_value varchar)", "grant select, update on "+quoted+" to public")
			if err := execAll(ctx, tx, list...); err != nil {
				return err
			}
		}
		source := &lines{next: have, last: int64(rows), line: func(dst []byte, n int64) []byte {
			dst = append(strconv.AppendInt(dst, n, 10), '\t')
			return append(history.AppendPayload(dst, history.PackKey(0, n), payload), '\n')
		}}
		if err := copyIn(ctx, tx, quoted+" (int_value, char_value)", source); err != nil || exists {
			return err
		}
		return execAll(ctx, tx, "alter table "+quoted+" add primary key (int_value)")
	})
}

// inTransaction does everything or nothing, so that whatever is broken off is begun from
// the start the next time. What there is to begin with must not wait for a standby that
// may be missing.
func inTransaction(ctx context.Context, conn *pgx.Conn, what string, do func(tx pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := execAll(ctx, tx, "set local synchronous_commit = local"); err != nil {
			return err
		}
		return do(tx)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func execAll(ctx context.Context, tx pgx.Tx, statements ...string) error {
	for _, sql := range statements {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

func copyIn(ctx context.Context, tx pgx.Tx, into string, source io.Reader) error {
	sql := "copy " + into + " from stdin"
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, source, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// lines is the text of a COPY: a line for each number behind next up to last.
type lines struct {
	next, last int64
	line       func(dst []byte, n int64) []byte
	buffer     []byte
	rest       []byte
}

const copyChunk = 32 << 10

func (l *lines) Read(b []byte) (int, error) {
	if len(l.rest) == 0 {
		l.buffer = l.buffer[:0]
		for l.next < l.last && len(l.buffer) < copyChunk {
			l.next++
			l.buffer = l.line(l.buffer, l.next)
		}
		l.rest = l.buffer
	}
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
