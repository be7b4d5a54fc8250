package link

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"pgchaos/internal/skip"
)

var hole = Shape{BlackHole: true}

// cut is a black hole in both directions.
var cut = Rule{Ways: [2]Shape{hole, hole}}

func impose(t *testing.T, r *Relay, name string, rule Rule) {
	t.Helper()
	if err := r.Impose(name, rule); err != nil {
		t.Fatal(err)
	}
}

func lift(t *testing.T, r *Relay, name string) {
	t.Helper()
	if err := r.Lift(name); err != nil {
		t.Fatal(err)
	}
}

// TestDataAndEndsPassBothWays: one side can end before the other.
func TestDataAndEndsPassBothWays(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	client, at := through(t, r, s)
	send(t, client, "question")
	receive(t, at, "question")
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := at.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("the client has ended its side, and the server sees %d bytes, %v", n, err)
	}
	send(t, at, "answer")
	receive(t, client, "answer")
	if err := at.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("the server has ended, and the client sees %d bytes, %v", n, err)
	}
	if c := r.Counters(); c.Passed != [2]int64{8, 6} {
		t.Errorf("passed %v", c.Passed)
	}
}

// TestResetsPass: what is reset at one end is reset at the other.
func TestResetsPass(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	client, at := through(t, r, s)
	reset(at)
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
	client, at = through(t, r, s)
	reset(client)
	if _, err := at.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server sees %v", err)
	}
}

// TestServerIsAway: a client sees a reset.
func TestServerIsAway(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", r.Address())
	if err == nil { // else it was reset at once
		_, err = c.Read(make([]byte, 1))
		_ = c.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
}

// TestBlackHole: nothing passes, neither data nor ends; new connections hang; and what was held back flows on.
func TestBlackHole(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	stays, at := through(t, r, s)
	goes, atGoes := through(t, r, s)
	aborts, atAborts := through(t, r, s)
	impose(t, r, "cut", cut)
	before := r.Counters().Passed
	send(t, stays, "sent in it")
	send(t, at, "answered in it")
	send(t, goes, "last words")
	if err := goes.Close(); err != nil {
		t.Fatal(err)
	}
	reset(aborts)
	fresh := dial(t, r) // by the kernel alone
	send(t, fresh, "hello")
	for _, c := range []net.Conn{stays, at, atGoes, atAborts, fresh} {
		silent(t, c)
	}
	if now := r.Counters().Passed; now != before {
		t.Errorf("passed %v, and %v before", now, before)
	}
	lift(t, r, "cut")
	receive(t, at, "sent in it")
	receive(t, stays, "answered in it")
	receive(t, atGoes, "last words")
	for _, c := range []net.Conn{atGoes, atAborts} {
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("its client is gone, and the server sees %d bytes, %v", n, err)
		}
	}
	receive(t, s.next(t), "hello")
	send(t, stays, "after it")
	receive(t, at, "after it")
}

// TestOneDirection: the other one goes on, and new connections hang.
func TestOneDirection(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	client, at := through(t, r, s)
	var forward Rule
	forward.Ways[Forward] = hole
	impose(t, r, "half", forward)
	send(t, client, "held")
	send(t, at, "passes")
	receive(t, client, "passes")
	silent(t, at)
	silent(t, dial(t, r))
	// The server gives up. What comes back passes: the client sees it.
	reset(at)
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
}

// TestAGoneReceiverIsNotSeenThroughABlackHole: what a client sends to a server that is gone is answered by a reset,
// which does not pass.
func TestAGoneReceiverIsNotSeenThroughABlackHole(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	client, at := through(t, r, s)
	var back Rule
	back.Ways[Back] = hole
	impose(t, r, "half", back)
	reset(at)
	send(t, client, "x")
	silent(t, client)
	lift(t, r, "half")
	if err := client.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
}

// TestReject: open connections are reset, new ones are refused, and afterwards the same address serves.
func TestReject(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	client, at := through(t, r, s)
	impose(t, r, "reject", Rule{Reject: true})
	for _, c := range []net.Conn{client, at} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("an open connection sees %v", err)
		}
	}
	for range 3 {
		if c, err := net.Dial("tcp", r.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a new connection sees %v, %v", c, err)
		}
	}
	lift(t, r, "reject")
	client, at = through(t, r, s)
	send(t, client, "again")
	receive(t, at, "again")
}

