package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connectTimeout bounds every dial and authentication: a frozen server accepts
// connections (its kernel does), and never answers.
const connectTimeout = 3 * time.Second

// largestMessage bounds one message of a server to a session of pgchaos's own, in bytes. Nothing
// that is asked for is nearly as large, and pgx allocates what a message announces.
const largestMessage = 64 << 20

// silence bounds how long a server may send nothing while a session of pgchaos's own waits for it. The
// longest that is asked for is a checkpoint, or a promotion.
const silence = 2 * time.Minute

// ownSettings are the settings of pgchaos's own sessions, whatever postgresql.conf, ALTER SYSTEM, ALTER
// ROLE and ALTER DATABASE say: those are what is tested, and must not decide what pgchaos reads, nor
// whether it can. They are parameters of the start of a session, so that they hold before
// the first statement. Every version of PostgreSQL that can be run knows them.
//
// synchronous_commit and default_transaction_read_only are not among them, but set afterwards:
// the probe resets them, to see the server's.
func ownSettings() map[string]string {
	return map[string]string{
		"search_path":                         "pg_catalog, pg_temp",
		"client_encoding":                     "UTF8",
		"client_min_messages":                 "warning",
		"lc_messages":                         "C",
		"datestyle":                           "ISO, MDY",
		"intervalstyle":                       "postgres",
		"timezone":                            "UTC",
		"bytea_output":                        "hex",
		"extra_float_digits":                  "1",
		"standard_conforming_strings":         "on",
		"array_nulls":                         "on",
		"transform_null_equals":               "off",
		"quote_all_identifiers":               "off",
		"statement_timeout":                   "0",
		"lock_timeout":                        "0",
		"idle_in_transaction_session_timeout": "0",
		"default_transaction_isolation":       "read committed",
		"default_transaction_deferrable":      "off",
		"row_security":                        "off",
		"max_parallel_workers_per_gather":     "0",
		"password_encryption":                 "scram-sha-256",
		"default_tablespace":                  "",
		"session_preload_libraries":           "",
		"local_preload_libraries":             "",
	}
}

// laterSettings are as ownSettings, of the versions from since on.
var laterSettings = []laterSetting{
	{"idle_session_timeout", "0", 14},
	{"transaction_timeout", "0", 17},
	{"event_triggers", "off", 17},
}

type laterSetting struct {
	name, value string
	since       int
}

// afterwards is what a session of pgchaos's own sets once it is connected.
const afterwards = "set synchronous_commit = local; set default_transaction_read_only = off"

// toolOptions are the settings of the sessions of PostgreSQL's own tools, for PGOPTIONS. Any role may set them.
const toolOptions = "PGOPTIONS=-c search_path=pg_catalog -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0" +
	" -c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off -c synchronous_commit=local"

// dialer opens sessions to servers of one version, which it learns from the first of them.
type dialer struct {
	major atomic.Int32 // 0: not known yet
	// ordinary: the role need not be a superuser, and cannot set what only superusers can.
	ordinary bool
}

// superuserSettings are those of ownSettings and laterSettings that only a superuser may set (PGC_SUSET in guc_tables.c).
func superuserSettings() []string {
	return []string{"lc_messages", "session_preload_libraries", "event_triggers"}
}

// settings are those of ownSettings and laterSettings that the role may set.
func (d *dialer) settings() (map[string]string, []laterSetting) {
	settings, later := ownSettings(), laterSettings
	if d.ordinary {
		maps.DeleteFunc(settings, func(name, _ string) bool { return slices.Contains(superuserSettings(), name) })
		later = slices.DeleteFunc(slices.Clone(later), func(s laterSetting) bool { return slices.Contains(superuserSettings(), s.name) })
	}
	return settings, later
}

