package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/internal/longtest"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// TestEveryAction runs the actions that the shipped experiments do not use. Each
// has an effect that a later step of the file could not miss.
func TestEveryAction(t *testing.T) {
	p := newPlace(t).detectRaces()
	code, stdout, stderr := p.run("run", "cmd/pgchaos/testdata/actions.yaml", "--out", p.out, "--keep", "-v")
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	for _, m := range r.Timeline {
		if m.Status != record.EventDone || m.Effective < m.Issued {
			t.Errorf("step %s: %+v", m.Name, m)
		}
	}
	// A paused standby does not answer, and does so again when the pause is taken back.
	paused := eventNamed(t, r, func(m record.Event) bool { return m.Name == "paused" })
	undone := eventNamed(t, r, func(m record.Event) bool { return m.Reverses == "paused" })
	if wait := undone.Issued - paused.Effective; wait < 2*time.Second || *undone.Planned-paused.Effective > wait {
		t.Errorf("a pause for 2s was taken back after %s", wait)
	}
	if !unreachableBetween(r.States[1].States, paused, undone) {
		t.Error("the probe reached b while it was paused")
	}
	if got := p.psql(address(r, "a"), "show shared_buffers"); got != "64MB" {
		t.Errorf("shared_buffers of a is %s", got)
	}
	if got := p.psql(address(r, "a"), "select string_agg(application_name, ' ' order by application_name) from pg_stat_replication where state = 'streaming'"); got != "b c" {
		t.Errorf("%q stream from a", got)
	}
	if got := p.psql(address(r, "c"), "select count(*) from app.items"); got != p.psql(address(r, "a"), "select count(*) from app.items") {
		t.Errorf("c has %s rows", got)
	}
	// A restart has taken effect when the server is down; to start one takes a while.
	restart := eventNamed(t, r, func(m record.Event) bool { return m.Action == "restart" })
	if restart.Ended-restart.Effective < 5*time.Millisecond {
		t.Errorf("the restart took effect at %s, and ended at %s", restart.Effective, restart.Ended)
	}
	killed := eventNamed(t, r, func(m record.Event) bool { return m.Action == "kill" })
	if len(killed.Nodes) != 1 || killed.Nodes[0] == "a" {
		t.Errorf("any_replica was %v", killed.Nodes)
	}
	if code, out, errs := p.run("clean", r.Run, "--provider", "local"); code != 0 {
		t.Errorf("clean %s: exit %d, %s%s", r.Run, code, out, errs)
	}
	p.nothingLeft()
}

func unreachableBetween(states []record.NodeState, from, to record.Event) bool {
	for _, st := range states {
		if !st.Reachable && st.At >= from.Issued && st.At < to.Effective {
			return true
		}
	}
	return false
}

