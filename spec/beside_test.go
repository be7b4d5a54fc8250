package spec

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const besideHead = "name: x\ncluster: {nodes: [a, b, c]}\nload: {writes: {kind: insert}}\ntimeline:\n"

// TestStepsBesideTheSequence: `after` and `repeat` make steps with names of their own, and a phase each.
func TestStepsBesideTheSequence(t *testing.T) {
	e, text := mustLoad(t, besideHead+`- {at: 5s, name: begin, wait: 1s}
- {after: begin, name: flap, pause: c, for: 1s, repeat: {every: 5s, times: 3}}
- {after: flap, at: 2s, kill: b, on_error: continue}
- {after: undo-flap, name: healed, wait: 1s}
- {after: flap-1, name: between, wait: 1s}
- {when: lag of c > 8MB for 3s, within: 20s, start: b}
`, Options{})
	var got []string
	for i := range e.Timeline {
		s := &e.Timeline[i]
		got = append(got, s.Name+" after "+s.After)
		if s.Cycle != 0 || (s.Name == "kill-b") != s.Continues() || (s.Name == "start-b") != (s.Trigger != "") {
			t.Errorf("%+v", s)
		}
	}
	want := []string{"begin after ", "flap-1 after begin", "flap-2 after begin", "flap-3 after begin", "kill-b after flap-3", "healed after undo-flap-3",
		"between after flap-1", "start-b after "}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got, want := e.stepPath(4), "timeline[2]"; got != want {
		t.Errorf("kill-b stands at %s", got)
	}
	phases := []string{"baseline", "begin", "flap-1", "undo-flap-1", "flap-2", "undo-flap-2", "flap-3", "undo-flap-3", "kill-b", "healed", "between", "start-b"}
	if got := e.Phases(); !slices.Equal(got, phases) {
		t.Errorf("phases %q", got)
	}
	if s := e.Timeline[7]; s.Within != Duration(20*time.Second) {
		t.Errorf("within %s", s.Within)
	}
	again, _ := mustLoad(t, text, Options{Resolved: true})
	if len(again.Timeline) != len(e.Timeline) {
		t.Errorf("the resolved text has %d steps", len(again.Timeline))
	}
}

