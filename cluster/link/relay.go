// Package link is the links of a cluster: who reaches whom by which address, and TCP relays that faults of
// the network are imposed on.
//
// A relay passes data on as it comes, until a Rule says otherwise. It works on data and not on packets: what one
// end has sent is acknowledged by the relay's kernel, also in a black hole. So TCP's own time-outs (keepalives,
// TCP_USER_TIMEOUT) see nothing of a fault; those of PostgreSQL and of clients do.
package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Relay stands between those who connect to a server and the server. Make it with Listen, and end it with Close.
// It is safe for concurrent use.
type Relay struct {
	address string
	listen  func() (net.Listener, error)
	dial    func(ctx context.Context) (net.Conn, error)
	sleeper func() sleeper

	ways    [2]way
	ctx     context.Context // ends with the relay
	cancel  context.CancelFunc
	wg      sync.WaitGroup // of all goroutines
	probes  probes
	number  atomic.Uint64 // of connections accepted so far
	healed  atomic.Int64  // when the newest black hole ended, in nanoseconds since 1970; 0: there was none
	changes sync.Mutex    // held while what is in force changes

	mu     sync.Mutex
	door   *door // nil: it refuses connections
	pairs  map[*pair]struct{}
	rules  []*imposed // the newest last
	closed bool
}

// way is one direction of the link.
type way struct {
	state  atomic.Pointer[state]
	passed atomic.Int64
}

// imposed is a rule that is in force; while it flaps, not all the time.
type imposed struct {
	name string
	Rule
	up   bool          // it flaps, and lets all pass at the moment
	gone chan struct{} // closed when it is lifted
}

// door is a listener, and whether it was shut.
type door struct {
	net.Listener
	shut chan struct{}
}

// Counters are what has passed a relay.
type Counters struct {
	Passed [2]int64 // bytes, by Direction
	Open   int      // connections
}

// dialTimeout bounds how long the server may take to accept a connection. Its kernel does it, also where the
// server itself hangs.
const dialTimeout = time.Minute

// Listen makes a relay that listens on an address and passes connections on to the target.
func Listen(address, target string) (*Relay, error) {
	r := newRelay()
	r.address = address
	r.listen = func() (net.Listener, error) { return net.Listen("tcp", r.address) }
	r.dial = func(ctx context.Context) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		var d net.Dialer
		return d.DialContext(ctx, "tcp", target)
	}
	r.sleeper = newSleeper
	if err := r.begin(); err != nil {
		return nil, err
	}
	r.address = r.door.Addr().String() // with the number, where any port was asked for
	return r, nil
}

func newRelay() *Relay {
	r := &Relay{pairs: map[*pair]struct{}{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for i := range r.ways {
		r.ways[i].state.Store(newState(Shape{}))
	}
	return r
}

func (r *Relay) begin() error {
	l, err := r.listen()
	if err != nil {
		r.cancel()
		return fmt.Errorf("listen for a relay: %w", err)
	}
	r.open(l)
	return nil
}

// Address is where the relay listens: HOST:PORT.
func (r *Relay) Address() string { return r.address }

// Counters are what has passed so far.
func (r *Relay) Counters() Counters {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Counters{Open: r.openPairs()}
	for i := range r.ways {
		c.Passed[i] = r.ways[i].passed.Load()
	}
	return c
}

// openPairs counts connections, without probes. One that was ended counts no more, although its goroutines may still be on
// their way out. mu is held.
func (r *Relay) openPairs() (n int) {
	for p := range r.pairs {
		if !p.probe && !p.isOver() {
			n++
		}
	}
	return n
}

// Rules are the names of what is imposed, the newest last.
func (r *Relay) Rules() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range r.rules {
		names = append(names, i.name)
	}
	return names
}

// Blocks are the names of the rules under which no new connection is served, the newest last. One that flaps is none of them.
func (r *Relay) Blocks() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range r.rules {
		if i.Down == 0 && i.Closes() {
			names = append(names, i.name)
		}
	}
	return names
}

