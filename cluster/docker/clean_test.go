package docker

import (
	"errors"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
)

// TestBringBack: of each node that is left, how to get it to answer again.
func TestBringBack(t *testing.T) {
	labels := func(part, node string) map[string]string {
		return map[string]string{labelRun: "run-1", labelPart: part, labelNode: node}
	}
	f := found{containers: []container.Summary{
		{Names: []string{"/pgchaos-run-1-a"}, State: "exited", Labels: labels(partServer, "a")},
		{Names: []string{"/pgchaos-run-1-b"}, State: "paused", Labels: labels(partServer, "b")},
		{Names: []string{"/pgchaos-run-1-c"}, State: "running", Labels: labels(partServer, "c")},
		{Names: []string{"/pgchaos-run-1-a.tools"}, State: "running", Labels: labels(partTools, "a")},
	}}
	runs := f.runs(self())
	if len(runs) != 1 || len(runs[0].Nodes) != 3 || runs[0].Containers != 4 {
		t.Fatalf("%+v", runs)
	}
	for i, want := range []string{"`docker start pgchaos-run-1-a` (as a second primary", "`docker unpause pgchaos-run-1-b`", "`docker restart pgchaos-run-1-c`"} {
		if got := runs[0].Nodes[i].BringBack(true); !strings.Contains(got, want) {
			t.Errorf("%q does not say %s", got, want)
		}
	}
	if got := runs[0].Nodes[0].BringBack(false); strings.Contains(got, "second") {
		t.Errorf("where there is no primary: %q", got)
	}
}

// TestResultsInLabels: a later clean reads the result directory of a run from its
// labels on the engine.
func TestResultsInLabels(t *testing.T) {
	for _, results := range []string{"", "/home/dba/results/night 1"} {
		p := &Provider{options: Options{Run: "run-1", Results: results}, owner: self()}
		f := found{containers: []container.Summary{{Labels: p.labels("a", partServer)}, {Labels: p.labels("a", partTools)}}}
		if runs := f.runs(self()); len(runs) != 1 || runs[0].Results != results {
			t.Errorf("%q: %+v", results, runs)
		}
	}
}

// TestWhyANetworkStays: who is on it is named, and that the engine has miscounted.
func TestWhyANetworkStays(t *testing.T) {
	active := errors.New("remove network x: network x id 1 has active endpoints")
	for _, tc := range []struct {
		err   error
		names []string
		want  string
	}{
		{active, []string{"b", "a"}, "not this run's: a, b"},
		{active, nil, "the engine has miscounted"},
		{errors.New("the engine does not answer"), nil, "does not answer"},
	} {
		got := namesStrangers(tc.err, tc.names)
		if !errors.Is(got, tc.err) || !strings.HasSuffix(got.Error(), tc.want) && !strings.Contains(got.Error(), tc.want+",") {
			t.Errorf("%q with %q: %v", tc.err, tc.names, got)
		}
	}
}
