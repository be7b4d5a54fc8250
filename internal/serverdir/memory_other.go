//go:build !linux

package serverdir

// parent is the directory of the new ones.
func parent() string { return onDisk }
