package serverdir

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// inMemory is a file system that lies in memory on nearly every Linux.
const inMemory = "/dev/shm"

// The least that must be free: tests of several packages run at once, each with some clusters of three servers.
const leastFree = 8 << 30

// tmpfs is the number of that file system (TMPFS_MAGIC in linux/magic.h), and noExec that of its option (ST_NOEXEC in statvfs.h).
const tmpfs, noExec = 0x01021994, 0x8

// parent is the directory of the new ones.
func parent() string {
	var fs syscall.Statfs_t
	if syscall.Statfs(inMemory, &fs) != nil || fs.Type != tmpfs || fs.Flags&noExec != 0 {
		return onDisk
	}
	if uint64(fs.Bsize)*fs.Bavail < leastFree || available("/proc/meminfo") < leastFree {
		return onDisk
	}
	return inMemory
}

// available is the memory that can be had without swapping, in bytes, by a file like /proc/meminfo; 0: it does not say.
func available(file string) uint64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemAvailable:" && f[2] == "kB" {
			kB, err := strconv.ParseUint(f[1], 10, 64)
			if err != nil {
				return 0
			}
			return kB << 10
		}
	}
	return 0
}
