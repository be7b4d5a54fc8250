package runner

import (
	"runtime"
	"sync"
)

// raised is how far the runs of this process, of which several can go on at once, have raised GOMAXPROCS.
var raised struct {
	sync.Mutex
	by int
}

// raiseProcs raises GOMAXPROCS until lower is called, whatever other runs do meanwhile.
func raiseProcs(by int) (lower func()) {
	change := func(by int) {
		raised.Lock()
		defer raised.Unlock()
		raised.by += by
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + by)
	}
	change(by)
	return sync.OnceFunc(func() { change(-by) })
}

// ownProcs is GOMAXPROCS as it is without runs.
func ownProcs() int {
	raised.Lock()
	defer raised.Unlock()
	return runtime.GOMAXPROCS(0) - raised.by
}
