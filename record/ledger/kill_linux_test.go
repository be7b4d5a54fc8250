package ledger

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"pgchaos/internal/skip"
)

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=2560k"); err != nil {
		skip.Test(t, "no small file system to fill, TestFileSizeLimit stands in: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	if err := fillUp(filepath.Join(dir, "ledger")); err != nil {
		t.Error(err)
	}
}
