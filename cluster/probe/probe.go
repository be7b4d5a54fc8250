// Package probe asks one node what it is: its role, timeline, positions in the
// WAL, replication regime and standbys. It only reads.
package probe

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/history"
)

//go:embed read.sql
var readSQL string

// Read asks the node at the other end of conn, a superuser's (or a member of
// pg_monitor's), in one round trip once the statement is prepared. At is left to
// the caller.
//
// The timeline is that of what is being written or received now: the one in
// pg_control lags until the checkpoint after a promotion. A standby whose receiver
// is gone is on the timeline of the newest WAL that it has. The synchronous_commit is the server's for new sessions, whatever conn's own is.
func Read(ctx context.Context, conn *pgx.Conn, node string) (history.NodeState, error) {
	s := history.NodeState{Node: node}
	var inRecovery bool
	var timeline int64
	var lsn, received, redo, standbys string
	var checkpointer *time.Time
	err := conn.QueryRow(ctx, readSQL).Scan(&inRecovery, &timeline, &s.SystemID, &s.Version, &lsn, &received,
		&s.Streaming, &s.ReplayPaused, &s.SyncCommit, &s.SyncNames, &redo, &s.ServerStarted, &checkpointer, &s.SyncWaiters, &standbys)
	if err != nil {
		return history.NodeState{Node: node}, fmt.Errorf("read the state of %s: %w", node, err)
	}
	s.Role = history.RolePrimary
	if inRecovery {
		s.Role = history.RoleStandby
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
		return history.NodeState{Node: node}, fmt.Errorf("read the state of %s: %w", node, err)
	}
	s.Reachable = true
	return s, nil
}

// The time-outs of a Prober. They are short: a state that comes late is history.
const (
	dialTimeout = 2 * time.Second
	readTimeout = time.Second
)

// Prober reads one node over a connection that it holds, and opens anew when it
// was lost. Its methods may be called at the same time; they take turns.
type Prober struct {
	connect func(context.Context) (*pgx.Conn, error)
	node    string

	turn chan struct{} // holds one token while a call runs
	once sync.Once
	done chan struct{}
	conn *pgx.Conn
	last history.NodeState // read over conn
}

// NewProber returns a Prober of a node. Connect opens a connection as Read wants
// it, and must heed its context.
func NewProber(connect func(context.Context) (*pgx.Conn, error), node string) *Prober {
	return &Prober{connect: connect, node: node, turn: make(chan struct{}, 1), done: make(chan struct{})}
}

// Read returns what the node says of itself. It never fails, and never hangs on
// a node that accepts connections without answering: what could not be read is
// unknown, and Error says why.
func (p *Prober) Read(ctx context.Context) history.NodeState { return p.ask(ctx, false) }

// Glance is a Read that is cheap enough for every 10 ms: what does not change within
// milliseconds is as the last Read over the same connection found it. Without one it
// is a Read.
func (p *Prober) Glance(ctx context.Context) history.NodeState { return p.ask(ctx, true) }

func (p *Prober) ask(ctx context.Context, quick bool) history.NodeState {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout+readTimeout)
	defer cancel()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return history.NodeState{Node: p.node, Error: ctx.Err().Error()}
	}
	select {
	case <-p.done:
		return history.NodeState{Node: p.node, Error: "the probe is closed"}
	default:
	}
	state, err := p.read(ctx, quick)
	if err != nil {
		return history.NodeState{Node: p.node, Error: err.Error()}
	}
	return state
}

func (p *Prober) read(ctx context.Context, quick bool) (history.NodeState, error) {
	if p.conn == nil || p.conn.IsClosed() {
		dial, cancel := context.WithTimeout(ctx, dialTimeout)
		conn, err := p.connect(dial)
		cancel()
		if err != nil {
			return history.NodeState{}, err
		}
		p.conn, p.last = conn, history.NodeState{}
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var state history.NodeState
	var err error
	if quick && p.last.Reachable {
		state, err = glance(ctx, p.conn, p.last)
	} else {
		state, err = Read(ctx, p.conn, p.node)
	}
	if err != nil {
		p.drop()
	}
	p.last = state
	return state, err
}

// drop closes the connection without waiting for the server.
func (p *Prober) drop() {
	if p.conn == nil {
		return
	}
	// Closing the socket first keeps pgx from taking its leave of a server that
	// may never read it. There is nothing in the session to lose.
	_ = p.conn.PgConn().Conn().Close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = p.conn.Close(ctx)
	p.conn = nil
}

// Disconnect closes the connection, which the next Read opens anew.
func (p *Prober) Disconnect() {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.drop()
}

// Close closes the connection. A Read that is under way ends first.
func (p *Prober) Close() {
	p.once.Do(func() { close(p.done) })
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.drop()
}
