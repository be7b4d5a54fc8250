package sharedmem

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSegmentsAreSeen maps a segment as a server does. It is seen where the process works in
// the directory, also when nobody has it mapped any more, and not when it is gone.
func TestSegmentsAreSeen(t *testing.T) {
	file := filepath.Join(Dir, fmt.Sprintf("PostgreSQL.%d", 4_200_000_000+os.Getpid()%1_000_000))
	if err := os.WriteFile(file, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(file) }()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	memory, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	watch := func(dir string) *Watch {
		return &Watch{dir: dir, read: map[string]time.Time{}, noted: map[string]bool{}}
	}
	ours, below, others := watch(dir), watch(filepath.Dir(dir)), watch(dir+"x")
	t.Chdir(dir)
	for _, w := range []*Watch{ours, below, others} {
		w.look()
	}
	if err := unix.Munmap(memory); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]*Watch{"its directory": ours, "the one above": below} {
		if left := w.Left(); !slices.Equal(left, []string{file}) {
			t.Errorf("%s: found %v, want %s", name, left, file)
		}
	}
	if others.Noted() != 0 {
		t.Error("a segment of a process in another directory was noted")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if left := ours.Left(); left != nil {
		t.Errorf("found %v, which was removed", left)
	}
}
