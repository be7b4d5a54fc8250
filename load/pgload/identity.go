package pgload

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgchaos/internal/timelinesql"
	"pgchaos/record/ledger"
)

// identitySQL tells which server this is: its system identifier, the timeline that it
// writes, which a standby has none of, the name that its configuration gives it, whether
// this session gets warnings, the microsecond in which the server was started, and the database of the session.
// PostgreSQL grants all of it to everybody (13 to 18). pg_control_checkpoint knows a
// timeline too, but the one before until the first checkpoint after a promotion.
var identitySQL = timelinesql.Expand(`select system_identifier, case when not pg_catalog.pg_is_in_recovery()
	then {timeline at pg_catalog.pg_current_wal_insert_lsn()} else 0 end,
	pg_catalog.current_setting('cluster_name'), pg_catalog.current_setting('client_min_messages'),
	(extract(epoch from pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint, pg_catalog.current_database() from pg_catalog.pg_control_system()`)

// answererSQL tells of a server that accepts writes what of it changes while its system identifier stays: its timeline, its cluster_name,
// and when it was started.
var answererSQL = timelinesql.Expand(`{timeline at pg_catalog.pg_current_wal_insert_lsn()}, pg_catalog.current_setting('cluster_name'),
	(extract(epoch from pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint`)

// answerer is what answererSQL returns.
type answerer struct{ timeline, cluster, started string }

// is tells whether columns say the same; nothing is allocated for that.
func (a *answerer) is(columns [][]byte) bool {
	return a.timeline == string(columns[0]) && a.cluster == string(columns[1]) && a.started == string(columns[2])
}

// serverSessionSQL tells which session of which server answers: when the server was started, and the session's process. Behind a pooler a
// read of the same client can come from another one each time. Everybody may ask, also a standby.
const serverSessionSQL = "(extract(epoch from pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint || ' ' || pg_catalog.pg_backend_pid()"

// serverSession is what serverSessionSQL returned last behind a pooler; "": nothing yet, or a read without a row.
type serverSession struct {
	said   string
	number int // of its node; 0: it is not known
}

// numberOf is the number of the node whose server says this; 0: it is not known.
func (w *Workload) numberOf(said string) int {
	micros, _, _ := strings.Cut(said, " ")
	at, err := strconv.ParseInt(micros, 10, 64)
	if err != nil || w.cfg.Started == nil {
		return 0
	}
	name := w.cfg.Started(time.UnixMicro(at))
	return 1 + slices.IndexFunc(w.cfg.Endpoints, func(e Endpoint) bool { return name != "" && e.Node == name })
}

// whoAnswers takes the row of identitySQL. One that does not tell is known by its node
// alone.
type whoAnswers struct {
	ledger.Server
	cluster string
	started time.Time
	said    answerer
	hidden  bool   // the session gets no warnings
	in      string // the database
}

func (w *whoAnswers) row(_ int, row [][]byte) {
	if len(row) < 2 {
		return
	}
	if id := row[0]; len(id) <= 20 && len(bytes.Trim(id, "0123456789")) == 0 { // else no server tells it
		w.SystemID = string(id)
	}
	a := answerer{timeline: string(row[1])}
	if len(row) > 2 {
		a.cluster = string(row[2])
	}
	if len(row) > 3 {
		w.hidden = hidesWarnings(string(row[3]))
	}
	if len(row) > 4 {
		a.started = string(row[4])
	}
	if len(row) > 5 {
		w.in = string(row[5])
	}
	w.take(a)
}

func (w *whoAnswers) take(a answerer) {
	timeline, _ := strconv.ParseUint(a.timeline, 10, 32) // 0: not known
	w.said, w.Timeline, w.cluster, w.started = a, uint32(timeline), a.cluster, time.Time{}
	if at, err := strconv.ParseInt(a.started, 10, 64); err == nil {
		w.started = time.UnixMicro(at)
	}
}

func (w *whoAnswers) complete(int, []byte) {}
