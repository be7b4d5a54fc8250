package eventloop

import (
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"pgchaos/internal/catch"
)

// Group is some loops, among which tasks are spread. Each keeps one place of GOMAXPROCS, of
// which it gives something to other goroutines every 10 ms. A program whose other goroutines must
// not wait for so long provides a place more for each loop.
type Group struct {
	loops    []*loop
	all      sync.WaitGroup
	balancer balancer
	broken   func(panicked any)
}

// New starts so many loops. Where there are as many as processors that the process may use,
// each keeps to one of them. Broken is called with the value of a panic of a task or of a loop, which
// ends that loop: its tasks go on no more, and Close may never return. nil: the panic ends the process.
func New(threads int, broken func(panicked any)) (*Group, error) {
	g := &Group{broken: broken}
	processors := permitted()
	if len(processors) != threads {
		processors = nil
	}
	for range threads {
		event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			g.Close()
			return nil, fmt.Errorf("make an event loop: %w", os.NewSyscallError("eventfd", err))
		}
		l := &loop{group: g, number: len(g.loops), event: event, wake: make(chan struct{}, 1), polls: []unix.PollFd{{Fd: int32(event), Events: unix.POLLIN}}}
		if processors != nil {
			l.only = &unix.CPUSet{}
			l.only.Set(processors[l.number])
		}
		g.loops = append(g.loops, l)
		g.all.Go(l.run)
	}
	return g, nil
}

// keepTo has the calling thread keep to some processors until the end, nil being any.
// Where that is not permitted, it runs where the kernel puts it.
func keepTo(only *unix.CPUSet) (end func()) {
	var before unix.CPUSet
	if only == nil || unix.SchedGetaffinity(0, &before) != nil || unix.SchedSetaffinity(0, only) != nil {
		return func() {}
	}
	return func() { // the process's first thread does not end with its goroutine
		_ = unix.SchedSetaffinity(0, &before)
	}
}

// permitted are the processors that the process may use; none if the kernel does not say.
func permitted() (processors []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	for i := 0; len(processors) < set.Count(); i++ {
		if set.IsSet(i) {
			processors = append(processors, i)
		}
	}
	return processors
}

// Threads is the number of loops.
func (g *Group) Threads() int {
	if g == nil {
		return 0
	}
	return len(g.loops)
}

// Close ends the loops, and returns when every task has ended.
func (g *Group) Close() {
	if g == nil {
		return
	}
	for _, l := range g.loops {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.rouse()
	}
	g.all.Wait()
	for _, l := range g.loops {
		_ = unix.Close(l.event) // nothing is written to it any more
	}
	g.loops = nil
}

// Rouse ends the sleep of every task: what they sleep for may have been called off.
func (g *Group) Rouse() {
	if g == nil {
		return
	}
	for _, l := range g.loops {
		l.mu.Lock()
		l.roused = true
		l.mu.Unlock()
		l.rouse()
	}
}

// Go begins a task, on the loop that has the fewest.
func (g *Group) Go(f func(*Task)) {
	least := g.loops[0]
	for _, l := range g.loops[1:] {
		if l.count() < least.count() {
			least = l
		}
	}
	t := &Task{loop: least, slot: -1, begin: f}
	least.mu.Lock()
	least.live++
	least.mu.Unlock()
	least.admit(t)
}

// loop is one thread's tasks.
type loop struct {
	group  *Group
	number int
	only   *unix.CPUSet  // the processor that it keeps to; nil: any
	event  int           // a descriptor that ends the wait in the kernel
	wake   chan struct{} // ends the wait where there is nothing to wait for in the kernel

	mu      sync.Mutex
	waiting []*Task // to be resumed: they are new, or what they have waited for elsewhere is over
	roused  bool    // all that sleep are to be resumed
	live    int     // tasks that have not ended
	closed  bool

	// The rest is the loop's goroutine's alone. polls[i+1] is what tasks[i] waits for.
	polls  []unix.PollFd
	tasks  []*Task
	yields int // tasks that only let others go on
	// sleeping are the tasks that wait for a time, the next one last; due are those whose time has come.
	sleeping, due []*Task
	rounds        int
	looked        time.Time
	until         unix.Timespec // of the wait at hand
}

func (l *loop) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live
}

