package link

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// flow is one direction of one connection. One goroutine runs it; while data is delayed or throttled, a second one
// reads.
type flow struct {
	pair     *pair
	way      *way
	back     *way // the other direction of the link
	from, to net.Conn
	passed   *atomic.Int64
	number   uint64
	sleep    lazySleeper

	writing sync.Mutex // held while data, or the end of it, is written

	// What was read and not yet written.
	mu     sync.Mutex
	queue  []chunk
	queued int           // bytes
	more   chan struct{} // there may be more in the queue
	less   chan struct{} // there may be less in it
	ended  bool          // nothing more is to be read
	latest time.Time     // when the last of the queue is due
	buf    []byte        // of the goroutine that reads
}

// chunk is data, or the end of it.
type chunk struct {
	data []byte
	due  time.Time
	end  error // io.EOF: the sender has ended its side; another: it is gone; nil: there is more to come
}

// What ends a delivery.
var (
	errChanged = errors.New("another state is in force")
	errOver    = errors.New("the end was delivered")
)

// bufferSize is what is read at once.
const bufferSize = 64 << 10

// mostDelayed bounds what one direction of a connection holds while data is delayed, as a window of TCP would. Data
// that is throttled is left in the kernel instead.
const mostDelayed = 4 << 20

func newFlow(p *pair, d Direction, from, to net.Conn, number uint64) *flow {
	r := p.relay
	return &flow{
		pair: p, way: &r.ways[d], back: &r.ways[1-d], from: from, to: to, passed: &r.ways[d].passed, number: number,
		sleep: lazySleeper{make: r.sleeper}, more: make(chan struct{}, 1), less: make(chan struct{}, 1), buf: make([]byte, bufferSize),
	}
}

// run passes data on until its end was delivered, or the connection is over.
func (f *flow) run() {
	defer f.sleep.close()
	for over := false; !over; {
		switch s := f.way.state.Load(); {
		case s.BlackHole:
			over = f.hold(s)
		case s.plain():
			over = f.pass(s)
		default:
			over = f.shape(s)
		}
	}
}

// interrupt ends what the flow waits for.
func (f *flow) interrupt() {
	_ = f.from.SetReadDeadline(past)
	_ = f.to.SetWriteDeadline(past)
	f.sleep.wake()
}

// awaitWrite waits until a write that has begun is over.
func (f *flow) awaitWrite() {
	f.writing.Lock()
	defer f.writing.Unlock()
}

// stopped tells whether a state is in force no longer, or the connection is over.
func (f *flow) stopped(s *state) bool {
	select {
	case <-s.changed:
		return true
	default:
		return f.pair.isOver()
	}
}

// hold lets nothing pass. It does not read either, so that the sender comes to feel it.
func (f *flow) hold(s *state) (over bool) {
	select {
	case <-s.changed:
		return false
	case <-f.pair.done:
		return true
	}
}

// pass hands on what comes, as it comes. It returns when another state is in force, or with over at the end.
func (f *flow) pass(s *state) (over bool) {
	for {
		c, waiting := f.head()
		if !waiting {
			if f.ended {
				return true
			}
			c = f.read()
		}
		left, err := f.deliver(s, c)
		switch {
		case err == nil && waiting:
			f.drop()
		case err == nil:
		case errors.Is(err, errChanged):
			if waiting {
				f.replaceHead(left)
			} else if len(left.data) > 0 || left.end != nil {
				left.data = slices.Clone(left.data) // which is in buf
				f.push(left)
			}
			return false
		default:
			return f.finish(err)
		}
	}
}

// read waits for what comes next. What it returns is in buf, and empty where it was interrupted.
func (f *flow) read() chunk {
	n, err := f.from.Read(f.buf)
	c := chunk{data: f.buf[:n]}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		_ = f.from.SetReadDeadline(time.Time{})
	case err != nil:
		if f.pair.broken.Load() { // the kernel says so once, and later that this is the end
			err = net.ErrClosed
		}
		c.end, f.ended = err, true
	}
	return c
}

