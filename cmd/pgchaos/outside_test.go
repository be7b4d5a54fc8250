package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/internal/longtest"
	"pgchaos/internal/plaincluster"
	"pgchaos/outage"
	"pgchaos/record"
)

// TestWhatOthersDoToACluster: somebody kills the primary and starts it again, freezes it for a while, and in the end kills it and promotes the
// standby. No step explains any of these: they stand on the timeline with the outages that are theirs, and not with those of a step long
// before. A restart after a command is not clear.
func TestWhatOthersDoToACluster(t *testing.T) {
	m := meet(t)
	m.mark()
	byHand := func(command string) {
		if out, err := exec.Command(filepath.Join(m.Dir, command), "n1").CombinedOutput(); err != nil {
			t.Errorf("%s n1: %v\n%s", command, err, out)
		}
	}
	signal := func(name string) { // to the server and all of its processes
		sh := fmt.Sprintf("pid=$(head -1 %s/n1/postmaster.pid) && kill -%s $pid $(ps -o pid= --ppid $pid)", m.Dir, name)
		if out, err := exec.Command("sh", "-c", sh).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", sh, err, out)
		}
	}
	for _, c := range []outsideCase{
		{"restarted-n1", "restarted", "timeline=[{name: nothing, at: 500ms, nothing: n1}, {wait: 8s}]", func() { byHand("kill"); byHand("start") }, exitPass, ""},
		{"restarted-n1", "restarted", "timeline=[{at: 1s, exec: {node: n2, command: \"true\"}}, {wait: 8s}]", func() { byHand("kill"); byHand("start") }, exitInconclusive, "n1 was started again by somebody else between "},
		{"unreachable-n1", "unreachable", "timeline=[{wait: 8s}]", func() { signal("STOP"); time.Sleep(4 * time.Second); signal("CONT") }, exitInconclusive, "no node accepted writes from "},
		{"promoted-n2", "promoted", "timeline=[{wait: 8s}]", func() {
			byHand("kill")
			time.Sleep(time.Second)
			m.SQL(t, "n2", plaincluster.Database, "select pg_promote()")
		}, exitFail, "failover without a fault: n2 was promoted from outside pgchaos"},
	} {
		out, settle := m.out+"-"+c.event, "1s"
		if c.code == exitPass {
			settle = "30s"
		}
		cmd := m.command("run", m.file, "--out", out, "--set", "cluster.existing.settle="+settle, "--set", `cluster.existing.hooks={nothing: {do: "true", proof: "true"}}`, "--set", c.timeline)
		m.out = out
		must(t, cmd.Start())
		m.await("writes", func() bool {
			return m.Get(t, "n1", "postgres", "select count(*)::text from pg_stat_activity where application_name like 'pgchaos%' and query ilike 'insert%'") != "0"
		})
		time.Sleep(2 * time.Second) // the step comes, and the load is served for a while
		c.others()
		_ = cmd.Wait() // the exit code says it
		c.check(m, cmd.ProcessState.ExitCode())
	}
}

// outsideCase is what somebody does to a cluster while a timeline runs, and what the report has to say of it.
type outsideCase struct {
	event, action string
	timeline      string
	others        func()
	code          int
	reason        string
}

func (c *outsideCase) check(m *met, code int) {
	t, r := m.t, m.result()
	t.Helper()
	if code != c.code || c.reason != "" && !slices.ContainsFunc(r.Reasons, func(reason string) bool { return strings.HasPrefix(reason, c.reason) }) {
		t.Errorf("%s: exit code %d, %q", c.event, code, r.Reasons)
	}
	seen := eventNamed(t, r, func(e record.Event) bool { return e.Action == c.action })
	if seen.Name != c.event || seen.Status != record.EventSeen || !seen.Fault {
		t.Errorf("%+v", seen)
	}
	own := slices.DeleteFunc(slices.Clone(r.Outages), func(o outage.Outage) bool { return o.Event != c.event })
	if len(own) != 1 || !own[0].Recovered || own[0].Errors == 0 && c.action != "unreachable" || c.action != "restarted" && own[0].Most < time.Second {
		t.Errorf("the outages of %s: %+v of %+v", c.event, own, r.Outages)
	}
	if _, report, _ := m.run("report", m.out, "--full"); strings.Contains(report, "UNCLEAR") != (c.code == exitPass) {
		t.Errorf("%s: %s", c.event, report)
	}
	if i := slices.IndexFunc(r.Outages, func(o outage.Outage) bool { return o.Event == "nothing" }); i >= 0 && (r.Outages[i].RTO > 0 || r.Outages[i].Errors > 0) {
		t.Errorf("the outage of a command that did nothing: %+v", r.Outages[i])
	}
}

// TestTheOutageOfAKilledProcessIsItsOwn: that the server recovers from the crash is what the step does, and no second fault.
func TestTheOutageOfAKilledProcessIsItsOwn(t *testing.T) {
	p := newPlace(t)
	code, stdout, stderr := p.run("run", p.write("x.yaml", `
name: crash
cluster: {nodes: [a]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {at: 1s, name: killed, kill_process: {node: a, process: walwriter}}
  - {when: throughput of writes > 50/s, within: 30s, wait: 500ms}
expect:
  - write_rto during killed < 1ms
`), "--out", p.out)
	r := p.result()
	if code != exitFail || len(r.Outages) != 1 || r.Outages[0].Errors == 0 || !r.Outages[0].Recovered || len(r.Kills()) != 1 || len(r.Recoveries) != 1 {
		t.Errorf("exit code %d, %d kills, %+v\n%s\n%s", code, len(r.Kills()), r.Outages, stdout, stderr)
	}
	if i := slices.IndexFunc(r.Timeline, func(m record.Event) bool { return m.Status == record.EventSeen }); i >= 0 {
		t.Errorf("a fault of its own: %+v", r.Timeline[i])
	}
	p.nothingLeft()
}

// TestAStuckStandbyKeepsNoRedundancy: the primary calls it streaming until wal_sender_timeout, and writes on without it.
func TestAStuckStandbyKeepsNoRedundancy(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	code, stdout, stderr := p.run("run", p.write("x.yaml", `
name: stuck
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {at: 500ms, name: stuck, pause_process: {node: b, process: walreceiver}, for: 5s}
duration: 7s
expect:
  - redundancy_rto < 1s
`), "--out", p.out)
	r := p.result()
	if code != exitInconclusive || len(r.Recoveries) != 1 || r.Recoveries[0].Redundancy.State != "" || !slices.Equal(r.Recoveries[0].Stuck, []string{"b"}) {
		t.Errorf("exit code %d, %+v\n%s\n%s", code, r.Recoveries, stdout, stderr)
	}
	p.nothingLeft()
}
