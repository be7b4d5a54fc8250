package skip

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// recorder is a test that only notes how it ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.ended = "failed: " + fmt.Sprintf(format, args...)
}

func (r *recorder) Skipf(format string, args ...any) {
	if r.ended == "" {
		r.ended = "skipped: " + fmt.Sprintf(format, args...)
	}
}

func TestCIRefusesASkip(t *testing.T) {
	for ci, want := range map[string]string{
		"true": "failed: no test may be skipped in CI: there is no tmux",
		"":     "skipped: there is no tmux",
	} {
		t.Setenv("CI", ci)
		var r recorder
		if Test(&r, "there is no %s", "tmux"); r.ended != want {
			t.Errorf("CI=%s: %q, want %q", ci, r.ended, want)
		}
	}
}

// allowed are files with a skip that CI does not refuse, with the reason.
var allowed = map[string]string{
	"compare/recorded_test.go": "it records figures for other tests, and only where a flag asks for it",
}

// direct is a skip that does not go through Test.
var direct = regexp.MustCompile(`\.(Skip|Skipf|SkipNow)\(`)

// TestEverySkipCanBeRefused: no test skips itself by other means.
func TestEverySkipCanBeRefused(t *testing.T) {
	root := filepath.Join("..", "..")
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		place, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (place != "." && strings.HasPrefix(entry.Name(), ".") || place == filepath.Join("internal", "skip") || slices.Contains([]string{"testdata", "dist", "bin", "results"}, entry.Name())):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if direct.Match(text) {
			found = append(found, filepath.ToSlash(place))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range found {
		if allowed[place] == "" {
			t.Errorf("%s skips a test by itself: call skip.Test, which CI refuses", place)
		}
	}
	for place := range allowed {
		if !slices.Contains(found, place) {
			t.Errorf("%s is allowed to skip a test, and does not", place)
		}
	}
}
