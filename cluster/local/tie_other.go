//go:build !linux

package local

import "os/exec"

// tie does nothing: without Linux, a command goes on where pgchaos is killed.
func tie(*exec.Cmd) {}
