package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/compare"
	"pgchaos/internal/longtest"
	"pgchaos/report"
)

// plantedLosses kills four primaries. The second and the fourth are cut off from their standby before, and
// acknowledge alone; the others wait for it.
const plantedLosses = `
name: planted
cluster:
  nodes: [a, b]
  settings: {wal_log_hints: on}
  synchronous: {commit: "on", standbys: ANY 1 (b)}
load:
  writes: {kind: insert, clients: 4, rate: 100/s, timeout: 5s}
timeline:
  - {name: ready-b, at: 1s, configure: {node: b, synchronous: {standbys: ANY 1 (a)}}}
  - {name: kept-1, kill: a}
  - {promote: b}
  - {rejoin: a}
  - {verify: {caught_up: a, within: 30s}}

  - {name: alone-b, configure: {node: b, synchronous: {standbys: ""}}}
  - {name: cut-a, configure: {node: a, settings: {primary_conninfo: ""}, synchronous: {standbys: ANY 1 (b)}}}
  - {wait: 1s}
  - {name: lost-2, kill: b}
  - {promote: a}
  - {rejoin: b}
  - {verify: {caught_up: b, within: 30s}}

  - {name: ready-b-again, configure: {node: b, synchronous: {standbys: ANY 1 (a)}}}
  - {wait: 1s}
  - {name: kept-3, kill: a}
  - {promote: b}
  - {rejoin: a}
  - {verify: {caught_up: a, within: 30s}}

  - {name: alone-b-again, configure: {node: b, synchronous: {standbys: ""}}}
  - {name: cut-a-again, configure: {node: a, settings: {primary_conninfo: ""}}}
  - {wait: 1s}
  - {name: lost-4, kill: b}
  - {promote: a}
  - {rejoin: b}
  - {verify: {caught_up: b, within: 30s}}
  - {wait: 1s}
expect: [lost_writes == 0]
`

// TestEachLossIsOfItsKill: losses of several kills in one run are put down to the kills that caused them, and to no
// other, although each fork was rewound before the next kill.
func TestEachLossIsOfItsKill(t *testing.T) {
	p := newPlace(t)
	code, stdout, stderr := p.run("run", p.write("planted.yaml", plantedLosses), "--out", p.out)
	if code != exitFail {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	lost := map[string]int64{}
	var sum int64
	for _, a := range r.Audits {
		sum += a.Lost.N
		for _, point := range a.RPO {
			lost[point.Event] += point.Lost
		}
		if a.Unexplained > 0 || !a.Complete {
			t.Errorf("%d losses without a cause, complete %v", a.Unexplained, a.Complete)
		}
	}
	if len(lost) != 2 || lost["lost-2"] < 20 || lost["lost-4"] < 20 || lost["lost-2"]+lost["lost-4"] != sum {
		t.Errorf("lost by event: %v, in all %d\n%s", lost, sum, stdout)
	}
	kills := compare.Of(r).Kills
	if len(kills) != 4 {
		t.Fatalf("%d kills: %+v", len(kills), kills)
	}
	for i, k := range kills {
		if !k.Known || (k.Lost > 0) != (i%2 == 1) || k.Lost != lost[k.Step] {
			t.Errorf("kill %d: %+v", i+1, k)
		}
	}
	if !strings.Contains(stdout, "kills of a primary: 4; 2 of them lost acknowledged writes") {
		t.Error(stdout)
	}
	outagesAreApart(t, r)
}

// outagesAreApart: each kill has an outage of its own, and none spans two kills.
func outagesAreApart(t *testing.T, r *report.Result) {
	t.Helper()
	faults := slices.DeleteFunc(r.Faults(), func(f report.Fault) bool { return f.Write == nil })
	for i, f := range faults {
		if !f.Write.Recovered || i > 0 && faults[i-1].Write.Issued+faults[i-1].Write.RTO > f.Issued {
			t.Errorf("%s: outage %+v", f.Event, f.Write)
		}
	}
	if len(faults) != 4 {
		t.Errorf("%d faults with outages", len(faults))
	}
}

// repeatedKill is a cycle of a kill and a rejoin.
const repeatedKill = `
name: repeated
cluster:
  nodes: [a, b, c]
  settings: {wal_log_hints: on}
  synchronous: {commit: "on", standbys: "ANY 1 (b, c)"}
load:
  writes: {kind: insert, clients: 4, rate: 100/s, timeout: 5s}
kills: 2
timeline:
  - {at: 1s, configure: {node: replicas, synchronous: {standbys: "ANY 1 (a, b, c)"}}}
  - {name: kill, kill: primary}
  - {promote: most_advanced}
  - {follow: {node: replicas, upstream: primary}}
  - {rejoin: former_primary}
  - {verify: {caught_up: replicas, within: 30s}}
  - {wait: 1s}
expect: [lost_writes == 0, write_rto during kill-2 < 20s]
`

// TestKillsRepeatTheTimeline: roles are looked up in each cycle, at counts from its beginning, and each kill has
// its outage.
func TestKillsRepeatTheTimeline(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	code, stdout, stderr := p.run("run", p.write("repeated.yaml", repeatedKill), "--out", p.out)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	killed := r.Kills()
	if len(killed) != 2 {
		t.Fatalf("%d kills", len(killed))
	}
	if killed[0].Nodes[0] == killed[1].Nodes[0] {
		t.Errorf("%s and %s killed the same node: the role was not looked up anew", killed[0].Name, killed[1].Name)
	}
	var ended, planned = map[string]int64{}, map[string]int64{}
	for _, m := range r.Timeline {
		if m.Action == "configure" && (m.At == nil || *m.At != time.Second) { // what the fingerprint has: Planned is another in each run
			t.Errorf("%s: its `at` is %v", m.Name, m.At)
		}
		ended[m.Name] = int64(m.Ended)
		if m.Planned != nil {
			planned[m.Name] = int64(*m.Planned)
		}
	}
	if pause := planned["configure-replicas-2"] - ended["wait"]; pause < 900e6 || planned["configure-replicas-2"] == 0 {
		t.Errorf("the second cycle's first step was to come %d ns after the first cycle", pause)
	}
	if kills := compare.Of(r).Kills; len(kills) != 2 || slices.ContainsFunc(kills, func(k compare.Kill) bool { return !k.Known || k.Lost > 0 }) {
		t.Errorf("%+v", kills)
	}
}
