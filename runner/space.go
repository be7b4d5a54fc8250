package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"pgchaos/internal/units"
	"pgchaos/internal/wait"
)

const (
	// leastSpace is how many bytes must stay free on each disk that a run writes to: PostgreSQL shuts down where
	// it cannot write WAL, and what was lost then would be the disk's doing.
	leastSpace = 256_000_000
	spaceEvery = 500 * time.Millisecond
)

// checkSpace wants space for a run on the disks of the directories; ledger is how many bytes the ledger will
// take in the first of them, 0 where that is not known.
func checkSpace(ledger int64, dirs ...string) error {
	for i, dir := range dirs {
		needed := uint64(leastSpace)
		if i == 0 {
			needed += uint64(ledger)
		}
		if free, err := freeSpace(dir); err == nil && free < needed {
			return fmt.Errorf("%s is free in %s, and the run needs %s: name another directory, or run for a shorter time",
				units.Bytes(free), dir, units.Bytes(needed))
		}
	}
	return nil
}

// existing is the directory, or the nearest above it that is there.
func existing(dir string) string {
	for filepath.Dir(dir) != dir {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

func freeSpace(dir string) (uint64, error) {
	u, err := disk.Usage(dir)
	if err != nil {
		return 0, err
	}
	return u.Free, nil
}

// guardSpace is a context for load and timeline, which ends when a disk has too little space left; the
// result then says so. The returned function ends the watch and waits for it.
func (r *run) guardSpace(ctx context.Context) (guarded context.Context, end func()) {
	guarded, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		wait.Every(guarded, spaceEvery, func() {
			if reason := spaceLow(append([]string{r.Out}, r.Disks...)); reason != "" && guarded.Err() == nil {
				r.stop(reason, stop)
			}
		})
	})
	return guarded, func() { stop(); wg.Wait() }
}

// spaceLow says which disk has too little space left; "": none.
func spaceLow(dirs []string) string {
	for _, dir := range dirs {
		if free, err := freeSpace(dir); err == nil && free < leastSpace {
			return fmt.Sprintf("the run was stopped: only %s was left on the disk of %s, and PostgreSQL shuts down when its disk is full",
				units.Bytes(free), dir)
		}
	}
	return ""
}
