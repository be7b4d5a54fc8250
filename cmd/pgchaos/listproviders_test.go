package main

import (
	"bytes"
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestProvidersAreListed: each with what its nodes can do, and what they cannot, and why.
func TestProvidersAreListed(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"providers"}, strings.NewReader(""), &out, &errs); code != exitPass {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	for _, k := range providers() {
		if !strings.Contains(out.String(), k.Name) || !strings.Contains(out.String(), k.Summary) {
			t.Errorf("%s is not listed:\n%s", k.Name, out.String())
		}
	}
	for _, want := range []string{"local (the default): ", "cannot      network, disk: its nodes are processes of one machine", "limits only where pgchaos can write cgroups"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing %q:\n%s", want, out.String())
		}
	}
	var help bytes.Buffer
	if code := run(t.Context(), []string{"providers", "--help"}, strings.NewReader(""), &help, &errs); code != exitPass {
		t.Fatal(errs.String())
	}
	for _, c := range cluster.AllCapabilities() {
		if !strings.Contains(help.String(), "\n  "+string(c)+" ") {
			t.Errorf("the help does not explain the capability %q", c)
		}
	}
}
