package local

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// readUntrusted reads a regular file whose directory another user can write: it follows no symbolic
// link, waits for no writer of a pipe, and reads at most limit bytes. More is an error. No error
// quotes what is in the file.
func readUntrusted(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file (%v)", name, info.Mode().Type())
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	opened, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !opened.Mode().IsRegular() || !os.SameFile(info, opened) {
		return nil, fmt.Errorf("%s was replaced while it was opened", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// ownedBy tells whether a file belongs to a user.
func ownedBy(info os.FileInfo, uid int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == uid
}

// serverUID is the user that the servers run as.
func (o *owner) serverUID() int {
	if o == nil {
		return os.Geteuid()
	}
	return o.uid
}
