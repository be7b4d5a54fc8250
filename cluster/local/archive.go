package local

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// openDir opens a directory of the node in such a way that nothing in it, laid by
// a server or an archive, leads out of it.
func (h *host) openDir(dir string) (*os.Root, error) {
	rel, err := filepath.Rel(h.dir, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("%s is not in the node's directory %s", dir, h.dir)
	}
	node, err := os.OpenRoot(h.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = node.Close() }()
	return node.OpenRoot(rel)
}

// Put unpacks an archive into a directory below the node's. Directories, files
// and symbolic links that stay inside are all that an archive may hold; anything
// else is an error, after which a part may have been unpacked. What is there
// already under a file's name is replaced.
func (h *host) Put(ctx context.Context, dir string, archive io.Reader) error {
	root, err := h.openDir(dir)
	if err != nil {
		return fmt.Errorf("unpack into %s: %w", dir, err)
	}
	defer func() { _ = root.Close() }()
	if err := unpack(root, contextReader{ctx, archive}, h.provider.owner); err != nil {
		return fmt.Errorf("unpack into %s: %w", dir, err)
	}
	return nil
}

// contextReader ends with an error once the context has ended.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

func unpack(root *os.Root, archive io.Reader, own *owner) error {
	type dirMode struct {
		name string
		mode fs.FileMode
	}
	var dirs []dirMode
	r := tar.NewReader(archive)
	for {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		name := filepath.Clean(filepath.FromSlash(head.Name))
		if !filepath.IsLocal(name) || strings.Contains("/"+head.Name+"/", "/../") {
			return fmt.Errorf("%q leads out of the archive", head.Name)
		}
		mode := fs.FileMode(head.Mode).Perm()
		switch head.Typeflag {
		case tar.TypeDir:
			dirs = append(dirs, dirMode{name, mode})
			err = unpackDir(root, name, own)
		case tar.TypeReg:
			err = unpackFile(root, name, mode, r, own)
		case tar.TypeSymlink:
			err = unpackLink(root, name, head.Linkname, own)
		default:
			err = fmt.Errorf("neither a file, a directory nor a symbolic link (type %q)", head.Typeflag)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", head.Name, err)
		}
	}
	// Directories get their modes last: until then we must be able to write into them.
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := root.Chmod(dirs[i].name, dirs[i].mode); err != nil {
			return err
		}
	}
	// What follows the archive's end is padding, and its writer waits until it is read.
	_, err := io.Copy(io.Discard, archive)
	return err
}

func unpackDir(root *os.Root, name string, own *owner) error {
	if name == "." {
		return nil
	}
	if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("there is something else of this name")
	}
	return own.give(root, name)
}

func unpackFile(root *os.Root, name string, mode fs.FileMode, content io.Reader, own *owner) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil && own != nil {
		err = f.Chown(own.uid, own.gid)
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	return errors.Join(err, f.Close())
}

func unpackLink(root *os.Root, name, target string, own *owner) error {
	inside := path.Join(path.Dir(filepath.ToSlash(name)), target)
	if path.IsAbs(target) || !filepath.IsLocal(filepath.FromSlash(inside)) {
		return fmt.Errorf("a symbolic link that leads out, to %s", target)
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.Symlink(target, name); err != nil {
		return err
	}
	return own.give(root, name)
}

// give makes the owner the owner of one name, not of what a link leads to.
func (o *owner) give(root *os.Root, name string) error {
	if o == nil {
		return nil
	}
	return root.Lchown(name, o.uid, o.gid)
}

// Get packs a directory below the node's while it is read. It must not change
// meanwhile, as a backup does not: a file that vanishes, grows or shrinks is an
// error, and so is anything that Put would refuse. The reader must be closed; it
// ends with the context.
func (h *host) Get(ctx context.Context, dir string) (io.ReadCloser, error) {
	root, err := h.openDir(dir)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { w.CloseWithError(fmt.Errorf("pack %s: %w", dir, context.Cause(ctx))) })
	go func() {
		defer close(done)
		defer stop()
		defer func() { _ = root.Close() }()
		err := pack(w, root)
		if err != nil {
			err = fmt.Errorf("pack %s: %w", dir, err)
		}
		w.CloseWithError(err)
	}()
	return &packing{contextReader: contextReader{ctx, r}, pipe: r, done: done}, nil
}

// packing is the reading end of an archive in the making.
type packing struct {
	contextReader
	pipe *io.PipeReader
	done chan struct{}
}

// Close gives up what has not been read, and returns when nothing is read any
// more from the directory.
func (p *packing) Close() error {
	err := p.pipe.Close()
	<-p.done
	return err
}

func pack(w io.Writer, root *os.Root) error {
	archive := tar.NewWriter(w)
	tree := root.FS()
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			return packFile(archive, root, name)
		}
		var target string
		switch {
		case info.IsDir():
		case info.Mode()&fs.ModeSymlink != 0:
			if target, err = root.Readlink(name); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s: neither a file, a directory nor a symbolic link (%v)", name, info.Mode().Type())
		}
		return packHead(archive, name, target, info)
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// packFile takes the size from the opened file, which is the one it then reads.
func packFile(archive *tar.Writer, root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // somebody may put a pipe in its place
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := packHead(archive, name, "", info); err != nil {
		return err
	}
	if _, err := io.Copy(archive, f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func packHead(archive *tar.Writer, name, target string, info fs.FileInfo) error {
	head, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	head.Name = name
	if info.IsDir() {
		head.Name += "/"
	}
	// Owners mean nothing where this is unpacked.
	head.Uid, head.Gid, head.Uname, head.Gname = 0, 0, "", ""
	if err := archive.WriteHeader(head); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
