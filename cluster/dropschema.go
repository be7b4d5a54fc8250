package cluster

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// leaveTimeout bounds how long it may take to drop a run's schema on one node.
const leaveTimeout = 30 * time.Second

// dropPatience is how long that waits for one lock of somebody else's. A dump holds its locks for hours: nobody waits for that.
const dropPatience = 5 * time.Second

// The SQLSTATEs of what stands in the way of a drop.
const (
	dependentObjects = "2BP01"
	lockNotAvailable = "55P03"
)

// DropSchema drops a run's schema from a cluster that was there before, on whichever of the nodes is the primary; in a split brain on each that
// is. It drops nothing without the run's comment, nothing of another owner, and nothing that anything of others depends on: then all of it is
// left, and the error names what is in the way. No schema is no error.
func DropSchema(ctx context.Context, run string, nodes []ExistingNode) error {
	d := dialer{ordinary: true}
	primary, errs := make([]bool, len(nodes)), make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			// Each has its own time: one that does not answer, or where somebody holds a lock, takes none of the others'.
			ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
			defer cancel()
			primary[i], errs[i] = dropOn(ctx, &d, run, n)
		})
	}
	wg.Wait()
	found := false
	var onPrimaries, elsewhere []error
	for i, err := range errs {
		if found = found || primary[i]; primary[i] {
			onPrimaries = append(onPrimaries, err)
		} else {
			elsewhere = append(elsewhere, err)
		}
	}
	err := errors.Join(onPrimaries...)
	if !found {
		err = cmp.Or(errors.Join(elsewhere...), errors.New("none of the nodes is the primary now"))
	}
	if err != nil {
		return fmt.Errorf("drop the schema %s: %w", RunSchema(run), err)
	}
	return nil
}

// dropOn drops the schema where a node is the primary, and tells whether it is.
func dropOn(ctx context.Context, d *dialer, run string, n ExistingNode) (primary bool, err error) {
	conn, err := d.toClean(ctx, run, n)
	if err != nil {
		return false, err
	}
	defer abandon(conn)
	var standby bool
	if err := conn.QueryRow(ctx, "select pg_catalog.pg_is_in_recovery()").Scan(&standby); err != nil || standby {
		return false, err
	}
	if err := dropRun(ctx, conn, run); err != nil {
		return true, fmt.Errorf("on %s: %w", n.Name, err)
	}
	return true, nil
}

// ConnectToClean opens a session on a node of a run whose pgchaos is gone, to take something back.
func ConnectToClean(ctx context.Context, run string, n ExistingNode) (*pgx.Conn, error) {
	conn, err := (&dialer{ordinary: true}).toClean(ctx, run, n)
	return conn, WhyNoPassword(err)
}

func (d *dialer) toClean(ctx context.Context, run string, n ExistingNode) (*pgx.Conn, error) {
	app := AppName(run, "clean")
	return d.own(ctx, n.Name, n.DSN.For(app), app)
}

//go:embed endrun.sql
var endRunSQL string

//go:embed ownschema.sql
var ownSchemaSQL string

// dropRun ends the sessions of a run, and drops its schema.
func dropRun(ctx context.Context, conn *pgx.Conn, run string) error {
	var ours bool
	var comment *string
	schema := RunSchema(run)
	switch err := conn.QueryRow(ctx, ownSchemaSQL, schema).Scan(&comment, &ours); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	case comment == nil || *comment != SchemaComment(run):
		return fmt.Errorf("its comment does not say %q, so it is not known to be the run's, and is left alone", SchemaComment(run))
	case !ours:
		return errors.New("it belongs to another role, and is left alone")
	}
	// A killed pgchaos can have left sessions that go on, such as those of load.setup, and hold what is to be dropped.
	if _, err := conn.Exec(ctx, endRunSQL, AppName(run, "")); err != nil {
		return fmt.Errorf("end the sessions of the run: %w", err)
	}
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return dropOwn(ctx, tx, schema) })
	var said *pgconn.PgError
	switch {
	case !errors.As(err, &said):
		return err
	case said.Code == dependentObjects:
		return fmt.Errorf("it is left as it is, with the run's tables: something that is not the run's is in it, or needs what is in it. PostgreSQL could not drop this: %s. Drop what is not the run's of that, or, where all of it may go: drop schema %s cascade",
			strings.ReplaceAll(said.Detail, "\n", "; "), pgx.Identifier{schema}.Sanitize())
	case said.Code == lockNotAvailable:
		return fmt.Errorf("it is left as it is, with the run's tables: somebody has held a lock on it for more than %s%s", dropPatience, lockHolders(ctx, conn, schema))
	}
	return err
}

