package existing

import (
	"os"
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestCommandsHaveNoTerminal: a command that wants to ask something fails at once. In the session of pgchaos it would be stopped.
func TestCommandsHaveNoTerminal(t *testing.T) {
	out, err := run(t.Context(), []string{"cat", "/proc/self/stat"}, cluster.Command{Keep: 4096})
	if err != nil {
		t.Fatal(err)
	}
	mine, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	session := func(stat string) string { return strings.Fields(stat[strings.LastIndex(stat, ")"):])[4] } // proc(5)
	if session(out.Stdout) == session(string(mine)) {
		t.Error("it is in the session of pgchaos")
	}
}
