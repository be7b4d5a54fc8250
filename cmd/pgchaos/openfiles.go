package main

import (
	"fmt"
	"syscall"

	"pgchaos/runner"
)

// enoughFiles is an error when this process may open fewer files than a run needs. Go has raised the soft
// limit to the hard one by then, where that may be (os/rlimit.go).
func enoughFiles(p *runner.Plan) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	return filesWithin(p, limit.Max)
}

func filesWithin(p *runner.Plan, limit uint64) error {
	clients, files := p.OpenFiles()
	if uint64(files) <= limit {
		return nil
	}
	return fmt.Errorf("%d clients need about %d open files, and the limit is %d: raise it (ulimit -Hn %d; ulimit -n %d), or use fewer clients or connections",
		clients, files, limit, files, files)
}
