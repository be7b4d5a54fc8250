package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Fsync is how long a node's disk takes to keep 8 kB for good.
type Fsync struct {
	Method string        // of those of wal_sync_method: open_datasync, fdatasync, ...
	Time   time.Duration // of one write
}

//go:embed fsync.sh
var fsyncScript string

// FsyncTime has pg_test_fsync measure how long the disk of the node's data directory takes to
// sync. It takes little more than a second. The way to sync is the first of pg_test_fsync's list that the
// file system can do.
func (n *Node) FsyncTime(ctx context.Context) (Fsync, error) {
	files, err := n.files()
	if err != nil {
		return Fsync{}, err
	}
	argv := []string{"/bin/sh", "-c", fsyncScript, "sh", files.Program("pg_test_fsync"), files.Dir() + "/pg_test_fsync.out"}
	out, err := files.Run(ctx, Command{Argv: argv, Keep: ExecKeeps})
	if err != nil {
		return Fsync{}, fmt.Errorf("measure fsync on %s: %w", n.Name(), err)
	}
	f, ok := readFsync(out.Stdout)
	if !ok {
		return Fsync{}, fmt.Errorf("measure fsync on %s: pg_test_fsync said %q", n.Name(), Complaint(out.Stdout))
	}
	return f, nil
}

var fsyncLine = regexp.MustCompile(`(?m)^\s+(\w+)\s+[\d.]+ ops/sec\s+(\d+) usecs/op`)

// readFsync reads the first line of pg_test_fsync with a time, which is about one write of 8 kB.
func readFsync(output string) (f Fsync, ok bool) {
	found := fsyncLine.FindStringSubmatch(output)
	if found == nil || !strings.Contains(output, "one 8kB write") {
		return Fsync{}, false
	}
	us, err := strconv.Atoi(found[2])
	return Fsync{Method: found[1], Time: time.Duration(us) * time.Microsecond}, err == nil && us > 0
}
