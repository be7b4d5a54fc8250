package eventloop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgchaos/internal/skip"
)

// pair is a socket and its other end.
func pair(t *testing.T, network string) (*Socket, net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ours, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := Take(ours)
	if s == nil {
		t.Fatal("no socket")
	}
	t.Cleanup(func() { _, _ = s.Close(), theirs.Close() })
	return s, theirs
}

// echo is not io.Copy, for which Go keeps pipes.
func echo(conn net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		if _, err := conn.Write(b[:n]); err != nil {
			return
		}
	}
}

// group has loops until the test ends, and nothing of them afterwards.
func group(t *testing.T, threads int) *Group {
	t.Helper()
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + threads)
	g, err := New(threads, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Close()
		runtime.GOMAXPROCS(before)
		for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines || openFiles(t) > files; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("%d goroutines and %d files, before %d and %d", runtime.NumGoroutine(), openFiles(t), goroutines, files)
				return
			}
		}
	})
	return g
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// within fails the test where something does not end in time.
func within(t *testing.T, d time.Duration, what string, ended *sync.WaitGroup) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		ended.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("%s: not after %s", what, d)
	}
}

// ask sends a message to an echo, and reads it back.
func ask(task *Task, s *Socket, message string) error {
	if _, err := s.Send(task, []byte(message)); err != nil {
		return err
	}
	got := make([]byte, 0, len(message))
	for len(got) < len(message) {
		n, err := s.Receive(task, got[len(got):cap(got)])
		if err != nil {
			return err
		}
		got = got[:len(got)+n]
	}
	if string(got) != message {
		return errors.New("got " + string(got))
	}
	return nil
}

// TestManyClients: more clients than threads, each of which sometimes waits elsewhere.
func TestManyClients(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			g := group(t, 2)
			var all sync.WaitGroup
			for range 20 {
				s, theirs := pair(t, network)
				go echo(theirs)
				all.Add(1)
				g.Go(func(task *Task) {
					defer all.Done()
					for i := range 200 {
						if err := ask(task, s, "a question"); err != nil {
							t.Error(err)
							return
						}
						if i%50 == 0 {
							task.Block(func() { time.Sleep(time.Millisecond) })
						}
						task.Yield()
					}
				})
			}
			within(t, 20*time.Second, "20 clients", &all)
		})
	}
}

// TestTasksAreSpread: one for each loop, before a second for any.
func TestTasksAreSpread(t *testing.T) {
	g := group(t, 3)
	release := make(chan struct{})
	for range 7 {
		g.Go(func(task *Task) { task.Block(func() { <-release }) })
	}
	var got []int
	for _, l := range g.loops {
		got = append(got, l.count())
	}
	slices.Sort(got)
	if !slices.Equal(got, []int{2, 2, 3}) {
		t.Error(got)
	}
	close(release)
}

// TestWhoBlocksHoldsNobodyUp: and who does so without saying it, does.
func TestWhoBlocksHoldsNobodyUp(t *testing.T) {
	for name, block := range map[string]func(*Task, func()){
		"said":     (*Task).Block,
		"not said": func(_ *Task, f func()) { f() },
	} {
		t.Run(name, func(t *testing.T) {
			g := group(t, 1)
			s, theirs := pair(t, "tcp")
			go echo(theirs)
			var asked sync.WaitGroup
			var blocked atomic.Bool
			entered, release := make(chan struct{}), make(chan struct{})
			blocked.Store(true)
			g.Go(func(task *Task) {
				block(task, func() {
					close(entered)
					<-release
					blocked.Store(false)
				})
			})
			<-entered
			asked.Add(1)
			g.Go(func(task *Task) {
				defer asked.Done()
				if err := ask(task, s, "hello"); err != nil {
					t.Error(err)
				}
				if was := blocked.Load(); was != (name == "said") {
					t.Errorf("while the other was blocked: %v", was)
				}
			})
			if name == "not said" {
				time.Sleep(50 * time.Millisecond) // it could ask if it were let
				close(release)
			}
			within(t, 5*time.Second, "the other client", &asked)
			if name == "said" {
				close(release)
			}
		})
	}
}

