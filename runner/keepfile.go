package runner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// keepFile writes a file below the result directory, in place of one of the same name. The directory can belong
// to another user than ours: no symbolic link that lies there leads out of it, nor is one under the file's name followed.
func keepFile(out, name string, text []byte) error {
	root, err := os.OpenRoot(out)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.Mkdir(filepath.Dir(name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
