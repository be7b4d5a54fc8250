package cluster

import (
	"testing"
	"time"
)

// TestReadFsync: the first way that the file system can do counts, and what is no measurement is none.
func TestReadFsync(t *testing.T) {
	const head = "1 second per test\nO_DIRECT supported on this platform for open_datasync and open_sync.\n\nCompare file sync methods using one 8kB write:\n(in wal_sync_method preference order, except fdatasync is Linux's default)\n"
	for _, c := range []struct {
		output string
		want   Fsync
		ok     bool
	}{
		{head + "        open_datasync                      8115.351 ops/sec     123 usecs/op\n        fdatasync             ", Fsync{"open_datasync", 123 * time.Microsecond}, true},
		{head + "        open_datasync                                  n/a*\n        fdatasync                          79.984 ops/sec   12502 usecs/op\n", Fsync{"fdatasync", 12502 * time.Microsecond}, true},
		{head + "        open_datasync         ", Fsync{}, false},
		{head + "        fdatasync                          99999999.000 ops/sec       0 usecs/op\n", Fsync{}, false},
		{"sh: pg_test_fsync: not found\n", Fsync{}, false},
	} {
		got, ok := readFsync(c.output)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q is read as %v, %v", c.output, got, ok)
		}
	}
}