// Impose puts a rule in force, in place of one of the same name. When it returns, all connections feel it: in a black
// hole no byte passes any more.
func (r *Relay) Impose(name string, rule Rule) error {
	if err := r.Lift(name); err != nil {
		return err
	}
	i := &imposed{name: name, Rule: rule, gone: make(chan struct{})}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return net.ErrClosed
	}
	r.rules = append(r.rules, i)
	if rule.Down > 0 {
		r.wg.Go(func() { r.flap(i) })
	}
	r.mu.Unlock()
	return r.apply()
}

// Lift takes a rule away, if it is in force. What a black hole has held back flows on. After an error connections are still refused.
func (r *Relay) Lift(name string) error {
	r.mu.Lock()
	r.rules = slices.DeleteFunc(r.rules, func(i *imposed) bool {
		if i.name != name {
			return false
		}
		close(i.gone)
		return true
	})
	r.mu.Unlock()
	return r.apply()
}

// flap takes a rule out of force and puts it in force again.
func (r *Relay) flap(i *imposed) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for next, up := time.Now().Add(i.Down), true; ; up = !up {
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-i.gone:
			return
		case <-r.ctx.Done():
			return
		}
		r.mu.Lock()
		i.up = up
		r.mu.Unlock()
		_ = r.apply() // a rule that flaps does not refuse connections, which alone can fail
		if up {
			next = next.Add(i.Up)
		} else {
			next = next.Add(i.Down)
		}
	}
}

// apply makes what is imposed take effect.
func (r *Relay) apply() error {
	r.changes.Lock()
	defer r.changes.Unlock()
	r.mu.Lock()
	reject, next := false, [2]Shape{}
	for _, i := range r.rules {
		if i.up {
			continue
		}
		reject = reject || i.Reject
		for d := range next {
			next[d] = next[d].Under(i.Ways[d])
		}
	}
	r.mu.Unlock()
	for d := range next {
		r.setState(Direction(d), next[d])
	}
	return r.setReject(reject)
}

// setState puts a shape in force, and returns when no connection passes data under the one before. changes is held.
func (r *Relay) setState(d Direction, to Shape) {
	w := &r.ways[d]
	before := w.state.Load()
	if before.Shape == to {
		return
	}
	if before.BlackHole {
		r.healed.Store(time.Now().UnixNano())
	}
	w.state.Store(newState(to))
	close(before.changed)
	r.mu.Lock()
	if to.BlackHole && r.door != nil {
		r.door.setDeadline(past)
	}
	r.mu.Unlock()
	for _, p := range r.all() {
		p.interrupt(d)
	}
}

// all are the connections of the moment.
func (r *Relay) all() []*pair {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*pair, 0, len(r.pairs))
	for p := range r.pairs {
		all = append(all, p)
	}
	return all
}

// setReject shuts the door, with all connections, or opens it again. changes is held.
func (r *Relay) setReject(reject bool) error {
	r.mu.Lock()
	d := r.door
	if r.closed || reject == (d == nil) {
		r.mu.Unlock()
		return nil
	}
	if reject {
		r.door = nil
	}
	r.mu.Unlock()
	if !reject {
		l, err := r.listen()
		if err != nil {
			return fmt.Errorf("listen again on %s: %w", r.address, err)
		}
		r.open(l)
		return nil
	}
	r.probes.forget()
	close(d.shut)
	err := d.Close()
	r.Drop()
	return err
}

// open accepts connections of a listener.
func (r *Relay) open(l net.Listener) {
	d := &door{l, make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		_ = l.Close()
		return
	}
	r.door = d
	r.wg.Go(func() { r.accept(d) })
}

// Drop resets all connections, and counts them.
func (r *Relay) Drop() (n int) {
	for _, p := range r.all() {
		if p.end(true) && !p.probe {
			n++
		}
	}
	return n
}

// Close ends the relay and all its connections, and returns when nothing of it is left.
func (r *Relay) Close() error {
	r.mu.Lock()
	d, closed := r.door, r.closed
	r.door, r.closed = nil, true
	r.mu.Unlock()
	var err error
	if !closed && d != nil {
		close(d.shut)
		if err = d.Close(); errors.Is(err, net.ErrClosed) {
			err = nil
		}
	}
	r.cancel()
	r.Drop()
	r.wg.Wait()
	return err
}
