package ledger

import (
	"runtime"
	"sync/atomic"
	"time"
)

// lock is a mutex for sections of some ten nanoseconds that hardly ever meet: a
// writer's client, and the late answers to what it gave up on. A sync.Mutex costs two
// locked instructions, which were a third of all that a write cost in this package;
// this one costs one where release can do without (see there). Who does not get it
// waits by trying again, and sleeps after a while, because the holder may be
// waiting for the disk.
type lock struct{ word uint32 }

// lockYields is how often the processor is handed on before a waiter sleeps, and
// lockSleep for how long.
const (
	lockYields = 64
	lockSleep  = 100 * time.Microsecond
)

func (l *lock) Lock() {
	if !atomic.CompareAndSwapUint32(&l.word, 0, 1) {
		l.wait()
	}
}

func (l *lock) wait() {
	for i := 0; !atomic.CompareAndSwapUint32(&l.word, 0, 1); i++ {
		if i < lockYields {
			runtime.Gosched()
		} else {
			time.Sleep(lockSleep)
		}
	}
}

// Unlock releases a lock that is held.
func (l *lock) Unlock() { release(&l.word) }
