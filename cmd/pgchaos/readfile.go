package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// maxInput bounds what is read of a file that a user names, in bytes: /dev/zero has no end.
const maxInput = 64 << 20

// readFile reads a file that a user names: an experiment, a script, a setup. When ctx ends
// the reading ends, too: a pipe may stay silent for ever.
func readFile(ctx context.Context, name string) ([]byte, error) {
	// Without O_NONBLOCK, opening a named pipe waits for its writer, and no signal ends that.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) }) // a plain file refuses it, and never waits
	defer stop()
	text, err := io.ReadAll(io.LimitReader(f, maxInput+1))
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("read %s: interrupted", name)
	case err != nil:
		return nil, err
	case len(text) > maxInput:
		return nil, fmt.Errorf("%s has more than %d MiB", name, maxInput>>20)
	case len(text) == 0 && info.Mode()&os.ModeNamedPipe != 0:
		return nil, fmt.Errorf("%s is a pipe, and nothing writes into it", name)
	}
	return text, nil
}