// TestWhatMustNotPass runs experiments whose timelines do not do what they say.
func TestWhatMustNotPass(t *testing.T) {
	t.Parallel()
	const cluster = "name: x\ncluster: {nodes: [a, b]}\nload:\n  writes: {kind: insert, clients: 2, rate: 100/s}\n"
	one := strings.Replace(cluster, "[a, b]", "[a]", 1)
	for _, tc := range []struct {
		name, text string
		code       int
		says       string // one text a line
	}{
		{"a verify that never holds", cluster + `
timeline:
  - {at: 500ms, verify: {sync_state: {b: quorum}, within: 300ms}}
expect: [lost_writes == 0]
`, exitFail, "sync_state of b on a is async, not quorum"},
		{"an answer that was not expected", one + `
timeline:
  - {at: 500ms, sql: {node: a, query: "select 1", expect: "2"}}
expect: [lost_writes == 0]
`, exitFail, `a answered "1", expected "2"`},
		{"a fault without effect", cluster + `
timeline:
  - {at: 500ms, exec: {node: b, command: "p=$(head -1 data/postmaster.pid); kill -QUIT $p; while kill -0 $p; do sleep 0.1; done", expect: 0}}
  - {kill: replicas}
expect: [lost_writes == 0]
`, exitInconclusive, "no node is replicas, looked up for 10s"},
		{"two primaries", strings.Replace(cluster, "[a, b]", "[a, b, c]", 1) + `
timeline:
  - {at: 500ms, kill: a}
  - {promote: b}
  - {promote: c}
  - {wait: 300ms}
expect: [lost_writes == 0]
`, exitFail, "split brain: b (timeline 2) and c (timeline 2) accepted writes"},
		{"a standby that is far behind", cluster + `
timeline:
  - {at: 300ms, configure: {node: b, settings: {recovery_min_apply_delay: 1h}}}
  - {wait: 500ms}
  - {stop_load: writes}
expect: [lost_writes == 0, nodes_equal, missing_rows == 0]
`, exitInconclusive, "not settled: b has not caught up with a\nb had not replayed all that a wrote"},
		{"an outage in which hardly anything was sent", one + `
timeline:
  - {at: 500ms, pause: a, for: 3s}
  - {at: 3s, stop_load: writes}
expect: [error_rate of writes during pause-a < 30%]
`, exitFail, "error_rate"},
		{"a failover without load", cluster + `
timeline:
  - {at: 1500ms, restart: b}
  - {stop_load: writes}
  - {verify: {caught_up: b, within: 20s}}
  - {kill: a}
  - {promote: b}
expect: [write_rto < 10s]
`, exitInconclusive, "there was no load at kill-a"},
		{"a metric without samples", one + `
timeline:
  - {stop_load: writes}
  - {name: quiet, wait: 300ms}
expect: [error_rate of writes during quiet < 1%]
`, exitInconclusive, "no samples"},
		{"a loss of which no expectation speaks", cluster + `
timeline:
  - {at: 500ms, configure: {node: b, settings: {primary_conninfo: ""}}}
  - {at: 1500ms, kill: a}
  - {promote: b}
  - {wait: 500ms}
`, exitFail, "no expectation says how many lost_writes are allowed"},
		{"a statement that the server refuses", one + `
timeline:
  - {at: 500ms, sql: {node: a, query: "select nonsense"}}
expect: [lost_writes == 0]
`, exitInconclusive, "nonsense"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlace(t)
			file := p.write("x.yaml", tc.text)
			code, stdout, stderr := p.run("run", file, "--out", p.out)
			if code != tc.code {
				t.Errorf("exit code %d, want %d\n%s\n%s", code, tc.code, stdout, stderr)
			}
			for says := range strings.SplitSeq(tc.says, "\n") {
				if !strings.Contains(strings.Join(strings.Fields(stdout), " "), says) {
					t.Errorf("the report does not say %q:\n%s", says, stdout)
				}
			}
			if r := p.result(); r.Verdict == verdict.Pass {
				t.Error("the result says pass")
			}
			p.nothingLeft()
		})
	}
}

// TestAFrozenNodeDelaysNoPromotion: who is most advanced is asked of all nodes, and
// one that does not answer must not add to the outage. The second promotion asks nobody.
func TestAFrozenNodeDelaysNoPromotion(t *testing.T) {
	p := newPlace(t)
	file := p.write("x.yaml", `
name: x
cluster: {nodes: {a: , b: , c: {settings: {recovery_min_apply_delay: 100ms}}}}
load: {writes: {kind: insert, clients: 2, rate: 100/s, timeout: 1s}}
timeline:
  - {at: 500ms, configure: {node: c, settings: {primary_conninfo: ""}}}
  - {wait: 500ms}
  - {pause: a}
  - {promote: most_advanced}
  - {wait: 1s}
  - {kill: a}
  - {name: another, promote: c}
`)
	_, stdout, stderr := p.run("run", file, "--out", p.out)
	promoted := eventNamed(t, p.result(), func(m record.Event) bool { return m.Action == "promote" })
	another := eventNamed(t, p.result(), func(m record.Event) bool { return m.Name == "another" })
	paused := eventNamed(t, p.result(), func(m record.Event) bool { return m.Action == "pause" })
	took, most := promoted.Ended-paused.Ended, 2*time.Second+2*(another.Ended-another.Issued) // a step is issued after its look-up
	if promoted.Status != record.EventDone || another.Status != record.EventDone || took > most {
		t.Errorf("the promotion took %s, more than %s: %+v\n%s%s", took, most, promoted, stdout, stderr)
	}
	p.nothingLeft()
}

