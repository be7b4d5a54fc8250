package link

import (
	"errors"
	"net"
	"os"
	"time"
)

// past is a moment that has gone by: what waits until then returns at once.
var past = time.Unix(1, 0) //nolint:gochecknoglobals // it never changes

// setDeadline bounds how long an Accept waits, where the listener can.
func (d *door) setDeadline(t time.Time) {
	if l, ok := d.Listener.(interface{ SetDeadline(t time.Time) error }); ok {
		_ = l.SetDeadline(t)
	}
}

// accept serves the connections of a listener until that is shut. In a black hole it leaves them in the kernel's
// queue: nothing answers them there, and no file is open for each of them.
func (r *Relay) accept(d *door) {
	for r.awaitNoHole(d.shut) {
		c, err := d.Accept()
		switch {
		case err == nil:
			r.admit(c)
		case errors.Is(err, os.ErrDeadlineExceeded): // a black hole began
			d.setDeadline(time.Time{})
		case errors.Is(err, net.ErrClosed):
			return
		default: // too many open files, say: it may be able to later
			select {
			case <-time.After(10 * time.Millisecond):
			case <-d.shut:
			}
		}
	}
}

// awaitNoHole waits until data passes in both directions. It returns false when end was closed.
func (r *Relay) awaitNoHole(end <-chan struct{}) bool {
	for {
		select {
		case <-end:
			return false
		default:
		}
		hole := r.hole()
		if hole == nil {
			return true
		}
		select {
		case <-hole.changed:
		case <-end:
			return false
		}
	}
}

// hole is a black hole that is in force; nil: there is none.
func (r *Relay) hole() *state {
	for i := range r.ways {
		if s := r.ways[i].state.Load(); s.BlackHole {
			return s
		}
	}
	return nil
}

// admit begins to serve a connection, unless connections are refused by now.
func (r *Relay) admit(c net.Conn) {
	p := &pair{relay: r, client: c, dial: r.dial, done: make(chan struct{})}
	if echo := r.probes.take(c); echo != nil {
		p.dial, p.probe = echo, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.door == nil {
		reset(c)
		return
	}
	r.pairs[p] = struct{}{}
	r.wg.Go(func() { r.serve(p) })
}

// afterHole is how long after a black hole the relay looks for clients that gave up in it.
const afterHole = time.Second

// serve connects a client to the server, and passes on what they send until both have ended.
func (r *Relay) serve(p *pair) {
	defer func() {
		p.end(false)
		r.mu.Lock()
		delete(r.pairs, p)
		r.mu.Unlock()
	}()
	if !r.awaitNoHole(p.done) {
		return
	}
	// In a real black hole nothing of a client that gave up has reached the server. Here all of their connections would
	// reach it at once, when the hole ends.
	if healed := r.healed.Load(); healed > 0 && time.Since(time.Unix(0, healed)) < afterHole && hasEnded(p.client) {
		return
	}
	server, err := p.dial(r.ctx)
	if err != nil {
		p.end(true) // a connection that was accepted cannot be refused any more
		return
	}
	if p.join(server) {
		p.run()
	}
}
