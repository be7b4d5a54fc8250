package pgload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/record"
)

// The defaults of an update's table.
const (
	DefaultUpdateTable = "update_data"
	DefaultRows        = 10_000
)

// Found is what a session of a workload finds of what the workload works on.
type Found struct {
	// Tables are the names of its tables, as record.TableName has them, by the parts of a
	// mix, else one. A part that brings its own statements has "".
	Tables []string
	// Database is the one that its sessions are in, and SystemID the identifier of the
	// server that answered; "" where that does not tell.
	Database, SystemID string
}

// setupTimeout bounds how long the session that makes the tables may take to connect.
const setupTimeout = 10 * time.Second

// ErrNoServer marks that no server answered as one does, so that no table could be made.
var ErrNoServer = errors.New("no server answers")

// errOnlyStandbys is an ErrNoServer of a URL behind which no primary answers.
var errOnlyStandbys = fmt.Errorf("%w that accepts writes", ErrNoServer)

// Setup makes the tables that a workload needs, where they do not exist, in a session as the
// workload's own are, to the primary at an endpoint, or to the URL: what a table's name means is
// decided by the search_path, the role and the database that the workload has. What is there
// already is left as it is, so that it may be called again, also after it was broken off. A sql
// or a script workload brings its own, and connects to nothing. An error can be an ErrNoServer.
func Setup(ctx context.Context, cfg Config, primary Endpoint) (Found, error) {
	works := []Work{cfg.Work}
	if cfg.Kind == Mix {
		works = works[:0]
		for _, p := range cfg.Mix {
			works = append(works, p.Work)
		}
	}
	if !slices.ContainsFunc(works, Work.hasTable) {
		return Found{Tables: make([]string, len(works))}, nil
	}
	conn, standby, err := cfg.connect(ctx, primary)
	if err != nil {
		return Found{}, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	var f Found
	var level string
	quick, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	if err := conn.QueryRow(quick, "select pg_catalog.current_database(), pg_catalog.current_setting('client_min_messages')").Scan(&f.Database, &level); err != nil {
		return f, fmt.Errorf("ask for the database: %w: %w", ErrNoServer, err)
	}
	if hidesWarnings(level) { // behind a URL: all others ask for warnings
		return f, fmt.Errorf("%w: write `alter role %s set client_min_messages = warning`, or for the database or the server", errHidden, pgx.Identifier{conn.Config().User}.Sanitize())
	}
	var pg *pgconn.PgError
	if err := conn.QueryRow(quick, "select system_identifier::pg_catalog.text from pg_catalog.pg_control_system()").Scan(&f.SystemID); err != nil && !errors.As(err, &pg) {
		return f, fmt.Errorf("ask which server answers: %w: %w", ErrNoServer, err)
	}
	if err := cfg.Marked.allows(f.SystemID, f.Database); err != nil {
		return f, err
	}
	for _, w := range works {
		name, err := w.makeTable(ctx, conn, cfg.Marked)
		if err != nil && standby {
			err = fmt.Errorf("%w: %w", errOnlyStandbys, err)
		}
		if err != nil {
			return f, err
		}
		f.Tables = append(f.Tables, name)
	}
	return f, nil
}

// connect opens a session as the workload's own are, which may write wherever the server lets it. Behind a URL with a list of hosts it is
// to the primary, whatever target_session_attrs says: the tables of readers on standbys come from there, too. Standby: no primary answers.
func (c *Config) connect(ctx context.Context, primary Endpoint) (conn *pgx.Conn, standby bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	cc, err := c.settings(primary)
	if err != nil {
		return nil, false, err
	}
	cc.ValidateConnect = nil
	if c.Route == URL {
		cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	}
	cc.DefaultQueryExecMode = pgx.QueryExecModeExec // a pooler need not know of prepared statements
	dial := c.Dial
	if dial == nil {
		dial = keptAlive()
	}
	cc.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &bounded{conn, mostSetup}, nil
	}
	conn, err = pgx.ConnectConfig(ctx, cc)
	if standby = errors.Is(err, pgconn.ErrStandbyConnection); standby {
		cc.ValidateConnect = nil
		conn, err = pgx.ConnectConfig(ctx, cc) // the tables may be there already
	}
	if err != nil {
		return nil, standby, fmt.Errorf("connect as the workload does: %w: %w", ErrNoServer, &refusal{primary.Node, err})
	}
	if c.Route == URL {
		return conn, standby, nil // a pooler could leave what is set here to other sessions
	}
	if _, err := conn.Exec(ctx, "set statement_timeout = 0; set lock_timeout = 0", pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, standby, errors.Join(err, conn.Close(ctx))
	}
	return conn, standby, nil
}

// hasTable tells whether it is on tables that pgchaos makes.
func (w Work) hasTable() bool { return w.Kind != SQL && w.Kind != Script }

// makeTable makes the table of some work, and returns its name.
func (w *Work) makeTable(ctx context.Context, conn *pgx.Conn, marked *Marked) (name string, err error) {
	table := w.Table
	switch w.Kind {
	case Insert, Read:
		table = cmp.Or(table, DefaultTable)
		err = createTable(ctx, conn, table, marked.schemaSQL)
	case Update:
		table = cmp.Or(table, DefaultUpdateTable)
		err = createUpdateTable(ctx, conn, table, cmp.Or(w.Rows, DefaultRows), w.Payload, marked.schemaSQL)
	case TPCB:
		if err := marked.finds(ctx, conn); err != nil {
			return "", err
		}
		return "", CreatePgbench(ctx, conn, max(w.Scale, 1))
	default:
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return findTable(ctx, conn, table)
}

// CreateUpdateTable makes a table for updates, with the keys 1 to rows. One that has
// fewer rows than that gets those that are missing, all at once; its other rows stay.
func CreateUpdateTable(ctx context.Context, conn *pgx.Conn, table string, rows, payload int) error {
	return createUpdateTable(ctx, conn, table, rows, payload, makeSchema)
}

func createUpdateTable(ctx context.Context, conn *pgx.Conn, table string, rows, payload int, schemaSQL func(string) []string) error {
	quoted, schema, exists, err := lookFor(ctx, conn, table)
	if err != nil {
		return err
	}
	var have int64
	if exists {
		// By key, for others may have more of them than this workload wants.
		if err := conn.QueryRow(ctx, "select coalesce(pg_catalog.max(int_value), 0) from "+quoted).Scan(&have); err != nil {
			return fmt.Errorf("look at the keys of table %s: %w", table, err)
		}
		if have >= int64(rows) {
			return nil
		}
	}
	return inTransaction(ctx, conn, "fill table "+table, func(tx pgx.Tx) error {
		if !exists {
			list := append(schemaSQL(schema), "create table "+quoted+" (int_value bigint not null, char_value pg_catalog.varchar)", "grant select, update on "+quoted+" to public")
			if err := execAll(ctx, tx, list...); err != nil {
				return err
			}
		}
		source := &lines{next: have, last: int64(rows), line: func(dst []byte, n int64) []byte {
			dst = append(strconv.AppendInt(dst, n, 10), '\t')
			return append(record.AppendPayload(dst, record.PackKey(0, n), payload), '\n')
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
	options := pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}
	err := pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error {
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
