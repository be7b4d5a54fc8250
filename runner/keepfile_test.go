package runner

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestKeepFileFollowsNoLink: somebody else can own the result directory and lay links there, and root must not write where
// these lead.
func TestKeepFileFollowsNoLink(t *testing.T) {
	const name = "logs/a.log"
	for _, c := range []struct {
		what    string
		lay     func(out, other string) error
		written bool
	}{
		{"nothing", func(string, string) error { return nil }, true},
		{"the directory is there", func(out, _ string) error { return os.Mkdir(filepath.Join(out, "logs"), 0o700) }, true},
		{"the file is a link", func(out, other string) error {
			return os.Symlink(filepath.Join(other, "file"), filepath.Join(out, name))
		}, true},
		{"the file is a link to what is not there", func(out, other string) error {
			return os.Symlink(filepath.Join(other, "new"), filepath.Join(out, name))
		}, true},
		{"the file is a pipe", func(out, _ string) error { return syscall.Mkfifo(filepath.Join(out, name), 0o600) }, true},
		{"the file is another name of a file", func(out, other string) error {
			return os.Link(filepath.Join(other, "file"), filepath.Join(out, name))
		}, true},
		{"the directory is a link", func(out, other string) error { return os.Symlink(other, filepath.Join(out, "logs")) }, false},
	} {
		out, other := t.TempDir(), t.TempDir()
		_ = os.WriteFile(filepath.Join(other, "file"), []byte("kept"), 0o600)
		if c.what != "nothing" && c.written && c.what != "the directory is there" {
			_ = os.Mkdir(filepath.Join(out, "logs"), 0o700)
		}
		if err := c.lay(out, other); err != nil {
			t.Fatal(err)
		}
		if err := keepFile(out, name, []byte("log")); (err == nil) != c.written {
			t.Errorf("%s: %v", c.what, err)
		}
		if text, _ := os.ReadFile(filepath.Join(out, name)); (string(text) == "log") != c.written {
			t.Errorf("%s: it holds %q", c.what, text)
		}
		left, _ := os.ReadDir(other)
		if text, _ := os.ReadFile(filepath.Join(other, "file")); string(text) != "kept" || len(left) != 1 {
			t.Errorf("%s: another's directory was written: %q, %v", c.what, text, left)
		}
	}
}
