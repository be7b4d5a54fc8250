package pgload

import (
	"context"
	"slices"
	"sync"
)

// places are the connections of a workload that has fewer of them than clients. Who
// waits for one gets it in the order of waiting; of those that are free the one that
// was used last is given out first, so that no more are opened than are needed.
type places struct {
	w       *Workload
	mu      sync.Mutex
	free    []*conn // connected
	blank   []*conn // not connected
	waiting []chan *conn
}

func newPlaces(w *Workload, n int) *places {
	p := &places{w: w}
	for range n {
		p.blank = append(p.blank, newConn(w))
	}
	return p
}

// take waits for a place. It is nil when ctx ends before there is one.
func (p *places) take(ctx context.Context) *conn {
	if c, ready := p.tryTake(); c != nil {
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

func (p *places) tryTake() (*conn, chan *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range []*[]*conn{&p.free, &p.blank} {
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
func (p *places) forget(ready chan *conn) {
	p.mu.Lock()
	i := slices.Index(p.waiting, ready)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 {
		p.give(<-ready)
	}
}

// give takes a place back.
func (p *places) give(c *conn) {
	if c.pooled != nil && p.w.nobody() {
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
		p.blank = append(p.blank, c)
	}
}

// empty closes the connections that nobody uses.
func (p *places) empty() {
	p.mu.Lock()
	list := p.free
	p.free = nil
	p.mu.Unlock()
	for _, c := range list {
		c.disconnect()
	}
	p.mu.Lock()
	p.blank = append(p.blank, list...)
	p.mu.Unlock()
}

// nobody tells whether every session has closed.
func (w *Workload) nobody() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open == 0
}
