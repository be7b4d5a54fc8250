package main

import (
	"os"
	"testing"
	"testing/synctest"
)

func TestTheSecondSignalEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals, usual := make(chan os.Signal, 8), false
		ctx, cancel := countInterrupts(t.Context(), signals, func() { usual = true })
		defer cancel()
		for n := range 3 {
			ended := 0
			for _, done := range []<-chan struct{}{ctx.Done(), secondInterrupt(ctx)} {
				select {
				case <-done:
					ended++
				default:
				}
			}
			if ended != n || usual != (n == 2) {
				t.Errorf("after %d signals %d things have ended, and signals have their usual effect: %v", n, ended, usual)
			}
			signals <- os.Interrupt
			synctest.Wait()
		}
	})
}
