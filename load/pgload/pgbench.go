package pgload

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// How many rows each of pgbench's tables has, times the scale.
const (
	branchesPerScale = 1
	tellersPerScale  = 10
	accountsPerScale = 100_000
	// bigScale is the scale from which on the accounts' keys are bigint.
	bigScale = 20_000
)

// pgbenchTables are pgbench's, with its own column types, so that pgbench itself can
// run on them.
var pgbenchTables = []struct{ name, columns, key, filled string }{
	{"pgbench_history", "tid int, bid int, aid KEY, delta int, mtime timestamp, filler char(22)", "", ""},
	{"pgbench_tellers", "tid int not null, bid int, tbalance int, filler char(84)", "tid", "tid, bid, tbalance"},
	{"pgbench_accounts", "aid KEY not null, bid int, abalance int, filler char(84)", "aid", "aid, bid, abalance, filler"},
	{"pgbench_branches", "bid int not null, bbalance int, filler char(88)", "bid", "bid, bbalance"},
}

// CreatePgbench makes pgbench's tables and fills them as pgbench -i does, with COPY and
// the primary keys afterwards, all in one transaction. Tables that are there are left
// alone if they have this scale.
func CreatePgbench(ctx context.Context, conn *pgx.Conn, scale int) error {
	there, err := pgbenchThere(ctx, conn, scale)
	if err != nil || there {
		return err
	}
	err = inTransaction(ctx, conn, fmt.Sprintf("make pgbench's tables at scale %d", scale), func(tx pgx.Tx) error {
		return fillPgbench(ctx, tx, int64(scale))
	})
	if err != nil {
		return err
	}
	for _, t := range pgbenchTables {
		if _, err := conn.Exec(ctx, "vacuum (analyze) "+t.name); err != nil {
			return fmt.Errorf("vacuum %s: %w", t.name, err)
		}
	}
	return nil
}

// pgbenchThere tells whether the tables are there, at this scale.
func pgbenchThere(ctx context.Context, conn *pgx.Conn, scale int) (bool, error) {
	var missing []string
	for _, t := range pgbenchTables {
		var exists bool
		if err := conn.QueryRow(ctx, "select pg_catalog.to_regclass($1) is not null", t.name).Scan(&exists); err != nil {
			return false, fmt.Errorf("look for table %s: %w", t.name, err)
		}
		if !exists {
			missing = append(missing, t.name)
		}
	}
	if len(missing) == len(pgbenchTables) {
		return false, nil
	}
	if len(missing) > 0 {
		return false, fmt.Errorf("of pgbench's tables some are there, but not %s: drop the others", strings.Join(missing, ", "))
	}
	var is int
	if err := conn.QueryRow(ctx, "select pg_catalog.count(*) from pgbench_branches").Scan(&is); err != nil {
		return false, fmt.Errorf("look at the scale of pgbench's tables: %w", err)
	}
	if is != scale {
		return false, fmt.Errorf("pgbench's tables are there at scale %d, and scale %d is wanted: drop them, or write scale: %d", is, scale, is)
	}
	return true, nil
}

func fillPgbench(ctx context.Context, tx pgx.Tx, scale int64) error {
	key := "int"
	if scale >= bigScale {
		key = "bigint"
	}
	for _, t := range pgbenchTables {
		with := " with (fillfactor = 100)"
		if t.key == "" {
			with = ""
		}
		err := execAll(ctx, tx, "create table "+t.name+" ("+strings.Replace(t.columns, "KEY", key, 1)+")"+with,
			"grant select, insert, update, delete, truncate on "+t.name+" to public")
		if err != nil {
			return err
		}
	}
	sources := map[string]*lines{
		"pgbench_branches": {last: branchesPerScale * scale, line: balanced(0, "")},
		"pgbench_tellers":  {last: tellersPerScale * scale, line: balanced(tellersPerScale, "")},
		"pgbench_accounts": {last: accountsPerScale * scale, line: balanced(accountsPerScale, "\t")},
	}
	for _, t := range pgbenchTables {
		if t.key == "" {
			continue
		}
		if err := copyIn(ctx, tx, t.name+" ("+t.filled+")", sources[t.name]); err != nil {
			return err
		}
	}
	for _, t := range pgbenchTables {
		if t.key == "" {
			continue
		}
		if err := execAll(ctx, tx, "alter table "+t.name+" add primary key ("+t.key+")"); err != nil {
			return err
		}
	}
	return nil
}

// balanced makes lines of a key, its branch where there are so many to a branch, and a
// balance of 0.
func balanced(perBranch int64, filler string) func(dst []byte, n int64) []byte {
	return func(dst []byte, n int64) []byte {
		dst = strconv.AppendInt(dst, n, 10)
		if perBranch > 0 {
			dst = strconv.AppendInt(append(dst, '\t'), 1+(n-1)/perBranch, 10)
		}
		dst = append(dst, "\t0"...)
		return append(append(dst, filler...), '\n')
	}
}
