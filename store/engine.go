package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// engine is the kind of database. The zero value is none.
type engine int

const (
	sqliteEngine engine = iota + 1
	postgresEngine
)

// schema is where the tables are in PostgreSQL.
const schema = "pgchaos"

// open opens the database. It connects with the first statement.
func (at location) open(readOnly bool) (*sql.DB, error) {
	if at.engine == sqliteEngine {
		return sql.Open("sqlite", sqliteName(filepath.Join(at.files, databaseFile), readOnly))
	}
	config, err := pgx.ParseConfig(at.url)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	config.RuntimeParams["application_name"] = "pgchaos history"
	settings := "set search_path to " + schema
	if readOnly {
		settings += "; set default_transaction_read_only to on"
	}
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, settings)
		return err
	})), nil
}

// sqliteName is the file as the driver takes it, with the settings of every connection.
func sqliteName(file string, readOnly bool) string {
	set := url.Values{
		"_busy_timeout": {"60000"},
		"_foreign_keys": {"on"},
		"_dqs":          {"false"},
		"_error_rc":     {"true"},
	}
	if readOnly {
		set.Set("mode", "ro")
		// SQLite makes files beside a database in WAL mode, even to read it: others may be writing. Where it cannot, it must know
		// that nothing changes.
		wal, err := os.Stat(file + "-wal")
		if unix.Access(filepath.Dir(file), unix.W_OK) != nil && (err != nil || wal.Size() == 0) {
			set.Set("immutable", "1")
		}
	} else {
		set.Set("_journal_mode", "WAL")
		set.Set("_synchronous", "FULL") // a run is committed when it is on the disk
		set.Set("_txlock", "immediate") // of two writers one waits, and none fails half-way
	}
	return (&url.URL{Scheme: "file", Path: file, RawQuery: set.Encode()}).String()
}

// check looks for damage that SQLite would only find when it reads the page.
func (e engine) check(ctx context.Context, db *sql.DB) error {
	if e != sqliteEngine {
		return db.PingContext(ctx)
	}
	var found string
	if err := db.QueryRowContext(ctx, "pragma quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return &corruptError{found}
	}
	return nil
}

// corruptError is what SQLite's own check finds.
type corruptError struct{ found string }

func (e *corruptError) Error() string { return e.found }

// damaged says whether the database itself is at fault.
func (e engine) damaged(err error) bool {
	var (
		corrupt *corruptError
		code    *sqlite.Error
	)
	if errors.As(err, &corrupt) {
		return true
	}
	if !errors.As(err, &code) {
		return false
	}
	primary := code.Code() & 0xff // the extended codes are in the higher bits
	return primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB
}

// hasTable says whether the database has a table.
func (e engine) hasTable(ctx context.Context, db *sql.DB, name string) (found bool, err error) {
	query := "select exists (select 1 from sqlite_schema where type = 'table' and name = $1)"
	if e == postgresEngine {
		query = "select exists (select 1 from pg_tables where schemaname = '" + schema + "' and tablename = $1)"
	}
	err = db.QueryRowContext(ctx, query, name).Scan(&found)
	return found, err
}

// moment is a time in a column: text in SQLite, which has no type for it. The text sorts by time, and
// microseconds are what PostgreSQL keeps.
type moment struct{ time.Time }

const momentLayout = "2006-01-02T15:04:05.000000Z"

func (m moment) text() string { return m.UTC().Format(momentLayout) }

// Scan reads a column.
func (m *moment) Scan(value any) (err error) {
	switch v := value.(type) {
	case time.Time:
		m.Time = v.UTC()
	case string:
		m.Time, err = time.Parse(momentLayout, v)
	default:
		return fmt.Errorf("%T is no time", value)
	}
	return err
}
