package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgchaos/expect"
	"pgchaos/experiments"
	"pgchaos/selftest"
	"pgchaos/spec"
)

// TestTheManualsExamplesAreRight reads every experiment that a document shows.
func TestTheManualsExamplesAreRight(t *testing.T) {
	examples := manualExamples(t)
	if len(examples) < 6 {
		t.Errorf("%d experiments found", len(examples))
	}
	for _, e := range examples {
		if _, err := spec.LoadSeries(e.file, []byte(e.text), spec.Options{Providers: descriptions()}); err != nil {
			t.Errorf("%s: %v\n%s", e.file, err, e.text)
		}
	}
}

// TestTheManualIsComplete looks for every action and role in the reference of the file, for
// every metric in the reference of the metrics, and for every shipped experiment, every case
// of the selftest and every command where the pages list them.
func TestTheManualIsComplete(t *testing.T) {
	explains := func(file, word string) {
		if !strings.Contains(readText(t, file), "`"+word+"`") {
			t.Errorf("%s does not explain `%s`", file, word)
		}
	}
	for _, word := range append(spec.Actions(), spec.Roles...) {
		explains("../../docs/experiments.md", word)
	}
	for _, m := range expect.Metrics() {
		explains("../../docs/metrics.md", strings.TrimPrefix(m.Name, "service_"))
	}
	shipped, err := experiments.List()
	must(t, err)
	for _, e := range shipped {
		explains("../../README.md", e.Name)
	}
	for _, c := range selftest.Cases() {
		explains("../../docs/selftest.md", c.Name)
	}
	readme := readText(t, "../../README.md")
	for _, c := range newRoot().Commands() {
		if name := c.Name(); !c.Hidden && name != "help" && name != "version" && !strings.Contains(readme, "bin/pgchaos "+name+" ") {
			t.Errorf("README.md does not show pgchaos %s", name)
		}
	}
}

// TestTheManualsMetrics: the table of the metrics is what pgchaos prints.
func TestTheManualsMetrics(t *testing.T) {
	const page, begin, end = "../../docs/metrics.md", "<!-- generated: metrics -->\n", "<!-- end of metrics -->"
	text := readText(t, page)
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no table of metrics", page)
	}
	want := before + begin + "\n" + metricsMarkdown(expect.Metrics()) + "\n" + end + after
	if *update {
		must(t, os.WriteFile(page, []byte(want), 0o644))
	} else if text != want {
		t.Errorf("%s is not what pgchaos prints: go test ./cmd/pgchaos -run Manual -update writes it anew", page)
	}
}

// TestTheManualsLinks follows every link from one page to another, with its heading.
func TestTheManualsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	pages, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	links := 0
	for _, page := range append(pages, "../../README.md", "../../CONTRIBUTING.md", "../../CHANGELOG.md") {
		for _, m := range link.FindAllStringSubmatch(readText(t, page), -1) {
			links++
			target := page
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(page), m[1])
			}
			text, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s: %s: %v", page, m[0], err)
				continue
			}
			if m[2] != "" && !slices.Contains(headings(string(text)), m[2]) {
				t.Errorf("%s: %s: no such heading", page, m[0])
			}
		}
	}
	if links < 30 {
		t.Errorf("%d links found", links)
	}
}

// headings are the anchors of a page's headings, as GitHub makes them, and those that the page sets itself.
func headings(text string) (anchors []string) {
	gone := regexp.MustCompile(`[^\pL\pN _-]`)
	for _, set := range regexp.MustCompile(`<a id="([^"]+)"></a>`).FindAllStringSubmatch(text, -1) {
		anchors = append(anchors, "#"+set[1])
	}
	for line := range strings.Lines(text) {
		if title := strings.TrimLeft(line, "#"); title != line {
			title = strings.ToLower(strings.TrimSpace(title))
			anchors = append(anchors, "#"+strings.ReplaceAll(gone.ReplaceAllString(title, ""), " ", "-"))
		}
	}
	return anchors
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
