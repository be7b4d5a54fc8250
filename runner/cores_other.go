//go:build !linux

package runner

import "runtime"

// allowedCores is how many cores this process may use at once.
func allowedCores() float64 { return float64(min(runtime.NumCPU(), runtime.GOMAXPROCS(0))) }
