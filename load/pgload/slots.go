package pgload

import (
	"context"
	"slices"
	"sync"
)

// slots are the connections of a workload that has fewer of them than clients. Who
// waits for one gets it in the order of waiting; of those that are free the one that
// was used last is given out first, so that no more are opened than are needed.
type slots struct {
	w           *Workload
	mu          sync.Mutex
	free        []*conn // connected
	unconnected []*conn // not connected
	waiting     []chan *conn
}

func newSlots(w *Workload, n int) *slots {
	p := &slots{w: w}
	for range n {
		p.unconnected = append(p.unconnected, newConn(w))
	}
	return p
}

// acquire waits for a connection. It is nil when ctx ends before there is one.
func (p *slots) acquire(ctx context.Context) *conn {
	if c, ready := p.tryAcquire(); c != nil {
		return c
	} else {
		select {
		case c := <-ready:
			return c
		case <-ctx.Done():
			p.forget(ready)
			return nil
		}
	}
}

func (p *slots) tryAcquire() (*conn, chan *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range []*[]*conn{&p.free, &p.unconnected} {
		if n := len(*list); n > 0 {
			c := (*list)[n-1]
			*list = (*list)[:n-1]
			return c, nil
		}
	}
	ready := make(chan *conn, 1)
	p.waiting = append(p.waiting, ready)
	return nil, ready
}

// forget ends a wait. What it was given in the last moment goes to the next.
func (p *slots) forget(ready chan *conn) {
	p.mu.Lock()
	i := slices.Index(p.waiting, ready)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 {
		p.release(<-ready)
	}
}

// release takes a connection back.
func (p *slots) release(c *conn) {
	if c.pooled != nil && p.w.allClosed() {
		c.disconnect()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case len(p.waiting) > 0:
		p.waiting[0] <- c
		p.waiting = p.waiting[1:]
	case c.pooled != nil:
		p.free = append(p.free, c)
	default:
		p.unconnected = append(p.unconnected, c)
	}
}

// closeFree closes the connections that nobody uses.
func (p *slots) closeFree() {
	p.mu.Lock()
	list := p.free
	p.free = nil
	p.mu.Unlock()
	for _, c := range list {
		c.disconnect()
	}
	p.mu.Lock()
	p.unconnected = append(p.unconnected, list...)
	p.mu.Unlock()
}

// allClosed tells whether every session has closed.
func (w *Workload) allClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open == 0
}
