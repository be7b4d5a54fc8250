// Package fsyncstub has runs of tests measure no fsync, which takes more than a second of each run and keeps the disk busy.
package fsyncstub

import (
	"os"
	"path/filepath"
)

// script answers at once, as pg_test_fsync does.
const script = "#!/bin/sh\necho 'Compare file sync methods using one 8kB write:'\necho '  fdatasync  5000.000 ops/sec  200 usecs/op'\n"

// Install puts a directory below another one into PATH, before all others. It has PostgreSQL's programs of bin, but for a
// pg_test_fsync that measures nothing. The servers' user must be able to enter below.
func Install(bin, below string) error {
	dir := filepath.Join(below, "bin")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, pattern := range []string{"postgres", "initdb", "psql", "pg_*"} {
		programs, err := filepath.Glob(filepath.Join(bin, pattern))
		if err != nil {
			return err
		}
		for _, program := range programs {
			if name := filepath.Base(program); name != "pg_test_fsync" {
				if err := os.Symlink(program, filepath.Join(dir, name)); err != nil {
					return err
				}
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "pg_test_fsync"), []byte(script), 0o755); err != nil {
		return err
	}
	return os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}
