package existing

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"pgchaos/cluster"
)

// TestACommandEndsWithWhatItStarted: after its time nothing goes on of it, also not what it runs in the background.
func TestACommandEndsWithWhatItStarted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }() // it was only read
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		// The pipe has somebody who can write to it as long as one of these programs runs.
		_, err := run(ctx, []string{"sh", "-c", "exec 3>&0; sleep 60 & echo begun >&3; wait"}, cluster.Command{Stdin: w})
		ended <- errors.Join(err, w.Close())
	}()
	out := bufio.NewReader(r)
	if line, err := out.ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := out.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("what it has started goes on: %v", err)
	}
}
