package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"pgchaos/internal/regular"
)

// The raw results are directories runs/ab/abcd..., named by the hash of their contents.
const (
	runsDir = "runs"
	// partsDir is for copies that are not whole yet, and for what is being removed.
	partsDir = "tmp"
)

func rawDir(files, hash string) string { return filepath.Join(files, runsDir, hash[:2], hash) }

// rawHashes are the raw results that a store has, in their order.
func rawHashes(files string) (hashes []string, err error) {
	dirs, err := filepath.Glob(filepath.Join(globQuoted(files), runsDir, "[0-9a-f][0-9a-f]", "*"))
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		if name := filepath.Base(dir); isHash(name) && filepath.Base(filepath.Dir(dir)) == name[:2] {
			hashes = append(hashes, name)
		}
	}
	return hashes, nil
}

// globQuoted is a path in which no character is a pattern of Glob.
func globQuoted(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func isHash(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == sha256.Size && name == strings.ToLower(name)
}

// part is a directory that is being made or removed. Its lock says that its process lives.
type part struct {
	dir  string
	lock *fileLock
}

// newPart makes an empty one.
func (s *Store) newPart(ctx context.Context) (*part, error) {
	parent := filepath.Join(s.at.files, partsDir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	// The lock is there before the directory: another process removes a directory whose lock is free.
	f, err := os.CreateTemp(parent, "*.lock")
	if err != nil {
		return nil, err
	}
	name := filepath.Base(f.Name())
	if err := f.Close(); err != nil {
		return nil, err
	}
	l, err := lockFile(ctx, parent, name, exclusive, false)
	if err != nil {
		return nil, err
	}
	p := &part{dir: strings.TrimSuffix(filepath.Join(parent, name), ".lock"), lock: l}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, errors.Join(err, p.remove())
	}
	return p, nil
}

func (p *part) remove() error {
	return errors.Join(os.RemoveAll(p.dir), os.Remove(p.dir+".lock"), p.lock.release())
}

// removeLeftovers removes what processes that were killed have left half-made.
func (s *Store) removeLeftovers() error {
	parent := filepath.Join(s.at.files, partsDir)
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		name, isLock := strings.CutSuffix(entry.Name(), ".lock")
		if isLock {
			err = errors.Join(err, removeLeftover(filepath.Join(parent, name)))
		}
	}
	return err
}

func removeLeftover(dir string) error {
	f, err := os.OpenFile(dir+".lock", os.O_RDWR|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its process has just removed it
	}
	if err != nil {
		return err
	}
	p := &part{dir, &fileLock{f}}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = nil // its process lives
		}
		return errors.Join(err, p.lock.release())
	}
	if err := os.Remove(dir + ".lock"); errors.Is(err, fs.ErrNotExist) {
		return p.lock.release()
	}
	return errors.Join(os.RemoveAll(dir), p.lock.release())
}

// tree is what a directory holds: the hash is over the names and contents of all files, in a stable order.
type tree struct {
	sum   hash.Hash
	bytes int64
}

func (t *tree) hash() string { return hex.EncodeToString(t.sum.Sum(nil)) }

// copyTree copies a directory, if to is not "", and hashes what it has read. What is copied is on the disk in the end.
func copyTree(ctx context.Context, from, to string) (*tree, error) {
	root, err := os.OpenRoot(from)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // it is only read
	t := &tree{sum: sha256.New()}
	return t, t.walk(ctx, root, ".", to)
}

func (t *tree) walk(ctx context.Context, root *os.Root, name, to string) error {
	entries, err := fs.ReadDir(root.FS(), filepath.ToSlash(name)) // sorted by name
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		path, target := filepath.Join(name, entry.Name()), ""
		if to != "" {
			target = filepath.Join(to, entry.Name())
		}
		if !entry.IsDir() {
			err = t.file(root, path, target)
		} else if err = t.directory(path, target); err == nil {
			err = t.walk(ctx, root, path, target)
		}
		if err != nil {
			return err
		}
	}
	if to == "" {
		return nil
	}
	return syncDir(to)
}

func (t *tree) directory(path, target string) error {
	fmt.Fprintf(t.sum, "directory %q\n", filepath.ToSlash(path))
	if target == "" {
		return nil
	}
	return os.Mkdir(target, 0o700)
}

// file hashes and copies one file. Only regular files are read: a link could lead anywhere.
func (t *tree) file(root *os.Root, path, target string) error {
	in, err := regular.OpenIn(root, path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it is only read
	content := sha256.New()
	var out io.Writer = content
	var copied *os.File
	if target != "" {
		if copied, err = os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
			return err
		}
		out = io.MultiWriter(content, copied)
	}
	n, err := io.Copy(out, in)
	if copied != nil {
		if err == nil {
			err = copied.Sync()
		}
		err = errors.Join(err, copied.Close())
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	t.bytes += n
	fmt.Fprintf(t.sum, "file %q %d %x\n", filepath.ToSlash(path), n, content.Sum(nil))
	return nil
}

// keep moves a whole copy to its name, unless it is there.
func (s *Store) keep(p *part, hash string) error {
	dir := rawDir(s.at.files, hash)
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Rename(p.dir, dir); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(dir)), syncDir(filepath.Dir(filepath.Dir(dir))))
}

// syncDir makes a new name last: without it a power failure can take it away again.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
