package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Met is what a new connection through the relay met.
type Met struct {
	Refused bool
	Hung    bool          // no answer came, and no end of the connection
	Took    time.Duration // until all that was sent had come back
}

func (m Met) String() string {
	switch {
	case m.Refused:
		return "was refused"
	case m.Hung:
		return "got no answer"
	}
	return fmt.Sprintf("was answered after %s", m.Took.Round(10*time.Microsecond))
}

// Probe connects to the relay as a client would, and sends data that comes back: so it goes through the link in both
// directions. Behind the relay it does not reach the server but an echo of its own, so that it says
// something of the link alone. A connection without an answer for that long hangs.
func (r *Relay) Probe(ctx context.Context, bytes int, patience time.Duration) (Met, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	echo, err := newEcho()
	if err != nil {
		return Met{}, err
	}
	defer echo.close()
	c, err := r.probes.dial(ctx, r.address, echo.dial)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return Met{Refused: true}, nil
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Met{Hung: true}, nil
	case err != nil:
		return Met{}, fmt.Errorf("connect to the relay at %s: %w", r.address, err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return Met{}, fmt.Errorf("connect to the relay at %s: %w", r.address, err)
	}
	_, err = exchange(c, 1) // which waits for the relay to connect to the echo, too
	var took time.Duration
	if err == nil {
		took, err = exchange(c, bytes)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Met{Hung: true}, nil
	case errors.Is(err, syscall.ECONNRESET): // the kernel had accepted it, and resets what nobody accepts any more
		return Met{Refused: true}, nil
	case err != nil:
		return Met{}, fmt.Errorf("send through the relay at %s: %w", r.address, err)
	}
	return Met{Took: took}, nil
}

// exchange sends bytes, and measures how long it takes until they are back.
func exchange(c net.Conn, bytes int) (took time.Duration, err error) {
	begun := time.Now()
	sent := make(chan error, 1)
	go func() {
		piece := make([]byte, min(bytes, bufferSize))
		var err error
		for left := bytes; left > 0 && err == nil; {
			var n int
			n, err = c.Write(piece[:min(left, len(piece))])
			left -= n
		}
		sent <- err
	}()
	_, err = io.CopyN(io.Discard, c, int64(bytes))
	took = time.Since(begun)
	if err != nil {
		_ = c.SetDeadline(past) // for the other one
	}
	if other := <-sent; err == nil {
		err = other
	}
	return took, err
}

// probes are the connections of the relay's own that it has not accepted yet.
type probes struct {
	mu    sync.Mutex
	echos map[string]func(ctx context.Context) (net.Conn, error) // by the probe's address
}

// dial connects to a relay, which will connect to the echo.
func (p *probes) dial(ctx context.Context, relay string, echo func(ctx context.Context) (net.Conn, error)) (net.Conn, error) {
	p.mu.Lock() // until the relay can find the connection
	defer p.mu.Unlock()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", relay)
	if err != nil {
		return nil, err
	}
	if p.echos == nil {
		p.echos = map[string]func(ctx context.Context) (net.Conn, error){}
	}
	p.echos[c.LocalAddr().String()] = echo
	return c, nil
}

// take finds the echo of a connection that was accepted; nil: it is no probe.
func (p *probes) take(c net.Conn) func(ctx context.Context) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.echos) == 0 {
		return nil
	}
	of := c.RemoteAddr().String()
	echo := p.echos[of]
	delete(p.echos, of)
	return echo
}

// forget is for when the connections that were not accepted are reset.
func (p *probes) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.echos = nil
}

// echo sends back what one connection sends.
type echo struct {
	listener net.Listener
	done     sync.WaitGroup

	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

func newEcho() (*echo, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a probe: %w", err)
	}
	e := &echo{listener: l}
	e.done.Go(e.serve)
	return e, nil
}

func (e *echo) serve() {
	c, err := e.listener.Accept()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	e.mu.Lock()
	e.conn = c
	closed := e.closed
	e.mu.Unlock()
	if !closed {
		_, _ = io.Copy(c, c)
	}
}

func (e *echo) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", e.listener.Addr().String())
}

func (e *echo) close() {
	_ = e.listener.Close()
	e.mu.Lock()
	e.closed = true
	if e.conn != nil {
		_ = e.conn.Close()
	}
	e.mu.Unlock()
	e.done.Wait()
}
