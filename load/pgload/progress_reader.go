package pgload

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/timelinesql"
	"pgchaos/record"
)

//go:embed progress.sql
var progressSQL string

// ProgressReader reads the newest sequence number of every writer of a table, with
// packed keys, in one snapshot of a node.
type ProgressReader struct {
	sql  string
	lows []int64
}

// NewProgressReader reads the positions of these writers, in this order.
func NewProgressReader(table string, writers []int) (*ProgressReader, error) {
	quoted, err := fullTable(table)
	v := &ProgressReader{sql: fmt.Sprintf(timelinesql.Expand(progressSQL), quoted)}
	for _, w := range writers {
		v.lows = append(v.lows, int64(record.PackKey(w, 0)))
	}
	return v, err
}

// Read reads them over a superuser's connection. The timeline is the one that is
// received or written now, 0 where that is not known; it is asked for after the
// snapshot was taken.
func (v *ProgressReader) Read(ctx context.Context, conn *pgx.Conn) (newest []int64, standby bool, timeline uint32, err error) {
	var tli int64
	if err := conn.QueryRow(ctx, v.sql, v.lows).Scan(&standby, &tli, &newest); err != nil {
		return nil, false, 0, fmt.Errorf("read the positions of %d writers: %w", len(v.lows), err)
	}
	return newest, standby, uint32(tli), nil
}
