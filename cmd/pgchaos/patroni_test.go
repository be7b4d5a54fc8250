package main

import (
	"cmp"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/expect"
	"pgchaos/experiments"
	"pgchaos/internal/hatest"
	"pgchaos/internal/longtest"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// headOf is the experiment that a script has written for its cluster, up to its load.
func headOf(t *testing.T, c *hatest.Cluster) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Dir, "existing.yaml"))
	must(t, err)
	head, _, found := strings.Cut(string(text), "\nload:")
	if !found {
		t.Fatalf("%s has no load:\n%s", c.Dir, text)
	}
	return head
}

// discovered is the head with the discover that stands there in a comment, in the place of the nodes.
func discovered(t *testing.T, head string) string {
	t.Helper()
	before, rest, found := strings.Cut(head, "    nodes:\n")
	_, rest, ended := strings.Cut(rest, "    # discover:")
	if !found || !ended {
		t.Fatal(head)
	}
	return before + "    discover:" + rest
}

// TestPatroniPromotes kills the primary of a real Patroni cluster in synchronous mode: Patroni promotes another node, nothing is
// lost, and the cluster is whole again at the end. Then Patroni makes a planned switchover, for which the file names only the agent that was
// killed: others were found before. The outages of both are those that the logs of the servers and of HAProxy show. A primary that is killed
// soon after a switchover would have no successor: PostgreSQL has a synchronous standby before Patroni's own list has it.
func TestPatroniPromotes(t *testing.T) {
	p := newPlace(t)
	beats := startBeats(t)
	c := hatest.Up(t, hatest.Patroni, "nodes=3", "synchronous_mode=true", "ttl=20", "loop_wait=1", "retry_timeout=5", "wal_retrieve_retry_interval=200")
	head := headOf(t, c)
	if code, stdout, stderr := p.run("plan", "--yaml", p.write("found.yaml", discovered(t, head)+"\nload:\n  writes: {kind: insert, rate: 10/s}\ntimeline: [{wait: 1s}]\n")); code != exitPass || strings.Count(stdout, "passfile='"+c.Dir) != 3 {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	text := strings.Replace(head, "    exec:", "    manager: {patroni: \""+c.Env["REST_n1"]+"\"}\n    exec:", 1) + `
  synchronous: {standbys: "1 (n1, n2, n3)"}
load:
  writes: {kind: insert, clients: 4, rate: 100/s, timeout: 3s}
  reads: {kind: read, clients: 2, rate: 50/s, timeout: 3s}
timeline:
  - {at: 2s, name: killed, kill_node: primary}
  - {name: promoted, verify: {primary: any, within: 60s}}
  - {when: throughput of writes > 50/s, within: 30s, wait: 1s}   # HAProxy finds the new primary later
  - {name: planned, switchover: {}}                              # which waits until Patroni has a synchronous standby again
  - {when: throughput of writes > 50/s, within: 30s, wait: 1s}
  - {stop_load: writes}
expect:
  - lost_writes == 0
  - weak_lost == 0
  - nodes_equal
`
	code, stdout, stderr := p.run("run", p.write("patroni.yaml", text), "--out", p.out)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	var by []string
	for _, m := range r.Timeline {
		if m.Promotion != nil {
			by = append(by, m.Name)
			if m.Promotion.Fork == 0 || m.Promotion.To != m.Promotion.From+1 {
				t.Errorf("%+v", m)
			}
		}
	}
	if len(by) != 2 {
		t.Errorf("promotions that were seen: %q", by)
	}
	if a := r.Audits[0]; a.Acknowledged < 300 || !a.Complete {
		t.Errorf("%d acknowledged, complete: %v", a.Acknowledged, a.Complete)
	}
	logs := readLogs(t, c, beats)
	logs.agrees(r, "planned")
	logs.agrees(r, "killed")
	p.printed("was promoted from outside pgchaos, by the cluster's own manager or by hand, ", " after killed")
	switchesOver(p, c, beats)
	if left := schemasOf(t, c); left != "" {
		t.Errorf("left in the database: %s", left)
	}
	p.nothingLeft()
}

// switchesOver runs the shipped experiment with 20 switchovers in a row on a cluster that is there, sooner and with less load. None of them is taken
// for something else, and the outages are those of the logs.
func switchesOver(p *place, c *hatest.Cluster, beats *beats) {
	t := p.t
	t.Helper()
	synchronous(t, c, "n1", "n2", "n3")
	r := runOn(p, c, strings.NewReplacer("at: 2s", "at: 200ms", "rate: 100/s", "rate: 50/s", "rate: 50/s", "rate: 20/s").Replace(shipped(t, "patroni-switchovers")), "switchovers")
	seen := eventsThat(r, func(m record.Event) bool { return m.Promotion != nil })
	weakened := eventsThat(r, func(m record.Event) bool { return m.Weakening != nil })
	if r.Verdict != verdict.Pass || len(r.Reasons) > 0 || seen != 20 || weakened > 0 || len(r.TwoWritable) > 0 {
		t.Errorf("%s: %q; %d promotions were seen, %d weakenings, %v", r.Verdict, r.Reasons, seen, weakened, r.TwoWritable)
	}
	if a := r.Audits[0]; a.Acknowledged < 500 || !a.Complete {
		t.Errorf("%d acknowledged, complete: %v", a.Acknowledged, a.Complete)
	}
	if n := eventsThat(r, r.Unclear); n > 0 {
		t.Errorf("%d promotions are said to be unclear, and Patroni was asked for each", n)
	}
	logs := readLogs(t, c, beats)
	for _, m := range r.Timeline {
		if m.Action == "manager_switchover" {
			logs.agrees(r, m.Name)
		}
	}
}

// synchronous waits until Patroni's own list has a synchronous standby, which is later than PostgreSQL has one.
func synchronous(t *testing.T, c *hatest.Cluster, nodes ...string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		for _, n := range nodes {
			answer, err := http.Get(c.Env["REST_"+n] + "/sync")
			if err != nil {
				continue
			}
			_ = answer.Body.Close() // it is not read
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatal("Patroni has no synchronous standby within a minute")
}

// TestWhatPatroniLoses makes both real losses that are shipped, and their controls, one after the other on one cluster: each run ends with the
// other node as the primary. They are quicker than the shipped ones, whose hooks and expectations they have; the control of the agent that
// hangs is a second workload, which is behind HAProxy.
func TestWhatPatroniLoses(t *testing.T) {
	p := newPlace(t)
	c := hatest.Up(t, hatest.Patroni, "nodes=2", "ttl=20", "loop_wait=2", "retry_timeout=5")
	const hang = `timeline:
  - {at: 1s, name: hang, hang_agent: n1}
  - {name: two, exec: {node: n2, command: promoted}}
  - {wait: 4s}
  - {kill_node: n1, for: 1s}
  - {name: healed, verify: {primary: n2, streaming: n1, within: 90s}}
  - {wait: 1s}
  - {stop_load: writes}
`
	const forget = `  - {at: 1s, pause_manager: n1}
  - {restart_agent: n1}
  - {resume_manager: n1}
`
	const cut = `  - {at: 1s, change_setting: n1}
  - {wait: 4s}
  - {name: cut, cut_link: n1}
  - {wait: 4s}
  - {name: kill, kill_node: n1}
  - {name: healed, verify: {primary: n2, within: 90s}}
  - {wait: 2s}
  - {stop_load: writes}
`
	for i, x := range []struct {
		name, steps string
		want        verdict.Verdict
		lost, weak  bool // many of them
		two, empty  bool // two primaries; an emptied setting
	}{
		{name: "patroni-hung-agent", steps: hang, want: verdict.Fail, lost: true, two: true},
		{name: "patroni-lost-sync", steps: "timeline:\n" + forget + strings.Replace(cut, "at: 1s, ", "", 1), want: verdict.Fail, weak: true, empty: true},
		{name: "patroni-lost-sync-control", steps: "timeline:\n" + cut, want: verdict.Pass},
	} {
		if i == 1 {
			cmd := exec.CommandContext(t.Context(), "patronictl", "-c", c.Dir+"/patronictl.yml", "edit-config", "--quiet", "--force", "-s", "synchronous_mode=true")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		if i >= 1 {
			synchronous(t, c, "n1", "n2")
		}
		steps := x.steps
		if i%2 == 1 {
			steps = strings.NewReplacer("n1", "n2", "n2", "n1").Replace(steps)
		}
		head, rest, _ := strings.Cut(shipped(t, x.name), "timeline:")
		_, expected, found := strings.Cut(rest, "expect:")
		if !found {
			t.Fatal(rest)
		}
		head = strings.Replace(head, "rate: 100/s", "rate: 25/s", 1)
		if x.two {
			head += "  behind: {kind: insert, url: \"postgres://127.0.0.1:27022/chaos\", clients: 2, rate: 25/s, timeout: 5s}   # HAProxy\n"
			steps += "  - {stop_load: behind}\n"
		}
		r := runOn(p, c, head+steps+"expect:"+expected, x.name)
		if r.Verdict != x.want {
			t.Errorf("%s: %s: %q", x.name, r.Verdict, r.Reasons)
		}
		emptied := eventsThat(r, func(m record.Event) bool { return m.Weakening != nil })
		for what, is := range map[string]struct {
			n    int
			want bool
		}{
			"lost writes": {int(r.Lost()), x.lost}, "lost weak ones": {int(r.WeakLost()), x.weak},
			"stretches with two primaries": {len(r.TwoWritable), x.two}, "emptied settings": {emptied, x.empty},
		} {
			if is.n > 0 != is.want || strings.HasPrefix(what, "lost") && is.want && is.n < 20 {
				t.Errorf("%s: %d %s, want some: %v\n%q", x.name, is.n, what, is.want, r.Reasons)
			}
		}
		for _, l := range r.Audits[0].Lost.Runs {
			if x.two && l.Workload != "writes" {
				t.Errorf("%s: %s lost %d writes behind HAProxy", x.name, l.Workload, l.N)
			}
		}
	}
	if left := schemasOf(t, c); left != "" {
		t.Errorf("left in the database: %s", left)
	}
	p.nothingLeft()
}

// TestPatroniLosesItsSynchronousSetting runs the shipped loss and its control on real clusters.
func TestPatroniLosesItsSynchronousSetting(t *testing.T) {
	longtest.Only(t)
	for name, want := range map[string]verdict.Verdict{"patroni-lost-sync": verdict.Fail, "patroni-lost-sync-control": verdict.Pass} {
		t.Run(name, func(t *testing.T) {
			r := onPatroni(t, shipped(t, name), "nodes=2", "synchronous_mode=true")
			if r.Verdict != want {
				t.Errorf("%s: %q", r.Verdict, r.Reasons)
			}
			weakened := eventsThat(r, func(m record.Event) bool { return m.Weakening != nil })
			if lost := want == verdict.Fail; (r.WeakLost() > 100) != lost || (weakened > 0) != lost || r.Lost() > 0 {
				t.Errorf("%d lost, %d weak ones, %d times weakened", r.Lost(), r.WeakLost(), weakened)
			}
		})
	}
}

// TestPatroniAgentHangs runs the shipped split brain and its control on real clusters.
func TestPatroniAgentHangs(t *testing.T) {
	longtest.Only(t)
	t.Run("lists of hosts", func(t *testing.T) {
		if r := onPatroni(t, shipped(t, "patroni-hung-agent"), "nodes=2"); r.Verdict != verdict.Fail || r.Lost() < 100 || len(r.TwoWritable) == 0 {
			t.Errorf("%s, %d lost, %q", r.Verdict, r.Lost(), r.TwoWritable)
		}
	})
	t.Run("HAProxy", func(t *testing.T) {
		if r := onPatroni(t, shipped(t, "patroni-hung-agent-control"), "nodes=2"); r.Lost() > 0 || len(r.TwoWritable) == 0 {
			t.Errorf("%d lost, %q", r.Lost(), r.TwoWritable)
		}
	})
}

// TestPatroniSwitchesOver runs the shipped experiment with 20 switchovers in a row on other clusters than switchesOver does: asynchronous ones,
// and ones of two nodes.
func TestPatroniSwitchesOver(t *testing.T) {
	longtest.Only(t)
	text := shipped(t, "patroni-switchovers")
	asynchronous := strings.NewReplacer("  synchronous: {standbys: \"1 (n1, n2, n3)\"}\n", "", " streaming: sync_standby,", "").Replace(text)
	two := func(text string) string {
		lines := strings.SplitAfter(text, "\n")
		return strings.ReplaceAll(strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "      n3: ") }), ""), "n1, n2, n3", "n1, n2")
	}
	for name, c := range map[string]struct {
		text    string
		options []string
	}{
		"three nodes":              {asynchronous, nil},
		"two nodes":                {two(asynchronous), []string{"nodes=2"}},
		"two nodes, synchronously": {two(text), []string{"nodes=2", "synchronous_mode=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := onPatroni(t, c.text, c.options...)
			seen := eventsThat(r, func(m record.Event) bool { return m.Promotion != nil })
			weakened := eventsThat(r, func(m record.Event) bool { return m.Weakening != nil })
			if r.Verdict != verdict.Pass || len(r.Reasons) > 0 || seen != 20 || weakened > 0 || len(r.TwoWritable) > 0 {
				t.Errorf("%s: %q; %d promotions were seen, %d weakenings, %v", r.Verdict, r.Reasons, seen, weakened, r.TwoWritable)
			}
			if a := r.Audits[0]; a.Acknowledged < 5000 || !a.Complete {
				t.Errorf("%d acknowledged, complete: %v", a.Acknowledged, a.Complete)
			}
		})
	}
}

