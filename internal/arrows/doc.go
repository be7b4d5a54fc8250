// Package arrows holds tests only: which package may import which, and that
// docs/architecture.md shows it.
package arrows
