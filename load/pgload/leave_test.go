package pgload

import (
	"errors"
	"net"
	"sync"
	"testing"

	"pgchaos/internal/skip"
	"pgchaos/load/eventloop"
)

// TestWhoCannotLeave Go's poller, for want of a descriptor say, does not hold up the
// other clients of its event loop while it waits.
func TestWhoCannotLeave(t *testing.T) {
	loops, err := eventloop.New(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if loops.Threads() == 0 {
		skip.Test(t, "there are no event loops here")
	}
	defer loops.Close()
	ours, theirs := net.Pipe() // which has no descriptor at all
	w := &netConn{Conn: ours, unwatch: func() bool { return true }}
	w.leave()
	var ended sync.WaitGroup
	ended.Add(1)
	loops.Go(func(task *eventloop.Task) {
		defer ended.Done()
		if err := w.send(task, []byte("q")); err != nil {
			t.Error(err)
		}
		if n, err := w.receive(task, make([]byte, 1)); n != 1 || err != nil {
			t.Error(n, err)
		}
	})
	loops.Go(func(*eventloop.Task) { // the server is a client of the same loop, so to speak
		go func() {
			_, _ = theirs.Read(make([]byte, 1))
			loops.Go(func(*eventloop.Task) { go func() { _, _ = theirs.Write([]byte("a")) }() })
		}()
	})
	ended.Wait()
	if w.written.Load() != 1 || w.read.Load() != 1 {
		t.Errorf("%d written, %d read", w.written.Load(), w.read.Load())
	}
}

// TestSevered connections say that it was ourselves, whether they are read or written.
func TestSevered(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := &netConn{Conn: conn, unwatch: func() bool { return true }}
	w.leave()
	defer func() { _ = w.Close() }()
	w.sever()
	if err := w.send(nil, []byte("q")); !errors.Is(err, net.ErrClosed) || w.written.Load() != 0 {
		t.Errorf("sent: %v, %d bytes", err, w.written.Load())
	}
	if _, err := w.receive(nil, make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("received: %v", err)
	}
}
