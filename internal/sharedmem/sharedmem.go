// Package sharedmem finds dynamic shared memory that servers of a test have left behind. On
// Linux it is files in /dev/shm; elsewhere nothing is found.
package sharedmem

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Dir is where the files are.
const Dir = "/dev/shm"

// name is the file of a segment (dsm_impl_posix in src/backend/storage/ipc/dsm_impl.c).
var name = regexp.MustCompile(Dir + `/PostgreSQL\.[0-9]+`)

// every is how often a Watch looks for processes that are new. A process is looked at again only after again, whether it is
// one of the test's or not: that is most of the work, and several tests watch at the same time.
const (
	every = 200 * time.Millisecond
	again = time.Second
)

// Watch notes which segments the processes map that work in a directory or below it. Only
// that tells whose a segment is: its name is a random number, and other tests run servers at
// the same time.
type Watch struct {
	dir  string
	stop chan struct{}
	done sync.WaitGroup
	read map[string]time.Time // when a process was looked at

	mu    sync.Mutex
	noted map[string]bool
}

// Start begins to look.
func Start(dir string) *Watch {
	w := &Watch{dir: dir, stop: make(chan struct{}), read: map[string]time.Time{}, noted: map[string]bool{}}
	w.done.Go(func() {
		for {
			w.look()
			select {
			case <-w.stop:
				return
			case <-time.After(every):
			}
		}
	})
	return w
}

// End ends looking. It is to be called once.
func (w *Watch) End() {
	close(w.stop)
	w.done.Wait()
}

func (w *Watch) look() {
	proc, err := os.Open("/proc")
	if err != nil {
		return // not on Linux
	}
	defer func() { _ = proc.Close() }() // it was only read
	names, _ := proc.Readdirnames(-1)
	for _, pid := range names {
		if pid[0] < '0' || pid[0] > '9' || time.Since(w.read[pid]) < again {
			continue
		}
		w.read[pid] = time.Now()
		// What cannot be read has ended, or is another user's.
		cwd, _ := os.Readlink(filepath.Join("/proc", pid, "cwd"))
		if cwd != w.dir && !strings.HasPrefix(cwd, w.dir+"/") {
			continue
		}
		maps, _ := os.ReadFile(filepath.Join("/proc", pid, "maps"))
		w.mu.Lock()
		for _, file := range name.FindAll(maps, -1) {
			w.noted[string(file)] = true
		}
		w.mu.Unlock()
	}
}

// Noted is how many segments were seen.
func (w *Watch) Noted() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.noted)
}

// Left are the files of noted segments that are still there.
func (w *Watch) Left() (left []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for file := range w.noted {
		if _, err := os.Lstat(file); err == nil {
			left = append(left, file)
		}
	}
	slices.Sort(left)
	return left
}
