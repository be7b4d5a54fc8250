// Package regular reads files that another user may have written or replaced: only regular
// files, only up to a bound.
package regular

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Open opens a regular file for reading. It follows no symbolic link in the last part of the
// path, and does not wait for a writer where the file is a pipe: either is an error.
func Open(path string) (*os.File, error) {
	return open(path, os.Lstat, os.OpenFile)
}

// OpenIn is Open for a file in a directory that another user can change meanwhile: nothing
// outside of root is opened.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	return open(name, root.Lstat, root.OpenFile)
}

// Read reads what Open opens. More than limit bytes are an error, and no error quotes what is
// in the file.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	return read(f, path, limit)
}

// ReadIn is Read for a file in a directory that another user can change meanwhile: nothing
// outside of root is opened.
func ReadIn(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := OpenIn(root, name)
	if err != nil {
		return nil, err
	}
	return read(f, name, limit)
}

func open(name string, lstat func(string) (fs.FileInfo, error), openFile func(string, int, fs.FileMode) (*os.File, error)) (*os.File, error) {
	info, err := lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file but %s", name, kind(info.Mode()))
	}
	f, err := openFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err == nil && !os.SameFile(info, opened) {
		err = fmt.Errorf("%s was replaced while it was opened", name)
	}
	if err != nil {
		_ = f.Close() // nothing was read from it
		return nil, err
	}
	return f, nil
}

func kind(mode fs.FileMode) string {
	switch mode.Type() {
	case fs.ModeDir:
		return "a directory"
	case fs.ModeSymlink:
		return "a symbolic link"
	case fs.ModeNamedPipe:
		return "a named pipe"
	case fs.ModeSocket:
		return "a socket"
	}
	return "a device"
}

func read(f *os.File, name string, limit int64) ([]byte, error) {
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var data []byte
	if info.Size() <= limit {
		data, err = io.ReadAll(io.LimitReader(f, limit+1)) // it may be growing
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > limit || int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, nil
}
