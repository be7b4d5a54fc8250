package runner_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/verdict"
)

// TestStepsBesideEachOtherOnRealServers: conditions by what the watcher and the load see, a step that is repeated beside the sequence,
// and one that may fail.
func TestStepsBesideEachOtherOnRealServers(t *testing.T) {
	r, err := run(t, t.Context(), testProvider(t), `
name: beside
cluster: {nodes: [a, b, c]}
load:
  writes: {kind: insert, clients: 2, rate: 200/s}
timeline:
  - {when: acknowledged of writes >= 100 and streaming of b and streaming of c, name: enough, wait: 10ms}
  - {after: enough, name: flap, pause: c, for: 300ms, repeat: {every: 1s, times: 2}}
  - {pause: b}
  - {when: lag of b > 16kB, within: 20s, resume: b}
  - {name: back, when: (lag of b == 0kB or lag of b < 64kB) and role of b is standby, within: 20s, wait: 10ms}
  - {name: never, when: lag of b > 1GB, within: 300ms, on_error: continue, wait: 10ms}
  - {name: last, wait: 2s}
expect:
  - lost_writes == 0
`, observer{})
	if err != nil {
		t.Fatal(err)
	}
	events := map[string]record.Event{}
	var issued []string
	for i, m := range r.Timeline {
		events[m.Name] = m
		issued = append(issued, m.Name)
		if want := record.EventDone; m.Status != want && m.Name != "never" {
			t.Errorf("%s is %s: %s", m.Name, m.Status, m.Error)
		}
		if i > 0 && m.Issued < r.Timeline[i-1].Issued {
			t.Errorf("%s stands before what was issued later: %v", m.Name, issued)
		}
	}
	for _, name := range []string{"flap-1", "undo-flap-1", "flap-2", "undo-flap-2", "pause-b", "resume-b", "last"} {
		if _, there := events[name]; !there || !slices.ContainsFunc(r.Phases, func(p record.Phase) bool { return p.Name == name }) {
			t.Errorf("no event or no phase %s: %v", name, issued)
		}
	}
	wantConditions(t, events)
	if first, second := events["flap-1"], events["flap-2"]; second.Planned == nil || second.After != "enough" || second.Issued < first.Issued+time.Second {
		t.Errorf("flap-2: %+v", second)
	}
	if r.Verdict != verdict.Inconclusive {
		t.Errorf("the verdict is %s", r.Verdict)
	}
}

// wantConditions looks at the steps that waited for a condition.
func wantConditions(t *testing.T, events map[string]record.Event) {
	t.Helper()
	if m := events["enough"]; !strings.Contains(m.Detail, "acknowledged of writes was ") {
		t.Errorf("enough: %q", m.Detail)
	}
	if m := events["resume-b"]; !strings.Contains(m.Detail, "lag of b was ") || m.Issued < events["pause-b"].Effective {
		t.Errorf("resume-b at %s, after a pause at %s: %q", m.Issued, events["pause-b"].Effective, m.Detail)
	}
	if m := events["never"]; m.Status != record.EventFailed || !m.Continued || m.NotSo || !strings.Contains(m.Error, "lag of b > 1GB did not hold within 300ms: lag of b was ") {
		t.Errorf("never: %+v", m)
	}
}
