package pgload

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"pgchaos/record"
)

// DefaultTable is the table of a Config that names none.
const DefaultTable = "test_data"

// quoteTable quotes [schema.]table, and tells the schema (quoted; "" for none).
func quoteTable(table string) (quoted, schema string, err error) {
	parts := strings.Split(table, ".")
	for _, p := range parts {
		if p == "" || len(parts) > 2 {
			return "", "", fmt.Errorf("table %q: not of the form [schema.]table", table)
		}
	}
	if len(parts) == 2 {
		schema = pgx.Identifier(parts[:1]).Sanitize()
	}
	return pgx.Identifier(parts).Sanitize(), schema, nil
}

// fullTable is the full name of a table, quoted. Which table the file means was decided when
// it was looked for (Setup): no search_path decides it again.
func fullTable(table string) (string, error) {
	_, _, err := quoteTable(table)
	return record.QuotedTable(table), err
}

// The formats of parameters and columns.
const (
	asText   = 0
	asBinary = 1
)

// insertStatement returns the LSNs too, which costs nothing measurable: a row was in the
// WAL before them, so that whatever a failover lost lies at or behind the fork.
// Where somebody wants to know it, it says who answers, too.
func insertStatement(table string, serial bool, rows int, who bool) (statement, error) {
	quoted, err := fullTable(table)
	if err != nil {
		return statement{}, err
	}
	columns, each := "(int_value, char_value)", 2
	if serial {
		columns, each = "(char_value)", 1
	}
	var values []string
	var formats []int16
	for row := range rows {
		row *= each
		if serial {
			values, formats = append(values, fmt.Sprintf("(:p%d)", row)), append(formats, asText)
			continue
		}
		values, formats = append(values, fmt.Sprintf("(:p%d, :p%d)", row, row+1)), append(formats, asBinary, asText)
	}
	returning := " returning pg_catalog.pg_current_wal_insert_lsn()"
	results := []int16{asBinary}
	if who {
		returning += ", " + answererSQL
		results = append(results, asText, asText, asText)
	}
	s := newStatement("insert into " + quoted + " " + columns + " values " + strings.Join(values, ", ") + returning)
	s.formats, s.results = formats, results
	return s, nil
}

func readStatement(table string, serial bool, what string, pooled bool) (statement, error) {
	quoted, err := fullTable(table)
	if err != nil {
		return statement{}, err
	}
	sql := "select int_value, char_value, pg_catalog.pg_is_in_recovery()"
	if pooled {
		sql += ", " + serverSessionSQL
	}
	sql += " from " + quoted
	rest := map[string]string{
		Latest: " where int_value >= :low and int_value < :high order by int_value desc limit 2",
		Point:  " where int_value = :low",
		Range:  fmt.Sprintf(" where int_value >= :low and int_value < :high order by int_value limit %d", rangeRows),
	}[what]
	if serial {
		rest = map[string]string{
			Latest: " order by int_value desc limit 2", Point: rest,
			Range: fmt.Sprintf(" where int_value >= :low order by int_value limit %d", rangeRows),
		}[what]
	}
	s := newStatement(sql + rest)
	for range s.Vars {
		s.formats = append(s.formats, asBinary)
	}
	return s, nil
}

func updateStatement(table string) (statement, error) {
	quoted, err := fullTable(table)
	if err != nil {
		return statement{}, err
	}
	s := newStatement("update " + quoted + " set char_value = :value where int_value = :key")
	return s, nil
}

// lookFor quotes a table's name, and its schema's ("" where it has none), and says whether
// the table is there. Ask before creating tables, because `if not exists` demands
// the right to create even where there is nothing to be created.
func lookFor(ctx context.Context, conn querier, table string) (quoted, schema string, exists bool, err error) {
	if quoted, schema, err = quoteTable(table); err != nil {
		return "", "", false, err
	}
	if err := conn.QueryRow(ctx, "select pg_catalog.to_regclass($1) is not null", quoted).Scan(&exists); err != nil {
		return "", "", false, fmt.Errorf("look for table %s: %w", table, err)
	}
	return quoted, schema, exists, nil
}

// querier is a connection, or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// findSQL finds the table that a name means in this session.
const findSQL = `select n.nspname, c.relname
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
where c.oid operator(pg_catalog.=) pg_catalog.to_regclass($1)`

// findTable returns the name, as record.TableName has it, of the table that the file's name
// means in this session. The table must be there.
func findTable(ctx context.Context, conn querier, table string) (string, error) {
	quoted, _, err := quoteTable(table)
	if err != nil {
		return "", err
	}
	var schema, name string
	if err := conn.QueryRow(ctx, findSQL, quoted).Scan(&schema, &name); err != nil {
		return "", fmt.Errorf("find table %s: %w", table, err)
	}
	if strings.Contains(schema+name, ".") {
		return "", fmt.Errorf("table %s: it is %s in schema %s; rename what has a dot in its name, which cannot be audited", table, name, schema)
	}
	return record.TableName(schema, name), nil
}

// CreateTable makes the table of a workload, and its schema, where it does not
// exist. The connection's user owns it; everybody else may insert and select, so
// that a superuser can prepare it for the load's own user. Packed and serial keys
// have the same table, the one with a sequence: workloads of both kinds may share
// it, whichever comes first.
func CreateTable(ctx context.Context, conn *pgx.Conn, table string) error {
	return createTable(ctx, conn, table, makeSchema)
}

func createTable(ctx context.Context, conn *pgx.Conn, table string, schemaSQL func(string) []string) error {
	quoted, schema, exists, err := lookFor(ctx, conn, table)
	if err != nil || exists {
		return err
	}
	return inTransaction(ctx, conn, "create table "+table, func(tx pgx.Tx) error {
		list := append(schemaSQL(schema), "create table if not exists "+quoted+" (int_value bigserial primary key, char_value pg_catalog.varchar)",
			"grant select, insert on "+quoted+" to public")
		if err := execAll(ctx, tx, list...); err != nil {
			return err
		}
		return grantSequence(ctx, tx, quoted)
	})
}

// makeSchema makes a schema that everybody may use; of "" nothing.
func makeSchema(schema string) []string {
	if schema == "" {
		return nil
	}
	return append([]string{"create schema if not exists " + schema}, openSchema(schema)...)
}

// openSchema lets everybody use a schema that is there; of "" nobody.
func openSchema(schema string) []string {
	if schema == "" {
		return nil
	}
	return []string{"grant usage on schema " + schema + " to public"}
}

// grantSequence lets everybody draw from the key's sequence, whatever its name is.
func grantSequence(ctx context.Context, tx pgx.Tx, quoted string) error {
	var sequence string // quoted by the server
	if err := tx.QueryRow(ctx, "select pg_catalog.pg_get_serial_sequence($1, 'int_value')", quoted).Scan(&sequence); err != nil {
		return fmt.Errorf("look for the sequence of %s: %w", quoted, err)
	}
	return execAll(ctx, tx, "grant usage on sequence "+sequence+" to public")
}
