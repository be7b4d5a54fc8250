package existing

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgchaos/cluster"
)

// TestOneCleanAtATime: two that work on the same run would take everything back twice, and end each other's sessions.
func TestOneCleanAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run-1.json")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	release, err := claim(path)
	if err != nil {
		t.Fatal(err)
	}
	if !locked(path) {
		t.Error("a run that is cleaned looks as if nobody were at work on it")
	}
	if _, err := claim(path); !errors.Is(err, cluster.ErrClaimed) {
		t.Errorf("the second: %v", err)
	}
	release()
	if release, err = claim(path); err != nil {
		t.Fatal(err)
	}
	release()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := claim(path); !errors.Is(err, cluster.ErrClaimed) {
		t.Errorf("after the removal: %v", err)
	}
}
