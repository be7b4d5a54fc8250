package runner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
)

// TestCourseOfStepsBesideTheSequence: what is due beside the sequence comes next when it is due first, and the run does not end before it.
func TestCourseOfStepsBesideTheSequence(t *testing.T) {
	c := courseOf(t, someLoad+`timeline:
  - {at: 5s, name: begin, wait: 1s}
  - {after: begin, at: 2s, name: flap, pause: c, for: 1s, repeat: {every: 10s, times: 2}}
  - {after: undo-flap, at: 3s, name: late, wait: 4s}
  - {at: 9s, kill: b, on_error: continue}
  - {at: 12s, start: b}
`)
	check := func(now time.Duration, want string) {
		t.Helper()
		if got := c.text(now); got != want {
			t.Errorf("at %s: %s\nwant: %s", now, got, want)
		}
	}
	do := func(name string, at time.Duration, nodes ...string) {
		m := c.event(name, at, nodes...)
		c.begin(m)
		c.done(m, at)
	}
	// The second repetition is due at 8 s + 10 s, is taken back at 19 s, and what comes 3 s after that takes 4 s.
	check(0, "next begin at 5s; end 26s; ")
	begin := c.event("begin", 5*time.Second)
	c.begin(begin)
	c.done(begin, 6*time.Second)
	check(6*time.Second, "next flap-1 at 8s; end 26s; ")
	do("flap-1", 8*time.Second, "c")
	check(8*time.Second, "next kill-b at 9s; end 26s; pause c since 8s")
	do("undo-flap-1", 9*time.Second, "c")
	kill := c.event("kill-b", 9*time.Second, "b")
	c.begin(kill)
	kill.Status, kill.Continued, kill.Ended = record.EventFailed, true, 10*time.Second
	c.end(kill)
	check(10*time.Second, "next start-b at 12s; end 26s; ")
	do("start-b", 12*time.Second, "b")
	check(12*time.Second, "next flap-2 at 18s; end 26s; ")
	do("flap-2", 18*time.Second, "c")
	check(18*time.Second, "next undo-flap-2 at 19s; end 26s; pause c since 18s")
	do("undo-flap-2", 19*time.Second, "c")
	check(19*time.Second, "next late at 22s; end 26s; ")
	do("late", 22*time.Second)
	check(26*time.Second, "next none; end 0s; ")
}

// TestCourseOfARandomFaultBesideAnother: the fault that follows one with steps meanwhile waits for that fault and these steps, and not for a
// step of the user's that takes longer.
func TestCourseOfARandomFaultBesideAnother(t *testing.T) {
	const file = someLoad + `timeline:
  - {at: 1s, apply_delay: {node: b, delay: 1s}, for: 55s}
random:
  {begin: 3s, lasts: 20s, every: 5s, seed: 3, for: {min: 2s, max: 2s}, faults: [{pause: c, meanwhile: [{at: 100ms, sql: {node: a, query: select 1}}]}]}
`
	c := courseOf(t, file)
	steps, _ := plannedSteps(c.experiment)
	if second := steps[slices.IndexFunc(steps, func(s plannedStep) bool { return s.Name == "random-2-pause" })]; second.from > 15*time.Second {
		t.Errorf("the second fault is planned at %s", second.from)
	}
	do := func(name string, at time.Duration, nodes ...string) {
		m := c.event(name, at, nodes...)
		c.begin(m)
		c.done(m, at)
	}
	next := func(now time.Duration, want string) {
		t.Helper()
		if got := c.text(now); !strings.HasPrefix(got, want) {
			t.Errorf("at %s: %s, want %s", now, got, want)
		}
	}
	do("apply-delay-b", time.Second, "b")
	do("random-begin", 3*time.Second)
	do("random-1-pause", 3*time.Second, "c")
	do("random-1-sql", 3100*time.Millisecond, "a")
	next(4*time.Second, "next undo-random-1-pause at 5s")
	do("undo-random-1-pause", 5*time.Second, "c")
	next(5*time.Second, "next random-2-pause at ")
}
