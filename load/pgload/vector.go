package pgload

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"

	"pgchaos/record"
)

//go:embed vector.sql
var vectorSQL string

// VectorReader reads the newest sequence number of every writer of a table, with
// packed keys, in one snapshot of a node.
type VectorReader struct {
	sql  string
	lows []int64
}

// NewVectorReader reads the heads of these writers, in this order.
func NewVectorReader(table string, writers []int) (*VectorReader, error) {
	quoted, err := fullTable(table)
	v := &VectorReader{sql: fmt.Sprintf(vectorSQL, quoted)}
	for _, w := range writers {
		v.lows = append(v.lows, int64(record.PackKey(w, 0)))
	}
	return v, err
}

// Read reads them over a superuser's connection. The timeline is the one that is
// received or written now, 0 where that cannot be told; it is asked for after the
// snapshot was taken.
func (v *VectorReader) Read(ctx context.Context, conn *pgx.Conn) (heads []int64, standby bool, timeline uint32, err error) {
	var tli int64
	if err := conn.QueryRow(ctx, v.sql, v.lows).Scan(&standby, &tli, &heads); err != nil {
		return nil, false, 0, fmt.Errorf("read the heads of %d writers: %w", len(v.lows), err)
	}
	return heads, standby, uint32(tli), nil
}
