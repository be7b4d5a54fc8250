package link

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// goroutinesEnd fails when a goroutine of this package is left.
func goroutinesEnd(t *testing.T) {
	t.Helper()
	var left string
	for range 100 {
		buf := make([]byte, 1<<20)
		left = ""
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "cluster/link.(*") && !strings.Contains(g, "testing.tRunner") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("left:\n%s", left)
}

// server listens, and gives out what it has accepted.
type server struct {
	*net.TCPListener
	accepted chan *net.TCPConn
}

func newServer(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{l.(*net.TCPListener), make(chan *net.TCPConn, 100)}
	go func() {
		for {
			c, err := s.AcceptTCP()
			if err != nil {
				return
			}
			s.accepted <- c
		}
	}()
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// next is the next connection that reached the server.
func (s *server) next(t *testing.T) *net.TCPConn {
	t.Helper()
	select {
	case c := <-s.accepted:
		t.Cleanup(func() { _ = c.Close() })
		return c
	case <-time.After(10 * time.Second):
		t.Fatal("no connection reached the server")
	}
	return nil
}

// relayTo is a relay to a server, which must be gone at the end of the test.
func relayTo(t *testing.T, target string) *Relay {
	t.Helper()
	r, err := Listen("127.0.0.1:0", target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if c := r.Counters(); c.Open != 0 {
			t.Errorf("%d connections are open", c.Open)
		}
	})
	return r
}

// through is a connection through a relay, and its end at the server.
func through(t *testing.T, r *Relay, s *server) (client, at *net.TCPConn) {
	t.Helper()
	client = dial(t, r)
	return client, s.next(t)
}

func dial(t *testing.T, r *Relay) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", r.Address(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// receive expects a text next.
func receive(t *testing.T, c net.Conn, text string) {
	t.Helper()
	buf := make([]byte, len(text))
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != text {
		t.Fatalf("received %q, %v; want %q", buf, err, text)
	}
}

// silent expects nothing for a time: no data, no end, no reset.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var buf [1]byte
	if n, err := c.Read(buf[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("it should be silent, and %d bytes came, %v", n, err)
	}
}

// inBubble runs a test in virtual time, with a relay between two ends of pipes.
func inBubble(t *testing.T, test func(t *testing.T, r *Relay, client, server net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &pipeListener{make(chan net.Conn), make(chan struct{})}
		client, near := net.Pipe()
		far, server := net.Pipe()
		r := newRelay()
		r.sleeper = newTimerSleep
		r.listen = func() (net.Listener, error) { return l, nil }
		r.dial = dialTo(far)
		if err := r.begin(); err != nil {
			t.Fatal(err)
		}
		l.conns <- near
		synctest.Wait()
		test(t, r, client, server)
		_, _ = client.Close(), server.Close()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}
