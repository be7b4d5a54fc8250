package runner

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"pgchaos/spec"
)

// loadPlan is the plan of a file.
func loadPlan(t *testing.T, text string) *Plan {
	t.Helper()
	e, resolved, err := spec.Load("x.yaml", []byte(text), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(e, resolved, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// planText is the plan of an experiment on nodes a, b and c.
func planText(t *testing.T, timeline string) string {
	t.Helper()
	text := "name: x\ncluster: {nodes: [a, b, c]}\nload: {writes: {kind: insert, rate: 10/s}}\n" + timeline
	p := loadPlan(t, text)
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// section is what stands below a heading of a plan.
func section(plan, heading string) string {
	_, rest, _ := strings.Cut(plan, "\n"+heading)
	text, _, _ := strings.Cut(rest, "\n\n")
	return text
}

// TestPlanOfStepsBesideTheSequence: when they come, and how often.
func TestPlanOfStepsBesideTheSequence(t *testing.T) {
	plan := planText(t, `timeline:
- {at: 5s, kill: a}
- {after: kill-a, at: 2s, name: flap, pause: c, for: 1s, repeat: {every: 4s, times: 3}}
- {when: lag of b > 8MB or sync_waiters > 3, within: 20s, promote: b, on_error: continue}
- {after: kill-a, when: role of b is primary, wait: 1s}
- {after: "flap-*", at: 1s, name: whole, wait: 1s}
- {after: all, name: last, wait: 1s}
- {at: 30s, stop_load: writes}
`)
	for _, want := range []string{
		"  at 5s                                                      kill-a",
		"  2s after kill-a                                            flap              pause c, taken back after 1s, 3 times, every 4s\n",
		"  when lag of b > 8MB or sync_waiters > 3 (20s at the most)  promote-b         promote b; if it fails, the timeline goes on\n",
		"  1s after all flap-*                                        whole ",
		"  after all steps above                                      last ",
		"  after kill-a, when role of b is primary (10s at the most)  wait ",
		"  the same for the other repetitions of flap, up to flap-3\n",
	} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan lacks %q:\n%s", want, plan)
		}
	}
}

// TestLanes: what each node is, and each step with its name, within 80 columns.
func TestLanes(t *testing.T) {
	for name, tc := range map[string]struct {
		timeline string
		want     string
	}{
		"a failover": {`timeline:
- {at: 10s, kill: a}
- {at: 15s, promote: b}
- {at: 20s, follow: {node: c, upstream: b}}
- {at: 25s, rejoin: a}
duration: 40s
`, `
     0s       5s       10s       15s      20s      25s       30s      35s
  a  ==================............................-----------------------------
                       [---------------------------] kill-a
                                                   | rejoin-a
  b  ----------------------------===============================================
                                 | promote-b
  c  ---------------------------------------------------------------------------
                                          | follow-c
`},
		"faults that end by themselves, at once": {`timeline:
- {at: 5s, name: begin, pause: b, for: 10s}
- {after: begin, at: 2s, name: flap, kill: c, for: 1s, repeat: {every: 4s, times: 3}}
- {at: 18s, restart: b}
duration: 20s
`, `
     0s                5s                 10s                15s
  a  ===========================================================================
  b  ------------------~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~-------------------
                       [-------------------------------------] begin
                                                              restart-b |
  c  --------------------------....-----------....-----------....---------------
                               [---] flap-1   [---] flap-2   [---] flap-3
`},
		"a role of several nodes": {"timeline:\n- {at: 10s, kill: any_replica}\n- {at: 18s, start: b}\nduration: 20s\n", `
               0s              5s              10s             15s
  a            =================================================================
  b            --------------------------------??????????????????????????-------
                                                                 start-b |
  c            --------------------------------?????????????????????????????????
  any_replica                 kill-any_replica [-------------------------------]
`},
		"runbooks that exchange the primary": {"timeline:\n- {at: 5s, switchover: b}\n- {at: 10s, kill: primary}\n- {at: 15s, failover: c}\nduration: 20s\n", `
     0s                5s                 10s                15s
  a  ==================---------------------------------------------------------
  b  ------------------===================......................................
                       | switchover-b
                             kill-primary [------------------------------------]
  c  --------------------------------------------------------===================
                                                             | failover-c
`},
		"a primary that is not known after a failover": {`timeline:
- {at: 5s, kill: primary}
- {at: 8s, failover: most_advanced}
- {at: 10s, rejoin: former_primary}
- {at: 13s, kill: primary}
- {at: 16s, promote: most_advanced}
duration: 20s
`, `
                 0s             5s              10s             15s
  a              ===============................-------------------?????????????
                                [---------------] kill-primary
                                                | rejoin-former_primary
  b              -------------------------??????????????????????????????????????
  c              -------------------------??????????????????????????????????????
  most_advanced                           | failover-most_advanced
                                             promote-most_advanced |
  primary                                 kill-primary-2 [---------]
`},
		"a role that is known": {"timeline:\n- {at: 10s, kill: primary}\n- {at: 12s, promote: b}\n- {at: 18s, start: former_primary}\nduration: 20s\n", `
     0s                5s                 10s                15s
  a  =====================================..............................========
                             kill-primary [-----------------------------]
`},
	} {
		plan := planText(t, tc.timeline)
		lanes := section(plan, "LANES")
		for _, line := range strings.Split(lanes, "\n") {
			if utf8.RuneCountInString(line) > laneWidth {
				t.Errorf("%s: %d columns: %s", name, utf8.RuneCountInString(line), line)
			}
		}
		if !strings.Contains(lanes, tc.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, lanes, tc.want)
		}
	}
}