// TestOnePrimaryIsLeft: whatever is in place when the timeline ends, one node accepts
// writes after it has been taken back. A former primary that no client could reach until
// then is no split brain; its rows are read, and held against the new primary's.
func TestOnePrimaryIsLeft(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		steps, writable string
		long            bool
	}{
		"stop":                           {"[{stop: a}, {promote: b}]", "b", true},
		"pause, then kill":               {"[{pause: a}, {promote: b}, {kill: a}]", "b", true},
		"both paused":                    {"[{pause: a}, {promote: b}, {pause: b}]", "b", true},
		"both paused, the old one twice": {"[{pause: a}, {promote: b}, {pause: b}, {resume: a}, {name: again, pause: a}]", "b", true},
		"both killed":                    {"[{kill: a}, {promote: b}, {kill: b}]", "b", true},
		"promoted by SQL":                {"[{pause: a}, {sql: {node: b, query: select pg_promote()}}]", "b", true},
		"no promotion, both paused":      {"[{pause: b}, {pause: a}]", "a", true},
		"resumed by a step":              {"[{pause: a}, {promote: b}, {resume: a}, {wait: 1s}]", "a b", false},
	} {
		if tc.long && !longtest.Enabled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.oneIsWritable(tc.writable, "run", p.write("x.yaml", onePrimary+tc.steps), "--out", p.out)
			p.nothingLeft()
		})
	}
}

// TestASplitBrainIsReported: the old primary comes back as a primary beside the promoted one, and is taken away again. The run
// fails, with what clients wrote to both.
func TestASplitBrainIsReported(t *testing.T) {
	p := newPlace(t)
	code, stdout, stderr := p.run("run", p.write("x.yaml", onePrimary+"[{at: 500ms, kill: a}, {promote: b}, {split_brain: a, for: 2s}, {wait: 3s}]"), "--out", p.out)
	r := p.result()
	if says := "split brain: a on timeline 1 and b on timeline 2 both accepted writes"; code != exitFail || !strings.Contains(stdout, says) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	for _, h := range r.States {
		if h.Final.Writable != (h.Node == "b") {
			t.Errorf("%s accepts writes in the end: %v", h.Node, h.Final.Writable)
		}
	}
	p.nothingLeft()
}

const onePrimary = `
name: x
cluster: {nodes: [a, b], settings: {shared_buffers: 16MB, wal_retrieve_retry_interval: 200ms}}
load: {writes: {kind: insert, clients: 2, rate: 50/s, timeout: 1s}}
duration: 1s
timeline: `

// oneIsWritable runs an experiment, and holds the nodes that accept writes in the end
// against those that should. Two of them are a split brain.
func (p *place) oneIsWritable(want string, args ...string) {
	p.t.Helper()
	_, stdout, stderr := p.run(args...)
	r := p.result()
	var writable []string
	for _, h := range r.States {
		if h.Final.Writable {
			writable = append(writable, h.Node)
		}
	}
	for _, n := range r.Settle {
		if n.Error != "" {
			p.t.Errorf("%+v", n)
		}
	}
	two := strings.Contains(want, " ")
	if got := strings.Join(writable, " "); got != want || two != (len(r.SplitBrain) > 0) || two && r.Verdict != verdict.Fail {
		p.t.Errorf("%q accept writes in the end, split brain %v\n%s%s", got, r.SplitBrain, stdout, stderr)
	}
	if old := len(r.States) > 0 && !two && want == "b"; old && !slices.ContainsFunc(r.Settle, func(n report.SettleNote) bool {
		return n.Node == "a" && n.Done == "is a primary of its own, on timeline 1: read as a fork"
	}) {
		p.t.Errorf("the fork of a is not shown\n%s%s", stdout, stderr)
	}
}

// TestOneDirectoryForTwoRuns: the second is refused, and nothing is written over.
func TestOneDirectoryForTwoRuns(t *testing.T) {
	p := newPlace(t).detectRaces()
	file := p.write("x.yaml", "name: x\ncluster: {nodes: [a]}\nload: {writes: {kind: insert, clients: 1, rate: 50/s}}\nduration: 1s\n")
	codes := make(chan int, 2)
	for range 2 {
		cmd := p.command("run", file, "--out", p.out)
		go func() {
			_ = cmd.Run() // the exit code says it
			codes <- cmd.ProcessState.ExitCode()
		}()
	}
	if a, b := <-codes, <-codes; min(a, b) != exitPass || max(a, b) != exitUsage {
		t.Errorf("exit codes %d and %d", a, b)
	}
	p.nothingLeft()
}
