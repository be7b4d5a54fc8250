package main

import (
	"os"
	"testing"
	"testing/synctest"
)

func TestEachSignalEndsOneThingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals, usual := make(chan os.Signal, 8), false
		ctx, cancel := countInterrupts(t.Context(), signals, func() { usual = true })
		defer cancel()
		later := laterInterrupts(ctx)
		for n := range 4 {
			ended := 0
			for _, done := range []<-chan struct{}{ctx.Done(), later.audit, later.removal} {
				select {
				case <-done:
					ended++
				default:
				}
			}
			if ended != n || usual != (n == 3) {
				t.Errorf("after %d signals %d things have ended, and signals have their usual effect: %v", n, ended, usual)
			}
			signals <- os.Interrupt
			synctest.Wait()
		}
	})
}
