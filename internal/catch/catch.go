// Package catch takes panics from one goroutine to where they are dealt with. Its functions are to be deferred.
package catch

import (
	"fmt"
	"runtime/debug"
)

// Panic reports the value of a panic, which ends here. With a nil report the panic goes on.
func Panic(report func(value any)) {
	if report == nil {
		return
	}
	if value := recover(); value != nil {
		report(value)
	}
}

// Keep keeps a panic with its stack, for another goroutine to panic with.
func Keep(to *any) {
	if value := recover(); value != nil {
		*to = fmt.Sprintf("%v\n%s", value, debug.Stack())
	}
}
