package spec

import (
	"strings"
	"testing"
)

// TestRunWithoutLength: with a duration of 0 nothing is measured, and audits find nothing wrong.
func TestRunWithoutLength(t *testing.T) {
	text := strings.Replace(plainFile, "duration: 5s", "duration: 0s", 1)
	_, _, err := Load("x.yaml", []byte(text), Options{Providers: someProviders()})
	if want := "x.yaml:4:11: duration is 0; write a duration of more than 0, or leave it out"; err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}
