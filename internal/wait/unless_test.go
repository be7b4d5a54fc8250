package wait

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestUnless: what returns is waited for, also when it is broken, and what does not return is left.
func TestUnless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken, never := make(chan struct{}), make(chan struct{})
		defer close(never)
		begun := time.Now()
		if !Unless(broken, func() { time.Sleep(time.Minute) }) || time.Since(begun) != time.Minute {
			t.Errorf("after %s", time.Since(begun))
		}
		close(broken)
		if !Unless(broken, func() { time.Sleep(time.Second) }) || time.Since(begun) != time.Minute+time.Second {
			t.Errorf("broken, and returns: after %s", time.Since(begun))
		}
		if Unless(broken, func() { <-never }) || time.Since(begun) != time.Minute+time.Second+afterBroken {
			t.Errorf("broken, and does not return: after %s", time.Since(begun))
		}
	})
}
