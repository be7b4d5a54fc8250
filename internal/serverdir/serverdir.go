// Package serverdir is where the servers of tests keep their data: in memory, where there is plenty of it. Otherwise the tests wait
// for the disk, whose writes nothing here depends on: they kill processes, and no machine.
package serverdir

import "os"

// onDisk is for everything that does not fit into memory. It is not the directory of temporary files, which can be the memory's, too, or
// have a path that is too long for the sockets of servers.
const onDisk = "/var/tmp"

// Make makes a new directory, whose name is as os.MkdirTemp makes it of the pattern, and which other users can enter: as root, the
// servers run as one. Who makes it removes it.
func Make(pattern string) (string, error) { return open(parent(), pattern) }

// OnDisk is the same for tests of what servers write to a disk.
func OnDisk(pattern string) (string, error) { return open(onDisk, pattern) }

func open(parent, pattern string) (string, error) {
	dir, err := os.MkdirTemp(parent, pattern)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}
