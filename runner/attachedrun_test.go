package runner

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/spec"
)

// TestWhatAKilledRunDemanded: its audit asks for what the run itself had asked for.
func TestWhatAKilledRunDemanded(t *testing.T) {
	e, text, err := spec.Load("x", []byte(`
name: x
cluster: {nodes: [a, b], synchronous: {commit: "on", standbys: b}}
load: {writes: {kind: insert}}
timeline:
  - {at: 1s, configure: {node: a, synchronous: {commit: "off", standbys: ""}}, name: weaker}
  - {at: 2s, configure: {node: a, settings: {work_mem: 8MB}}, name: other}
`), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(e, text, 1)
	if err != nil {
		t.Fatal(err)
	}
	done := func(name string, at time.Duration) record.Event {
		return record.Event{Name: name, Action: "configure", Nodes: []string{"a"}, Effective: at, Status: record.EventDone}
	}
	first := record.Demand{Node: "a", Standbys: 1, Names: []string{"b"}, Commit: "on"}
	second := record.Demand{Node: "a", At: time.Second, Commit: "off"}
	same := func(a, b record.Demand) bool {
		return a.Node == b.Node && a.At == b.At && a.Standbys == b.Standbys && a.Commit == b.Commit && slices.Equal(a.Names, b.Names)
	}
	if got := p.demands(nil); !slices.EqualFunc(got, []record.Demand{first}, same) {
		t.Errorf("from the beginning: %+v", got)
	}
	if got := p.demands([]record.Event{done("weaker", time.Second), done("other", 2*time.Second)}); !slices.EqualFunc(got, []record.Demand{first, second}, same) {
		t.Errorf("after both steps: %+v", got)
	}
	chosen := record.Event{
		Name: "failover-b/configure-b", Action: "configure", Nodes: []string{"b"}, PartOf: "failover-b", Effective: 3 * time.Second, Status: record.EventDone,
		Demanded: &record.SyncDemand{Commit: "remote_write", Standbys: "FIRST 1 (a)"},
	}
	third := record.Demand{Node: "b", At: 3 * time.Second, Standbys: 1, Names: []string{"a"}, Commit: "remote_write"}
	if got := p.demands([]record.Event{chosen}); !slices.EqualFunc(got, []record.Demand{first, third}, same) {
		t.Errorf("after what a runbook chose: %+v", got)
	}
	failed := done("weaker", time.Second)
	failed.Status = record.EventFailed
	if got := p.demands([]record.Event{failed}); len(got) != 1 {
		t.Errorf("a step that failed demands: %+v", got)
	}
}

// TestWhatAKilledRunAloneKnew: a fork that it had read is said to be unknown, and not
// taken for one that there never was.
func TestWhatAKilledRunAloneKnew(t *testing.T) {
	k := &AttachedRun{result: &report.Result{Timeline: []record.Event{
		{Name: "kill-a", Action: "kill", Nodes: []string{"a"}},
		{Name: "rejoin-a", Action: "rejoin", Nodes: []string{"a"}, Way: record.WayRewind},
		{Name: "rejoin-c", Action: "rejoin", Nodes: []string{"c"}, Way: record.WayRestart},
		{Name: "rejoin-d", Action: "rejoin", Nodes: []string{"d"}}, // begun, and it is unknown how it ended
	}}}
	got := k.forgotten()
	if len(got) != 2 || !strings.Contains(got[0], "what a had alone before rejoin-a") || !strings.Contains(got[1], "what d had alone") {
		t.Errorf("%q", got)
	}
}

// TestWhatAnOlderRunForgot: only a run whose journal says that it kept what it read of
// forks is taken at its word where it has left none.
func TestWhatAnOlderRunForgot(t *testing.T) {
	e, text, err := spec.Load("x", []byte("name: x\ncluster: {nodes: [a]}\nload: {writes: {kind: insert}}\ntimeline: [{wait: 1s}]\n"), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(e, text, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, head string
		want       bool
	}{
		{"kept in memory", `{"schema":"pgchaos.timeline/1","run":"run-1"}`, true},
		{"kept on the disk", `{"schema":"pgchaos.timeline/1","run":"run-1","keeps_forks":true}`, false},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, JournalFile), []byte(tc.head+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		k := &AttachedRun{dir: dir, plan: p, stage: report.StageRan, result: &report.Result{Run: "run-1", Timeline: []record.Event{
			{Name: "rejoin-a", Action: "rejoin", Nodes: []string{"a"}, Detail: "by pg_rewind in 1s"},
		}}}
		if err := k.reload(nil); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(k.result.Afterwards.Unknown, "\n"), "what a had alone before rejoin-a is not known"); got != tc.want {
			t.Errorf("%s: %q", tc.name, k.result.Afterwards.Unknown)
		}
	}
}
