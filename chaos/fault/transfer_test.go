package fault

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster/link"
)

// sink is a server that reads all that it gets.
func sink(t *testing.T) string {
	t.Helper()
	return serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

// source is a server that sends without an end.
func source(t *testing.T) string {
	t.Helper()
	return serve(t, pour)
}

// pour sends until the connection ends.
func pour(c net.Conn) {
	for data := make([]byte, 64<<10); ; {
		if _, err := c.Write(data); err != nil {
			return
		}
	}
}

// serve is a server on which every connection is used, and closed.
func serve(t *testing.T, use func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { use(c); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

// relayed is a link through a relay, of which both directions are meant.
func relayed(t *testing.T) way {
	t.Helper()
	return relayedTo(t, sink(t))
}

func relayedTo(t *testing.T, server string) way {
	t.Helper()
	r, err := link.Listen("127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return way{name: "b -> a", relay: r, meant: [2]bool{true, true}}
}

func (w way) impose(t *testing.T, step string, shape link.Shape) {
	t.Helper()
	if err := w.relay.Impose(step, w.rule(shape)); err != nil {
		t.Fatal(err)
	}
}

// noEffect demands an error of a fault that took no effect, which says something.
func noEffect(t *testing.T, err error, says string) {
	t.Helper()
	if !errors.Is(err, chaos.ErrNoEffect) || !strings.Contains(err.Error(), says) {
		t.Errorf("%v; it should say %q", err, says)
	}
}

// soon is the first error of some tries: on a busy machine data can be late by itself.
func soon(try func() error) (err error) {
	for range 50 {
		if err = try(); err != nil {
			break
		}
	}
	return err
}

// TestABoundIsSeen where data is as late as it demands, and nowhere else.
func TestABoundIsSeen(t *testing.T) {
	const bound = 100_000
	w := relayed(t)
	noEffect(t, soon(func() error {
		_, err := bounded(t.Context(), w, bound, answering)
		return err
	}), "at least 50ms through the link was answered")
	w.impose(t, "throttle-a-b", link.Shape{BytesPerSecond: bound})
	if _, err := bounded(t.Context(), w, bound, answering); err != nil {
		t.Error(err)
	}
	w.impose(t, "partition-a-b", link.Shape{BlackHole: true})
	_, err := bounded(t.Context(), w, bound, answering)
	noEffect(t, err, "nothing passes while partition-a-b is in force")
}

// TestABoundIsSeenOnAFullLink, by what passes it in one of the directions that are meant.
func TestABoundIsSeenOnAFullLink(t *testing.T) {
	both := [2]bool{true, true}
	read := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	for _, tc := range []struct {
		name   string
		server func(t *testing.T) string
		meant  [2]bool
		others func(c net.Conn) // what each connection of others does
	}{
		{"one way", sink, [2]bool{link.Forward: true}, pour},
		{"both ways, filled to the server", sink, both, pour},
		{"both ways, filled from the server", source, both, read},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := relayedTo(t, tc.server(t))
			w.meant = tc.meant
			w.seenWhenFull(t, tc.others)
		})
	}
}

func (w way) seenWhenFull(t *testing.T, others func(c net.Conn)) {
	t.Helper()
	const bound = 10_000
	w.impose(t, "throttle-a-b", link.Shape{BytesPerSecond: bound})
	// With nobody on the link, a sample that does not pass is no evidence.
	const short = 10 * time.Millisecond
	_, err := bounded(t.Context(), w, bound, short)
	noEffect(t, err, "data got no answer")
	for range 20 {
		c, err := net.Dial("tcp", w.relay.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		go others(c)
	}
	var seen string
	for patience := 100 * time.Millisecond; patience < answering; patience *= 2 { // a busy machine lets less pass
		seen, err = bounded(t.Context(), w, bound, patience)
		if err == nil {
			break
		}
	}
	if err != nil || !strings.Contains(seen, "others have filled the link") {
		t.Errorf("%q, %v", seen, err)
	}
}

// TestABoundThatCannotBite is found out before it is in force, with little data.
func TestABoundThatCannotBite(t *testing.T) {
	w := relayed(t)
	const bound = 1 << 50
	if s := sampleOf(w, bound); s.bytes > most {
		t.Errorf("%d bytes are sent", s.bytes)
	}
	noEffect(t, canBite(t.Context(), []way{w}, bound), "without the bound, 33.6 MB was answered after")
	w.impose(t, "delay-a-b", link.Shape{Latency: time.Millisecond})
	if err := canBite(t.Context(), []way{w}, bound); err != nil {
		t.Errorf("with another rule nothing is known: %v", err)
	}
}

// TestADelayWithMuchJitterIsSeen, though some data may be hardly late.
func TestADelayWithMuchJitterIsSeen(t *testing.T) {
	const latency = 20 * time.Millisecond
	for _, d := range []link.Distribution{link.Uniform, link.Normal} {
		w := relayed(t)
		verify := func(ctx context.Context) error {
			_, err := takes(ctx, w, samples(w), time.Duration(w.times())*latency/4, answering)
			return err
		}
		noEffect(t, soon(func() error { return verify(t.Context()) }), "in the mean of 32 connections")
		w.impose(t, "delay-a-b", link.Shape{Latency: latency, Jitter: latency, Distribution: d, Seed: 1})
		if err := verify(t.Context()); err != nil {
			t.Errorf("%s: %v", d, err)
		}
		w.impose(t, "partition-a-b", link.Shape{BlackHole: true})
		noEffect(t, verify(t.Context()), "nothing passes while partition-a-b is in force")
	}
}
