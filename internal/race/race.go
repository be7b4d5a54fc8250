// Package race tells tests whether the race detector is on, which makes arithmetic ten times as slow.
package race

import (
	"runtime/debug"
	"slices"
)

// Enabled tells whether this program was built with the race detector.
func Enabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// Rounds is n, or, where the race detector is on, one of `fewer` of them: for tests that repeat arithmetic in which nothing is concurrent.
func Rounds(n, fewer int) int {
	if Enabled() {
		return n / fewer
	}
	return n
}
