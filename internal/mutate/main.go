// Command mutate switches each condition of some packages off in turn, and lists those
// that no test misses.
//
//	go run ./internal/mutate -tests ./report,./selftest ./rows ./check
//
// It makes a mutant of each condition (true, false), of each operand of && and ||
// (left out), of each comparison (its bound moved, == and != exchanged), of each early
// exit behind something else (left out) and of each case (left out, or always taken).
// All of them are compiled once, and switched on by a variable of the environment.
//
// Survivors are printed. Those that say the same as the code stand in equivalents.txt,
// each with its reason; another one, or a line of that file that is no survivor, makes
// the exit code 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: 0 when every mutant was seen, 1 when not, 2 when it could not try.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	tests := flags.String("tests", "", "other `packages` whose tests may see a mutant, with commas between them")
	files := flags.String("files", "", "mutate only `files` that match, with commas between them: recovery*.go")
	path := flags.String("known", "internal/mutate/equivalents.txt", "`file` of mutants that say the same as the code")
	atOnce := flags.Int("at-once", 2, "how many to try at a time")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 || *atOnce < 1 {
		fmt.Fprintln(stderr, "mutate: name the packages to be mutated")
		return 2
	}
	equivalents, err := readKnown(*path)
	if err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return 2
	}
	scratch, err := os.MkdirTemp("", "mutate")
	if err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return 2
	}
	defer func() { _ = os.RemoveAll(scratch) }() // the system's own directory: it is cleaned anyway
	var mutants []mutant
	var alive []int
	for _, pkg := range flags.Args() {
		t, err := build(ctx, pkg, list(*files), list(*tests), scratch)
		if err != nil {
			fmt.Fprintln(stderr, "mutate:", err)
			return 2
		}
		numbers, err := t.survivors(ctx, *atOnce, func(done int) {
			if done%100 == 0 {
				fmt.Fprintf(stderr, "%s: %d of %d\n", pkg, done, len(t.mutants))
			}
		})
		if err != nil {
			fmt.Fprintln(stderr, "mutate:", err)
			return 2
		}
		for _, n := range numbers {
			alive = append(alive, len(mutants)+n)
		}
		mutants = append(mutants, t.mutants...)
	}
	if len(mutants) == 0 {
		fmt.Fprintln(stderr, "mutate: nothing there can be mutated")
		return 2
	}
	return judge(stdout, mutants, alive, equivalents)
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// judge prints what survived, and what is said to be equivalent and did not.
func judge(out io.Writer, mutants []mutant, alive []int, equivalents known) (code int) {
	excused := make(map[string]bool)
	unknown := 0
	for _, number := range alive {
		m := mutants[number-1]
		if _, ok := equivalents[m.key()]; ok {
			excused[m.key()] = true
			continue
		}
		unknown++
		fmt.Fprintf(out, "%s:%d %s: %s\n", m.file, m.line, m.fn, m.what)
	}
	made := make(map[string]bool)
	for _, m := range mutants {
		made[m.file] = true
	}
	stale := 0
	for _, key := range slices.Sorted(maps.Keys(equivalents)) {
		if file, _, _ := strings.Cut(key, " "); made[file] && !excused[key] {
			stale++
			fmt.Fprintf(out, "said to be equivalent, but there is no such survivor: %s\n", key)
		}
	}
	fmt.Fprintf(out, "%d mutants: %d survive, %d of them known to be equivalent\n", len(mutants), len(alive), len(alive)-unknown)
	if unknown > 0 || stale > 0 {
		return 1
	}
	return 0
}
