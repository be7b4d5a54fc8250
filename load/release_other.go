//go:build !amd64 || race

package load

import "sync/atomic"

// release stores a word that others load.
func release(to *atomic.Int64, word int64) { to.Store(word) }
