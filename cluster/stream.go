package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster/probe"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// streamTimeout is how long a standby may take until it streams.
const streamTimeout = 30 * time.Second

// ErrForked is wrapped by every error which says that waiting longer is useless: the
// node has, or is, what its upstream's history excludes.
var ErrForked = errors.New("it can never follow")

// Follow points a standby at an upstream, and returns when it streams from it.
// Of a node that does not run only the configuration is written.
func (n *Node) Follow(ctx context.Context, upstream *Node) error {
	return n.locked(ctx, "repoint", " to "+upstream.Name(), func(ctx context.Context) error {
		return n.follow(ctx, upstream)
	})
}

func (n *Node) follow(ctx context.Context, upstream *Node) error {
	if upstream == n {
		return errors.New("a node cannot follow itself")
	}
	if n.Absent() {
		return errors.New("it has no data directory yet; clone it")
	}
	if n.paused.Load() {
		return errors.New("it is paused; resume it first")
	}
	if n.running() != nil {
		if err := CanFollow(ctx, n, upstream); err != nil {
			return err
		}
	}
	before := n.setUpstream(upstream)
	if _, err := n.reconfigure(ctx, n.currentSettings()); err != nil {
		n.setUpstream(before)
		return err
	}
	if n.running() == nil {
		return nil
	}
	return n.awaitStreaming(ctx, upstream, streamTimeout)
}

// Asked is a node that can be asked: a Node, or a Met.
type Asked interface {
	Name() string
	Connect(ctx context.Context, app string) (*pgx.Conn, error)
}

// CanFollow is an error when it is certain beforehand that a running standby can
// never follow upstream (ErrForked): PostgreSQL would let it try for ever, or, where
// the timelines have the same number by chance, stream what does not belong to it.
func CanFollow(ctx context.Context, standby, upstream Asked) error {
	here, there := held{node: standby}, held{node: upstream}
	defer here.drop()
	defer there.drop()
	state, err := here.read(ctx)
	if err != nil {
		return err
	}
	if state.Role == record.RolePrimary {
		return errors.New("it is a primary; rejoin makes a standby of it")
	}
	up, err := there.read(ctx)
	if err != nil {
		return err
	}
	return onLineage(ctx, state, up, here.conn, there.conn)
}

// awaitStreaming waits until the node streams from upstream, seen from both
// sides and on one timeline. It ends early when the node has gone past the fork,
// or its server ends.
func (n *Node) awaitStreaming(ctx context.Context, upstream *Node, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	here, there := held{node: n}, held{node: upstream}
	defer here.drop()
	defer there.drop()
	why := errors.New("neither of them answered")
	for {
		err := streaming(ctx, &here, &there, upstream.addressFrom(n))
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrForked):
			return err
		case ctx.Err() == nil:
			why = err // and not that the time was up
		}
		if n.down() {
			return fmt.Errorf("%s does not stream from %s: its server ended%s", n.Name(), upstream.Name(), n.complaints(ctx))
		}
		if wait.For(ctx, 20*time.Millisecond) != nil {
			return fmt.Errorf("%s does not stream from %s within %s: %w%s", n.Name(), upstream.Name(), timeout, why, n.complaints(ctx))
		}
	}
}

// held is a connection that is opened when it is needed, and kept.
type held struct {
	node Asked
	conn *pgx.Conn
}

func (h *held) drop() {
	if h.conn != nil {
		abandon(h.conn)
		h.conn = nil
	}
}

// read asks the node for its state, and leaves the connection open for more.
func (h *held) read(ctx context.Context) (record.NodeState, error) {
	if h.conn == nil || h.conn.IsClosed() {
		h.drop()
		conn, err := h.node.Connect(ctx, "follow")
		if err != nil {
			return record.NodeState{}, err
		}
		h.conn = conn
	}
	state, err := probe.Read(ctx, h.conn, h.node.Name(), "") // what commits wait for is not asked
	if err != nil {
		h.drop()
	}
	return state, err
}

//go:embed receiver.sql
var receiverSQL string

// streaming is nil when the standby here streams from the upstream there, which its
// peers reach at peer, and else what is missing.
func streaming(ctx context.Context, here, there *held, peer Address) error {
	up, err := there.read(ctx)
	if err != nil {
		return err
	}
	state, err := here.read(ctx)
	if err != nil {
		return err
	}
	if state.Role != record.RoleStandby {
		return fmt.Errorf("it is no standby but a %s", state.Role)
	}
	if state.SystemID != up.SystemID {
		return fmt.Errorf("%w: it is another database system (%s) than %s (%s); clone it", ErrForked, state.SystemID, up.Node, up.SystemID)
	}
	if err := onLineage(ctx, state, up, here.conn, there.conn); err != nil {
		return err
	}
	var host string
	var port int
	if err := here.conn.QueryRow(ctx, receiverSQL).Scan(&host, &port); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	switch {
	case !state.Streaming:
		return errors.New("its WAL receiver does not stream")
	case host != peer.Host || port != peer.Port:
		return fmt.Errorf("its WAL receiver is connected to %s:%d, not to %s", host, port, peer)
	case state.Timeline != up.Timeline:
		return fmt.Errorf("it is on timeline %d, and %s on %d", state.Timeline, up.Node, up.Timeline)
	}
	for _, standby := range up.Standbys {
		if standby.Name == state.Node && standby.State == "streaming" {
			return nil
		}
	}
	return fmt.Errorf("%s does not say that %s streams", up.Node, state.Node)
}

// onLineage is an error that wraps ErrForked when the standby has replayed what
// upstream's timeline never had. Of a cascade's upstream, whose timeline moves
// with its primary's, nothing is known beforehand.
func onLineage(ctx context.Context, state, up record.NodeState, here, upstream *pgx.Conn) error {
	if up.Role != record.RolePrimary {
		return nil
	}
	line, err := readLineage(ctx, upstream, up.Timeline)
	if err != nil {
		return err
	}
	own, err := readLineage(ctx, here, state.Timeline)
	if err != nil {
		own.Forks = nil // a standby can lack the file, and nothing then tells
	}
	if err := excludes(line, own, state.LSN); err != nil {
		return fmt.Errorf("%w %s: %w; rejoin it, or clone it", ErrForked, up.Node, err)
	}
	return nil
}

// PointAt gives a standby the primary_conninfo for an upstream, and returns when that is in force. Whether it then streams depends on
// the upstream, which need not run.
func (n *Node) PointAt(ctx context.Context, upstream *Node) error {
	return n.locked(ctx, "repoint", " to "+upstream.Name(), func(ctx context.Context) error {
		before := n.setUpstream(upstream)
		if _, err := n.reconfigure(ctx, n.currentSettings()); err != nil {
			n.setUpstream(before)
			return err
		}
		if n.running() == nil {
			return nil
		}
		conn, err := n.Connect(ctx, "follow")
		if err != nil {
			return err
		}
		defer abandon(conn)
		var set bool
		if err := conn.QueryRow(ctx, "select pg_catalog.current_setting('primary_conninfo') <> ''").Scan(&set); err != nil {
			return fmt.Errorf("read primary_conninfo: %w", err)
		}
		if !set {
			return errors.New("primary_conninfo is still empty")
		}
		return nil
	})
}
