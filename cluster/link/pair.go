package link

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// pair is one connection through the relay: from its client, and to the server.
type pair struct {
	relay  *Relay
	client net.Conn
	dial   func(ctx context.Context) (net.Conn, error)
	probe  bool          // it is the relay's own, and leads to no server
	done   chan struct{} // closed when it is over
	broken atomic.Bool   // one end is gone

	mu     sync.Mutex
	server net.Conn // nil: not connected yet
	flows  [2]*flow // by Direction; nil as server is
	over   bool
}

// join adds the server's side. It tells whether the pair goes on.
func (p *pair) join(server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		reset(server)
		return false
	}
	p.server = server
	number := p.relay.number.Add(1)
	p.flows[Forward] = newFlow(p, Forward, p.client, server, 2*number)
	p.flows[Back] = newFlow(p, Back, server, p.client, 2*number+1)
	if p.probe { // whose bytes are not the cluster's
		for _, f := range p.flows {
			f.passed = &atomic.Int64{}
		}
	}
	return true
}

// run passes data on in both directions until both have ended.
func (p *pair) run() {
	var wg sync.WaitGroup
	wg.Go(p.flows[Forward].run)
	p.flows[Back].run()
	wg.Wait()
}

// interrupt makes the data of one direction feel a new state, and returns when none passes under the old one.
func (p *pair) interrupt(d Direction) {
	p.mu.Lock()
	f := p.flows[d]
	p.mu.Unlock()
	if f == nil {
		return
	}
	f.interrupt()
	f.awaitWrite()
}

// isOver tells whether both sides were closed.
func (p *pair) isOver() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// end closes both sides, or resets them. It tells whether they were not closed before.
func (p *pair) end(abort bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return false
	}
	p.over = true
	close(p.done)
	for _, c := range []net.Conn{p.client, p.server} {
		switch {
		case c == nil:
		case abort:
			reset(c)
		default:
			_ = c.Close()
		}
	}
	for _, f := range p.flows {
		if f != nil {
			f.sleep.wake()
		}
	}
	return true
}

// reset closes a connection so that its other end sees a reset.
func reset(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(seconds int) error }); ok {
		_ = l.SetLinger(0)
	}
	_ = c.Close()
}

// closeWrite tells the other end that nothing more comes.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = c.Close()
}
