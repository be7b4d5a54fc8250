package report

import (
	"strings"
	"testing"
)

// TestHeadlineOfWeakLosses: they are what failed the run, where nothing else was lost.
func TestHeadlineOfWeakLosses(t *testing.T) {
	r := quorum(t)
	r.Audits[0].WeakLost.N = 796
	r.Judge(expectations(t, "weak_lost == 0"))
	if got := r.Headline(); got != "796 weakly acknowledged writes were lost; the expectation failed" {
		t.Error(got)
	}
	r.Audits[0].Lost.N = 7
	r.Judge(expectations(t, "weak_lost == 0"))
	if got := r.Headline(); !strings.HasPrefix(got, "7 of ") || strings.Contains(got, "weakly") {
		t.Error(got)
	}
}
