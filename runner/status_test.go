package runner_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/runner"
)

// TestStatusOfARun: a sink sees the nodes, the fault while it is in force, what comes next and the end.
func TestStatusOfARun(t *testing.T) {
	provider := testProvider(t)
	var mu sync.Mutex
	var all []runner.Status
	take := func(e runner.Event) {
		if e, ok := e.(runner.Ticked); ok {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, e.Status)
		}
	}
	_, err := runner.Run(t.Context(), plan(t, `
name: status
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {at: 2s, stop: b}
  - {at: 5s, start: b}
  - {at: 6s, stop_load: writes}
duration: 8s
`), on(provider), []runner.Sink{take}, runner.Options{Out: t.TempDir() + "/result"})
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	wantStatuses(t, all)
	if last := all[len(all)-1]; len(last.Faults) != 0 || last.Next != nil {
		t.Errorf("the last status: %+v", last)
	}
}

// wantStatuses looks for statuses of the run above.
func wantStatuses(t *testing.T, all []runner.Status) {
	t.Helper()
	of := func(what string, is func(s runner.Status) bool) {
		t.Helper()
		if !slices.ContainsFunc(all, is) {
			t.Errorf("no status of %d has %s: %+v", len(all), what, all)
		}
	}
	of("the next step and the end", func(s runner.Status) bool {
		return s.Next != nil && *s.Next == runner.NextStep{Name: "stop-b", At: 2 * time.Second} && s.End == 8*time.Second && len(s.Faults) == 0
	})
	of("the nodes", hasNodes)
	of("the fault", func(s runner.Status) bool {
		return len(s.Faults) == 1 && s.Faults[0].Action == "stop" && slices.Equal(s.Faults[0].Nodes, []string{"b"}) && s.Faults[0].Since >= 2*time.Second &&
			!s.Nodes[1].Up && s.Nodes[1].Role == record.RoleDown && s.Next != nil && s.Next.Name == "start-b"
	})
	of("the median", func(s runner.Status) bool {
		return len(s.Workloads) == 1 && s.Workloads[0].P50 > 0 && s.Workloads[0].P50 <= s.Workloads[0].P99
	})
}

// hasNodes tells whether a status has the primary and its standby, both up.
func hasNodes(s runner.Status) bool {
	return len(s.Nodes) == 2 && s.Nodes[0].Name == "a" && s.Nodes[0].Role == record.RolePrimary && s.Nodes[0].Timeline == 1 &&
		s.Nodes[1].Up && s.Nodes[1].Role == record.RoleStandby && s.Nodes[1].SyncState == "async" && s.Nodes[1].Lag != nil && s.Nodes[0].Usage != nil
}
