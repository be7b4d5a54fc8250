//go:build !linux

package ledger

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// allocate checks the one limit that ends the program when it is met. That the disk
// is full shows at the write that fills each block before it is mapped.
func allocate(_ *os.File, off, size int64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err == nil && off+size > int64(limit.Cur) && int64(limit.Cur) >= 0 {
		return fmt.Errorf("RLIMIT_FSIZE is %d: %w", limit.Cur, unix.EFBIG)
	}
	return nil
}
