package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The reading of a pipe or of an endless file has to end: validate runs in nightly jobs, too.
func TestFilesThatNeverEndAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		file, want string
		silent     bool // somebody has the pipe open, and writes nothing
		code       int
	}{
		"a pipe without a writer":           {file: pipe, want: "is a pipe, and nothing writes into it", code: exitUsage},
		"a pipe with a silent writer":       {file: pipe, want: "interrupted", silent: true, code: exitInterrupted},
		"a file without an end":             {file: "/dev/zero", want: "has more than 64 MiB", code: exitUsage},
		"a directory where a file is meant": {file: t.TempDir(), want: "is a directory", code: exitUsage},
		"a terminal at which nobody types":  {file: "-", want: "interrupted", silent: true, code: exitInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if row.silent {
				writer, err := os.OpenFile(pipe, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = writer.Close() }()
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond) // as Ctrl-C would
				defer cancel()
			}
			stdin, nobody := io.Pipe()
			defer func() { _ = nobody.Close() }()
			var stdout, stderr strings.Builder
			code := run(ctx, []string{"plan", row.file}, stdin, &stdout, &stderr)
			if code != row.code || !strings.Contains(stderr.String(), row.want) {
				t.Errorf("exit code %d, %q; want %d, and %q", code, stderr.String(), row.code, row.want)
			}
		})
	}
}

func TestScriptsThatNeverEndAreErrorsOfTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.sql"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "x.yaml")
	text := "name: x\ncluster: {nodes: [a]}\nload:\n  setup: pipe.sql\n  s: {kind: script, script: /dev/zero}\nduration: 1s\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	code := run(t.Context(), []string{"plan", file}, strings.NewReader(""), &stdout, &stderr)
	for _, want := range []string{"x.yaml:4:10: the setup cannot be read", "nothing writes into it", "x.yaml:5:29: the script cannot be read: /dev/zero has more than 64 MiB"} {
		if code != exitUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("exit code %d, %s; want %q", code, stderr.String(), want)
		}
	}
}