// shipped is the text of a shipped experiment.
func shipped(t *testing.T, name string) string {
	t.Helper()
	text, err := experiments.Open(name)
	must(t, err)
	return string(text)
}

// onPatroni runs an experiment that was written for the cluster of docs/shipped-experiments.md on a new cluster.
func onPatroni(t *testing.T, text string, options ...string) *report.Result {
	t.Helper()
	p := newPlace(t)
	c := hatest.Up(t, hatest.Patroni, append([]string{"ttl=20", "loop_wait=2", "retry_timeout=5"}, options...)...)
	return runOn(p, c, text, "patroni")
}

// runOn runs such an experiment where a cluster is.
func runOn(p *place, c *hatest.Cluster, text, name string) *report.Result {
	p.t.Helper()
	proxy, _, _ := strings.Cut(strings.TrimPrefix(c.Env["WRITE_DSN"], "postgres://chaos@"), "/")
	file := strings.NewReplacer("/var/tmp/patroni", c.Dir, ":27026", ":"+c.Env["POSTGRES_PORT"], "127.0.0.1:27022", proxy, "http://127.0.0.11:27025", c.Env["REST_n1"]).Replace(text)
	out := p.out + "-" + name
	code, stdout, stderr := p.run("run", p.write(name+".yaml", file), "--out", out)
	p.t.Logf("exit code %d\n%s\n%s", code, stdout, stderr)
	r, err := report.Read(out)
	must(p.t, err)
	return r
}

