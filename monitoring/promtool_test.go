package monitoring

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/internal/skip"
)

// TestPromtool has Prometheus's own tool check names, units, help texts and types.
func TestPromtool(t *testing.T) {
	promtool := findPromtool(t)
	check := func(text string) (string, error) {
		cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := check(text(t, underway())); err != nil || out != "" {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := check("# TYPE pgchaos_operations counter\npgchaos_operations 1\n"); err == nil {
		t.Error("a counter without _total is not seen")
	}
}

// findPromtool skips the test where the tool is not there. In CI it is.
func findPromtool(t *testing.T) string {
	t.Helper()
	unpacked, err := filepath.Abs("../.tools/promtool")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{unpacked, "promtool"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	skip.Test(t, "no promtool: scripts/setup.sh test installs it")
	return ""
}
