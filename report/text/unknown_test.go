package text

import (
	"testing"

	"pgchaos/record"
	"pgchaos/report"
)

func TestWhyUnknown(t *testing.T) {
	unknown := func(kind string, n int64) report.ErrorCount {
		return report.ErrorCount{Kind: kind, Outcome: record.Unknown, N: n}
	}
	for name, c := range map[string]struct {
		unknown int64
		errors  []report.ErrorCount
		want    string
	}{
		"one error":                         {8, []report.ErrorCount{unknown("timeout", 8)}, " (timeout)"},
		"several":                           {2012, []report.ErrorCount{unknown("timeout", 2000), {Kind: "53300", Outcome: record.Failed, N: 99}, unknown("eof", 12)}, " (2,000 timeout, 12 eof)"},
		"errors beyond those that are kept": {9, []report.ErrorCount{unknown("eof", 8)}, " (8 eof)"},
		"a result that names none":          {9, nil, ""},
	} {
		w := &report.Workload{Errors: c.errors}
		w.Total.Unknown = c.unknown
		if got := whyUnknown(w); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}
