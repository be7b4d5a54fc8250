//go:build !race

package load

import (
	"sync/atomic"
	"unsafe"
)

// release stores a word that others load, and may lose to nobody: who calls it is the
// only one to write. A plain store is enough here: Go compiles stores to memory in
// the order of the program, and this processor shows them to the others in that order, so
// that whoever sees the word sees all that was written before it. An atomic one would be a
// locked instruction, which waits until all of that has gone out.
func release(to *atomic.Int64, word int64) { *(*int64)(unsafe.Pointer(to)) = word }
