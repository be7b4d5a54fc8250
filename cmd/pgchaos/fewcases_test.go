//go:build !long

package main

// everyCase tells whether tests with many similar cases run each of them, as `make test-long` does.
const everyCase = false
