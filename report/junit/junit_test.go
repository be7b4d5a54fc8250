package junit

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"
	"time"
)

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	err := Write(&b, Suite{Name: "night", At: time.Date(2026, 11, 29, 2, 0, 0, 0, time.UTC), Cases: []Case{
		{Class: "kill", Name: "verdict", Took: 1500 * time.Millisecond, Failures: []string{"3 < 4 & \x1b[31m]]>", "more"}, Errors: []string{"unknown"}},
		{Class: "kill", Name: "inconclusive", Errors: []string{"too few"}},
		{Class: "kill", Name: "good", Output: "suspect"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	out := b.String()
	if !strings.Contains(out, `timestamp="2026-11-29T02:00:00"`) {
		t.Error(out)
	}
	var undated bytes.Buffer
	if err := Write(&undated, Suite{Name: "to do"}); err != nil || strings.Contains(undated.String(), "timestamp") {
		t.Errorf("%v: %s", err, &undated)
	}
	var back xmlSuites
	if err := xml.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if back.Tests != 3 || back.Failures != 1 || back.Errors != 1 || len(back.Suites) != 1 || back.Suites[0].Tests != 3 || back.Suites[0].Failures != 1 || back.Suites[0].Errors != 1 {
		t.Errorf("counts: %s", out)
	}
	if text := back.Suites[0].Cases[0].Failure.Text; text != "3 < 4 & \ufffd[31m]]>\nmore\nunknown" {
		t.Errorf("%q", text)
	}
	if strings.Contains(out, "<skipped") || strings.Contains(out, "\x1b") || !strings.Contains(out, "<system-out>suspect</system-out>") || !strings.Contains(out, `time="1.500"`) {
		t.Error(out)
	}
}
