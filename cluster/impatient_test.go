package cluster

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestSilentServer: a read ends when nothing has come for so long, and not while something comes.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		conn := newImpatient(ours, time.Minute)
		go func() {
			for range 3 {
				time.Sleep(50 * time.Second)
				_, _ = theirs.Write([]byte("x"))
			}
		}()
		began, b := time.Now(), make([]byte, 1)
		for i := range 3 {
			if _, err := conn.Read(b); err != nil {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
		time.Sleep(time.Hour) // between two statements nobody waits
		if _, err := conn.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a server that sends nothing: %v", err)
		}
		if took := time.Since(began); took != 150*time.Second+time.Hour+time.Minute {
			t.Errorf("it took %s", took)
		}
		_ = theirs.Close()
	})
}
