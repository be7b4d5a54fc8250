// Package probe asks one node what it is: its role, timeline, positions in the
// WAL, replication regime and standbys. It only reads.
package probe

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/internal/endsession"
	"pgchaos/internal/timelinesql"
	"pgchaos/record"
)

//go:embed setting.sql
var settingSQL string

//go:embed read.sql
var readText string

var readSQL = settingSQL + timelinesql.Expand(strings.ReplaceAll(readText, "{synchronous_commit of the files}", filesCommit))

// ordinarySQL is readSQL for a role that is no superuser, and may not read pg_file_settings, not even in an arm of a CASE that
// is not taken. Where such a role is the load's, too, what it would tell is known without it.
var ordinarySQL = settingSQL + timelinesql.Expand(strings.ReplaceAll(readText, "{synchronous_commit of the files}", "null"))

// unprivilegedSQL is ordinarySQL for a role that may not list the WAL either, and so lacks pg_monitor: the timeline of a standby is not known.
var unprivilegedSQL = settingSQL + timelinesql.Expand(strings.NewReplacer("{synchronous_commit of the files}", "null", "{timeline of a standby}", "0").Replace(readText))

const filesCommit = `(select f.setting from pg_catalog.pg_file_settings f
                           where f.name = 'synchronous_commit' and f.applied order by f.seqno desc limit 1)`

// Read asks the node at the other end of conn, a superuser's, in one round trip once
// the statement is prepared. At is left to the caller. Load is the role that the load
// runs as, in the database of conn.
//
// The timeline is that of what is being written or received now: the one in
// pg_control lags until the checkpoint after a promotion. A standby whose receiver
// is gone is on the timeline of the newest WAL that it has. What a commit waits for, and
// whether there can be one, is as a new session of the load would have it, whatever
// conn's own role and session have. A session of the load that is older keeps what its
// role and database had when it began.
func Read(ctx context.Context, conn *pgx.Conn, node, load string) (record.NodeState, error) {
	s, _, err := read(ctx, conn, node, load)
	return s, err
}

// read is Read, and returns what the role of conn gets of its own where it connects
// anew: that is what hides the server's settings from it.
func read(ctx context.Context, conn *pgx.Conn, node, load string) (s record.NodeState, own string, err error) {
	s = record.NodeState{Node: node}
	var inRecovery bool
	var timeline int64
	var lsn, received, redo, standbys string
	var checkpointer *time.Time
	var readOnly *bool
	ask := func(sql string) error {
		return conn.QueryRow(ctx, sql, load).Scan(&inRecovery, &timeline, &s.SystemID, &s.Version, &lsn, &received,
			&s.Streaming, &s.ReplayPaused, &s.SyncCommit, &s.CommitOfRole, &readOnly, &own, &s.SyncNames, &redo, &s.ServerStarted, &checkpointer,
			&s.SyncWaiters, &s.Connections, &standbys)
	}
	switch known := conn.PgConn().CustomData(); {
	case conn.PgConn().ParameterStatus("is_superuser") != "off":
		err = ask(readSQL)
	case known[lacksRights] != nil:
		err = ask(unprivilegedSQL)
	default:
		var refused *pgconn.PgError
		if err = ask(ordinarySQL); errors.As(err, &refused) && refused.Code == insufficientPrivilege {
			known[lacksRights] = true
			err = ask(unprivilegedSQL)
		}
	}
	if err != nil {
		return record.NodeState{Node: node}, "", fmt.Errorf("read the state of %s: %w", node, err)
	}
	s.SyncCommit, s.Writable = commitWord(s.SyncCommit), writable(inRecovery, readOnly)
	s.Role = record.RolePrimary
	if inRecovery {
		s.Role = record.RoleStandby
	}
	s.Timeline = uint32(timeline)
	if checkpointer != nil {
		s.CheckpointerStarted = *checkpointer
	}
	err = errors.Join(
		s.LSN.UnmarshalText([]byte(lsn)),
		s.Received.UnmarshalText([]byte(received)),
		s.Redo.UnmarshalText([]byte(redo)),
		json.Unmarshal([]byte(standbys), &s.Standbys),
	)
	if err != nil {
		return record.NodeState{Node: node}, "", fmt.Errorf("read the state of %s: %w", node, err)
	}
	s.Reachable = true
	return s, own, nil
}

// lacksRights is in a connection's own data once its role was found to lack a right.
const lacksRights = "pgchaos: lacks rights"

// insufficientPrivilege is the SQLSTATE of a right that is missing.
const insufficientPrivilege = "42501"

// commitWord is a synchronous_commit as the server itself would show it: a role's or a
// database's is kept as it was written (synchronous_commit_options, guc_tables.c).
func commitWord(value string) string {
	switch value = strings.ToLower(value); value {
	case "true", "yes", "1":
		return "on"
	case "false", "no", "0":
		return "off"
	}
	return value
}

