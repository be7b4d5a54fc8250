package cluster

import "testing"

// TestIsRunID: anybody who may make a schema can write its comment, and what it says is printed in commands to copy.
func TestIsRunID(t *testing.T) {
	for text, want := range map[string]bool{
		"quorum-kill-20261130-145321-4d55": true, "my_test.2-20261130-145321-4d55": true,
		"": false, "x';touch y": false, "a b": false, "a\nok": false, "a`b`": false, "a/b": false, "\x1b[31m": false, "größe": false,
	} {
		if got := isRunID(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
