//go:build !race

package main

// raceDetector tells whether the tests run with it.
const raceDetector = false