// TestNobodyIsStarved: a client whose answers are always there lets others go on, and so
// does one that asks for nothing.
func TestNobodyIsStarved(t *testing.T) {
	for name, next := range map[string]func(*Task, *Socket) error{
		"answers at once": func(task *Task, s *Socket) error {
			var b [1]byte
			_, err := s.Receive(task, b[:])
			return err
		},
		"no answers at all": func(task *Task, _ *Socket) error {
			task.Yield()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := group(t, 1)
			var all sync.WaitGroup
			var order []int // of the loop's thread alone, as is here
			here := 0
			for i := range 2 {
				s, theirs := pair(t, "tcp")
				if _, err := theirs.Write(make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
				all.Add(1)
				g.Go(func(task *Task) {
					defer all.Done()
					for here++; here < 2; {
						task.Yield()
					}
					for range 1000 {
						order = append(order, i)
						if err := next(task, s); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			within(t, 5*time.Second, "both", &all)
			longest, run := 0, 0
			for i := 1; i < len(order) && i < 1000; i++ {
				if run++; order[i] != order[i-1] {
					run = 0
				}
				longest = max(longest, run)
			}
			if longest > 2*(mostInARow+1) { // it may be resumed where it comes from, and then in its slot
				t.Errorf("%d times in a row", longest)
			}
		})
	}
}

// TestLargeMessages do not fit into the sockets' buffers.
func TestLargeMessages(t *testing.T) {
	g := group(t, 1)
	s, theirs := pair(t, "tcp")
	message := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	var all sync.WaitGroup
	all.Add(1)
	g.Go(func(task *Task) {
		defer all.Done()
		if n, err := s.Send(task, message); n != len(message) || err != nil {
			t.Error(n, err)
		}
	})
	all.Go(func() {
		time.Sleep(10 * time.Millisecond)
		got := make([]byte, len(message))
		if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, message) {
			t.Error("not what was sent:", err)
		}
	})
	within(t, 10*time.Second, "a large message", &all)
}

// TestTheEndOfAConnection: a task that waits for a connection sees its end.
func TestTheEndOfAConnection(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(*Socket, net.Conn)
		want error
	}{
		"the other side closes": {func(_ *Socket, theirs net.Conn) { _ = theirs.Close() }, io.EOF},
		"severed":               {func(s *Socket, _ net.Conn) { s.Sever() }, io.EOF},
		"deadline":              {func(s *Socket, _ net.Conn) { _ = s.SetDeadline(time.Now().Add(time.Millisecond)) }, io.EOF},
		"deadline that was taken back": {func(s *Socket, theirs net.Conn) {
			_ = s.SetDeadline(time.Now().Add(20 * time.Millisecond))
			_ = s.SetDeadline(time.Time{})
			time.Sleep(50 * time.Millisecond)
			_, _ = theirs.Write([]byte("x"))
		}, nil},
	} {
		for _, how := range []string{"on the loop", "in a goroutine"} {
			t.Run(name+", "+how, func(t *testing.T) {
				g := group(t, 1)
				s, theirs := pair(t, "tcp")
				var all sync.WaitGroup
				all.Add(1)
				g.Go(func(task *Task) {
					defer all.Done()
					receive := func() {
						if _, err := s.Receive(task, make([]byte, 10)); !errors.Is(err, tt.want) {
							t.Error(err)
						}
					}
					if how == "on the loop" {
						receive()
					} else {
						task.Block(receive)
					}
				})
				time.Sleep(5 * time.Millisecond)
				tt.end(s, theirs)
				within(t, 5*time.Second, "the end", &all)
			})
		}
	}
}

// TestClosed sockets say so, and are not somebody else's.
func TestClosed(t *testing.T) {
	s, _ := pair(t, "tcp")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	s.Sever()
	_ = s.SetDeadline(time.Now())
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// TestClosedUnderAReader: pgx's goodbye may leave one behind, which must not keep the
// connection.
func TestClosedUnderAReader(t *testing.T) {
	s, theirs := pair(t, "tcp")
	var reader sync.WaitGroup
	reader.Go(func() {
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	time.Sleep(5 * time.Millisecond)
	_ = s.Close()
	_ = theirs.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the other side: %v", err)
	}
	within(t, 5*time.Second, "the reader", &reader)
}

// TestOthersGoOn while every client waits for an answer that does not come: the garbage
// collector, and goroutines for which there is a place only when the loop gives its up.
func TestOthersGoOn(t *testing.T) {
	g := group(t, 1)
	s, theirs := pair(t, "tcp")
	var all, others sync.WaitGroup
	all.Add(1)
	g.Go(func(task *Task) {
		defer all.Done()
		_, _ = s.Receive(task, make([]byte, 1))
	})
	time.Sleep(5 * time.Millisecond)
	begun := time.Now()
	runtime.GC()
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("the garbage collector took %s", took)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	others.Go(func() {
		for range 1000 {
			runtime.Gosched()
		}
	})
	within(t, 5*time.Second, "another goroutine", &others)
	_ = theirs.Close()
	within(t, 5*time.Second, "the client", &all)
}

// TestWhatIsNoSocket stays with Go's poller.
func TestWhatIsNoSocket(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	if Take(a) != nil {
		t.Error("a pipe within the program has no descriptor")
	}
}

// TestWithoutLoops a client is a goroutine, and nothing needs to know.
func TestWithoutLoops(t *testing.T) {
	var g *Group
	if g.Threads() != 0 {
		t.Error(g.Threads())
	}
	g.Close()
	ctx := With(context.Background(), nil)
	task, called := TaskOf(ctx), false
	task.Yield()
	if task.Block(func() { called = true }); task != nil || !called {
		t.Errorf("%v, called: %v", task, called)
	}
	s, theirs := pair(t, "tcp")
	go echo(theirs)
	if err := ask(nil, s, "hello"); err != nil {
		t.Error(err)
	}
}

// TestLoopsKeepToProcessors: each to one of its own, if there is one for each; and no
// other thread of the process does, neither meanwhile nor afterwards.
func TestLoopsKeepToProcessors(t *testing.T) {
	all := permitted()
	if len(all) < 2 {
		skip.Test(t, "one processor: every thread keeps to it")
	}
	for _, c := range []struct{ loops, bound int }{{len(all), len(all)}, {len(all) - 1, 0}, {len(all) + 1, 0}} {
		loops, err := New(c.loops, nil)
		if err != nil {
			t.Fatal(err)
		}
		of := make(chan []int, c.loops)
		for range c.loops {
			loops.Go(func(task *Task) {
				mine := permitted()
				var many sync.WaitGroup // threads, of which the loop's is not to be the model
				task.Block(func() {
					for range 10 {
						many.Go(func() { time.Sleep(time.Millisecond) })
					}
					many.Wait()
				})
				of <- mine
			})
		}
		var bound []int
		for range c.loops {
			if mine := <-of; len(mine) == 1 {
				bound = append(bound, mine...)
			}
		}
		slices.Sort(bound)
		if c.bound == 0 && len(bound) != 0 || c.bound > 0 && !slices.Equal(bound, all) {
			t.Errorf("%d loops for processors %v keep to %v", c.loops, all, bound)
		}
		if n := boundThreads(t, len(all)); n != c.bound {
			t.Errorf("%d loops, and %d threads that keep to some of the processors", c.loops, n)
		}
		loops.Close()
		for deadline := time.Now().Add(5 * time.Second); boundThreads(t, len(all)) > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a thread still keeps to a processor")
			}
		}
	}
}

// boundThreads is how many threads of this process may not use all those processors.
func boundThreads(t *testing.T, all int) (n int) {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(id, &set); err == nil && set.Count() < all { // else it has just ended
			n++
		}
	}
	return n
}

// echoOn echoes on one processor.
func echoOn(processor int, conn net.Conn) {
	var set unix.CPUSet
	set.Set(processor)
	runtime.LockOSThread() // until it ends
	defer keepTo(&set)()
	echo(conn)
}

// TestLoopsTrade: two clients whose servers are on each other's processors change
// places; one that has nobody to change with stays.
func TestLoopsTrade(t *testing.T) {
	processors := permitted()
	if len(processors) < 2 {
		skip.Test(t, "one processor: there is one loop")
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + len(processors))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - len(processors))
	for _, c := range []struct {
		why      string
		servers  [2]int // the processors of the servers of the first two tasks, of loops 0 and 1
		exchange bool
	}{
		{"crosswise", [2]int{1, 0}, true},
		{"at home", [2]int{0, 1}, false},
		{"both with one", [2]int{0, 0}, false},
	} {
		loops, err := New(len(processors), nil)
		if err != nil {
			t.Fatal(err)
		}
		var done sync.WaitGroup
		for i, of := range c.servers {
			s, theirs := pair(t, "tcp")
			go echoOn(processors[of], theirs)
			done.Add(1)
			deadline, b := time.Now().Add(time.Second), make([]byte, 8)
			if c.exchange {
				deadline = time.Now().Add(10 * time.Second)
			}
			var talk func(task *Task)
			talk = func(task *Task) {
				for time.Now().Before(deadline) {
					if _, err := s.Send(task, b); err != nil {
						t.Error(err)
					}
					if n, err := s.Receive(task, b); n != len(b) || err != nil {
						t.Errorf("%d bytes: %v", n, err)
					}
					if task.Moves() {
						if !c.exchange {
							t.Errorf("%s: task %d is to move", c.why, i)
						}
						task.Continue(talk)
						return
					}
					if task.Loop() != i {
						break
					}
				}
				if moved := task.Loop() != i; moved != c.exchange {
					t.Errorf("%s: task %d has moved: %v", c.why, i, moved)
				}
				if mine := permitted(); len(mine) != 1 || mine[0] != processors[task.Loop()] {
					t.Errorf("%s: task %d is on loop %d, and on processors %v", c.why, i, task.Loop(), mine)
				}
				done.Done()
			}
			loops.Go(talk)
		}
		done.Wait()
		loops.Close()
	}
}

// TestAPanicIsReported: of a task, and of what it has called by Block.
func TestAPanicIsReported(t *testing.T) {
	for name, task := range map[string]func(*Task){
		"a task":      func(*Task) { panic("a bug") },
		"in Block":    func(t *Task) { t.Block(func() { panic("a bug") }) },
		"after Sleep": func(t *Task) { t.Sleep(time.Millisecond); panic("a bug") },
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan any, 1)
			loops, err := New(1, func(value any) { got <- value })
			if err != nil {
				t.Fatal(err)
			}
			loops.Go(task)
			if value, ok := (<-got).(string); !ok || !strings.HasPrefix(value, "a bug") {
				t.Errorf("%q", value)
			}
			go loops.Close() // which waits for tasks that go on no more
		})
	}
}
