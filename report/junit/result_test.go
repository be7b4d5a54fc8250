package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

func judged() *report.Result {
	return &report.Result{
		Name: "quorum-kill", Run: "20261129-020000-quorum-kill", Stage: report.StageChecked, Verdict: verdict.Fail, Duration: 30 * time.Second,
		Started: time.Date(2026, 11, 29, 2, 0, 0, 0, time.UTC),
		Phases:  []record.Phase{{Name: "baseline", End: 10 * time.Second}, {Name: "kill-a", Start: 10 * time.Second, End: 30 * time.Second}},
		Expectations: []expect.Judgement{
			{Text: "lost_writes == 0", Verdict: verdict.Pass, Observed: "0"},
			{Text: "p99 of writes during kill-a < 1s", Verdict: verdict.Fail, Observed: "2.1 s"},
			{Text: "nodes_equal", Verdict: verdict.Inconclusive, Why: "b was not read"},
			{Text: "p99 of writes during stop-b < 1s", Verdict: verdict.Inconclusive, Why: "the run had no phase stop-b"},
		},
		Reasons: []string{"b was not read: it is gone"},
		Audits:  []audit.Audit{{Table: "writes", UnreadForks: []audit.UnreadFork{{Node: "a", Timeline: 1, Fork: 0x3000100, Back: 21 * time.Second}}}},
	}
}

func TestOf(t *testing.T) {
	s := Of(judged())
	if s.Name != "quorum-kill" || s.Took != 30*time.Second || len(s.Cases) != 5 {
		t.Fatalf("%+v", s)
	}
	for i, want := range []struct {
		name              string
		took              time.Duration
		failure, problem  string
		output, andOutput string
	}{
		{"lost_writes == 0", 30 * time.Second, "", "", "observed: 0", "run: 20261129-020000-quorum-kill"},
		{"p99 of writes during kill-a < 1s", 20 * time.Second, "p99 of writes during kill-a < 1s: it was 2.1 s", "", "observed: 2.1 s", "phase: kill-a, from 10.000 s to 30.000 s"},
		{"nodes_equal", 30 * time.Second, "", "nodes_equal: b was not read", "why: b was not read", "verdict: inconclusive"},
		{"p99 of writes during stop-b < 1s", 0, "", "p99 of writes during stop-b < 1s: the run had no phase stop-b", "", ""},
		{"the run and its audit", 30 * time.Second, "", "b was not read: it is gone", "headline: 1 of 4 expectations failed", "not read: writes: the fork of a (timeline 1 past 0/3000100) was not read"},
	} {
		c := s.Cases[i]
		if c.Name != want.name || c.Took != want.took || strings.Join(c.Failures, "") != want.failure || strings.Join(c.Errors, "") != want.problem ||
			!strings.Contains(c.Output, want.output) || !strings.Contains(c.Output, want.andOutput) {
			t.Errorf("%+v, want %+v", c, want)
		}
	}
}

// TestRunCase: whatever the verdict is, the cases say the same: a failure where it is fail, an error where it is inconclusive.
func TestRunCase(t *testing.T) {
	for name, tt := range map[string]struct {
		change           func(*report.Result)
		failures, errors int // cases
	}{
		"an expectation is broken": {func(*report.Result) {}, 1, 3},
		"the audit fails": {func(r *report.Result) {
			r.Expectations, r.Reasons = r.Expectations[:1], []string{"7 acknowledged writes were lost"}
		}, 1, 0},
		"it fails, and nothing is written about why": {func(r *report.Result) { r.Expectations, r.Reasons = nil, nil }, 1, 0},
		"all is well": {func(r *report.Result) {
			r.Verdict, r.Expectations, r.Reasons = verdict.Pass, r.Expectations[:1], nil
		}, 0, 0},
		"an expectation is not known": {func(r *report.Result) {
			r.Verdict, r.Expectations, r.Reasons = verdict.Inconclusive, r.Expectations[2:3], nil
		}, 0, 1},
		"nothing was shown": {func(r *report.Result) { r.Verdict, r.Expectations, r.Reasons = verdict.Inconclusive, nil, nil }, 0, 1},
		"it did not end":    {func(r *report.Result) { r.Verdict, r.Stage, r.Expectations, r.Reasons = 0, report.StageRan, nil, nil }, 0, 1},
	} {
		r := judged()
		tt.change(r)
		failures, problems := 0, 0
		for _, c := range Of(r).Cases {
			switch {
			case len(c.Failures) > 0:
				failures++
			case len(c.Errors) > 0:
				problems++
			}
		}
		if failures != tt.failures || problems != tt.errors {
			t.Errorf("%s: %d failures, %d errors; want %d and %d", name, failures, problems, tt.failures, tt.errors)
		}
	}
}

// FuzzWrite: whatever texts a result has, the XML can be read, and has no character that XML cannot have.
func FuzzWrite(f *testing.F) {
	for _, text := range []string{"", "]]>", "<a b='c'>&amp;\"", "\x00\x01\x1b\x7f", "\xff\xfe", "\u2028\ufffe\uffff", "a\r\nb\tc", "<![CDATA[", "<?xml?>", "\U0010ffff\ud7ff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := judged()
		r.Name, r.Run, r.Tool, r.Reasons = text, text, text, []string{text}
		for i := range r.Expectations {
			r.Expectations[i].Text, r.Expectations[i].Observed, r.Expectations[i].Why = text, text, text
		}
		var b bytes.Buffer
		if err := Write(&b, Of(r)); err != nil {
			t.Fatal(err)
		}
		for _, c := range b.String() {
			if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == '\ufffe' || c == '\uffff' {
				t.Fatalf("%q is in the XML", c)
			}
		}
		in := xml.NewDecoder(&b)
		for {
			if _, err := in.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}
