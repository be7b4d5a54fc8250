//go:build long

package longtest

// Enabled tells whether `make test-long` runs: then tests with many similar cases run each of them.
const Enabled = true
