package existing

import (
	"errors"
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestNoDiskIsAskedForWhereNothingRuns: where exec fails on a node, df is not tried there as well.
func TestNoDiskIsAskedForWhereNothingRuns(t *testing.T) {
	exec, err := parseExec("false {command}")
	if err != nil {
		t.Fatal(err)
	}
	e := Examination{Nodes: []Seen{{Name: "n1", DataDir: "/data"}}}
	x := cluster.Existing{Nodes: []cluster.ExistingNode{{Name: "n1"}}}
	if e.free(t.Context(), exec, x, []error{errors.New("exit status 1")}); len(e.Findings) > 0 {
		t.Errorf("%v", e.Findings)
	}
	if e.free(t.Context(), exec, x, []error{nil}); len(e.Findings) != 1 || !strings.Contains(e.Findings[0].What, "df does not say how much is free: ") {
		t.Errorf("%v", e.Findings)
	}
}
