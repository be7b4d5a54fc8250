package link

import (
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// answering is a server that answers each request after a time, as one does that commits.
func answering(tb testing.TB, request, answer int, after time.Duration) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				in, out := make([]byte, request), make([]byte, answer)
				for {
					if _, err := io.ReadFull(c, in); err != nil {
						return
					}
					if after > 0 {
						time.Sleep(after)
					}
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// asker sends requests one after the other.
type asker struct {
	conn    net.Conn
	in, out []byte
}

func ask(tb testing.TB, address string, request, answer int) *asker {
	tb.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	a := &asker{c, make([]byte, answer), make([]byte, request)}
	a.once(tb)
	return a
}

func (a *asker) once(tb testing.TB) (took time.Duration) {
	begun := time.Now()
	if _, err := a.conn.Write(a.out); err != nil {
		tb.Error(err)
	}
	if _, err := io.ReadFull(a.conn, a.in); err != nil {
		tb.Error(err)
	}
	return time.Since(begun)
}

// relayed is the address of a relay to a server, and the relay.
func relayed(tb testing.TB, target string) (string, *Relay) {
	tb.Helper()
	r, err := Listen("127.0.0.1:0", target)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Close() })
	return r.Address(), r
}

// The size of a message of an insert, and of its answer.
const requestSize, answerSize = 200, 80

func BenchmarkRoundTrip(b *testing.B) {
	target := answering(b, requestSize, answerSize, 0)
	through, _ := relayed(b, target)
	for _, way := range []struct{ name, to string }{{"direct", target}, {"relay", through}} {
		b.Run(way.name, func(b *testing.B) {
			a := ask(b, way.to, requestSize, answerSize)
			for b.Loop() {
				a.once(b)
			}
		})
	}
}

// BenchmarkEightClients is the throughput of 8 clients whose server takes no time, where the relay costs most, and of a
// server that takes as long as a commit.
func BenchmarkEightClients(b *testing.B) {
	for _, of := range []struct {
		name  string
		after time.Duration
	}{{"server=0s", 0}, {"server=2ms", 2 * time.Millisecond}} {
		target := answering(b, requestSize, answerSize, of.after)
		through, _ := relayed(b, target)
		for _, way := range []struct{ name, to string }{{"direct", target}, {"relay", through}} {
			b.Run(of.name+"/"+way.name, func(b *testing.B) {
				askers := make([]*asker, 8)
				for i := range askers {
					askers[i] = ask(b, way.to, requestSize, answerSize)
				}
				b.ResetTimer()
				var next atomic.Int64
				var wg sync.WaitGroup
				for _, a := range askers {
					wg.Go(func() {
						for next.Add(1) <= int64(b.N) {
							a.once(b)
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

// BenchmarkStream is how fast WAL or a base backup passes.
func BenchmarkStream(b *testing.B) {
	const size = 1 << 20
	target := answering(b, size, 1, 0)
	through, _ := relayed(b, target)
	for _, way := range []struct{ name, to string }{{"direct", target}, {"relay", through}} {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(size)
			a := ask(b, way.to, size, 1)
			for b.Loop() {
				a.once(b)
			}
		})
	}
}

// quarter is the time within which a quarter of the round trips are done: what others do on the machine makes
// some of them longer, and none shorter.
func quarter(t *testing.T, a *asker, times int, pause time.Duration) time.Duration {
	t.Helper()
	took := make([]time.Duration, times)
	for i := range took {
		took[i] = a.once(t)
		time.Sleep(pause)
	}
	slices.Sort(took)
	t.Logf("round trips: a quarter within %s, half %s, 99 %% %s", took[times/4], took[times/2], took[times*99/100])
	return took[times/4]
}

// TestAnIdleRelayCosts less than 100 microseconds a round trip.
func TestAnIdleRelayCosts(t *testing.T) {
	target := answering(t, requestSize, answerSize, 0)
	through, _ := relayed(t, target)
	direct := quarter(t, ask(t, target, requestSize, answerSize), 2000, 0)
	relay := quarter(t, ask(t, through, requestSize, answerSize), 2000, 0)
	t.Logf("a relay adds %s", relay-direct)
	if relay-direct > 100*time.Microsecond {
		t.Errorf("a round trip takes %s, and %s through a relay", direct, relay)
	}
}

// TestADelayIsTrue to 0.2 ms in each direction, measured through the relay; never shorter. Other processes can only make it longer,
// so the best of some measurements counts. A sleep of this process at the same time shows by how much the machine itself is late.
func TestADelayIsTrue(t *testing.T) {
	const latency = 5 * time.Millisecond
	target := answering(t, requestSize, answerSize, 0)
	through, r := relayed(t, target)
	a := ask(t, through, requestSize, answerSize)
	before := quarter(t, a, 100, time.Millisecond)
	impose(t, r, "slow", Rule{Ways: [2]Shape{{Latency: latency}, {Latency: latency}}})
	const longest = 2 * (latency + 200*time.Microsecond)
	best, late := time.Hour, time.Duration(0)
	for range 10 {
		sleeping := make(chan time.Duration)
		go func() { sleeping <- lateness(latency, 80) }()
		delayed := quarter(t, a, 100, time.Millisecond)
		late = max(late, <-sleeping)
		if delayed < 2*latency {
			t.Fatalf("a delay of %s in each direction took %s", latency, delayed)
		}
		if best = min(best, delayed-before); best <= longest+2*late {
			return
		}
	}
	t.Errorf("a delay of %s in each direction added %s; a sleep ended up to %s late", latency, best, late)
}

// lateness is by how much a quarter of some sleeps end late at most.
func lateness(sleep time.Duration, times int) time.Duration {
	late := make([]time.Duration, times)
	for i := range late {
		begun := time.Now()
		time.Sleep(sleep)
		late[i] = time.Since(begun) - sleep
	}
	slices.Sort(late)
	return late[times/4]
}
