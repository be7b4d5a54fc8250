package local

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// archiveHost is a host that can do no more than move files.
func archiveHost(t *testing.T) *host {
	t.Helper()
	own, err := serverOwner()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &host{provider: &Provider{owner: own}, name: "n1", dir: dir}
}

// tree describes what is in a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(data)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text = "-> " + target
		}
		rel, err := filepath.Rel(dir, path)
		found[rel] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPutGetRoundTrip(t *testing.T) {
	ctx := context.Background()
	h := archiveHost(t)
	from, to := filepath.Join(h.dir, "from"), filepath.Join(h.dir, "to")
	for _, dir := range []string{from, to, from + "/a", from + "/a/b", from + "/closed"} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]fs.FileMode{"one": 0o600, "a/two": 0o640, "a/b/three": 0o755, "closed/four": 0o400} {
		file := filepath.Join(from, name)
		if err := os.WriteFile(file, []byte("content of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../one", from+"/a/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(from+"/closed", 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.Chmod(from+"/closed", 0o700)
		_ = os.Chmod(to+"/closed", 0o700)
	})
	want := tree(t, from)
	if err := os.WriteFile(to+"/one", []byte("was here before, and is longer than what comes"), 0o666); err != nil {
		t.Fatal(err)
	}

	archive, err := h.Get(ctx, from)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Put(ctx, to, archive); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tree(t, to)); diff != "" {
		t.Errorf("what was put differs from what was got:\n%s", diff)
	}
	if own := h.provider.owner; own != nil {
		for _, name := range []string{"one", "a", "a/link", "closed/four"} {
			info, err := os.Lstat(filepath.Join(to, name))
			if err != nil {
				t.Fatal(err)
			}
			if uid := info.Sys().(*syscall.Stat_t).Uid; int(uid) != own.uid {
				t.Errorf("%s belongs to user %d, want %d", name, uid, own.uid)
			}
		}
	}
}

func TestPutRejects(t *testing.T) {
	for _, tt := range []struct {
		name    string
		headers []tar.Header
	}{
		{"absolute name", []tar.Header{{Name: "/evil", Typeflag: tar.TypeReg}}},
		{"name that climbs", []tar.Header{{Name: "../evil", Typeflag: tar.TypeReg}}},
		{"name that climbs and returns", []tar.Header{{Name: "in/../in/evil", Typeflag: tar.TypeReg}}},
		{"absolute link", []tar.Header{{Name: "link", Linkname: "/etc", Typeflag: tar.TypeSymlink}}},
		{"link that climbs", []tar.Header{{Name: "in/link", Linkname: "../../outside", Typeflag: tar.TypeSymlink}}},
		{"hard link", []tar.Header{{Name: "link", Linkname: "in", Typeflag: tar.TypeLink}}},
		{"device", []tar.Header{{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}},
		{"pipe", []tar.Header{{Name: "pipe", Typeflag: tar.TypeFifo}}},
		{"through a link that was there", []tar.Header{{Name: "trap/evil", Typeflag: tar.TypeReg}}},
		{"a directory where a link is", []tar.Header{{Name: "trap", Typeflag: tar.TypeDir}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := archiveHost(t)
			to, outside := filepath.Join(h.dir, "to"), filepath.Join(h.dir, "outside")
			for _, dir := range []string{to, to + "/in", outside} {
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(outside, to+"/trap"); err != nil {
				t.Fatal(err)
			}
			before := tree(t, h.dir)
			var archive bytes.Buffer
			w := tar.NewWriter(&archive)
			for _, header := range tt.headers {
				header.Mode = 0o600
				if err := w.WriteHeader(&header); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if err := h.Put(context.Background(), to, &archive); err == nil {
				t.Error("accepted")
			}
			if diff := cmp.Diff(before, tree(t, h.dir)); diff != "" {
				t.Errorf("it has changed something:\n%s", diff)
			}
		})
	}
}

func TestPutAndGetStayInTheNode(t *testing.T) {
	ctx := context.Background()
	h := archiveHost(t)
	if err := os.Symlink("/etc", filepath.Join(h.dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/etc", filepath.Dir(h.dir), h.dir + "x", h.dir + "/link", h.dir + "/missing", "relative"} {
		if err := h.Put(ctx, dir, strings.NewReader("")); err == nil {
			t.Errorf("put into %s", dir)
		}
		if r, err := h.Get(ctx, dir); err == nil {
			must(t, r.Close())
			t.Errorf("got %s", dir)
		}
	}
}

func TestPutNeedsTheWholeArchive(t *testing.T) {
	h := archiveHost(t)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "f", Typeflag: tar.TypeReg, Mode: 0o600, Size: 4096}); err != nil {
		t.Fatal(err)
	}
	archive.WriteString("half")
	if err := h.Put(context.Background(), h.dir, &archive); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut archive: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Put(ctx, h.dir, strings.NewReader("")); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
}

func TestGetRefusesAndEnds(t *testing.T) {
	h := archiveHost(t)
	if err := syscall.Mkfifo(filepath.Join(h.dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := h.Get(context.Background(), h.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err == nil {
		t.Error("a pipe was packed")
	}
	must(t, r.Close())

	if err := os.Remove(filepath.Join(h.dir, "pipe")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "big"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if r, err = h.Get(ctx, h.dir); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
	must(t, r.Close())

	if r, err = h.Get(context.Background(), h.dir); err != nil {
		t.Fatal(err)
	}
	must(t, r.Close()) // unread: returns, and nothing goes on reading
}
