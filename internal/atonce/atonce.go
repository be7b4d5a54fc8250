// Package atonce sets how many parallel tests of a package run at once.
package atonce

import (
	"flag"
	"fmt"
	"os"
)

// Tests has n of them run at once, unless the flag -parallel says otherwise. Call it in TestMain.
// Go's default is the number of processors, which is too few for tests that mostly wait for servers.
func Tests(n int) error {
	const name = "test.parallel"
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return nil
	}
	if err := flag.Set(name, fmt.Sprint(n)); err != nil {
		return fmt.Errorf("run %d tests at once: %w", n, err)
	}
	return nil
}

// Run runs the tests of a package, n at once, and returns what its TestMain is to exit with.
func Run(tests interface{ Run() int }, n int) int {
	if err := Tests(n); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return tests.Run()
}
