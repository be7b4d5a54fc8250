package runner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/check"
	"pgchaos/history"
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
	done := func(name string, at time.Duration) history.Mark {
		return history.Mark{Name: name, Action: "configure", Nodes: []string{"a"}, Effective: at, Status: history.MarkDone}
	}
	first := check.Demand{Node: "a", Standbys: 1, Names: []string{"b"}, Commit: "on"}
	second := check.Demand{Node: "a", At: time.Second, Commit: "off"}
	same := func(a, b check.Demand) bool {
		return a.Node == b.Node && a.At == b.At && a.Standbys == b.Standbys && a.Commit == b.Commit && slices.Equal(a.Names, b.Names)
	}
	if got := p.demands(nil); !slices.EqualFunc(got, []check.Demand{first}, same) {
		t.Errorf("from the beginning: %+v", got)
	}
	if got := p.demands([]history.Mark{done("weaker", time.Second), done("other", 2*time.Second)}); !slices.EqualFunc(got, []check.Demand{first, second}, same) {
		t.Errorf("after both steps: %+v", got)
	}
	failed := done("weaker", time.Second)
	failed.Status = history.MarkFailed
	if got := p.demands([]history.Mark{failed}); len(got) != 1 {
		t.Errorf("a step that failed demands: %+v", got)
	}
}

// TestWhatAKilledRunAloneKnew: a fork that it had read is said to be unknown, and not
// taken for one that there never was.
func TestWhatAKilledRunAloneKnew(t *testing.T) {
	k := &Kept{result: &report.Result{Timeline: []history.Mark{
		{Name: "kill-a", Action: "kill", Nodes: []string{"a"}},
		{Name: "rejoin-a", Action: "rejoin", Nodes: []string{"a"}, Detail: "by pg_rewind in 1s"},
		{Name: "rejoin-c", Action: "rejoin", Nodes: []string{"c"}, Detail: "by plain restart in 1s"},
		{Name: "rejoin-d", Action: "rejoin", Nodes: []string{"d"}}, // begun, and nobody knows what became of it
	}}}
	got := k.forgotten()
	if len(got) != 2 || !strings.Contains(got[0], "what a had alone before rejoin-a") || !strings.Contains(got[1], "what d had alone") {
		t.Errorf("%q", got)
	}
}
