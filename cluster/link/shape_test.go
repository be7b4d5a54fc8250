package link

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// arrivals reads until the other end is closed, and keeps when each piece came.
type arrivals struct {
	mu   sync.Mutex
	text string
	at   []time.Duration
}

func readAll(c net.Conn, begun time.Time) *arrivals {
	a := &arrivals{}
	go func() {
		buf := make([]byte, 1<<20)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			a.mu.Lock()
			a.text += string(buf[:n])
			a.at = append(a.at, time.Since(begun))
			a.mu.Unlock()
		}
	}()
	return a
}

func (a *arrivals) all() (text string, at []time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text, append([]time.Duration(nil), a.at...)
}

// TestDelay: each piece comes later by the latency, and none waits for another.
func TestDelay(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Relay, client, server net.Conn) {
		var rule Rule
		rule.Ways[Forward].Latency = 20 * time.Millisecond
		impose(t, r, "slow", rule)
		got := readAll(server, time.Now())
		for _, c := range "abcdefgh" {
			send(t, client, string(c))
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Second)
		text, at := got.all()
		if text != "abcdefgh" || len(at) != 8 {
			t.Fatalf("%q came, at %v", text, at)
		}
		for i, when := range at {
			if want := time.Duration(20+5*i) * time.Millisecond; when != want {
				t.Errorf("piece %d came at %s, not at %s", i, when, want)
			}
		}
		// The other direction is as it was.
		back := readAll(client, time.Now())
		send(t, server, "x")
		synctest.Wait()
		if text, at := back.all(); text != "x" || at[0] != 0 {
			t.Errorf("back came %q, at %v", text, at)
		}
	})
}

// TestTheEndOfADelayLeavesNothing: what was on its way comes at once, in its order; a black hole holds it.
func TestTheEndOfADelayLeavesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Relay, client, server net.Conn) {
		impose(t, r, "slow", Rule{Ways: [2]Shape{{Latency: time.Hour}, {Latency: time.Hour}}})
		got := readAll(server, time.Now())
		send(t, client, "abc")
		send(t, client, "def")
		impose(t, r, "cut", cut)
		lift(t, r, "slow")
		time.Sleep(2 * time.Hour)
		if text, _ := got.all(); text != "" {
			t.Errorf("%q came through the black hole", text)
		}
		lift(t, r, "cut")
		send(t, client, "ghi")
		synctest.Wait()
		if text, _ := got.all(); text != "abcdefghi" {
			t.Errorf("%q came", text)
		}
	})
}

// TestDistributions: each has the mean and the spread that it promises, and nothing comes before it is sent.
func TestDistributions(t *testing.T) {
	const n = 100_000
	for _, tc := range []struct {
		of                  Distribution
		mean, least, beyond float64 // in milliseconds; beyond is the share above latency + jitter
	}{
		{Uniform, 20, 15, 0},
		{"", 20, 15, 0},
		{Normal, 20, 0, 0.159},
		{Pareto, 25, 20, 0.296}, // (1 + 1/2)^-3
	} {
		s := Shape{Latency: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, Distribution: tc.of}
		rng := rand.New(rand.NewPCG(1, 2))
		sum, least, beyond := 0.0, math.Inf(1), 0.0
		for range n {
			ms := s.delay(rng).Seconds() * 1e3
			sum, least = sum+ms, min(least, ms)
			if ms > 25 {
				beyond++
			}
		}
		if mean := sum / n; math.Abs(mean-tc.mean) > 0.2 || least < tc.least || math.Abs(beyond/n-tc.beyond) > 0.01 {
			t.Errorf("%s: mean %.2f ms, least %.2f ms, %.3f beyond", tc.of, mean, least, beyond/n)
		}
	}
	early := Shape{Latency: time.Millisecond, Jitter: time.Second}
	for rng := rand.New(rand.NewPCG(1, 2)); early.delay(rng) != 0; { // most of them would come before they were sent
	}
}

// TestThrottle: all connections of a link share its rate, and none of it is lost.
func TestThrottle(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Relay, client, server net.Conn) {
		var rule Rule
		rule.Ways[Forward].BytesPerSecond = 50_000
		impose(t, r, "thin", rule)
		begun := time.Now()
		got := readAll(server, begun)
		data := bytes.Repeat([]byte("0123456789"), 10_000)
		go func() { _, _ = client.Write(data) }()
		time.Sleep(time.Second)
		if text, _ := got.all(); len(text) < 49_000 || len(text) > 51_000 {
			t.Errorf("%d bytes came in a second", len(text))
		}
		time.Sleep(1500 * time.Millisecond)
		text, at := got.all()
		if text != string(data) {
			t.Fatalf("%d bytes came", len(text))
		}
		if last := at[len(at)-1]; last < 1900*time.Millisecond || last > 2100*time.Millisecond {
			t.Errorf("the last came after %s", last)
		}
	})
}

// TestFlap: down, up and down again by a period that does not drift.
func TestFlap(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Relay, client, server net.Conn) {
		got := readAll(server, time.Now())
		impose(t, r, "flap", Rule{Ways: cut.Ways, Down: time.Second, Up: 2 * time.Second})
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for range 60 {
				if _, err := client.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(130 * time.Millisecond) // which never falls on a change of the link
			}
		}()
		time.Sleep(7 * time.Second)
		_, at := got.all()
		if len(at) == 0 {
			t.Fatal("nothing came")
		}
		for _, when := range at {
			if in := when % (3 * time.Second); in < time.Second {
				t.Errorf("a byte came at %s, when the link was down", when)
			}
		}
		lift(t, r, "flap")
		<-sent
	})
}