// admit has the loop resume a task.
func (l *loop) admit(t *Task) {
	l.mu.Lock()
	l.waiting = append(l.waiting, t)
	l.mu.Unlock()
	l.rouse()
}

// rouse ends the loop's wait.
func (l *loop) rouse() {
	select {
	case l.wake <- struct{}{}:
	default: // it has been roused already
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(l.event, one[:]) // it cannot fail but when it has been roused 2^64 times
}

// run resumes whom something has come for, until the group is closed and no task is left.
// It has a thread of its own: else Go would move it to another one, and that perhaps to
// another core, each time that its watchdog lets others run, which is every 10 ms. The
// servers' processes, which settle on the core from where they are woken, would be left.
// For that reason it keeps to one processor as well: a kernel that has many servers' processes to
// spread every now and then leaves two loops on one of two processors, and that for seconds.
func (l *loop) run() {
	runtime.LockOSThread() // until it ends, and the thread with it; Go makes no other thread from it
	defer keepTo(l.only)()
	defer catch.Panic(l.group.broken)
	for {
		admitted, over := l.admitted()
		for _, t := range admitted {
			l.resume(t)
		}
		switch {
		case over:
			return
		case len(l.tasks) > 0 || len(l.sleeping) > 0:
			l.wait()
			l.resumeDue()
			l.offerTasks()
			l.dispatch()
		case len(admitted) == 0:
			<-l.wake
		}
	}
}

func (l *loop) admitted() (tasks []*Task, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tasks, l.waiting = l.waiting, nil
	if l.roused {
		l.roused = false
		for _, t := range l.sleeping {
			t.at = time.Time{}
		}
	}
	return tasks, l.closed && l.live == 0
}

// resumeDue resumes the tasks whose time has come, in the order of their times. What they put to
// sleep is looked at next time, after the sockets.
func (l *loop) resumeDue() {
	if len(l.sleeping) == 0 {
		return
	}
	now, n := time.Now(), len(l.sleeping)
	for n > 0 && !l.sleeping[n-1].at.After(now) {
		n--
		l.due = append(l.due, l.sleeping[n])
	}
	l.sleeping = l.sleeping[:n]
	for _, t := range l.due {
		l.resume(t)
	}
	l.due = l.due[:0]
}

// sleep puts a task among those that sleep. Times mostly come in their order, so that it goes
// to the front.
func (l *loop) sleep(t *Task) {
	i, _ := slices.BinarySearchFunc(l.sleeping, t, func(other, t *Task) int {
		if other.at.After(t.at) {
			return -1
		}
		return 1 // of two with the same time the one that came first is resumed first
	})
	l.sleeping = slices.Insert(l.sleeping, i, t)
}

// dispatch resumes every task for which something has come.
func (l *loop) dispatch() {
	if l.polls[0].Revents != 0 {
		l.polls[0].Revents = 0
		var many [8]byte
		_, _ = unix.Read(l.event, many[:]) // which makes it 0 again
	}
	for i := 0; i < len(l.tasks); {
		t := l.tasks[i]
		switch {
		case t.yielded:
			t.yielded = false
			l.yields--
		case l.polls[i+1].Revents == 0:
			i++
			continue
		}
		l.polls[i+1].Revents = 0
		if l.resume(t) {
			i++
		} // else another has its place now
	}
}

// resume runs a task until it waits for its socket, or for something else, or ends. It
// tells whether it is on the list of those that wait for sockets.
func (l *loop) resume(t *Task) (listed bool) {
	if t.next == nil {
		t.start()
	}
	_, alive := t.next()
	if alive && !t.away && !t.asleep {
		if t.slot < 0 {
			t.slot = len(l.tasks)
			l.tasks, l.polls = append(l.tasks, t), append(l.polls, unix.PollFd{})
		}
		p := &l.polls[t.slot+1]
		p.Fd, p.Events = int32(t.fd), t.events
		return true
	}
	l.release(t)
	if alive && t.asleep {
		l.sleep(t)
	}
	switch {
	case alive:
	case t.again:
		l.move(t)
	default:
		t.to.Store(l) // no loop exchanges it any more
		l.leave()
	}
	return false
}

// leave is called for a task that has ended, or has left the loop.
func (l *loop) leave() {
	l.mu.Lock()
	l.live--
	l.mu.Unlock()
}

// release frees a task's slot, which the last task gets.
func (l *loop) release(t *Task) {
	if t.slot < 0 {
		return
	}
	last := len(l.tasks) - 1
	l.tasks[t.slot], l.polls[t.slot+1] = l.tasks[last], l.polls[last+1]
	l.tasks[t.slot].slot = t.slot
	l.tasks, l.polls, t.slot = slices.Delete(l.tasks, last, last+1), l.polls[:last+1], -1
}

// wait returns when something has come for a task, or for the loop, or a task's time has
// come. The call is not announced to Go, which would give this thread's place away, and have it
// looked for again, within every operation. So Go interrupts it: the garbage collector at once
// and, lest others starve where nothing comes, its watchdog after 10 ms. Then the wait goes on
// as that of any other system call.
func (l *loop) wait() {
	timeout := l.timeout()
	_, _, errno := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&l.polls[0])), uintptr(len(l.polls)), uintptr(unsafe.Pointer(timeout)), 0, 0, 0)
	if errno == unix.EINTR && l.yields == 0 {
		_, _ = unix.Ppoll(l.polls, l.timeout(), nil) // interrupted again, it is called again
	}
}

