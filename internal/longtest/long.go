// Package longtest tells apart the tests that `make test-long` alone runs: those that take long, and show in another way
// or on another provider what a quicker test shows, too.
package longtest

import "testing"

// Only skips a test unless `make test-long` runs. Call it first. Unlike skip.Test it is no failure in CI: nothing lacks there.
func Only(t testing.TB) {
	t.Helper()
	if !Enabled {
		t.Skip("make test-long runs this test")
	}
}
