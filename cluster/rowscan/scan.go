// Package rowscan reads what nodes hold, for the audit: every row of a table, as the
// heap has it, and whether a node has replayed all that another one had (a barrier). It
// also waits until no session is left that could still write.
package rowscan

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"pgchaos/record"
	"pgchaos/rows"
)

// ScanOptions say how a table is read. The zero value is what an audit needs.
type ScanOptions struct {
	// Connections is how many sessions read at once; 0 stands for 2.
	Connections int
	// RangeBlocks is how many blocks of the heap one query reads, which is also what
	// is read again after a conflict; 0 stands for 12288, 96 MiB.
	RangeBlocks int64
	// MaxOdd is how many rows that are not as written are kept; 0 stands for
	// rows.MaxOdd.
	MaxOdd int
	// Tries is how often a range is read before its error counts, as long as the
	// error is one that can pass; 0 stands for 6.
	Tries int

	whole bool // one range, as before PostgreSQL 14
}

// The defaults of ScanOptions.
const (
	scanConnections = 2
	scanBlocks      = 12288
	scanTries       = 6
)

// scanPause is how long the second try waits; each further one waits twice as long
// as the one before, so that six tries outlast a restart of three seconds.
const scanPause = 100 * time.Millisecond

// tidRanges is the first version whose scans can begin and end at a ctid. Before, a
// condition on ctid filters the whole table, so that every range would read all of it.
const tidRanges = 140000

// Scan reads every row of a table on one node, in no order, and holds each against
// what was written under its key. It reads the heap, range by range, over a few
// connections; it neither asks an index nor has the server sort or hash. Here it
// takes constant memory, but for the Holding.
//
// A range whose reading meets a conflict with recovery (40001), a server that starts
// or stops (57P03, 57P01), or a connection that is dropped or refused, is read again
// from its beginning over a fresh connection, at most Tries times: what was read of
// it before counts nothing. Every other error ends the scan, and so does the end of
// ctx, at once, also against a server that has ceased to answer. There is no Holding
// then: a node that was read in part is a node that was not read.
//
// Each range has a snapshot of its own, so nobody must change the table meanwhile: a
// row that is updated can be met twice or not at all, in another range than before.
// Rows that are added behind the end are read, and a table that was rewritten
// (VACUUM FULL, TRUNCATE) between two ranges is an error.
//
// connect must open a session each time it is called, end with its context, and its
// sessions must refuse to send a CancelRequest, as cluster.Node.Connect's do: pgx
// tries one after every broken reading. No session and no goroutine is left when Scan
// returns.
func Scan(ctx context.Context, connect func(context.Context) (*pgx.Conn, error), t rows.Table, o ScanOptions) (*rows.Holding, error) {
	s := &scan{
		connect: connect,
		options: o,
		table:   t,
		quoted:  record.QuotedTable(t.Name),
		whole:   rows.NewHolding(t, o.MaxOdd),
	}
	if err := s.run(ctx); err != nil {
		return nil, explain(err, t)
	}
	s.whole.Seal()
	return s.whole, nil
}

func explain(err error, t rows.Table) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == undefinedTable || pg.Code == invalidSchemaName) {
		return fmt.Errorf("table %s does not exist on this node: %w", t.Name, err)
	}
	if refused := (*pgconn.ConnectError)(nil); errors.As(err, &refused) {
		return err // it says of itself what was tried, and it is no matter of this table
	}
	return fmt.Errorf("read table %s: %w", t.Name, err)
}

// scan is one use of Scan.
type scan struct {
	connect func(context.Context) (*pgx.Conn, error)
	options ScanOptions
	table   rows.Table
	quoted  string // the table's name, as SQL
	heap    heap   // as it was before the first range

	mu    sync.Mutex
	next  int64 // the block where the next range begins
	done  bool  // no range is left
	whole *rows.Holding
}

// heap is where a table's rows are.
type heap struct {
	blocks   int64
	filenode int64 // another one: the table was rewritten
	version  int   // the server's
}

// blocks is a range of the heap: from the block From to before the block To; To 0 is
// open, so that no row is missed that was added since the heap was measured.
type blocks struct{ From, To int64 }

func (s *scan) run(ctx context.Context) error {
	first := &session{connect: s.connect}
	if err := s.retry(ctx, first, s.measure); err != nil {
		return err
	}
	connections := max(1, cmp.Or(s.options.Connections, scanConnections))
	group, ctx := errgroup.WithContext(ctx)
	for i := range min(int64(connections), 1+s.heap.blocks/s.perRange()) {
		own := first
		if i > 0 {
			own = &session{connect: s.connect}
		}
		group.Go(func() error { return s.work(ctx, own) })
	}
	return group.Wait()
}

