// Package timelinesql has PostgreSQL's timeline as SQL, for the statements that ask for it.
package timelinesql

import (
	"regexp"
	"strings"
)

// ofFile is the timeline in the name of a WAL file, whose first 8 digits it is (XLogFileName in
// xlog_internal.h).
const ofFile = "('x' operator(pg_catalog.||) pg_catalog.substr(FILE, 1, 8))::bit(32)::bigint"

// ofStandby is the timeline that a standby receives. Without a receiver it is that of the newest WAL file that the
// standby has: pg_control lags there until a page or a restart point has been flushed.
var ofStandby = `coalesce((select w.received_tli from pg_catalog.pg_stat_wal_receiver w)::bigint,
                          (select pg_catalog.max(` + strings.ReplaceAll(ofFile, "FILE", "f.name") + `)
                           from pg_catalog.pg_ls_waldir() f where f.name ~ '^[0-9A-F]{24}$'),
                          (select c.timeline_id from pg_catalog.pg_control_checkpoint() c)::bigint)`

var placeholder = regexp.MustCompile(`\{timeline at ([^{}]+)\}`)

// Expand replaces {timeline at LSN} by the timeline that a primary writes at a position of its WAL, a bigint, and
// {timeline of a standby} by that of a standby. Pg_walfile_name fails on a standby.
func Expand(sql string) string {
	sql = strings.ReplaceAll(sql, "{timeline of a standby}", ofStandby)
	return placeholder.ReplaceAllString(sql, strings.ReplaceAll(ofFile, "FILE", "pg_catalog.pg_walfile_name($1)"))
}
