package report

import (
	"testing"

	"pgchaos/record"
)

// TestUsageNotes: a result has its provider's own notes. An older one is read as it was then, and
// of a provider that says nothing nothing is known.
func TestUsageNotes(t *testing.T) {
	own := record.UsageNotes{NoNet: "it has none"}
	for name, tt := range map[string]struct {
		c    Cluster
		want record.UsageNotes
	}{
		"its own":            {Cluster{Provider: "new", UsageNotes: &own}, own},
		"nothing to say":     {Cluster{Provider: "local", UsageNotes: &record.UsageNotes{}}, record.UsageNotes{}},
		"an older one":       {Cluster{Provider: "docker"}, record.UsageNotes{NoBlock: "the kernel of the Docker engine does not count the blocks of a container"}},
		"an unknown one":     {Cluster{Provider: "new"}, record.UsageNotes{}},
		"one without a name": {Cluster{}, record.UsageNotes{}},
	} {
		if got := tt.c.Notes(); got != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
