package rowscan

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/internal/timelinesql"
	"pgchaos/record"
)

// Point is a barrier: a row that a primary wrote after everything else. A node
// that shows it on the same timeline has all that came before it. Neither equal
// counts nor equal positions prove that.
type Point struct {
	Schema   string // of the table that the row is in
	ID       string // random: what a sequence gives, it can give again after a failover
	Run      string
	LSN      record.LSN // a position after the row's commit
	Timeline uint32     // the primary's
}

//go:embed barrier.sql
var barrierSQL string

// Barrier writes a barrier on the primary, into the table pgchaos_barrier of a schema,
// which is made if it is missing. It commits without waiting for any standby, so
// that a broken synchronous regime cannot hold it up.
func Barrier(ctx context.Context, primary *pgx.Conn, schema, run string) (Point, error) {
	p := Point{Schema: schema, Run: run}
	err := pgx.BeginFunc(ctx, primary, func(tx pgx.Tx) error {
		for _, statement := range strings.Split(strings.ReplaceAll(barrierSQL, "{table}", p.table()), ";") {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, "insert into "+p.table()+" (run) values ($1) returning id::pg_catalog.text", run).Scan(&p.ID)
	})
	if err != nil {
		return Point{}, fmt.Errorf("write a barrier: %w", err)
	}
	var lsn string
	var timeline int64
	err = primary.QueryRow(ctx, timelinesql.Expand("select l::pg_catalog.text, {timeline at l} from pg_catalog.pg_current_wal_lsn() l")).Scan(&lsn, &timeline)
	if err == nil {
		p.LSN, err = record.ParseLSN(lsn)
	}
	if err != nil {
		return Point{}, fmt.Errorf("read the position of the barrier: %w", err)
	}
	p.Timeline = uint32(timeline)
	return p, nil
}

// table is the barrier's table, as SQL has it.
func (p Point) table() string {
	return pgx.Identifier{cmp.Or(p.Schema, "public"), "pgchaos_barrier"}.Sanitize()
}

// awaitEvery is how often a node is asked for the barrier, and lookTimeout how long
// it may take to answer.
const (
	awaitEvery  = 20 * time.Millisecond
	lookTimeout = time.Second
)

// AwaitBarrier waits until the node shows the barrier on the barrier's timeline.
// When the context ends first, the error says what keeps it away, as the node was
// last seen. On a node that is not in recovery, and does not have the row, waiting
// is useless, and ends at once.
func AwaitBarrier(ctx context.Context, node *pgx.Conn, p Point) error {
	var seen watch
	for {
		there, err := seen.look(ctx, node, p)
		if err != nil {
			return fmt.Errorf("the barrier at %s has not come, and the node cannot be asked any more: %w", p.LSN, err)
		}
		if there {
			return nil
		}
		if seen.looks > 0 && !seen.standby {
			return fmt.Errorf("the barrier at %s will never come: the node is a primary of its own, on timeline %d", p.LSN, seen.timeline)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the barrier at %s on timeline %d has not come: %s: %w", p.LSN, p.Timeline, seen.why(p), ctx.Err())
		case <-time.After(awaitEvery):
		}
	}
}

// watch is what was seen of a node that is waited for.
type watch struct {
	looks     int
	standby   bool
	streaming bool
	paused    bool
	row       bool
	timeline  uint32
	replayed  record.LSN
	first     record.LSN // replayed when it was first looked at
}

//go:embed await.sql
var awaitText string

var awaitSQL = timelinesql.Expand(awaitText)

// look asks once. A conflict with recovery, and a table that has not come yet,
// are reasons to ask again. The end of ctx does not interrupt it, as that would
// close the connection.
func (w *watch) look(ctx context.Context, node *pgx.Conn, p Point) (there bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	var timeline int64
	var replayed string
	if err := node.QueryRow(ctx, awaitSQL).Scan(&w.standby, &w.streaming, &w.paused, &timeline, &replayed); err != nil {
		return false, retriable(err)
	}
	w.timeline = uint32(timeline)
	if w.replayed, err = record.ParseLSN(replayed); err != nil {
		return false, err
	}
	if w.looks++; w.looks == 1 {
		w.first = w.replayed
	}
	err = node.QueryRow(ctx, "select exists (select from "+p.table()+" where id = $1::pg_catalog.uuid and run = $2)", p.ID, p.Run).Scan(&w.row)
	if err != nil {
		return false, retriable(err)
	}
	return w.row && w.timeline == p.Timeline, nil
}

// retriable is nil for an error after which it makes sense to ask again.
func retriable(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == serializationFailure || pg.Code == undefinedTable) {
		return nil
	}
	return err
}

// why says what keeps the barrier away.
func (w *watch) why(p Point) string {
	switch behind := int64(p.LSN) - int64(w.replayed); {
	case w.looks == 0:
		return "the node did not answer"
	case w.timeline != p.Timeline:
		return fmt.Sprintf("the node is on timeline %d (diverged, or following another primary)", w.timeline)
	case w.paused:
		return fmt.Sprintf("its replay is paused, %d bytes behind", behind)
	case behind <= 0:
		return fmt.Sprintf("the node has replayed %s, past the barrier, and does not have its row: it has diverged", w.replayed)
	case !w.streaming:
		return fmt.Sprintf("the node is not streaming, %d bytes behind", behind)
	case w.replayed > w.first:
		return fmt.Sprintf("the node is %d bytes behind, and catching up (%d bytes since it was first asked)", behind, int64(w.replayed)-int64(w.first))
	default:
		return fmt.Sprintf("the node is %d bytes behind, and not catching up", behind)
	}
}
