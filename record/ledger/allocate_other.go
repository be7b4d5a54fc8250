//go:build !linux

package ledger

import "os"

// allocate does nothing: that the disk is full shows at the write that fills each
// block before it is mapped.
func allocate(*os.File, int64, int64) error { return nil }
