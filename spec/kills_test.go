package spec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/spec"
)

const cycles = `
name: cycles
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert}
kills: 3
timeline:
  - {at: 5s, kill: primary}
  - {name: new, promote: most_advanced}
  - {rejoin: former_primary}
`

// TestKillsRepeatTheSteps: the steps of later cycles have names of their own, and the resolved text is the same experiment.
func TestKillsRepeatTheSteps(t *testing.T) {
	e, text, err := spec.Load("x.yaml", []byte(cycles+"expect: [write_rto during kill-primary-3 < 5s, errors of writes during new-2 == 0]\n"), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, s := range e.Timeline {
		names = append(names, s.Name)
		if s.Cycle != i/3+1 || e.BeginsCycle(i) != (i == 3 || i == 6) {
			t.Errorf("step %d: cycle %d, begins one %v", i, s.Cycle, e.BeginsCycle(i))
		}
	}
	want := []string{"kill-primary", "new", "rejoin-former_primary", "kill-primary-2", "new-2", "rejoin-former_primary-2", "kill-primary-3", "new-3", "rejoin-former_primary-3"}
	if diff := cmp.Diff(want, names); diff != "" || len(e.Once()) != 3 {
		t.Error(diff)
	}
	again, _, err := spec.Load("x.yaml", text, spec.Options{Resolved: true})
	if err != nil || len(again.Timeline) != len(e.Timeline) {
		t.Errorf("the resolved text: %v", err)
	}
}

// TestWhatACycleLeavesIsThereInTheNext: nothing takes a step without a for back when the steps begin anew.
func TestWhatACycleLeavesIsThereInTheNext(t *testing.T) {
	for steps, says := range map[string]string{
		"{switchover: b}, {switchover: a}, {hold_wal: b}":        "the standby b does not stream, since hold-wal-b, and a switchover demands that it does, in cycle 2 of 2",
		"{rolling_restart: in_place}, {hold_wal: b}":             "the standby b does not stream, since hold-wal-b, and rolling_restart waits until it does, in cycle 2 of 2",
		"{kill: c}, {start: c}, {pause_replay: b}":               "pause_replay of the node b is in force already, since pause-replay-b, in cycle 2 of 2",
		"{kill: c}, {clone: c}, {partition: {between: [a, c]}}":  "nothing passes between the node c and a, since partition-a-c, and clone needs an answer from there, in cycle 2 of 2",
		"{kill: c}, {start: c}, {pause_replay: b}, {restart: b}": "",
		"{kill: c}, {start: c}, {pause_replay: b, for: 1s}":      "",
		"{kill: c}, {start: c}, {hold_wal: b}, {follow: b}":      "",
	} {
		text := "name: x\ncluster: {nodes: [a, b, c]}\nload: {w: {kind: insert}}\nkills: 2\ntimeline: [" + steps + "]\n"
		_, _, err := spec.Load("x.yaml", []byte(text), spec.Options{})
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, not %q", steps, err, says)
		}
	}
}

// TestTimelinesThatCannotBeRepeated: a mistake that shows in a later cycle is found, once, where the step stands.
func TestTimelinesThatCannotBeRepeated(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, says string }{
		"the primary is another in the second cycle": {"promote: most_advanced", "promote: b", "x.yaml:9:26: the node b is a primary already, since new, in cycle 2 of 3; name a standby"},
		"the killed node stays down":                 {"  - {rejoin: former_primary}\n", "", "x.yaml:9:26: no node can be most_advanced at this step, in cycle 2 of 3"},
		"a backup of the same name":                  {"  - {rejoin: former_primary}\n", "  - {rejoin: former_primary}\n  - {backup: {node: primary, name: x}}\n", `there are two backups "x", in cycle 2 of 3`},
		"a load that is stopped once and for all":    {"  - {rejoin: former_primary}\n", "  - {rejoin: former_primary}\n  - {stop_load: writes}\n", "the workload writes does not run here, since stop-load-writes, in cycle 2 of 3"},
		"two steps of one name":                      {"  - {rejoin: former_primary}\n", "  - {rejoin: former_primary}\n  - {name: new-2, wait: 1s}\n", "in cycle 2 of kills the step new would be called new-2, as another step is"},
		"too many":                                   {"kills: 3", "kills: 101", "kills is 101; write a number from 1 to 100"},
		"none":                                       {"kills: 3", "kills: 0", "kills is 0; write a number from 1 to 100"},
		"nothing to repeat":                          {"timeline:\n  - {at: 5s, kill: primary}\n  - {name: new, promote: most_advanced}\n  - {rejoin: former_primary}\n", "timeline: [{wait: 1s}]\n", "no step of the timeline takes anything away"},
		"a phase of a cycle that there is not":       {"name: cycles", "name: cycles\nexpect: [write_rto during kill-primary-4 < 5s]", `there is no phase "kill-primary-4"`},
		"times that go back within a cycle":          {"{rejoin: former_primary}", "{at: 1s, rejoin: former_primary}", "at 1s is before the 5s of kill-primary"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(cycles, tc.from, tc.to, 1)
			if text == cycles {
				t.Fatal("nothing was replaced")
			}
			_, _, err := spec.Load("x.yaml", []byte(text), spec.Options{})
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("%v\nwant %s", err, tc.says)
			}
		})
	}
}
