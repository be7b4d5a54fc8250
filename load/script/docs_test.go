package script

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// The manual's example is a script without errors, and its list of functions is ours.
func TestTheManualIsRight(t *testing.T) {
	page, err := os.ReadFile("../../docs/scripts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "    script: |\n")
	example, _, ok := strings.Cut(example, "\nduration:")
	if !ok {
		t.Fatal("the manual has no example")
	}
	s, err := Parse("example", strings.ReplaceAll(example, "\n      ", "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, simple := range []bool{false, true} {
		if err := s.Check(map[string]string{"products": "1000"}, simple); err != nil {
			t.Error(err)
		}
	}
	_, list, _ := strings.Cut(string(page), "`CASE` and functions: `")
	list, _, _ = strings.Cut(list, "`")
	if got, want := strings.Fields(list), slices.Sorted(maps.Keys(functions)); !slices.Equal(got, want) {
		t.Errorf("the manual lists %q\nthere are %q", got, want)
	}
}
