package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
)

// brokenPipe is a reader that has gone.
type brokenPipe struct{ err error }

func (b brokenPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "|1", Err: b.err}
}

func TestOnlyStandardOutputMayBreak(t *testing.T) {
	out := &output{to: brokenPipe{syscall.EPIPE}}
	_, gone := fmt.Fprintln(out, "text")
	elsewhere := fmt.Errorf("build the cluster: %w", &os.PathError{Op: "write", Path: "docker.sock", Err: syscall.EPIPE})
	for _, tc := range []struct {
		name string
		err  error
		code int
	}{
		{"the reader has gone", gone, exitPass},
		{"the reader has gone, with a context", fmt.Errorf("print: %w", gone), exitPass},
		{"a broken pipe elsewhere", elsewhere, exitFailed},
		{"both", errors.Join(elsewhere, gone), exitFailed},
		{"both in one text", fmt.Errorf("%w, then %w", gone, elsewhere), exitFailed},
		{"a verdict, and the reader has gone", errors.Join(gone, verdictError(exitFail)), exitFail},
		{"something left behind by a broken pipe", &exitError{exitLeftBehind, elsewhere}, exitLeftBehind},
	} {
		if code := exitCode(tc.err); code != tc.code {
			t.Errorf("%s: exit code %d, want %d", tc.name, code, tc.code)
		}
	}
}

func TestOutputThatIsLostIsAFailure(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code int
	}{{syscall.EPIPE, exitPass}, {syscall.ENOSPC, exitFailed}} {
		for _, args := range [][]string{{"list"}, {"version"}, {"validate", "quorum-kill"}, {"plan", "quorum-kill"}, {"report", "../../selftest/testdata/split-brain"}} {
			var stderr countingWriter
			if code := run(t.Context(), args, nil, brokenPipe{tc.err}, &stderr); code != tc.code || (stderr > 0) != (code != exitPass) {
				t.Errorf("%v with %v: exit code %d, want %d", args, tc.err, code, tc.code)
			}
		}
	}
}

// countingWriter counts what it is given.
type countingWriter int

func (c *countingWriter) Write(p []byte) (int, error) {
	*c += countingWriter(len(p))
	return len(p), nil
}