// TestCyclesOfStepsBesideTheSequence: in each cycle they come after the step of that cycle.
func TestCyclesOfStepsBesideTheSequence(t *testing.T) {
	e, _ := mustLoad(t, "name: x\ncluster: {nodes: [a, b, c]}\nload: {writes: {kind: insert}}\nkills: 2\ntimeline:\n"+
		"- {at: 5s, kill: b, for: 1s}\n- {after: undo-kill-b, name: p, pause: c, for: 1s, repeat: {every: 2s, times: 2}}\n- {wait: 8s}\n- {after: 'p*', name: z, wait: 1s}\n", Options{})
	var got []string
	for i := range e.Timeline {
		got = append(got, e.Timeline[i].Name+" after "+e.Timeline[i].After+" at "+e.stepPath(i))
	}
	want := []string{
		"kill-b after  at timeline[0]", "p-1 after undo-kill-b at timeline[1]", "p-2 after undo-kill-b at timeline[1]", "wait after  at timeline[2]", "z after p* at timeline[3]",
		"kill-b-2 after  at timeline[0]", "p-1-2 after undo-kill-b-2 at timeline[1]", "p-2-2 after undo-kill-b-2 at timeline[1]", "wait-2 after  at timeline[2]", "z-2 after p* at timeline[3]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestMistakesOfStepsBesideTheSequence: each is reported once, where it stands.
func TestMistakesOfStepsBesideTheSequence(t *testing.T) {
	for _, tc := range []struct{ steps, says string }{
		{"- {kill: b}\n- {after: kil-b, start: b}\n", `x.yaml:6:11: there is no step "kil-b"; did you mean "kill-b"?`},
		{"- {kill: b}\n- {after: kill-b + 2s, start: b}\n", `x.yaml:6:11: there is no step "kill-b + 2s"; write after: kill-b, at: 2s`},
		{"- {after: kill-b, wait: 1s}\n- {kill: b}\n", `x.yaml:5:11: the step "kill-b" does not stand above this one; name a step above, or move this one down`},
		{"- {name: s, after: s, wait: 1s}\n", `x.yaml:5:20: the step "s" does not stand above this one`},
		{"- {kill: b}\n- {after: kil-*, start: b}\n", `x.yaml:6:11: no step above has a name that begins like "kil-*"; write the beginning of their names, or leave after out`},
		{"- {kill: b, for: 1s}\n- {after: undo-kill-*, wait: 1s}\n", "no step above has a name that begins like"},
		{"- {name: k-1, kill: b}\n- {after: k-*, start: b}\n", ""},
		{"- {wait: 1s}\n- {after: wait, name: k-1, kill: b}\n- {after: k-*, promote: b}\n", "x.yaml:7:25: the node b does not run, since k-1"},
		{"- {wait: 1s}\n- {after: wait, name: k-1, kill: b}\n- {after: wai*, promote: b}\n", ""},
		{"- {name: \"k*\", kill: b}\n", "cannot name a step"},
		{"- {pause: b}\n- {after: undo-pause-b, kill: b}\n", "x.yaml:6:11: the step pause-b has no for, so that nothing takes it back by itself; give it a for, or write after: pause-b"},
		{"- {kill: b}\n- {after: \"\", start: b}\n", "x.yaml:6:11: this names no step"},
		{"- {pause: b, for: 1s, repeat: {every: 5s}}\n", "x.yaml:5:23: repeat has no times; write repeat: {every: 5s, times: 3}"},
		{"- {pause: b, for: 1s, repeat: {every: 5s, times: 101}}\n", "x.yaml:5:50: times is 101; write a number from 1 to 100"},
		{"- {pause: b, for: 1s, repeat: {every: 0s, times: 2}}\n", "x.yaml:5:39: every is 0"},
		{"- {pause: b, for: 5s, repeat: {every: 5s, times: 2}}\n", "x.yaml:5:19: for 5s is not shorter than the 5s of every"},
		{"- {pause: b, repeat: {every: 5s, times: 2}}\n", "x.yaml:5:11: the node b is paused already, since pause-b-1; resume it before"},
		{"- {name: p, pause: b, for: 1s, repeat: {every: 5s, times: 2}}\n- {name: p-2, wait: 1s}\n", "a repetition would be called p-2, as another step is"},
		{"- {kill: b, on_error: ignore}\n", `x.yaml:5:23: on_error cannot be "ignore"; write one of stop, continue`},
		{"- {kill: b}\n- {after: kill-b, when: {role: {b: down}}, at: 1s, wait: 1s}\n", "the step has both at and when"},

		{"- {when: lag of d > 8MB, kill: b}\n", `x.yaml:5:17: there is no node "d"; the nodes are a, b, c`},
		{"- {when: lag of primary > 8MB, kill: b}\n", "x.yaml:5:17: lag is of a standby, and the primary is none; write sync_standby, laggard, most_advanced, former_primary or a node: a, b, c"},
		{"- {when: role of primary is down, kill: b}\n", "x.yaml:5:18: the primary always has the role primary; write a node: a, b, c"},
		{"- {when: role of laggard is standby, kill: b}\n", "x.yaml:5:18: laggard always has the role standby; write a node: a, b, c"},
		{"- {when: sync_state of sync_standby is async, kill: b}\n", "x.yaml:5:24: the sync_state of sync_standby is always sync or quorum; write a node: a, b, c"},
		{"- {when: not streaming of replicas, kill: b}\n", "x.yaml:5:27: replicas are several nodes; write one comparison for each node and join them by and or or, or write laggard or most_advanced"},
		{"- {when: streaming of any_replica, kill: b}\n", "x.yaml:5:23: any_replica can be another node at each reading; write laggard, most_advanced or a node: a, b, c"},
		{"- {when: sync_waiters of primary > 3 and lag of laggard > 1MB and streaming of sync_standby, kill: b}\n", ""},
		{"- {when: role of former_primary is primary or not streaming of former_primary, kill: b}\n", ""},
		{"- {when: throughput of wirtes < 100/s, kill: b}\n", `x.yaml:5:24: there is no workload "wirtes"; did you mean "writes"?`},
		{"- {when: lag of b > 8MB annd sync_waiters > 3, kill: b}\n", `x.yaml:5:25: "annd" is not understood here; did you mean and? Or join comparisons by and or or`},
		{"- {when: role of b is primary, kill: b}\n", "x.yaml:5:10: this can never hold: the node b is a standby; ask for it after a step that changes that"},
		{"- {kill: b}\n- {when: sync_waiters > 3 and streaming of b, start: b}\n", "x.yaml:6:31: this can never hold: the node b does not answer, since kill-b"},
		{"- {kill: b}\n- {when: sync_waiters > 3 or streaming of b, start: b}\n", ""},
		{"- {when: role of b is down, within: 5s, start: b}\n", "the node b already runs"},

		// What goes on beside a step may have happened or not.
		{"- {kill: b}\n- {after: kill-b, start: b}\n- {promote: b}\n", ""},
		{"- {kill: b}\n- {after: kill-b, at: 1s, wait: 1s}\n- {promote: b}\n", "x.yaml:7:13: the node b does not run, since kill-b; start it before"},
		{"- {wait: 1s}\n- {after: wait, kill: b}\n- {promote: b}\n", ""},
		{"- {wait: 1s}\n- {after: wait, kill: b}\n- {after: kill-b, promote: b}\n", "x.yaml:7:28: the node b does not run, since kill-b"},
		{"- {wait: 1s}\n- {after: wait, stop: b}\n- {after: stop-b, pause: b}\n", "x.yaml:7:26: the node b does not run, since stop-b"},
		{"- {wait: 1s}\n- {after: wait, name: k, kill: b}\n- {after: wait, start: b}\n", ""},
		{"- {kill: a}\n- {after: kill-a, at: 5s, promote: b}\n- {follow: {node: c, upstream: primary}}\n", ""},
		{"- {kill: a}\n- {after: kill-a, follow: {node: c, upstream: primary}}\n- {after: kill-a, wait: 1s}\n", "no node can be primary at this step"},

		// A `for` that is certainly not over.
		{"- {at: 5s, pause: b, for: 10s}\n- {after: pause-b, at: 2s, restart: b}\n", "x.yaml:6:37: the node b is paused, since pause-b, for 10s; begin it after undo-pause-b"},
		{"- {at: 5s, pause: b, for: 10s}\n- {after: pause-b, at: 12s, restart: b}\n", ""},
		{"- {at: 5s, pause: b, for: 10s}\n- {after: undo-pause-b, restart: b}\n", ""},
		{"- {at: 5s, stop: b, for: 10s}\n- {at: 8s, pause: b}\n", "x.yaml:6:19: the node b does not run, since stop-b, for 10s; begin it after undo-stop-b"},
		{"- {at: 5s, stop: b, for: 10s}\n- {at: 20s, pause: b}\n", ""},
		{"- {at: 5s, stop: b, for: 10s}\n- {wait: 1s}\n- {at: 8s, pause: b}\n", ""}, // the wait may end late
	} {
		_, _, err := Load("x.yaml", []byte(besideHead+tc.steps), Options{})
		switch {
		case tc.says == "" && err != nil:
			t.Errorf("%s: %v", tc.steps, err)
		case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v\nwant %s", tc.steps, err, tc.says)
		}
	}
}

// TestHowLongStepsTake: of which it is known before the run.
func TestHowLongStepsTake(t *testing.T) {
	e, _ := mustLoad(t, strings.Replace(besideHead, "[a, b, c]", "{a: {}, b: {}, c: {}, d: {absent: true}}", 1)+`- {name: long, wait: 3s}
- {name: quick-1, checkpoint: a}
- {name: quick-2, pause: c, for: 1s}
- {name: quick-3, partition: {between: [b, a]}, for: 1s}
- {name: quick-4, configure: {node: b, settings: {work_mem: 8MB}}}
- {name: unknown-1, wait: 1s, when: sync_waiters > 3}
- {name: unknown-2, verify: {all_streaming: true}}
- {name: unknown-3, backup: {node: a, name: k}}
- {name: unknown-4, reindex: {node: a, table: test_data}}
- {name: unknown-5, vacuum_full: {node: a, table: test_data}}
- {name: unknown-6, clone: d}
- {name: unknown-7, restart: b}
- {name: unknown-8, sql: {node: a, query: select 1}}
- {name: unknown-9, checkpoint: a, repeat: {every: 1s, times: 2}}
- {name: unknown-10, stop: a}
- {name: unknown-11, failover: b}
- {name: unknown-12, start: a}
`, Options{})
	for i := range e.Timeline {
		s := &e.Timeline[i]
		long, known := s.takes()
		if known == strings.HasPrefix(s.Name, "unknown") || (long == Duration(3*time.Second)) != (s.Name == "long") {
			t.Errorf("%s takes %s, known: %v", s.Name, long, known)
		}
	}
}
