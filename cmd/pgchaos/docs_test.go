package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pgchaos/expect"
	"pgchaos/spec"
)

// TestTheManualsExamplesAreRight reads every experiment that a document shows.
func TestTheManualsExamplesAreRight(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	for _, file := range []string{"../../README.md", "../../docs/experiments.md", "../../docs/providers.md", "../../docs/load.md", "../../docs/scripts.md"} {
		found := block.FindAllStringSubmatch(readText(t, file), -1)
		if len(found) == 0 {
			t.Errorf("%s shows no experiment", file)
		}
		for _, m := range found {
			if _, _, err := spec.Load(file, []byte(m[1]), spec.Options{}); err != nil {
				t.Errorf("%s: %v\n%s", file, err, m[1])
			}
		}
	}
}

// TestTheManualIsComplete looks for every action, role and metric.
func TestTheManualIsComplete(t *testing.T) {
	text := readText(t, "../../docs/experiments.md")
	words := append(spec.Actions(), spec.Roles...)
	for _, m := range expect.Metrics() {
		words = append(words, strings.TrimPrefix(m.Name, "service_"))
	}
	for _, word := range words {
		if !strings.Contains(text, "`"+word+"`") {
			t.Errorf("docs/experiments.md does not explain `%s`", word)
		}
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
