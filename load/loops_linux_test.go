package load

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgchaos/internal/skip"
	"pgchaos/load/eventloop"
	"pgchaos/record"
)

// signs is a session that leaves its client's number with every operation.
type signs struct {
	instant
	client int
}

func (s signs) Do(_ context.Context, op *record.Op) time.Duration {
	op.Outcome, op.Node = record.OK, 1+s.client
	return 0
}

// TestLoopsTellWhose: the clients of an event loop leave their samples in one place, and
// each is booked for who left it.
func TestLoopsTellWhose(t *testing.T) {
	loops, err := eventloop.New(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer loops.Close()
	const clients, operations = 5, 20_000 // many more than the rings hold
	var of [clients]int
	ended := make(chan struct{})
	w := New(Config{
		Clients: clients, Nodes: clients, Iterations: operations, Loops: loops, Clock: record.StartClock(),
		Open: func(client int) Session { return signs{client: client} },
		OnSample: func(client int, op record.Op) {
			if op.Node != 1+client {
				t.Errorf("a sample of client %d is told of client %d", op.Node-1, client)
			}
			of[client]++
		},
		Ended: func() { close(ended) },
	})
	w.Start()
	<-ended
	rec := w.Record()
	w.Close()
	sum := 0
	for _, n := range of {
		sum += n
	}
	if sum != operations || rec.Total.Samples() != operations || len(w.rings) != loops.Threads() {
		t.Errorf("%d sampled, %d recorded of %d, in %d rings", sum, rec.Total.Samples(), operations, len(w.rings))
	}
}

// TestOpenLoopOnEventLoops sends every arrival once, in real time, and none before it is due.
func TestOpenLoopOnEventLoops(t *testing.T) {
	for name, config := range map[string]Config{
		"evenly":        {Schedule: Constant(Steady(20_000)), Iterations: 2000},
		"at random":     {Schedule: Poisson(1, Steady(20_000)), Iterations: 2000},
		"by two groups": {Schedule: Constant(Steady(10_000)), Iterations: 2000, Groups: 2},
		"spread":        {Schedule: Constant(Steady(20_000)), Iterations: 2000, CatchUp: Spread},
	} {
		t.Run(name, func(t *testing.T) {
			loops, err := eventloop.New(2, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer loops.Close()
			ended := make(chan struct{})
			config.Clients, config.Loops, config.Clock, config.Timeout = 6, loops, record.StartClock(), time.Hour
			config.Open = func(client int) Session { return signs{client: client} }
			config.Ended = func() { close(ended) }
			config.OnSample = func(_ int, op record.Op) {
				if op.Outcome != record.OK || op.Sent < op.Due {
					t.Errorf("due at %v: sent at %v: %v", op.Due, op.Sent, op.Outcome)
				}
			}
			w := New(config)
			w.Start()
			<-ended
			rec := w.Record()
			w.Close()
			if rec.Total.Samples() != 2000 || rec.Asked != 2000 || rec.Lateness.Count == 0 {
				t.Errorf("%d sent of %d, the lateness of %d is known", rec.Total.Samples(), rec.Asked, rec.Lateness.Count)
			}
		})
	}
}

// TestStopEndsClientsThatSleep although their next arrival is due in an hour.
func TestStopEndsClientsThatSleep(t *testing.T) {
	loops, err := eventloop.New(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer loops.Close()
	w := New(Config{
		Clients: 5, Loops: loops, Clock: record.StartClock(), Schedule: Constant(Steady(1.0 / 3600)),
		Open: func(client int) Session { return signs{client: client} },
	})
	for range 20 { // it may find them asleep, or on their way
		w.Start()
		w.Stop()
	}
	w.Start()
	time.Sleep(5 * time.Millisecond)
	w.Close()
	if rec := w.Record(); rec.Total.Samples() > 21 || rec.Total.Samples() == 0 {
		t.Errorf("%d sent, of one at each start", rec.Total.Samples())
	}
}

// talks is a session of a connection that it reads and writes from a loop.
type talks struct {
	instant
	socket *eventloop.Socket
	loops  map[int]bool // that it has been on
}

func (s *talks) Do(ctx context.Context, op *record.Op) time.Duration {
	t, b := eventloop.TaskOf(ctx), [1]byte{}
	s.loops[t.Loop()] = true
	if _, err := s.socket.Send(t, b[:]); err != nil {
		op.Outcome, op.Err = record.Failed, err
	}
	if _, err := s.socket.Receive(t, b[:]); err != nil {
		op.Outcome, op.Err = record.Failed, err
	}
	if op.Err == nil {
		op.Outcome = record.OK
	}
	return 0
}

// TestTradedClients: a client that another loop goes on with loses nothing, and what it
// did stays in its order.
func TestTradedClients(t *testing.T) {
	if runtime.NumCPU() < 2 {
		skip.Test(t, "one processor: there is one loop")
	}
	loops, err := eventloop.New(runtime.NumCPU(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer loops.Close()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + loops.Threads())
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - loops.Threads())
	sessions := make([]*talks, loops.Threads())
	for i := range sessions {
		sessions[i] = &talks{loops: map[int]bool{}, socket: echoedOn(t, (i+1)%loops.Threads())}
	}
	last := make([]time.Duration, len(sessions))
	var sampled int64
	w := New(Config{
		Clients: len(sessions), Loops: loops, Clock: record.StartClock(),
		Open: func(client int) Session { return sessions[client] },
		OnSample: func(client int, op record.Op) {
			if op.Outcome != record.OK || op.Due < last[client] {
				t.Errorf("client %d: %v (%v), due at %v after one that was done at %v", client, op.Outcome, op.Err, op.Due, last[client])
			}
			last[client] = op.Done
			sampled++
		},
	})
	moved := 0
	for range 20 {
		w.Start()
		time.Sleep(300 * time.Millisecond)
		w.Stop()
		if moved = movers(sessions); moved >= 2 {
			break
		}
	}
	rec := w.Record()
	w.Close()
	if rec.Total.Samples() != sampled || sampled == 0 {
		t.Errorf("%d sampled, %d recorded", sampled, rec.Total.Samples())
	}
	if moved < 2 {
		t.Errorf("%d of %d clients have moved", moved, len(sessions))
	}
}

// movers is how many sessions have been on several loops.
func movers(sessions []*talks) (n int) {
	for _, s := range sessions {
		if len(s.loops) > 1 {
			n++
		}
	}
	return n
}

// echoedOn is a connection to a server on a processor.
func echoedOn(t *testing.T, processor int) *eventloop.Socket {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		runtime.LockOSThread() // until it ends
		var set unix.CPUSet
		set.Set(processor)
		_ = unix.SchedSetaffinity(0, &set)
		for b := make([]byte, 16); ; {
			n, err := theirs.Read(b)
			if err != nil {
				return
			}
			if _, err := theirs.Write(b[:n]); err != nil {
				return
			}
		}
	}()
	s := eventloop.Take(ours)
	if s == nil {
		t.Fatal("no socket")
	}
	t.Cleanup(func() { _, _ = s.Close(), theirs.Close() })
	return s
}
