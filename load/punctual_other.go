//go:build !linux

package load

// punctual needs a sleep of the kernel's that is finer than the runtime's.
func (w *Workload) punctual(*run) {}
