package spec

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Each testdata/*.yaml is a file full of mistakes, and the .golden beside it is
// everything that pgchaos reports about them. Lines `# set:` and `# env:` at the top
// are its options.
func TestMistakesAreReportedAllAtOnce(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text := readFile(t, file)
			e, resolved, err := Load(filepath.Base(file), text, optionsIn(string(text)))
			if err == nil {
				t.Fatal("it loads")
			}
			if e != nil || resolved != nil {
				t.Error("something beside the error was returned")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			got := err.Error() + "\n"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(readFile(t, golden)), got); diff != "" {
				t.Error(diff)
			}
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("%T is no Problems", err)
			}
			for _, p := range problems {
				if p.What == "" || p.Right == "" || strings.HasPrefix(p.File, "--set ") != (p.Line == 0) {
					t.Errorf("half a problem: %+v", p)
				}
			}
		})
	}
}

func optionsIn(text string) Options {
	env := map[string]string{}
	o := Options{Providers: someProviders()}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if set, ok := strings.CutPrefix(line, "# set: "); ok {
			o.Set = append(o.Set, set)
		}
		if pair, ok := strings.CutPrefix(line, "# env: "); ok {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
	}
	o.Getenv = getenv(env)
	return o
}

func getenv(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

func readFile(t interface{ Fatal(...any) }, name string) []byte {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
