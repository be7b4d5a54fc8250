package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/cluster"
	"pgchaos/internal/skip"
)

func TestBaseIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		lay  func(t *testing.T, base string) // what somebody else has laid there
		want string
	}{
		{"symbolic link", func(t *testing.T, base string) { must(t, os.Symlink(t.TempDir(), base)) }, "symbolic link"},
		{"dangling link", func(t *testing.T, base string) { must(t, os.Symlink("nowhere", base)) }, "symbolic link"},
		{"file", func(t *testing.T, base string) { must(t, os.WriteFile(base, nil, 0o600)) }, "not a directory"},
		{"writable by others", func(t *testing.T, base string) {
			must(t, os.Mkdir(base, 0o700))
			must(t, os.Chmod(base, 0o777|fs.ModeSticky))
		}, "written by others"},
		{"somebody else's", func(t *testing.T, base string) {
			if os.Geteuid() != 0 {
				skip.Test(t, "only root can give a directory away")
			}
			must(t, os.Mkdir(base, 0o700))
			must(t, os.Chown(base, 12345, 12345))
		}, "belongs to user 12345"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := filepath.Join(t.TempDir(), "base")
			tt.lay(t, base)
			_, unlock, err := lockBase(context.Background(), base, true)
			if err == nil {
				unlock()
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), cluster.BaseVariable) {
				t.Errorf("the error does not help: %v", err)
			}
			if _, err := List(base); err == nil {
				t.Error("List accepts it")
			}
			if err := Clean(context.Background(), base, "run"); err == nil {
				t.Error("Clean accepts it")
			}
		})
	}
}

func TestBaseLock(t *testing.T) {
	ctx := context.Background()
	base := filepath.Join(t.TempDir(), "base")
	if _, _, err := lockBase(ctx, base, false); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a missing base: %v", err)
	}
	dir, unlock, err := lockBase(ctx, base, true)
	must(t, err)
	info, err := os.Stat(dir)
	must(t, err)
	if info.Mode().Perm() != 0o711 {
		t.Errorf("mode %v: the server's user must be able to enter, and no more", info.Mode())
	}
	busy, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := lockBase(busy, base, true); !errors.Is(err, context.Canceled) {
		t.Fatalf("a second lock: %v", err)
	}

	f, err := os.Open(dir)
	must(t, err)
	defer func() { _ = f.Close() }()
	if !sameFile(f, dir) || sameFile(f, filepath.Dir(dir)) || sameFile(f, dir+"/missing") {
		t.Error("sameFile is wrong")
	}

	// Who waits must not end up with the lock of a directory that is gone.
	got := make(chan error)
	go func() {
		_, unlock, err := lockBase(ctx, base, true)
		if err == nil {
			_, err = os.Stat(base)
			unlock()
		}
		got <- err
	}()
	must(t, removeBase(dir))
	unlock()
	must(t, <-got)
}

func TestBaseWithForeignFilesStays(t *testing.T) {
	base := t.TempDir()
	must(t, os.WriteFile(filepath.Join(base, "notes"), nil, 0o600))
	must(t, removeBase(base))
	if _, err := os.Stat(filepath.Join(base, "notes")); err != nil {
		t.Error(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestBaseOfTheUserStays: only a base directory that pgchaos has made goes with the last run.
func TestBaseOfTheUserStays(t *testing.T) {
	for _, c := range []struct {
		name       string
		lay        func(base string)
		wantExists bool
	}{
		{"made by pgchaos", func(string) {}, false},
		{"empty, of the user", func(base string) { must(t, os.Mkdir(base, 0o711)) }, true},
		{"with a file of the user", func(base string) {
			must(t, os.Mkdir(base, 0o711))
			must(t, os.WriteFile(filepath.Join(base, "notes"), []byte("mine"), 0o600))
		}, true},
		{"with a file called like ours", func(base string) {
			must(t, os.Mkdir(base, 0o711))
			must(t, os.WriteFile(filepath.Join(base, madeFile), []byte("mine"), 0o600))
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := testBase(t)
			must(t, os.RemoveAll(base))
			c.lay(base)
			p := testProvider(t, base, "run")
			must(t, p.Remove(t.Context()))
			entries, err := os.ReadDir(base)
			if (err == nil) != c.wantExists {
				t.Errorf("afterwards: %v, %v", entries, err)
			}
			if _, err := os.Stat(filepath.Join(base, "run")); err == nil {
				t.Error("the run is left")
			}
		})
	}
}