// deliver writes a chunk, as long as a state is in force. It returns what is left of it, and errChanged or errOver, or the
// error of a receiver that is gone.
func (f *flow) deliver(s *state, c chunk) (left chunk, err error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	for {
		if f.way.state.Load() != s {
			return c, errChanged
		}
		if len(c.data) == 0 {
			break
		}
		var n int
		n, err = f.to.Write(c.data)
		f.passed.Add(int64(n))
		c.data = c.data[n:]
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded): // another state is in force, or came in force earlier
			_ = f.to.SetWriteDeadline(time.Time{})
		case err != nil:
			return c, err
		}
	}
	switch {
	case c.end == nil:
		return c, nil
	case errors.Is(c.end, io.EOF):
		closeWrite(f.to)
	default:
		f.pair.end(true)
	}
	return c, errOver
}

// finish ends the flow after the error of a delivery. Where the receiver is gone, the sender learns of it by the other
// direction, and so not as long as that is a black hole.
func (f *flow) finish(err error) (over bool) {
	if errors.Is(err, errOver) {
		return true
	}
	f.pair.broken.Store(true)
	for {
		s := f.back.state.Load()
		if !s.BlackHole {
			f.pair.end(true)
			return true
		}
		select {
		case <-s.changed:
		case <-f.pair.done:
			return true
		}
	}
}

// shape delays and throttles data: one goroutine reads it, and this one hands it on when it is due.
func (f *flow) shape(s *state) (over bool) {
	var reader sync.WaitGroup
	reader.Go(func() { f.fill(s) })
	over = f.drain(s)
	reader.Wait() // which the new state has interrupted, the end of the connection, or the end of the data
	return over
}

// fill reads into the queue as long as a state is in force.
func (f *flow) fill(s *state) {
	rng := rand.New(rand.NewPCG(s.Seed, f.number))
	most := bufferSize
	if s.delays() {
		most = mostDelayed
	}
	for !f.ended && !f.stopped(s) {
		if f.size() >= most {
			select {
			case <-f.less:
			case <-s.changed:
			case <-f.pair.done:
			}
			continue
		}
		c := f.read()
		if len(c.data) == 0 && c.end == nil {
			continue
		}
		c.data = slices.Clone(c.data)
		if s.delays() {
			c.due = time.Now().Add(s.delay(rng))
		}
		f.push(c)
	}
}

// drain hands on what is in the queue, as long as a state is in force.
func (f *flow) drain(s *state) (over bool) {
	for {
		c, waiting := f.head()
		switch {
		case !waiting && f.awaitMore(s):
			continue
		case !waiting || s.delays() && !f.sleepUntil(s, c.due):
			return f.pair.isOver()
		}
		part, rest := c, chunk{}
		if s.bucket != nil {
			if n := s.bucket.piece(); len(c.data) > n {
				part, rest = chunk{data: c.data[:n]}, chunk{data: c.data[n:], due: c.due, end: c.end}
			}
			if !f.sleepUntil(s, s.bucket.take(len(part.data), time.Now())) {
				return f.pair.isOver()
			}
		}
		left, err := f.deliver(s, part)
		switch {
		case err == nil && rest.data != nil:
			f.replaceHead(rest)
		case err == nil:
			f.drop()
		case errors.Is(err, errChanged):
			f.replaceHead(chunk{data: c.data[len(part.data)-len(left.data):], due: c.due, end: c.end})
			return false
		default:
			return f.finish(err)
		}
	}
}

// sleepUntil sleeps as long as a state is in force, and tells whether it still is.
func (f *flow) sleepUntil(s *state, t time.Time) bool {
	stop := func() bool { return f.stopped(s) }
	for time.Now().Before(t) {
		if stop() {
			return false
		}
		f.sleep.get().until(t, stop)
	}
	return !stop()
}