// writable tells whether a new session of the load is certain to be let write; readOnly
// is nil where that is not known.
func writable(inRecovery bool, readOnly *bool) bool {
	return !inRecovery && readOnly != nil && !*readOnly
}

// The time-outs of a Prober. They are short: a state that comes late is history.
const (
	dialTimeout = 2 * time.Second
	readTimeout = time.Second
)

// Prober reads one node over a connection that it holds, and opens anew when it
// was lost. Its methods may be called at the same time; they run one after the other.
type Prober struct {
	connect func(context.Context) (*pgx.Conn, error)
	node    string
	load    string
	lost    func(error)

	token chan struct{} // it is in the channel while a call runs
	once  sync.Once
	done  chan struct{}
	conn  *pgx.Conn
	last  record.NodeState // read over conn
	own   string           // as read returns it, of the first reading over conn
}

// NewProber returns a Prober of a node. Connect opens a connection as Read wants
// it, and must heed its context. Load is as for Read.
func NewProber(connect func(context.Context) (*pgx.Conn, error), node, load string) *Prober {
	return &Prober{connect: connect, node: node, load: load, token: make(chan struct{}, 1), done: make(chan struct{})}
}

// Lost has f called with the error that ended a session over which the node had been read. Call it before the first Read.
func (p *Prober) Lost(f func(error)) { p.lost = f }

// Read returns what the node says of itself. It never fails, and never hangs on
// a node that accepts connections without answering: what could not be read is
// unknown, and Error says why.
func (p *Prober) Read(ctx context.Context) record.NodeState { return p.ask(ctx, false) }

// Glance is a Read that is cheap enough for every 10 ms: what does not change within
// milliseconds is as the last Read over the same connection found it. Without one it
// is a Read.
func (p *Prober) Glance(ctx context.Context) record.NodeState { return p.ask(ctx, true) }

func (p *Prober) ask(ctx context.Context, quick bool) record.NodeState {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout+readTimeout)
	defer cancel()
	select {
	case p.token <- struct{}{}:
		defer func() { <-p.token }()
	case <-ctx.Done():
		return record.NodeState{Node: p.node, Error: ctx.Err().Error()}
	}
	select {
	case <-p.done:
		return record.NodeState{Node: p.node, Error: "the probe is closed"}
	default:
	}
	state, err := p.read(ctx, quick)
	if err != nil {
		return record.NodeState{Node: p.node, Error: err.Error()}
	}
	return state
}

func (p *Prober) read(ctx context.Context, quick bool) (record.NodeState, error) {
	if err := p.dial(ctx); err != nil {
		return record.NodeState{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var state record.NodeState
	var err error
	if quick && p.last.Reachable {
		state, err = glance(ctx, p.conn, p.last, p.load)
	} else {
		state, err = p.full(ctx)
	}
	if err != nil {
		if p.lost != nil && p.last.Reachable {
			p.lost(err)
		}
		p.drop()
	}
	p.last = state
	return state, err
}

// full is a Read. A session that began under settings of our own role or database
// which are no more, or others now, still has the old ones: a new one reads again.
func (p *Prober) full(ctx context.Context) (record.NodeState, error) {
	state, own, err := read(ctx, p.conn, p.node, p.load)
	if err == nil && p.last.Reachable && own != p.own {
		p.drop()
		if err := p.dial(ctx); err != nil {
			return record.NodeState{}, err
		}
		state, own, err = read(ctx, p.conn, p.node, p.load)
	}
	p.own = own
	return state, err
}

// dial opens the connection where there is none. The session only reads, so that it
// needs no synchronous_commit and no default_transaction_read_only of its own, and shows the
// server's instead.
func (p *Prober) dial(ctx context.Context) error {
	if p.conn != nil && !p.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := p.connect(ctx)
	if err != nil {
		return err
	}
	p.conn, p.last = conn, record.NodeState{}
	if _, err := conn.Exec(ctx, "reset synchronous_commit; reset default_transaction_read_only"); err != nil {
		p.drop()
		return fmt.Errorf("show the settings of %s: %w", p.node, err)
	}
	return nil
}

// drop closes the connection without waiting for the server.
func (p *Prober) drop() {
	if p.conn == nil {
		return
	}
	endsession.AtOnce(p.conn)
	p.conn = nil
}

// Disconnect closes the connection, which the next Read opens anew.
func (p *Prober) Disconnect() {
	p.token <- struct{}{}
	defer func() { <-p.token }()
	p.drop()
}

// Close closes the connection. A Read that is under way ends first.
func (p *Prober) Close() {
	p.once.Do(func() { close(p.done) })
	p.token <- struct{}{}
	defer func() { <-p.token }()
	p.drop()
}
