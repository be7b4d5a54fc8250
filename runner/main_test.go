package runner_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"pgchaos/cluster/local"
	"pgchaos/internal/atonce"
	"pgchaos/internal/fsyncstub"
)

// postgresBin is where PostgreSQL's programs are; "": nowhere.
var postgresBin string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

// runTests has more tests run at once than there are processors: they wait for their servers. Only a test that asks for
// postgresBin measures fsync.
func runTests(m *testing.M) int {
	if os.Getenv("PGCHAOS_TEST_STANDSTILL") != "" { // a process of TestStoppedBySIGSTOP, which is killed: it would leave the directory behind
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "pgchaos-runner-bin-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = os.Chmod(dir, 0o755) // the servers' user must be able to enter
	}
	if found, missing := local.FindInstallation(context.Background(), "", 0); err == nil && missing == nil {
		postgresBin = found.BinDir
		err = fsyncstub.Install(postgresBin, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return atonce.Run(m, 5)
}
