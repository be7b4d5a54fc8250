package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"pgchaos/internal/units"
)

// within checks that a directory is the node's.
func (h *host) within(dir string) error {
	if dir = path.Clean(dir); dir != h.Dir() && !strings.HasPrefix(dir, h.Dir()+"/") {
		return fmt.Errorf("%s is not in the node's directory %s", dir, h.Dir())
	}
	return nil
}

// Put unpacks an archive into a directory below the node's. Directories, files
// and symbolic links that stay inside are all that an archive may hold.
func (h *host) Put(ctx context.Context, dir string, archive io.Reader) error {
	if err := h.put(ctx, dir, archive); err != nil {
		return fmt.Errorf("unpack into %s: %w", dir, err)
	}
	return nil
}

func (h *host) put(ctx context.Context, dir string, archive io.Reader) error {
	if err := h.within(dir); err != nil {
		return err
	}
	user, group, _ := strings.Cut(h.provider.image.user, ":")
	uid, err := strconv.Atoi(user)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(group)
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		err := rewrite(w, archive, func(head *tar.Header) error {
			head.Uid, head.Gid, head.Uname, head.Gname = uid, gid, "", ""
			return nil
		})
		w.CloseWithError(err)
		failed <- err
	}()
	err = h.provider.engine.CopyToContainer(ctx, h.tools, dir, r, container.CopyToContainerOptions{})
	_ = r.Close() // so that the packing goroutine gives up
	if packed := <-failed; packed != nil && !errors.Is(packed, io.ErrClosedPipe) {
		return packed
	}
	if err != nil {
		return h.explainCopy("copy into container "+h.container, err)
	}
	return nil
}

// explainCopy explains why something cannot be written on the node's volume.
func (h *host) explainCopy(what string, err error) error {
	if disk := h.DiskSize(); disk > 0 && strings.Contains(err.Error(), "no space left on device") {
		return fmt.Errorf("%s: %w: the node's own file system, of %s, is full; end fill_disk before, or write a larger cluster: {docker: {disk: ...}}", what, err, units.Size(disk))
	}
	return h.provider.engine.explain(what, err)
}

// Get packs a directory below the node's while it is read. The reader must be closed.
func (h *host) Get(ctx context.Context, dir string) (io.ReadCloser, error) {
	if err := h.within(dir); err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	body, _, err := h.provider.engine.CopyFromContainer(ctx, h.tools, path.Clean(dir))
	if err != nil {
		return nil, h.provider.engine.explain("pack "+dir, err)
	}
	r, w := io.Pipe()
	go func() {
		// The engine packs the directory itself, under its name.
		err := rewrite(w, body, func(head *tar.Header) error {
			_, head.Name, _ = strings.Cut(head.Name, "/")
			head.Uid, head.Gid, head.Uname, head.Gname = 0, 0, "", ""
			return nil
		})
		if err != nil {
			err = fmt.Errorf("pack %s: %w", dir, err)
		}
		w.CloseWithError(errors.Join(err, body.Close()))
	}()
	return r, nil
}

// rewrite copies an archive, its headers changed; entries left without a name are
// left out.
func rewrite(w io.Writer, archive io.Reader, change func(*tar.Header) error) error {
	in, out := tar.NewReader(archive), tar.NewWriter(w)
	for {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		if err := checkEntry(head); err != nil {
			return fmt.Errorf("%s: %w", head.Name, err)
		}
		if err := change(head); err != nil {
			return err
		}
		if strings.Trim(head.Name, "./") == "" {
			continue
		}
		head.Format = tar.FormatUnknown // whichever can say it
		if err := out.WriteHeader(head); err != nil {
			return fmt.Errorf("%s: %w", head.Name, err)
		}
		if _, err := io.Copy(out, in); err != nil {
			return fmt.Errorf("%s: %w", head.Name, err)
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	// What follows the archive's end is padding, and its writer waits until it is read.
	_, err := io.Copy(io.Discard, archive)
	return err
}

func checkEntry(head *tar.Header) error {
	if path.IsAbs(head.Name) || strings.Contains("/"+head.Name+"/", "/../") {
		return errors.New("it leads out of the archive")
	}
	switch head.Typeflag {
	case tar.TypeReg, tar.TypeDir:
		return nil
	case tar.TypeSymlink:
		inside := path.Join(path.Dir(head.Name), head.Linkname)
		if path.IsAbs(head.Linkname) || inside == ".." || strings.HasPrefix(inside, "../") {
			return fmt.Errorf("a symbolic link that leads out, to %s", head.Linkname)
		}
		return nil
	}
	return fmt.Errorf("neither a file, a directory nor a symbolic link (type %q)", head.Typeflag)
}
