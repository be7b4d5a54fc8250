package wait

import "time"

// afterBroken is how long Unless still waits once what it waits for is broken.
const afterBroken = 2 * time.Second

// Unless calls f in a goroutine of its own and returns when f has returned, or 2 s after broken was
// closed: f may then never return, and its goroutine is left. It tells whether f has returned.
func Unless(broken <-chan struct{}, f func()) (returned bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-broken:
	}
	select {
	case <-done:
		return true
	case <-time.After(afterBroken):
		return false
	}
}
