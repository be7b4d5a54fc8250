package runner_test

import (
	"fmt"
	"os"
	"testing"

	"pgchaos/internal/atonce"
)

// TestMain has more tests run at once than there are processors: they wait for their servers.
func TestMain(m *testing.M) {
	if err := atonce.Tests(5); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