// TestNothingIsLostUnderChangingRules: whatever comes in force, all bytes arrive, in their order and once.
func TestNothingIsLostUnderChangingRules(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	const clients, changes = 3, 60
	var wg sync.WaitGroup
	var enough atomic.Bool
	for n := range clients {
		client, at := through(t, r, s)
		for _, way := range [][2]*net.TCPConn{{client, at}, {at, client}} {
			sent, came := sha256.New(), sha256.New()
			wg.Go(func() {
				block := bytes.Repeat([]byte{byte(n)}, 10_000)
				for i := uint64(0); !enough.Load(); i++ {
					binary.BigEndian.PutUint64(block, i)
					_, _ = sent.Write(block)
					if _, err := way[0].Write(block); err != nil {
						t.Error(err)
						return
					}
				}
				_ = way[0].CloseWrite()
			})
			wg.Go(func() {
				n, err := io.Copy(came, way[1])
				t.Logf("%d bytes came", n)
				if err != nil {
					t.Error(err)
				}
			})
			t.Cleanup(func() {
				if !bytes.Equal(sent.Sum(nil), came.Sum(nil)) {
					t.Error("other bytes came than were sent")
				}
			})
		}
	}
	rules := []Rule{
		cut, {Ways: [2]Shape{{}, hole}}, {Ways: [2]Shape{{Latency: time.Millisecond, Jitter: time.Millisecond}, {Latency: 100 * time.Microsecond}}},
		{Ways: [2]Shape{{BytesPerSecond: 20 << 20}, {}}}, {Ways: [2]Shape{{BytesPerSecond: 50 << 20, Latency: time.Millisecond}, {BytesPerSecond: 40 << 20}}},
		{Ways: cut.Ways, Down: time.Millisecond, Up: time.Millisecond},
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range changes {
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
		impose(t, r, "one", rules[rng.IntN(len(rules))])
		if n%3 == 0 {
			impose(t, r, "two", rules[rng.IntN(len(rules))])
		} else {
			lift(t, r, "two")
		}
		if n%5 == 4 {
			lift(t, r, "one")
		}
	}
	lift(t, r, "one")
	lift(t, r, "two")
	enough.Store(true)
	wg.Wait()
}

// TestProbe: a probe meets what a new connection meets, and never reaches the server.
func TestProbe(t *testing.T) {
	s := newServer(t)
	r := relayTo(t, s.Addr().String())
	probe := func(patience time.Duration, bytes int) Met {
		t.Helper()
		m, err := r.Probe(t.Context(), bytes, patience)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := probe(10*time.Second, 1); m.Refused || m.Hung {
		t.Errorf("it %s", m)
	}
	impose(t, r, "cut", cut)
	if m := probe(50*time.Millisecond, 1); !m.Hung {
		t.Errorf("in a black hole it %s", m)
	}
	impose(t, r, "cut", Rule{Reject: true})
	if m := probe(10*time.Second, 1); !m.Refused {
		t.Errorf("where connections are refused it %s", m)
	}
	impose(t, r, "cut", Rule{Ways: [2]Shape{{Latency: 20 * time.Millisecond}, {Latency: 10 * time.Millisecond}}})
	if m := probe(10*time.Second, 1); m.Took < 30*time.Millisecond {
		t.Errorf("with a delay of 30 ms it %s", m)
	}
	impose(t, r, "cut", Rule{Ways: [2]Shape{{BytesPerSecond: 100_000}, {}}})
	if m := probe(10*time.Second, 20_000); m.Took < 150*time.Millisecond {
		t.Errorf("20 kB at 100 kB a second: it %s", m)
	}
	lift(t, r, "cut")
	if m := probe(10*time.Second, 1); m.Refused || m.Hung {
		t.Errorf("afterwards it %s", m)
	}
	if c := r.Counters(); c.Passed != [2]int64{} {
		t.Errorf("probes count as data: %v", c.Passed)
	}
	select {
	case <-s.accepted:
		t.Error("a probe reached the server")
	default:
	}
}

// TestSleepersWake: at the moment, and when they are woken.
func TestSleepersWake(t *testing.T) {
	for name, s := range map[string]sleeper{"of Go": newTimerSleep(), "of the kernel": newSleeper()} {
		never := func() bool { return false }
		begun := time.Now()
		s.until(begun.Add(20*time.Millisecond), never)
		if slept := time.Since(begun); slept < 20*time.Millisecond {
			t.Errorf("%s: it slept %s", name, slept)
		}
		s.wake() // of an earlier sleep: it may be taken for one of this, and the caller sleeps again
		s.until(time.Now().Add(time.Hour), func() bool { return true })
		woken := make(chan struct{})
		go func() {
			s.until(time.Now().Add(time.Hour), never)
			close(woken)
		}()
		for waiting := true; waiting; {
			s.wake()
			select {
			case <-woken:
				waiting = false
			case <-time.After(time.Millisecond):
			}
		}
		s.close()
	}
	var lazy lazySleeper
	lazy.wake()
	lazy.close()
}
