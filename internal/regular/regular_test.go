package regular

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOnlyRegularFilesAreRead would wait for ever where a pipe is opened as a file is.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(t *testing.T, path string)
		want string // in the error; "": none
	}{
		"a file":          {func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("12345"), 0o600)) }, ""},
		"an empty file":   {func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0o600)) }, ""},
		"a byte too many": {func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("123456"), 0o600)) }, "more than 5 bytes"},
		"a huge file": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path, nil, 0o600))
			must(t, os.Truncate(path, 1<<40))
		}, "more than 5 bytes"},
		"no file":     {func(*testing.T, string) {}, "no such file"},
		"a pipe":      {func(t *testing.T, path string) { must(t, syscall.Mkfifo(path, 0o600)) }, "is not a regular file but a named pipe"},
		"a directory": {func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, "is not a regular file but a directory"},
		"a socket": {func(t *testing.T, path string) {
			// The name of a socket can have no more than 108 bytes, and the test's directory has a long one.
			t.Chdir(filepath.Dir(path))
			l, err := net.Listen("unix", filepath.Base(path))
			must(t, err)
			t.Cleanup(func() { _ = l.Close() })
		}, "is not a regular file but a socket"},
		"a link to a device without an end": {func(t *testing.T, path string) { must(t, os.Symlink("/dev/zero", path)) }, "is not a regular file but a symbolic link"},
		"a link to a file": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path+".to", []byte("1"), 0o600))
			must(t, os.Symlink(path+".to", path))
		}, "is not a regular file but a symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			c.put(t, path)
			root, err := os.OpenRoot(dir)
			must(t, err)
			defer func() { _ = root.Close() }()
			for how, read := range map[string]func() ([]byte, error){
				"Read":   func() ([]byte, error) { return Read(path, 5) },
				"ReadIn": func() ([]byte, error) { return ReadIn(root, "f", 5) },
			} {
				data, err := read()
				switch {
				case c.want == "" && err != nil:
					t.Errorf("%s: %v", how, err)
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || data != nil):
					t.Errorf("%s: read %q with the error %v, want one with %q", how, data, err, c.want)
				}
			}
		})
	}
}

func TestDevicesAreNotRead(t *testing.T) {
	if _, err := Open("/dev/zero"); err == nil || !strings.Contains(err.Error(), "a device") {
		t.Errorf("error %v, want one that says that it is a device", err)
	}
}

// TestFileThatIsReplacedWhileItIsOpened puts a pipe there between the look and the opening.
func TestFileThatIsReplacedWhileItIsOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(path, []byte("1"), 0o600))
	replace := func(path string) (fs.FileInfo, error) {
		info, err := os.Lstat(path)
		must(t, err)
		must(t, os.Rename(path, path+".old"))
		must(t, syscall.Mkfifo(path, 0o600))
		return info, nil
	}
	if _, err := open(path, replace, os.OpenFile); err == nil || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("error %v, want one that says that the file was replaced", err)
	}
}
