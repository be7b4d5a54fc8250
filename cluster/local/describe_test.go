package local

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
)

// TestDescription: what the provider says its nodes can do is what they can.
func TestDescription(t *testing.T) {
	d := Describe()
	if diff := cmp.Diff(cluster.Capabilities((*host)(nil)), d.Capabilities); diff != "" {
		t.Errorf("what hosts can (-) and what is said (+):\n%s", diff)
	}
	if d.Name != "local" || d.Summary == "" || d.Postgres == "" || !d.ChecksSettings {
		t.Errorf("%+v", d)
	}
}