// own opens a session as pgchaos needs it, to a node by a connection string.
func (d *dialer) own(ctx context.Context, node, connString, app string) (*pgx.Conn, error) {
	settings, later := d.settings()
	rest := afterwards
	major := int(d.major.Load())
	for _, s := range later {
		if major >= s.since {
			settings[s.name] = s.value
		}
	}
	return d.open(ctx, node, connString, app, silence, settings, func(ctx context.Context, conn *pgconn.PgConn) error {
		if major == 0 {
			major = majorVersion(conn.ParameterStatus("server_version"))
			d.major.Store(int32(major))
			for _, s := range later {
				if major >= s.since {
					rest += "; set " + s.name + " = " + s.value
				}
			}
		}
		_, err := conn.Exec(ctx, rest).ReadAll()
		return err
	})
}

// plain opens a session under the settings of the server, the role and the database, as a user has it.
func (d *dialer) plain(ctx context.Context, node, connString, app string) (*pgx.Conn, error) {
	return d.open(ctx, node, connString, app, silence, map[string]string{"client_encoding": "UTF8"}, nil)
}

// open opens a session that never sends a CancelRequest, which could end somebody's wait for a standby. It is closed
// where the server sends nothing for so long while the session waits for it.
func (d *dialer) open(ctx context.Context, node, connString, app string, patience time.Duration, settings map[string]string, then pgconn.AfterConnectFunc) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(connString)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", node, err)
	}
	var connected atomic.Bool
	var dialer net.Dialer
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if connected.Load() {
			return nil, errors.New("no cancel request is sent")
		}
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newImpatient(conn, patience), nil
	}
	cfg.RuntimeParams = maps.Clone(settings)
	cfg.RuntimeParams["application_name"] = app
	cfg.MaxProtocolMessageBodyLen = largestMessage
	cfg.AfterConnect = then
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, &connectError{node, d.ordinary, err}
	}
	connected.Store(true)
	return conn, nil
}

// impatient is a connection that is closed when a read has waited for too long, so that no server can
// hold up who reads without a time-out. A deadline would not do: pgx sets its own.
type impatient struct {
	net.Conn
	patience time.Duration
	timer    *time.Timer
	silent   atomic.Bool
}

func newImpatient(conn net.Conn, patience time.Duration) *impatient {
	c := &impatient{Conn: conn, patience: patience}
	c.timer = time.AfterFunc(patience, func() {
		c.silent.Store(true)
		_ = conn.Close() // an error means that it has ended already
	})
	c.timer.Stop()
	return c
}

func (c *impatient) Read(b []byte) (int, error) {
	c.timer.Reset(c.patience)
	n, err := c.Conn.Read(b)
	c.timer.Stop()
	if err != nil && c.silent.Load() {
		err = fmt.Errorf("the server has sent nothing for %s: %w", c.patience, os.ErrDeadlineExceeded)
	}
	return n, err
}

// majorVersion is the 15 of "15.4 (Debian)", of "16beta1" 16; 0 where it begins with no number.
func majorVersion(version string) int {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	n, err := strconv.Atoi(version[:end])
	if err != nil {
		return 0
	}
	return n
}

// Connect opens a fresh connection as the superuser. The session has none of the
// server's settings that could decide what pgchaos reads (ownSettings); it commits with
// synchronous_commit=local, so that pgchaos never waits for a standby; and it
// never sends a CancelRequest, which could end somebody's wait for one.
func (n *Node) Connect(ctx context.Context, app string) (*pgx.Conn, error) {
	if _, err := n.machine(); err != nil {
		return nil, err
	}
	return n.cluster.dialer.own(ctx, n.Name(), n.ConnString(n.cluster.creds.Superuser, app), n.cluster.AppName(app))
}

// ConnectPlain is Connect, with the settings that the server gives to any session of the
// superuser: for statements of the user's own, and to see these settings.
func (n *Node) ConnectPlain(ctx context.Context, app string) (*pgx.Conn, error) {
	if _, err := n.machine(); err != nil {
		return nil, err
	}
	return n.cluster.dialer.plain(ctx, n.Name(), n.ConnString(n.cluster.creds.Superuser, app), n.cluster.AppName(app))
}
