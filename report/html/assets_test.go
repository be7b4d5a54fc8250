package html

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestAssetsStandInAPage wants texts that cannot end the elements that hold them.
func TestAssetsStandInAPage(t *testing.T) {
	for i, script := range Scripts() {
		for _, end := range []string{"</script", "<!--", "<script"} {
			if strings.Contains(strings.ToLower(script), end) {
				t.Errorf("script %d contains %q", i, end)
			}
		}
	}
	if strings.Contains(strings.ToLower(Style()), "</style") {
		t.Error("the style sheet contains its own end")
	}
}

// TestEveryScriptIsUsed wants each file of the folder in the page, and no address in it that a browser would ask.
func TestEveryScriptIsUsed(t *testing.T) {
	found, err := fs.Glob(assets, "assets/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		if !slices.Contains(ownScripts, path.Base(name)) {
			t.Errorf("%s is in no page", name)
		}
		text := wanted(path.Base(name))
		// The namespace of SVG is a name only.
		if strings.Contains(strings.ReplaceAll(text, "http://www.w3.org/2000/svg", ""), "://") {
			t.Errorf("%s names an address", name)
		}
	}
	if len(found) != len(ownScripts) {
		t.Errorf("%d scripts are used, %d are there", len(ownScripts), len(found))
	}
	if style := Style(); strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style sheet loads something")
	}
}

// TestChartsAreWholeOrAbsent wants the licence with the charts, and one script less without them.
func TestChartsAreWholeOrAbsent(t *testing.T) {
	scripts := Scripts()
	if !Charts() {
		if len(scripts) != 1 || strings.Contains(Style(), ".uplot") {
			t.Errorf("%d scripts without charts", len(scripts))
		}
		return
	}
	if len(scripts) != 2 || !strings.Contains(scripts[0], "Permission is hereby granted") || !strings.Contains(scripts[0], "var uPlot=") {
		t.Error("the script of the charts or its licence is missing")
	}
	if !strings.Contains(Style(), ".uplot") {
		t.Error("the style of the charts is missing")
	}
}
