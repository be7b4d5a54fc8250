package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// FreeCommand asks on a server's machine how much is free on the disks of its data directory and of its WAL, which can be behind a link.
func FreeCommand(dataDir string) Command {
	return Command{Argv: []string{"df", "-Pk", dataDir, dataDir + "/pg_wal"}, Keep: freeKeeps}
}

// asked is for how many directories df is asked.
const asked = 2

// freeKeeps is how much of what df says is kept, in bytes.
const freeKeeps = 16 << 10

// FreeOf is how many bytes are free by what FreeCommand wrote, and by the error that it ended with: it may see one of the directories
// only, and then ends with one.
func FreeOf(out Output, err error) (uint64, error) {
	free, unread := parseFree(out.Stdout)
	if unread != nil && err != nil {
		return 0, fmt.Errorf("%w: %w", unread, err)
	}
	return free, unread
}

// parseFree is the least number of free bytes in what POSIX's df -P wrote, whose names can have blanks in them.
func parseFree(out string) (uint64, error) {
	least, disks := uint64(math.MaxUint64), 0
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		for i := 4; i < len(words); i++ {
			if !strings.HasSuffix(words[i], "%") {
				continue
			}
			if kB, err := strconv.ParseUint(words[i-1], 10, 53); err == nil {
				least = min(least, kB<<10)
				disks++
				break
			}
		}
	}
	if least == math.MaxUint64 {
		return 0, errors.New("df does not say how much is free")
	}
	if disks > asked {
		return 0, fmt.Errorf("df speaks of %d disks and was asked for %d directories: exec does not pass on the arguments of a command", disks, asked)
	}
	return least, nil
}

// DataDirectory is the server's data directory.
func (n *Node) DataDirectory(ctx context.Context) (dir string, err error) {
	conn, err := n.Connect(ctx, "state")
	if err != nil {
		return "", err
	}
	defer abandon(conn)
	if err := conn.QueryRow(ctx, "select coalesce((select setting from pg_settings where name = 'data_directory'), '')").Scan(&dir); err != nil {
		return "", fmt.Errorf("ask %s for its data directory: %w", n.Name(), err)
	}
	if dir == "" {
		return "", errors.New("the role may not read data_directory")
	}
	return dir, nil
}

// Free is how many bytes are free on the disks that the server writes to, as a command on its machine says.
func (n *Node) Free(ctx context.Context, dataDir string) (uint64, error) {
	return FreeOf(n.RunBeside(ctx, FreeCommand(dataDir)))
}
