// Package history is empty: its types are in package record. The path stays for scripts that
// still test ./history/..., and is to be removed with the last of them.
package history
