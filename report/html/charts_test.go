package html

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/internal/skip"
)

// fakeNpm stands for npm: it notes how it was called, and makes what the script copies.
const fakeNpm = `#!/bin/sh
echo "$*" >>"$NOTES"
[ -z "${BROKEN:-}" ] || { echo "the network is down"; exit 1; }
mkdir -p node_modules/uplot/dist node_modules/axe-core
echo "var uPlot=1" >node_modules/uplot/dist/uPlot.iife.min.js
echo ".uplot {}" >node_modules/uplot/dist/uPlot.min.css
echo "licence" >node_modules/uplot/LICENSE
case "$*" in *--omit=dev*) ;; *) echo "var axe=1" >node_modules/axe-core/axe.min.js ;; esac
`

// tree is a copy of what scripts/charts.sh works on.
type tree struct {
	t          *testing.T
	dir, notes string
}

func newTree(t *testing.T, npm bool) tree {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"scripts/charts.sh", "report/html/package.json", "report/html/package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(text))
	}
	write(t, filepath.Join(dir, dist, ".gitkeep"), "")
	for _, tool := range []string{"sh", "cat", "cksum", "dirname", "mkdir", "mktemp", "rm", "cp", "mv", "cmp"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			skip.Test(t, "%v", err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, "bin", tool)); err != nil {
			t.Fatal(err)
		}
	}
	if npm {
		write(t, filepath.Join(dir, "bin", "npm"), fakeNpm)
	}
	return tree{t, dir, filepath.Join(dir, "notes")}
}

const dist = "report/html/assets/dist"

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// run runs the script, and returns its exit code and what it said.
func (r tree) run(environment string, arguments ...string) (int, string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), filepath.Join(r.dir, "scripts/charts.sh"), arguments...)
	cmd.Env = append([]string{"PATH=" + filepath.Join(r.dir, "bin"), "NOTES=" + r.notes}, strings.Fields(environment)...)
	out, _ := cmd.CombinedOutput() // the code says whether it failed
	return cmd.ProcessState.ExitCode(), string(out)
}

// calls is how npm was called.
func (r tree) calls() []string {
	text, _ := os.ReadFile(r.notes)
	return strings.FieldsFunc(string(text), func(c rune) bool { return c == '\n' })
}

// files are the files of the folder that go build embeds.
func (r tree) files() (names string) {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.dir, dist))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		names += e.Name() + " "
	}
	return names
}

func TestChartsAreFetchedOnce(t *testing.T) {
	r := newTree(t, true)
	if code, out := r.run(""); code != 0 || r.files() != ".gitkeep uPlot.LICENSE uPlot.iife.min.js uPlot.min.css " {
		t.Fatalf("exit code %d, files %s\n%s", code, r.files(), out)
	}
	if code, out := r.run(""); code != 0 || out != "" || len(r.calls()) != 1 {
		t.Errorf("the second time: exit code %d, calls %q\n%s", code, r.calls(), out)
	}
	if code, out := r.run("", "test"); code != 0 || len(r.calls()) != 2 {
		t.Errorf("for the tests: exit code %d, calls %q\n%s", code, r.calls(), out)
	}
	if code, out := r.run("", "test"); code != 0 || out != "" || len(r.calls()) != 2 {
		t.Errorf("for the tests, again: exit code %d, calls %q\n%s", code, r.calls(), out)
	}
	for _, call := range r.calls() {
		if !strings.HasPrefix(call, "ci --ignore-scripts ") {
			t.Errorf("npm was called with %s", call)
		}
	}
	if err := os.Remove(filepath.Join(r.dir, dist, "uPlot.min.css")); err != nil {
		t.Fatal(err)
	}
	if code, out := r.run(""); code != 0 || len(r.calls()) != 2 || !strings.Contains(r.files(), "uPlot.min.css") {
		t.Errorf("a lost file does not come back: exit code %d, calls %q, files %s\n%s", code, r.calls(), r.files(), out)
	}
	write(t, filepath.Join(r.dir, "report/html/package-lock.json"), `{"changed": true}`)
	if code, out := r.run(""); code != 0 || len(r.calls()) != 3 {
		t.Errorf("after a change of the lock file: exit code %d, calls %q\n%s", code, r.calls(), out)
	}
}

func TestBuildWithoutCharts(t *testing.T) {
	for name, c := range map[string]struct {
		npm                   bool
		environment, argument string
		code                  int
	}{
		"no npm":              {false, "", "", 0},
		"no npm, in CI":       {false, "CI=true", "", 1},
		"no npm, a release":   {false, "", "required", 1},
		"no network":          {true, "BROKEN=1", "", 0},
		"no network, in CI":   {true, "BROKEN=1 CI=true", "test", 1},
		"no network, release": {true, "BROKEN=1", "required", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t, c.npm)
			code, out := r.run(c.environment, strings.Fields(c.argument)...)
			if code != c.code || !strings.Contains(out, "static pictures") || r.files() != ".gitkeep " {
				t.Errorf("exit code %d, want %d; files %s\n%s", code, c.code, r.files(), out)
			}
			left, err := filepath.Glob(filepath.Join(r.dir, ".tools", "*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			if c.npm && !strings.Contains(out, "the network is down") {
				t.Errorf("what npm said is missing: %s", out)
			}
		})
	}
}