// TestAConnectionThatWasEndedIsNotOpen, although what served it is not gone yet.
func TestAConnectionThatWasEndedIsNotOpen(t *testing.T) {
	dialing, end := make(chan struct{}), make(chan struct{})
	r := newRelay()
	r.listen = func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	r.dial = func(context.Context) (net.Conn, error) {
		close(dialing)
		<-end
		return nil, net.ErrClosed
	}
	if err := r.begin(); err != nil {
		t.Fatal(err)
	}
	r.address = r.door.Addr().String()
	defer func() { _ = r.Close() }()
	defer close(end)
	dial(t, r)
	<-dialing
	if n := r.Counters().Open; n != 1 {
		t.Errorf("%d connections are open, not 1", n)
	}
	impose(t, r, "reject", Rule{Reject: true})
	if n := r.Counters().Open; n != 0 {
		t.Errorf("%d connections are open, and all were reset", n)
	}
}

// TestBlocks names what lets no new connection pass, but for what does so now and then.
func TestBlocks(t *testing.T) {
	r := relayTo(t, newServer(t).Addr().String())
	impose(t, r, "slow", Rule{Ways: [2]Shape{{BytesPerSecond: 1}, {Latency: time.Hour}}})
	impose(t, r, "flap", Rule{Ways: cut.Ways, Down: time.Hour, Up: time.Hour})
	impose(t, r, "half", Rule{Ways: [2]Shape{Back: hole}})
	impose(t, r, "reject", Rule{Reject: true})
	if got := r.Blocks(); !slices.Equal(got, []string{"half", "reject"}) {
		t.Errorf("%q", got)
	}
}

// TestAProbeNeedsLittleMemory, however much it sends.
func TestAProbeNeedsLittleMemory(t *testing.T) {
	r := relayTo(t, newServer(t).Addr().String())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if met, err := r.Probe(t.Context(), 64<<20, time.Minute); err != nil || met.Took == 0 {
		t.Fatalf("%+v, %v", met, err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("a probe of 64 MiB took %d bytes of memory", used)
	}
}

// TestDrop: all connections are reset, once.
func TestDrop(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	one, atOne := through(t, r, s)
	two, atTwo := through(t, r, s)
	if n := r.Drop(); n != 2 {
		t.Errorf("%d connections were reset, not 2", n)
	}
	for _, c := range []net.Conn{one, atOne, two, atTwo} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("an open connection sees %v", err)
		}
	}
	client, at := through(t, r, s)
	send(t, client, "again")
	receive(t, at, "again")
	if n := r.Drop(); n != 1 {
		t.Errorf("%d connections were reset, not 1", n)
	}
}

// TestClientsThatGaveUpDoNotReachTheServer: else all their connections would reach it at once when a black hole ends.
func TestClientsThatGaveUpDoNotReachTheServer(t *testing.T) {
	if runtime.GOOS != "linux" {
		skip.Test(t, "not known on this system")
	}
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	impose(t, r, "cut", cut)
	for range 20 {
		c := dial(t, r)
		send(t, c, "startup packet")
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	waits := dial(t, r)
	send(t, waits, "patient")
	lift(t, r, "cut")
	receive(t, s.next(t), "patient")
	select {
	case <-s.accepted:
		t.Error("another connection reached the server")
	case <-time.After(50 * time.Millisecond):
	}
}

// TestRulesOverlap: the end of one leaves the other, and lifting what is not in force changes nothing.
func TestRulesOverlap(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	client, at := through(t, r, s)
	impose(t, r, "one", cut)
	impose(t, r, "two", cut)
	impose(t, r, "two", cut) // in place of itself
	send(t, client, "held")
	lift(t, r, "one")
	lift(t, r, "one")
	lift(t, r, "three")
	silent(t, at)
	if got := r.Rules(); len(got) != 1 || got[0] != "two" {
		t.Errorf("in force: %v", got)
	}
	lift(t, r, "two")
	receive(t, at, "held")
}

// TestCloseLeavesNothing: neither goroutines nor connections, whatever is in force.
func TestCloseLeavesNothing(t *testing.T) {
	for name, rule := range map[string]Rule{
		"nothing":    {},
		"black hole": cut,
		"reject":     {Reject: true},
		"delay":      {Ways: [2]Shape{{Latency: time.Hour}, {Latency: time.Hour}}},
		"throttle":   {Ways: [2]Shape{{BytesPerSecond: 1}, {BytesPerSecond: 1}}},
		"flap":       {Ways: cut.Ways, Down: time.Hour, Up: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			r, err := Listen("127.0.0.1:0", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			client, at := through(t, r, s)
			impose(t, r, name, rule)
			if name != "reject" {
				send(t, client, "abc")
				send(t, at, "abc")
				dial(t, r)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			goroutinesEnd(t)
			if err := client.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, client); err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client sees %v", err)
			}
			if c, err := net.Dial("tcp", r.Address()); err == nil {
				t.Errorf("%s still accepts", c.RemoteAddr())
			}
			if err := r.Close(); err != nil {
				t.Errorf("closed twice: %v", err)
			}
			if err := r.Impose("late", cut); !errors.Is(err, net.ErrClosed) {
				t.Errorf("a rule after the end: %v", err)
			}
		})
	}
}
