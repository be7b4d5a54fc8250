package eventloop

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A server's process on the same machine settles on some processor. If that is not the one
// of its client's loop, each wakes the other across processors all the time, and the
// kernel does not mend it. So two loops exchange such clients, one for one: with 8 clients that
// insert, on two processors, it makes a fifth more operations. SO_INCOMING_CPU
// (socket(7)) tells where the packets of a connection come in: over loopback that is where they
// are sent. From another machine they come in where the network's interrupts are handled, for
// which it is as good, if there are several such processors.
const (
	// lookEvery is how often a loop looks for clients to exchange, at most, and roundsBetween how
	// often it has waited until it reads the clock for that.
	lookEvery     = 100 * time.Millisecond
	roundsBetween = 256
)

// balancer is where loops exchange tasks.
type balancer struct {
	mu     sync.Mutex
	offers [][][]*Task // by loop that has them, then by loop where they would be at home
}

// offerTasks offers the tasks that would be at home with another loop, every now and then.
func (l *loop) offerTasks() {
	if l.only == nil {
		return
	}
	if l.rounds++; l.rounds%roundsBetween != 0 || time.Since(l.looked) < lookEvery {
		return
	}
	l.looked = time.Now()
	offers := make([][]*Task, len(l.group.loops))
	for _, t := range l.tasks {
		if t.fd < 0 || t.to.Load() != nil {
			continue
		}
		processor, err := unix.GetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_INCOMING_CPU)
		if err != nil || processor < 0 {
			continue
		}
		for i, other := range l.group.loops {
			if other != l && other.only.IsSet(processor) {
				offers[i] = append(offers[i], t)
			}
		}
	}
	l.group.balancer.exchange(l, l.group.loops, offers)
}

// exchange settles what one loop offers with what the others have offered.
func (m *balancer) exchange(from *loop, loops []*loop, offers [][]*Task) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.offers == nil {
		m.offers = make([][][]*Task, len(loops))
	}
	for i, mine := range offers {
		if m.offers[i] == nil { // it has not looked yet
			continue
		}
		mine, theirs := movable(mine), movable(m.offers[i][from.number])
		n := min(len(mine), len(theirs))
		for k := range n {
			mine[k].to.Store(loops[i])
			theirs[k].to.Store(from)
		}
		offers[i], m.offers[i][from.number] = mine[n:], theirs[n:]
	}
	m.offers[from.number] = offers
}

// movable are those of some tasks that are to move nowhere yet, and have not ended.
func movable(tasks []*Task) []*Task {
	return slices.DeleteFunc(tasks, func(t *Task) bool { return t.to.Load() != nil })
}

// Moves tells whether the task is to go on with another loop: by Continue.
func (t *Task) Moves() bool { return t != nil && t.to.Load() != nil }

// Continue has the other loop begin the task again, with another function, as soon as the
// present one has returned. Nothing may come in between.
func (t *Task) Continue(f func(*Task)) { t.begin, t.again = f, true }

// move begins a task again, that has ended here: elsewhere, unless nothing begins there any more.
func (l *loop) move(t *Task) {
	to := t.to.Swap(nil)
	t.again, t.next, t.inARow = false, nil, 0
	to.mu.Lock()
	open := !to.closed
	if open {
		to.live++
	}
	to.mu.Unlock()
	if !open {
		l.admit(t)
		return
	}
	t.loop = to
	to.admit(t)
	l.leave()
}