// measure reads where the table's rows are.
func (s *scan) measure(conn *pgx.Conn) (err error) {
	s.heap, err = s.readHeap(conn)
	return err
}

//go:embed heap.sql
var heapSQL string

func (s *scan) readHeap(conn *pgx.Conn) (h heap, err error) {
	err = conn.QueryRow(context.Background(), heapSQL, s.quoted).Scan(&h.blocks, &h.filenode, &h.version)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errors.New("the table vanished while it was read")
	}
	return h, err
}

// ranged tells whether the server can read a range without reading all.
func (s *scan) ranged() bool { return s.heap.version >= tidRanges && !s.options.whole }

func (s *scan) perRange() int64 { return max(1, cmp.Or(s.options.RangeBlocks, scanBlocks)) }

// take hands out the next range.
func (s *scan) take() (r blocks, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return blocks{}, false
	}
	r.From = s.next
	s.next += s.perRange()
	if s.done = !s.ranged() || s.next >= s.heap.blocks; !s.done {
		r.To = s.next
	}
	return r, true
}

// work reads one range after the other over one session, until none is left.
func (s *scan) work(ctx context.Context, own *session) error {
	defer own.close()
	for {
		r, ok := s.take()
		if !ok {
			return nil
		}
		var part *rows.Holding
		err := s.retry(ctx, own, func(conn *pgx.Conn) (err error) {
			part, err = s.read(conn, r)
			return err
		})
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.whole.Merge(part)
		s.mu.Unlock()
	}
}

// retry does something over a session until it succeeds, or fails for good.
func (s *scan) retry(ctx context.Context, own *session, do func(*pgx.Conn) error) error {
	pause := scanPause
	for try := 1; ; try++ {
		err := own.use(ctx, do)
		if err == nil || !passing(err) {
			return err
		}
		if try >= cmp.Or(s.options.Tries, scanTries) {
			return fmt.Errorf("tried %d times: %w", try, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w, after %w", ctx.Err(), err)
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// begin opens the transaction of one range. The index is not to be trusted. Between a
// range of TIDs and a sequential scan the planner chooses by statistics that may be
// missing, and by settings that a role may have. What is switched off is planned at a
// forbidding cost where nothing else is left, which would have the server compile the
// smallest query (45 ms a range).
func (s *scan) begin() string {
	sequential := "on"
	if s.ranged() {
		sequential = "off"
	}
	return "begin isolation level repeatable read read only;" +
		"set local statement_timeout = 0; set local max_parallel_workers_per_gather = 0; set local jit = off;" +
		"set local enable_indexscan = off; set local enable_indexonlyscan = off; set local enable_bitmapscan = off;" +
		"set local enable_tidscan = on; set local enable_seqscan = " + sequential
}

// read reads one range in one transaction. The connection is as before only if
// there is no error.
func (s *scan) read(conn *pgx.Conn, r blocks) (*rows.Holding, error) {
	query, err := s.query(r)
	if err != nil {
		return nil, err
	}
	if err := execute(conn, s.begin()); err != nil {
		return nil, err
	}
	part := rows.NewHolding(s.table, s.options.MaxOdd)
	decoder := &pushDecoder{row: part.Add}
	if _, err := conn.PgConn().CopyTo(context.Background(), guard{decoder, conn}, query); err != nil {
		return nil, err
	}
	if err := decoder.end(); err != nil {
		return nil, err
	}
	// COPY's lock is held until the transaction ends: this is the heap that it read.
	now, err := s.readHeap(conn)
	if err != nil {
		return nil, err
	}
	if now.filenode != s.heap.filenode {
		return nil, errors.New("the table was rewritten while it was read")
	}
	return part, execute(conn, "rollback")
}

func execute(conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().Exec(context.Background(), sql).ReadAll()
	return err
}

//go:embed scan.sql
var scanSQL string

func (s *scan) query(r blocks) (string, error) {
	tmpl, err := template.New("scan").Parse(scanSQL)
	if err != nil {
		return "", err
	}
	var sql strings.Builder
	err = tmpl.Execute(&sql, map[string]any{"Table": s.quoted, "Ranged": s.ranged(), "From": r.From, "To": r.To})
	return sql.String(), err
}
