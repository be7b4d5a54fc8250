package serverdir

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAvailable reads the kernel's own file, and some that say nothing.
func TestAvailable(t *testing.T) {
	if got := available("/proc/meminfo"); got < 1<<20 || got > 1<<50 {
		t.Errorf("%d bytes are available", got)
	}
	for name, c := range map[string]struct {
		text string
		want uint64
	}{
		"as the kernel writes it": {"MemTotal:       24000000 kB\nMemAvailable:    9000000 kB\n", 9000000 << 10},
		"an old kernel":           {"MemTotal:       24000000 kB\nMemFree: 9000000 kB\n", 0},
		"no number":               {"MemAvailable:    much kB\n", 0},
		"another unit":            {"MemAvailable:    9000 MB\n", 0},
		"nothing":                 {"", 0},
	} {
		file := filepath.Join(t.TempDir(), "meminfo")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := available(file); got != c.want {
			t.Errorf("%s: %d bytes, not %d", name, got, c.want)
		}
	}
	if got := available(filepath.Join(t.TempDir(), "none")); got != 0 {
		t.Errorf("%d bytes by a file that is not there", got)
	}
}

// TestMake makes a directory that programs can be run from.
func TestMake(t *testing.T) {
	dir, err := Make("pgchaos-serverdir-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if parent := filepath.Dir(dir); parent != inMemory && parent != onDisk {
		t.Error(dir)
	}
	if err := os.WriteFile(filepath.Join(dir, "program"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := os.StartProcess(filepath.Join(dir, "program"), []string{"program"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}