// timeout is how long the loop may wait; nil: for ever.
func (l *loop) timeout() *unix.Timespec {
	l.until = unix.Timespec{}
	switch {
	case l.yields > 0:
	case len(l.sleeping) == 0:
		return nil
	default:
		l.until = unix.NsecToTimespec(max(0, int64(time.Until(l.sleeping[len(l.sleeping)-1].at))))
	}
	return &l.until
}

// mostInARow bounds how often a client goes on, with an answer or an operation, without
// giving the thread to others. Its answers may well be there at once: on a busy core a
// server and its client work best when one goes on until the other has something. But the
// other clients' answers wait meanwhile, and would look slow.
const mostInARow = 256

// Task is one client on a loop.
type Task struct {
	loop    *loop
	begin   func(*Task)
	next    func() (struct{}, bool) // nil: it has not begun
	yield   func()
	away    bool // it waits for something that is no socket
	yielded bool // it waits for nothing but other tasks
	asleep  bool // it waits for a time
	at      time.Time
	slot    int // in the loop's tasks; -1: none
	inARow  int
	fd      int // what it waits for; -1: nothing
	events  int16
	to      atomic.Pointer[loop] // with which it is to go on; nil: the one that it has
	again   bool                 // it has ended in order to begin again
}

// Loop is the number of the loop that has the task, from 0.
func (t *Task) Loop() int { return t.loop.number }

// start makes the coroutine, on the thread that alone may resume it.
func (t *Task) start() {
	t.next, _ = iter.Pull(func(yield func(struct{}) bool) { // it is never stopped, but ends
		t.yield = func() { yield(struct{}{}) }
		t.begin(t)
	})
}

// Sleep returns after some time, or earlier where Group.Rouse is called. Of several tasks of a loop
// whose time has come the earliest goes first, also where it came long ago: d may be below 0.
func (t *Task) Sleep(d time.Duration) {
	t.at, t.asleep, t.inARow = time.Now().Add(d), true, 0
	t.yield()
	t.asleep = false
}

// looped says whether the caller is on the loop now, and must not block.
func (t *Task) looped() bool { return t != nil && !t.away }

// Block calls a function that may wait for anything, in a goroutine of its own. A nil
// task just calls it. If the function panics, so does Block.
func (t *Task) Block(f func()) {
	if !t.looped() {
		f()
		return
	}
	t.away = true
	var panicked any
	t.loop.group.all.Go(func() {
		defer t.loop.admit(t) // the last thing
		defer catch.Keep(&panicked)
		f()
	})
	t.yield()
	t.away = false
	if panicked != nil {
		panic(panicked)
	}
}

// Yield lets the other clients go on, every now and then; for between two operations, which
// may have waited for nothing, and tells whether it did. It does nothing for a nil task.
func (t *Task) Yield() (waited bool) {
	if t == nil {
		return false
	}
	if t.inARow++; t.inARow <= mostInARow {
		return false
	}
	t.inARow, t.fd, t.yielded = 0, -1, true
	t.loop.yields++
	t.yield()
	return true
}

// await returns when the socket may have what is waited for.
func (t *Task) await(s *Socket, events int16) {
	t.inARow = 0
	t.fd, t.events = s.fd, events
	t.yield()
}
