package runlock

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestALockOfAForkedChild: the child that a killed pgchaos has just forked holds its lock until it becomes its program. It
// is waited for; one that holds it for longer is not.
func TestALockOfAForkedChild(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		holds string
		want  error
	}{{"0.1", nil}, {"1d", ErrHeld}} {
		path := filepath.Join(t.TempDir(), "lock")
		lock := open(t, path)
		if err := Take(lock); err != nil {
			t.Fatal(err)
		}
		child := exec.Command("sleep", c.holds)
		child.ExtraFiles = []*os.File{lock}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		_ = lock.Close() // the child alone holds it now
		if err := Take(open(t, path)); !errors.Is(err, c.want) {
			t.Errorf("a child holds the lock for %s: %v, not %v", c.holds, err, c.want)
		}
		_ = child.Process.Kill() // it may have ended
		_ = child.Wait()
	}
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // it may be closed
	return f
}
