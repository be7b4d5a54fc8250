package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// childKey is the variable that makes a process of the tests a child, which does what it says.
const childKey = "PGCHAOS_STORE_TEST_CHILD"

// child adds directories to a store, as another pgchaos would.
func child(do string) int {
	where, dirs, _ := strings.Cut(do, "\n")
	s, err := Open(context.Background(), where)
	if err == nil {
		defer func() { _ = s.Close() }() // the process ends
		for dir := range strings.SplitSeq(dirs, "\n") {
			if _, err = s.Add(context.Background(), dir); err != nil {
				break
			}
			fmt.Println("added", dir)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// adding is a process that adds directories to a store.
func adding(t *testing.T, where string, dirs ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childKey+"="+strings.Join(append([]string{where}, dirs...), "\n"))
	return cmd
}
