package fault

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNoFaultStartsAGoroutineOfItsOwn: a panic in one would end pgchaos, and no fault would be taken back. chaos.AtOnce makes it
// an error of the step.
func TestNoFaultStartsAGoroutineOfItsOwn(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	starts := regexp.MustCompile(`\bgo (func|[a-z][\w.]*\()|\.Go\(|AfterFunc\(`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := starts.FindString(string(text)); found != "" {
			t.Errorf("%s starts a goroutine (%s): use chaos.AtOnce", file, found)
		}
	}
}
