//go:build !linux

package main

import (
	"errors"
	"os/exec"
	"runtime"
	"time"
)

// machine describes where the figures come from.
func machine() string { return runtime.GOOS + " on " + runtime.GOARCH }

// processors are one: a process cannot be kept to some of them here.
func processors() []int { return make([]int, 1) }

// outputOn runs a command, and returns what it prints.
func outputOn(_ []int, cmd *exec.Cmd) ([]byte, error) { return cmd.Output() }

func (s *server) keepTo([]int) error {
	return errors.New("a server is kept to some processors on Linux only")
}

// cpu is not known here.
func (s *server) cpu() time.Duration { return 0 }
