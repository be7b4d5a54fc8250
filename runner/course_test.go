package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgchaos/internal/redact"
	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/spec"
)

// courseOf is the course of an experiment on the nodes a, b and c, whose load is of 60 s.
func courseOf(t *testing.T, text string) *course {
	t.Helper()
	e, _, err := spec.Load("course.yaml", []byte("name: course\ncluster: {nodes: [a, b, c]}\n"+text), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return newCourse(e)
}

const someLoad = "load:\n  writes: {kind: insert, clients: 2, rate: 100/s}\n"

// event is a step of a course's experiment, or its reversal.
func (c *course) event(name string, issued time.Duration, nodes ...string) record.Event {
	if of, found := strings.CutPrefix(name, record.UndoPrefix); found {
		return record.Event{Name: name, Action: "undo", Reverses: of, Nodes: nodes, Issued: issued}
	}
	kind := c.experiment.Timeline[c.step(name)].Kind()
	return record.Event{Name: name, Action: kind.Name, Facts: &kind.Facts, Fault: kind.Outage, Nodes: nodes, Issued: issued}
}

func (c *course) done(m record.Event, at time.Duration) {
	m.Status, m.Effective, m.Ended = record.EventDone, at, at
	c.end(m)
}

// text is what a Status says of the course.
func (c *course) text(now time.Duration) string {
	s := Status{Elapsed: now}
	c.describe(&s)
	next := "none"
	if s.Next != nil {
		next = fmt.Sprintf("%s at %s", s.Next.Name, s.Next.At)
		if s.Next.Waits {
			next += " waits"
		}
	}
	var faults []string
	for _, f := range s.Faults {
		faults = append(faults, fmt.Sprintf("%s %s since %s", f.Action, strings.Join(f.Nodes, "+"), f.Since))
	}
	return fmt.Sprintf("next %s; end %s; %s", next, s.End, strings.Join(faults, ", "))
}

// TestCourse goes through a timeline, step by step.
func TestCourse(t *testing.T) {
	c := courseOf(t, someLoad+`timeline:
  - {at: 5s, pause: b, for: 3s}
  - {wait: 1s}
  - {at: 10s, kill: a}
  - {promote: b}
  - {rejoin: a}
  - {wait: 4s}
duration: 20s
`)
	check := func(now time.Duration, want string) {
		t.Helper()
		if got := c.text(now); got != want {
			t.Errorf("at %s: %s\nwant: %s", now, got, want)
		}
	}
	check(0, "next pause-b at 5s; end 20s; ")
	pause := c.event("pause-b", 5*time.Second, "b")
	c.begin(pause)
	check(5*time.Second, "next wait at 0s; end 20s; pause b since 5s")
	c.done(pause, 5100*time.Millisecond)
	check(5100*time.Millisecond, "next wait at 0s; end 20s; pause b since 5s")
	wait := c.event("wait", 5100*time.Millisecond)
	c.begin(wait)
	check(5200*time.Millisecond, "next undo-pause-b at 8.1s; end 20s; pause b since 5s")
	c.done(wait, 6100*time.Millisecond)
	undo := c.event("undo-pause-b", 8100*time.Millisecond, "b")
	c.begin(undo)
	check(8100*time.Millisecond, "next kill-a at 10s; end 20s; pause b since 5s")
	c.done(undo, 8200*time.Millisecond)
	check(8200*time.Millisecond, "next kill-a at 10s; end 20s; ")
	kill := c.event("kill-a", 10*time.Second, "a")
	c.begin(kill)
	c.done(kill, 10100*time.Millisecond)
	check(11*time.Second, "next promote-b at 0s; end 20s; kill a since 10s")
	promote := c.event("promote-b", 10100*time.Millisecond, "b")
	c.begin(promote)
	check(17*time.Second, "next rejoin-a at 0s; end 21s; kill a since 10s")
	c.done(promote, 18*time.Second)
	rejoin := c.event("rejoin-a", 18*time.Second, "a")
	c.begin(rejoin)
	check(18*time.Second, "next wait-2 at 0s; end 22s; kill a since 10s")
	c.done(rejoin, 19*time.Second)
	last := c.event("wait-2", 19*time.Second)
	c.begin(last)
	check(19*time.Second, "next none; end 23s; ")
	c.done(last, 23*time.Second)
	check(23*time.Second, "next none; end 23s; ")
	check(24*time.Second, "next none; end 0s; ")
}

// TestCourseBreaksOff: after a step that failed no other comes, and its fault is in force no longer.
func TestCourseBreaksOff(t *testing.T) {
	c := courseOf(t, someLoad+"timeline:\n  - {at: 5s, pause: b, for: 30s}\n  - {at: 8s, kill: a}\n  - {at: 60s, start: a}\n")
	pause, kill := c.event("pause-b", 5*time.Second, "b"), c.event("kill-a", 8*time.Second, "a")
	c.begin(pause)
	c.done(pause, 5*time.Second)
	c.begin(kill)
	kill.Status, kill.Ended = record.EventFailed, 9*time.Second
	c.end(kill)
	if got, want := c.text(9*time.Second), "next none; end 9s; pause b since 5s"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestCourseWaitsForConditions, and counts the times of a cycle from its beginning.
func TestCourseWaitsForConditions(t *testing.T) {
	c := courseOf(t, someLoad+"timeline:\n  - {when: {streaming: b}, name: ready, wait: 2s}\n")
	if got, want := c.text(time.Second), "next ready at 0s waits; end 3s; "; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	c = courseOf(t, someLoad+"kills: 2\ntimeline:\n  - {at: 5s, kill: primary}\n  - {start: former_primary}\n")
	if got, want := c.text(0), "next kill-primary at 5s; end 10s; "; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for _, name := range []string{"kill-primary", "start-former_primary"} {
		m := c.event(name, 5*time.Second, "a")
		c.begin(m)
		c.done(m, 6*time.Second)
	}
	if got, want := c.text(6*time.Second), "next kill-primary-2 at 11s; end 11s; "; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestFaultsInForce: what ends them is known by what the actions do to servers.
func TestFaultsInForce(t *testing.T) {
	c := courseOf(t, someLoad+`timeline:
  - {stop: [a, b]}
  - {start: b}
  - {disconnect: c}
  - {connect: c}
  - {restart: b}
  - {pause_replay: c}
  - {resume_replay: c}
  - {name: near, partition: {between: [b, c]}}
  - {name: far, partition: {between: [a, b]}}
  - {drop_connections: {between: [clients, a]}}
`)
	for _, one := range []struct {
		step  string
		nodes []string
		begun string // in force when it has been issued
		done  string // and when it is over
	}{
		{"stop-a-b", []string{"a", "b"}, "stop a+b since 1ns", "stop a+b since 1ns"},
		{"start-b", []string{"b"}, "stop a+b since 1ns", "stop a since 1ns"},
		{"disconnect-c", []string{"c"}, "stop a since 1ns, disconnect c since 3ns", "stop a since 1ns, disconnect c since 3ns"},
		{"connect-c", []string{"c"}, "stop a since 1ns, disconnect c since 3ns", "stop a since 1ns"},
		{"restart-b", []string{"b"}, "stop a since 1ns, restart b since 5ns", "stop a since 1ns"},
		{"pause-replay-c", []string{"c"}, "stop a since 1ns, pause_replay c since 6ns", "stop a since 1ns, pause_replay c since 6ns"},
		{"resume-replay-c", []string{"c"}, "stop a since 1ns, pause_replay c since 6ns", "stop a since 1ns"},
		{"near", []string{"b", "c"}, "stop a since 1ns, partition b+c since 8ns", "stop a since 1ns, partition b+c since 8ns"},
		{"far", []string{"a", "b"}, "stop a since 1ns, partition b+c since 8ns, partition a+b since 9ns", "stop a since 1ns, partition b+c since 8ns, partition a+b since 9ns"},
		{"drop-connections-clients-a", []string{"a"}, "stop a since 1ns, partition b+c since 8ns, partition a+b since 9ns, drop_connections a since 10ns", "stop a since 1ns, partition b+c since 8ns, partition a+b since 9ns"},
	} {
		m := c.event(one.step, time.Duration(c.step(one.step)+1), one.nodes...)
		c.begin(m)
		if got := c.text(0); !strings.HasSuffix(got, "; "+one.begun) {
			t.Errorf("%s is issued: %s, want %s", one.step, got, one.begun)
		}
		c.done(m, m.Issued)
		if got := c.text(0); !strings.HasSuffix(got, "; "+one.done) {
			t.Errorf("%s is done: %s, want %s", one.step, got, one.done)
		}
	}
	for _, name := range []string{"near", "far"} { // as their reversals do
		c.end(record.Event{Name: record.UndoPrefix + name, Reverses: name, Status: record.EventDone})
	}
	c.end(record.Event{Name: "exit-c", Action: "exit", Nodes: []string{"c"}, Fault: true, Issued: 7, Status: record.EventSeen})
	c.end(record.Event{Name: "crash-b", Action: "crash", Nodes: []string{"b"}, Fault: true, Issued: 8, Status: record.EventSeen})
	if got, want := c.text(0), "stop a since 1ns, exit c since 7ns"; !strings.HasSuffix(got, want) {
		t.Errorf("after incidents: %s, want %s", got, want)
	}
	c.end(record.Event{Name: "restarted-c", Action: "restarted", Nodes: []string{"c"}, Fault: true, Issued: 9, Status: record.EventSeen})
	if got, want := c.text(0), "; stop a since 1ns"; !strings.HasSuffix(got, want) {
		t.Errorf("it was started again: %s, want %s", got, want)
	}
}

// TestEndOfLoadThatEndsByItself: workloads can go on for longer than the timeline.
func TestEndOfLoadThatEndsByItself(t *testing.T) {
	for _, one := range []struct {
		text string
		want time.Duration
	}{
		{someLoad + "duration: 7s\n", 7 * time.Second},
		{"load:\n  writes: {kind: insert, duration: 9s}\nduration: 7s\n", 9 * time.Second},
		{"load:\n  writes: {kind: insert, stages: [{for: 3s, rate: 5/s}, {for: 8s, rate: 9/s}]}\n", 11 * time.Second},
		{"load:\n  writes: {kind: insert, iterations: 10}\n", 0},
		{"load:\n  writes: {kind: insert, duration: 9s}\ntimeline:\n  - {at: 2s, stop_load: writes}\n", 2 * time.Second},
	} {
		s := Status{}
		courseOf(t, one.text).describe(&s)
		if s.End != one.want {
			t.Errorf("%s: %s, want %s", one.text, s.End, one.want)
		}
	}
}

// TestNoSecretInAStatus: a sink gets none.
func TestNoSecretInAStatus(t *testing.T) {
	lag := time.Second
	status := Status{
		Phase: "x-hunter22-x", Workloads: []WorkloadStatus{{Name: "hunter22", Live: load.Live{Kinds: map[string]int64{"57P01": 1}}}},
		Nodes:  []NodeStatus{{Name: "a", NodeSample: record.NodeSample{Lag: &lag}}},
		Faults: []FaultStatus{{Step: "exec-hunter22", Nodes: []string{"a"}}}, Next: &NextStep{Name: "hunter22"},
	}
	got, ok := hide(redact.New("hunter22"), Ticked{status}).(Ticked)
	if text := fmt.Sprintf("%+v %+v", got, got.Status.Next); !ok || strings.Contains(text, "hunter22") || *got.Status.Nodes[0].Lag != lag {
		t.Errorf("%s", text)
	}
	if status.Next.Name != "hunter22" {
		t.Error("the original was changed")
	}
}
