package text

import (
	"strings"
	"testing"
	"time"

	"pgchaos/audit"
	"pgchaos/record/ledger"
	"pgchaos/report"
)

// TestRivals: a split brain and a fail-back stand above the losses, each by its name.
func TestRivals(t *testing.T) {
	a, b := ledger.Server{Node: "a", Timeline: 1}, ledger.Server{Node: "b", Timeline: 2}
	for want, change := range map[string]func(*report.Result){
		"SPLIT BRAIN: a on timeline 1 and b on timeline 2 both accepted writes from 1.000 s to 2.000 s": func(r *report.Result) {
			r.TwoWritable = []audit.Rivals{{One: a, Other: b, From: time.Second, To: 2 * time.Second}}
		},
		"FAIL-BACK to an older timeline: a on timeline 1 acknowledged again from 2.000 s on, after b on timeline 2 had until 1.000 s": func(r *report.Result) {
			r.Audits[0].FailBacks = []audit.FailBack{{Older: a, Newer: b, From: time.Second, To: 2 * time.Second}}
		},
	} {
		r := kept(t, "explained")
		change(r)
		r.Judge(nil)
		var out strings.Builder
		if err := Write(&out, r, Options{Full: true}); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		if at := strings.Index(text, want); at < 0 || at > strings.Index(text, "LOST: ") {
			t.Errorf("%q is not said before the losses:\n%s", want, out.String())
		}
		if split := strings.HasPrefix(want, "SPLIT"); strings.Contains(strings.Join(r.Reasons, "\n"), "split brain") != split {
			t.Errorf("%q: the reasons are %q", want, r.Reasons)
		}
	}
}
