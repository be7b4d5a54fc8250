package text

import (
	"slices"
	"testing"

	"pgchaos/report"
)

func TestTheReportSaysWhichRunOfASeriesItIs(t *testing.T) {
	for want, v := range map[string]*report.Variant{
		"local, clients=8 (round 2 of a series)":  {Name: "local", Cell: "clients=8", Round: 2},
		"clients=8 (warm-up round 1 of a series)": {Cell: "clients=8", Round: 1, Warmup: true},
		"(round 3 of a series)":                   {Round: 3},
	} {
		if parts := Setup(&report.Result{Variant: v}); !slices.Contains(parts, want) {
			t.Errorf("%q is not in %q", want, parts)
		}
	}
}
