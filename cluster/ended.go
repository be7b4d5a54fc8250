package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Witness is what was known of a node's server before something may end it. Others can make a server look as if it had ended: a firewall
// that refuses, a forwarded port (docker -p, kubectl port-forward) or a proxy that has ended itself. So it has a session that is open
// all the while, and looks from the node's own machine, too.
type Witness struct {
	node    *Node
	conn    *pgx.Conn // idle: its end is seen when it is asked for
	started time.Time
	// way is why nobody between could have ended the session in the server's place; nil: nobody could.
	way      error
	at       netip.AddrPort // where the server listens, as it says itself; zero: it is reached by a socket
	listened error          // where somebody could: why its machine does not say whether it listens; nil: it was seen to listen
	gone     error          // what ended the session; nil: it was open when last looked at
}

// Witness opens the session. The node answers.
func (n *Node) Witness(ctx context.Context) (*Witness, error) {
	ctx, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	conn, err := n.Connect(ctx, "proof")
	if err != nil {
		return nil, err
	}
	w := &Witness{node: n, conn: conn}
	var server *string
	var port *uint16
	err = conn.QueryRow(ctx, `select pg_catalog.pg_postmaster_start_time(), pg_catalog.host(pg_catalog.inet_server_addr()), pg_catalog.inet_server_port()`).Scan(&w.started, &server, &port)
	if err == nil {
		w.at = addrPort(server, port)
		w.way, err = Straight(ctx, conn)
	}
	if err != nil {
		abandon(conn)
		return nil, fmt.Errorf("ask %s how it is reached: %w", n.Name(), err)
	}
	if w.way != nil && n.Met() {
		w.listened = w.sawItListen(ctx)
	}
	return w, nil
}

// Close ends the session.
func (w *Witness) Close() { abandon(w.conn) }

func addrPort(host *string, port *uint16) netip.AddrPort {
	if host == nil || port == nil {
		return netip.AddrPort{}
	}
	address, err := netip.ParseAddr(*host)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address.Unmap(), *port)
}

// Straight is why something between may end a session in its server's place; nil: nothing can.
func Straight(ctx context.Context, conn *pgx.Conn) (way, err error) {
	var client *string
	var port *uint16
	if err := conn.QueryRow(ctx, "select pg_catalog.host(pg_catalog.inet_client_addr()), pg_catalog.inet_client_port()").Scan(&client, &port); err != nil {
		return nil, err
	}
	return straight(conn.PgConn().Conn().LocalAddr(), addrPort(client, port)), nil
}

// straight is nil where the server sees a session come from where it began: what forwards connections has others of its own to the
// server, and address translation gives them other addresses.
func straight(ours net.Addr, seen netip.AddrPort) error {
	if ours.Network() == "unix" && !seen.IsValid() {
		return nil
	}
	local, err := netip.ParseAddrPort(ours.String())
	if err == nil && netip.AddrPortFrom(local.Addr().Unmap().WithZone(""), local.Port()) == seen {
		return nil
	}
	return fmt.Errorf("its sessions go through a forwarded port, a proxy or address translation (they begin at %s, and the server sees them come from %s), which can refuse them while the server runs", ours, seen)
}

func (w *Witness) sawItListen(ctx context.Context) error {
	if !w.at.IsValid() {
		return errors.New("it is reached by a socket")
	}
	is, err := w.node.listens(ctx, w.at)
	if err == nil && !is {
		err = fmt.Errorf("no server was seen to listen at %s there", w.at)
	}
	return err
}

// Ended is nil where the server has ended since, also if another one was started in its place. The error says what may have happened
// instead.
func (w *Witness) Ended(ctx context.Context) error {
	n := w.node
	state, err := n.readState(ctx)
	switch {
	case err == nil && state.ServerStarted.After(w.started):
		return nil // somebody has started it again already
	case err == nil:
		return errors.New("its server runs as before")
	case !n.Met():
		if n.Down(ctx) {
			return nil
		}
		return fmt.Errorf("processes of it run: %w", err)
	}
	ended, refused := w.over(), errors.Is(err, syscall.ECONNREFUSED)
	switch {
	case ended && (saysNotNow(err) || refused && w.way == nil): // the server itself says that it starts or ends, or nobody else could have ended the session
		return nil
	case w.way != nil:
		return w.endedThere(ctx, ended && refused, err)
	case refused || saysNotNow(err):
		return fmt.Errorf("it refuses new sessions, as a firewall does, and has not ended one that was open before: %w", err)
	}
	return fmt.Errorf("it may only be cut off: %w", err)
}

// endedThere is nil where the node's machine shows that the server has ended. Gone: the way to it has ended a session, and refuses new ones.
func (w *Witness) endedThere(ctx context.Context, gone bool, why error) error {
	looked := w.listened
	if looked == nil {
		var is bool
		switch is, looked = w.node.listens(ctx, w.at); {
		case looked == nil && is:
			return fmt.Errorf("its server listens at %s on its machine all the same, and only the way to it is closed: %w", w.at, why)
		case looked == nil:
			return nil
		case gone && w.node.othersRunCommands(ctx): // neither the server nor the container or machine in which commands ran is there
			return nil
		}
	}
	return fmt.Errorf("%w; %w; and its machine does not tell whether the server listens: %w; write a command that tells it as the proof", why, w.way, looked)
}

// overTimeout is how long a session is listened to: its end lies there already, or comes later.
const overTimeout = 20 * time.Millisecond

// over tells whether the server's side has ended the session.
func (w *Witness) over() bool {
	if w.gone == nil {
		ctx, cancel := context.WithTimeout(context.Background(), overTimeout)
		defer cancel()
		if _, err := w.conn.PgConn().ReceiveMessage(ctx); err != nil && !pgconn.Timeout(err) {
			w.gone = err
		}
	}
	return w.gone != nil && endedByServer(w.gone)
}

// saysNotNow tells whether a server answers that it starts, shuts down or recovers.
func saysNotNow(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && said.Code == cannotConnectNow
}

// othersRunCommands tells whether a command runs on another node, and so that what runs commands works.
func (n *Node) othersRunCommands(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listensTimeout)
	defer cancel()
	for _, other := range n.cluster.nodes {
		if other != n && other.Met() {
			if _, err := other.RunBeside(ctx, TryCommand()); err == nil {
				return true
			}
		}
	}
	return false
}
