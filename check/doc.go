// Package check is empty: it is now the packages audit, outage, expect, rows and verdict. The path
// stays for scripts that still test ./check, and is to be removed with the last of them.
package check
