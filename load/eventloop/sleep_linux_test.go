package eventloop

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestSleepersResumeInTheOrderOfTheirTimes also where the times came long ago, and where tasks
// that wait for sockets are resumed between them.
func TestSleepersResumeInTheOrderOfTheirTimes(t *testing.T) {
	g := group(t, 1)
	s, theirs := pair(t, "tcp")
	go echo(theirs)
	var all sync.WaitGroup
	var order []int // of the loop's thread alone
	delays := []int{20, -30, 40, 0, -10, 5, 40}
	begun := time.Now()
	all.Add(len(delays) + 1)
	g.Go(func(task *Task) {
		defer all.Done()
		for range 100 {
			if err := ask(task, s, "hello"); err != nil {
				t.Error(err)
			}
		}
	})
	g.Go(func(*Task) { // so that all of them begin in one round of the loop
		for i, d := range delays {
			g.Go(func(task *Task) {
				defer all.Done()
				until := begun.Add(time.Duration(d) * time.Millisecond)
				task.Sleep(time.Until(until))
				if time.Now().Before(until) {
					t.Errorf("task %d was resumed %s too early", i, time.Until(until))
				}
				order = append(order, d)
			})
		}
	})
	within(t, 10*time.Second, "the sleepers", &all)
	if !slices.IsSorted(order) || len(order) != len(delays) {
		t.Error(order)
	}
}

// TestRouse ends every sleep, and the loop goes on.
func TestRouse(t *testing.T) {
	g := group(t, 2)
	var all sync.WaitGroup
	for range 5 {
		all.Add(1)
		g.Go(func(task *Task) {
			defer all.Done()
			task.Sleep(time.Hour)
			task.Sleep(time.Millisecond)
		})
	}
	stop := make(chan struct{})
	go func() {
		for { // those that are not asleep yet are not reached
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				g.Rouse()
			}
		}
	}()
	within(t, 10*time.Second, "the sleepers", &all)
	close(stop)
}

// TestSleepDoesNotAllocate once the loop has had as many sleepers.
func TestSleepDoesNotAllocate(t *testing.T) {
	g := group(t, 1)
	var all sync.WaitGroup
	var allocated uint64
	all.Add(1)
	g.Go(func(task *Task) {
		defer all.Done()
		var before, after runtime.MemStats
		task.Sleep(0)
		runtime.ReadMemStats(&before)
		for range 1000 {
			task.Sleep(0)
		}
		runtime.ReadMemStats(&after)
		allocated = after.Mallocs - before.Mallocs
	})
	within(t, 10*time.Second, "the sleeper", &all)
	if allocated > 100 { // other goroutines may allocate something meanwhile
		t.Errorf("%d allocations for 1000 sleeps", allocated)
	}
}
