package existing

import (
	"errors"
	"os"
	"os/exec"
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
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	release, err := claim(path)
	if err != nil {
		t.Fatal(err)
	}
	if (record{PID: ended.Process.Pid}).alive(path) || !(record{PID: os.Getpid()}).alive(path) {
		t.Error("a clean is taken for the run's own pgchaos, or the other way round")
	}
	if _, err := claim(path); !errors.Is(err, cluster.ErrClaimed) {
		t.Errorf("the second: %v", err)
	}
	release()
	if (record{PID: os.Getpid()}).alive(path) {
		t.Error("a run without a lock looks as if it went on")
	}
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
