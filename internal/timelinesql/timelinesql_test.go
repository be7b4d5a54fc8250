package timelinesql

import (
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	got := Expand("select {timeline at pg_current_wal_lsn()}, {timeline of a standby}, '{24}', {timeline at l}")
	if strings.Contains(got, "{timeline") || strings.Contains(got, "FILE") || strings.Count(got, "pg_walfile_name") != 2 {
		t.Error(got)
	}
	if !strings.HasPrefix(got, "select ('x' operator(pg_catalog.||) pg_catalog.substr(pg_catalog.pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint, coalesce(") {
		t.Error(got)
	}
}