// dropOwn drops what the role owns in a schema, and then the schema, which must be empty by then. It never cascades: PostgreSQL itself finds
// what of others needs one of these, at the moment of the drop, and names it in the error of the last command.
func dropOwn(ctx context.Context, tx pgx.Tx, schema string) error {
	if _, err := tx.Exec(ctx, fmt.Sprintf("set local lock_timeout = %d", dropPatience.Milliseconds())); err != nil {
		return err
	}
	if err := noPartitionsOfOthers(ctx, tx, schema); err != nil {
		return err
	}
	for {
		drops, err := ownDrops(ctx, tx, schema)
		if err != nil {
			return err
		}
		dropped := false
		for i := 0; i < len(drops) && !dropped; i++ {
			if dropped, err = dropUnlessNeeded(ctx, tx, drops[i]); err != nil {
				return err
			}
		}
		if !dropped {
			break // and what is left is needed
		}
	}
	_, err := tx.Exec(ctx, "drop schema "+pgx.Identifier{schema}.Sanitize()+" restrict")
	return err
}

//go:embed partitions.sql
var partitionsSQL string

// noPartitionsOfOthers is an error where a partition would be dropped that is not the run's. The locks keep others from attaching one.
func noPartitionsOfOthers(ctx context.Context, tx pgx.Tx, schema string) error {
	const own = "select c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace " +
		"where n.nspname = $1 and c.relkind = 'p' and pg_catalog.pg_get_userbyid(c.relowner) = current_user order by 1"
	rows, err := tx.Query(ctx, own, schema)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, table := range tables {
		if _, err := tx.Exec(ctx, "lock table only "+pgx.Identifier{schema, table}.Sanitize()+" in access exclusive mode"); err != nil {
			return err
		}
	}
	if rows, err = tx.Query(ctx, partitionsSQL, schema); err != nil {
		return err
	}
	var of, partition string
	var all []string
	_, err = pgx.ForEachRow(rows, []any{&of, &partition}, func() error {
		all = append(all, fmt.Sprintf("alter table %s detach partition %s", of, partition))
		return nil
	})
	if err == nil && len(all) > 0 {
		err = fmt.Errorf("it is left as it is, with the run's tables: these have partitions that are not the run's, and that would go with them; to keep them: %s", strings.Join(all, "; "))
	}
	return err
}

// dropUnlessNeeded drops something, and tells whether it did: nothing that is left needs it.
func dropUnlessNeeded(ctx context.Context, tx pgx.Tx, drop string) (bool, error) {
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, drop)
		return err
	})
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == dependentObjects {
		return false, nil
	}
	return err == nil, err
}

//go:embed ownobjects.sql
var ownObjectsSQL string

// ownDrops are the commands that drop what the role owns in a schema. The first is of all tables, which can need one another in a circle; what
// else needs one another is dropped in the order that works.
func ownDrops(ctx context.Context, tx pgx.Tx, schema string) (drops []string, err error) {
	rows, err := tx.Query(ctx, ownObjectsSQL, schema)
	if err != nil {
		return nil, err
	}
	var tables []string
	var kind, name string
	_, err = pgx.ForEachRow(rows, []any{&kind, &name}, func() error {
		switch kind {
		case "table":
			tables = append(tables, name)
		case "statistics object":
			kind = "statistics" // as the command calls it
		}
		drops = append(drops, "drop "+kind+" "+name+" restrict")
		return nil
	})
	if len(tables) > 1 {
		drops = append([]string{"drop table " + strings.Join(tables, ", ") + " restrict"}, drops...)
	}
	return drops, err
}

//go:embed lockholders.sql
var lockHoldersSQL string

// lockHolders says who holds a lock on the tables of a schema now; "": that is not known.
func lockHolders(ctx context.Context, conn *pgx.Conn, schema string) string {
	rows, err := conn.Query(ctx, lockHoldersSQL, schema)
	if err != nil {
		return ""
	}
	holders, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(holders) == 0 {
		return ""
	}
	return ": " + strings.Join(holders, ", ")
}
