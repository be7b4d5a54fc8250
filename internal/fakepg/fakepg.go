// Package fakepg is a PostgreSQL server as far as a client can see on the wire,
// for tests: it answers as the test says, late or never, and remembers what was
// asked of it. It stores nothing and understands no SQL.
//
// It works over net.Pipe, so that a real pgxpool can talk to it inside a
// testing/synctest bubble, in virtual time.
package fakepg

import (
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// Answer is what a statement gets. The zero value is plain success without rows.
type Answer struct {
	Delay time.Duration // before anything else
	// Swallow answers nothing, ever; the connection stays open.
	Swallow bool
	// Hang closes the connection instead of answering.
	Hang bool
	// Notice is sent before the answer.
	Notice *Notice
	// Code makes the answer an error with this SQLSTATE; Severity is ERROR unless
	// given. After FATAL the connection is closed.
	Code, Severity string
	Rows           [][]string // all as text
	Tag            string     // of the command; "": INSERT 0 1, or SELECT n where the statement has columns
	// HangAfter closes the connection after the answer, before ReadyForQuery.
	HangAfter bool
	// TxStatus is what ReadyForQuery says; 0: 'I'.
	TxStatus byte
}

// Notice is a NoticeResponse.
type Notice struct{ Code, Routine string }

// Server is one fake server. The zero value, put into a Network, is a primary that
// acknowledges everything.
type Server struct {
	// Columns are those of the answers' rows; none: statements return nothing. They
	// must not change once somebody has connected.
	Columns []string

	mu       sync.Mutex
	answer   func(sql string, params [][]byte) Answer
	parse    func(sql string) Answer
	standby  bool
	readOnly bool
	refuse   bool
	silent   bool
	startup  *Answer
	system   string
	timeline int
	cancel   func()
	conns    map[net.Conn]struct{}
	opened   int
	cancels  int
	executed []string
	forget   bool
	wg       sync.WaitGroup
}

// SetAnswer sets what is asked for the answer to each statement executed (not to
// those that pgx sends while it connects); nil: success. It may be called
// concurrently, and it may block: the client waits meanwhile.
func (s *Server) SetAnswer(answer func(sql string, params [][]byte) Answer) {
	s.set(func() { s.answer = answer })
}

// SetParse sets what may refuse to prepare a statement, by an answer that is an
// error or none; nil: everything is prepared.
func (s *Server) SetParse(parse func(sql string) Answer) { s.set(func() { s.parse = parse }) }

// SetStandby makes the server a standby (in recovery and read-only) or a primary.
func (s *Server) SetStandby(standby bool) { s.set(func() { s.standby = standby }) }

// SetReadOnly makes a primary say that its transactions are read-only.
func (s *Server) SetReadOnly(readOnly bool) { s.set(func() { s.readOnly = readOnly }) }

// SetRefuse makes connecting fail with ECONNREFUSED, as when nobody listens.
func (s *Server) SetRefuse(refuse bool) { s.set(func() { s.refuse = refuse }) }

// SetSilent makes connecting hang until the client gives up, as in a black hole.
func (s *Server) SetSilent(silent bool) { s.set(func() { s.silent = silent }) }

// SetStartup makes the server answer a startup message with this, an error; nil: welcome.
func (s *Server) SetStartup(a *Answer) { s.set(func() { s.startup = a }) }

// SetIdentity sets the system identifier and the timeline by which the server
// answers who asks pg_control_system; at first "1" and 1. A standby has no timeline.
func (s *Server) SetIdentity(system string, timeline int) {
	s.set(func() { s.system, s.timeline = system, timeline })
}

// SetCancel sets what a CancelRequest with the right secret does; nil: nothing.
func (s *Server) SetCancel(cancel func()) { s.set(func() { s.cancel = cancel }) }

func (s *Server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Cancels is the number of CancelRequests that arrived.
func (s *Server) Cancels() (n int) { s.set(func() { n = s.cancels }); return n }

// Opened is the number of connections ever accepted, CancelRequests excluded.
func (s *Server) Opened() (n int) { s.set(func() { n = s.opened }); return n }

// Open is the number of connections that are open.
func (s *Server) Open() (n int) { s.set(func() { n = len(s.conns) }); return n }

// Executed are the statements that arrived for execution, in order.
func (s *Server) Executed() (list []string) {
	s.set(func() { list = append(list, s.executed...) })
	return list
}

// Forget makes the server remember no statement, for those who send it millions.
func (s *Server) Forget() { s.set(func() { s.forget = true }) }

// Kill closes every connection without a word, as a SIGKILL does.
func (s *Server) Kill() {
	s.set(func() {
		for c := range s.conns {
			_ = c.Close()
		}
	})
}

// Close kills the connections and waits until every goroutine has ended.
func (s *Server) Close() {
	s.Kill()
	s.wg.Wait()
}

// Network knows servers by their address ("host:port"), and dials them.
type Network map[string]*Server

// Dial connects to a server. It has the form that pgx's DialFunc has.
func (n Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	s := n[address]
	if s == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, syscall.EHOSTUNREACH)}
	}
	s.mu.Lock()
	refuse, silent := s.refuse, s.silent
	s.mu.Unlock()
	if refuse {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	if silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ours, theirs := net.Pipe()
	s.Serve(theirs)
	return ours, nil
}

// Serve serves one connection, in goroutines of its own.
func (s *Server) Serve(conn net.Conn) {
	s.set(func() {
		if s.conns == nil {
			s.conns = map[net.Conn]struct{}{}
		}
		s.conns[conn] = struct{}{}
	})
	s.wg.Go(func() {
		s.serve(conn)
		_ = conn.Close()
		s.set(func() { delete(s.conns, conn) })
	})
}