func eventsThat(r *report.Result, so func(record.Event) bool) (n int) {
	for _, m := range r.Timeline {
		if so(m) {
			n++
		}
	}
	return n
}

// schemasOf are the schemas of runs in the cluster's database.
func schemasOf(t *testing.T, c *hatest.Cluster) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "psql", "-AtX", cmp.Or(c.Env["WRITE_DSN"], c.Env["MULTIHOST_DSN"]), "-c", "select string_agg(nspname, ' ') from pg_namespace where nspname like 'pgchaos%'")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestPgAutoFailoverPromotes asks the monitor of a real pg_auto_failover cluster for its nodes and for a switchover, and kills the
// primary then: the monitor promotes the other node, nothing is lost, and the killed one is rewound and streams again.
func TestPgAutoFailoverPromotes(t *testing.T) {
	p := newPlace(t)
	c := hatest.Up(t, hatest.PgAutoFailover, "nodes=2", "unhealthy_timeout=6", "demote_timeout=5", "health_check_period=2")
	text := discovered(t, headOf(t, c)) + `
load:
  writes: {kind: insert, clients: 4, rate: 50/s, timeout: 3s}
timeline:
  - {at: 2s, name: planned, switchover: {}}
  - {name: exchanged, verify: {all_streaming: true, within: 60s}}
  - {name: synchronous, exec: {node: n1, command: healthy}}   # before that the monitor promotes nobody
  - {name: killed, kill_node: primary}
  - {name: promoted, verify: {primary: any, within: 90s}}
  - {when: throughput of writes > 25/s, within: 90s, wait: 1s}   # the monitor lets clients write there when demote_timeout is over
  - {stop_load: writes}
expect:
  - lost_writes == 0
  - weak_lost == 0
  - nodes_equal
`
	code, stdout, stderr := p.run("run", p.write("paf.yaml", text), "--out", p.out)
	r := p.result()
	// In a switchover the monitor promotes the standby before the former primary has ended; clients cannot write there yet. Where
	// two readings fall before and after that, it is not known whether there was a split brain, and nothing else is.
	unknown := slices.ContainsFunc(r.Reasons, func(reason string) bool {
		return !strings.HasPrefix(reason, "whether there was a split brain is not known: ")
	})
	failed := slices.ContainsFunc(r.Expectations, func(e expect.Judgement) bool { return e.Verdict != verdict.Pass })
	if code != exitPass && code != exitInconclusive || failed || unknown || r.Lost() > 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	t.Logf("%s: %q", r.Verdict, r.Reasons)
	if !slices.ContainsFunc(r.Outages, func(o outage.Outage) bool { return o.Event == "killed" && o.Recovered }) {
		t.Errorf("the writes did not come back after the kill: %+v", r.Outages)
	}
	if n := eventsThat(r, func(m record.Event) bool { return m.Promotion != nil }); n != 2 {
		t.Errorf("%d promotions were seen, want 2", n)
	}
	if left := schemasOf(t, c); left != "" {
		t.Errorf("left in the database: %s", left)
	}
	p.nothingLeft()
}
