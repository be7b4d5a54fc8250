package text

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// TestShortReportIsBounded renders every result that is kept, real ones and the worst that can
// be thought of: none has more than 45 lines, nor a line that is wider than the terminal or than
// 100 columns.
func TestShortReportIsBounded(t *testing.T) {
	all := map[string]*report.Result{"empty": {}, "worst": worst(t, "worst"), "wide": worst(t, "語"+strings.Repeat("長", 40))}
	for _, pattern := range []string{"../testdata/results/*", "../testdata/schema-*", "../../selftest/testdata/*"} {
		dirs, err := filepath.Glob(pattern)
		if err != nil || len(dirs) == 0 {
			t.Fatalf("%s: %d results, %v", pattern, len(dirs), err)
		}
		for _, dir := range dirs {
			r, err := report.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			all[dir] = r
		}
	}
	const dir = "results/with-a-long-name/20260301-120000-some-experiment-with-a-name-that-is-as-long-as-it-can-be-and-then-some-more"
	for name, r := range all {
		for _, columns := range []int{0, 200, 100, 80, 60, 40} {
			for _, color := range []bool{false, true} {
				text := render(t, r, Options{Width: columns, Color: color, Dir: dir})
				if n := strings.Count(text, "\n"); n > 45 {
					t.Errorf("%s at %d columns has %d lines:\n%s", name, columns, n, text)
				}
				most := 100
				if columns > 0 {
					most = min(most, columns)
				}
				for line := range strings.Lines(text) {
					if n := width(strings.TrimSuffix(line, "\n")); n > most {
						t.Errorf("%s at %d columns has a line of %d: %s", name, columns, n, line)
					}
				}
			}
		}
	}
}

// worst has more of everything than fits, and long words in each.
func worst(t *testing.T, name string) *report.Result {
	t.Helper()
	r := kept(t, "unexplained")
	r.Name, r.Command = name, []string{"run", "x.yaml"}
	of := func(i int) string { return fmt.Sprintf("%s-%d", name, i) }
	long := strings.Repeat("word ", 60) + strings.Repeat("x", 300)
	big, workload, node := r.Audits[0], r.Workloads[0], r.Audits[0].Nodes[0]
	r.Audits, r.Workloads, r.Outages, r.Recoveries, r.States = nil, nil, nil, nil, nil
	big.Nodes = nil
	for i := range 40 {
		node.Node, node.Read, node.Equal, node.Missing, node.Why = of(i), i%3 > 0, false, 1_234_567_890, long
		big.Nodes = append(big.Nodes, node)
		big.RPO = append(big.RPO, audit.RPO{Event: of(i), Cause: audit.CauseFork, Lost: 1, WeakLost: 2})
		big.Weak.Stretches = append(big.Weak.Stretches, audit.WeakStretch{Node: of(i), N: 7, Demanded: 1})
	}
	for i := range 40 {
		if i < 5 {
			a := big
			a.Table = of(i)
			r.Audits = append(r.Audits, a)
		}
		w := workload
		w.Name, w.Total.Dropped, w.Total.Unknown = of(i), 5, 6
		w.Errors = []report.ErrorCount{{Kind: "42P01", Outcome: record.Failed, N: 9, Example: long}}
		w.Model = nil
		if i%2 > 0 {
			w.Rate, w.Model = 0, &report.Model{}
		}
		r.Workloads = append(r.Workloads, w)
		at := time.Duration(i) * time.Second
		r.Timeline = append(r.Timeline, record.Event{Name: of(i), Action: "kill", Nodes: []string{of(i)}, Issued: at, Fault: true})
		r.Outages = append(r.Outages, outage.Outage{Event: of(i), Workload: of(i), Writes: true, Loaded: true, RTO: 3 * time.Hour, Issued: at})
		r.Recoveries = append(r.Recoveries, outage.Recovery{Event: of(i), Issued: at, Caveats: []string{long, long}})
		r.Expectations = append(r.Expectations, expect.Judgement{Text: "p99 of " + of(i) + " < 1ms", Verdict: verdict.Verdict(i % 3), Observed: "9 s", Why: long})
		r.Reasons = append(r.Reasons, fmt.Sprintf("%d: %s", i, long))
		r.States = append(r.States, report.NodeHistory{Node: of(i), States: []record.NodeState{{
			Node: of(i), At: at, Reachable: true, Role: record.RolePrimary, Timeline: uint32(i), SyncCommit: []string{"on", "local", "remote_apply"}[i%3],
			SyncNames: "ANY 2 (" + strings.Repeat("node_of_a_long_name, ", 30) + "z)",
		}}})
	}
	r.Generator = &report.Generator{Allowed: 1, Before: 1, StoodStill: []report.Standstill{{From: 1, To: 2}, {From: 3, To: 4}}}
	return r
}

// TestNothingIsCutSilently: what does not fit is counted, and what decides the verdict is shown first.
func TestNothingIsCutSilently(t *testing.T) {
	text := render(t, worst(t, "worst"), Options{})
	for _, want := range []string{
		"more reasons: see --full", "more caveats: see --full", "more faults: see --full", "more workloads: see --full", "more nodes: see --full",
		"more findings about writes: see --full", "more (", "TOTAL", " ...",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "  ok  ") {
		t.Errorf("an expectation that holds is shown, and one that does not is left out:\n%s", text)
	}
}

// TestRemedyIsShownWhole: the report of a load that never worked says what to do about it.
func TestRemedyIsShownWhole(t *testing.T) {
	r := kept(t, "pass")
	w := &r.Workloads[0]
	w.Total.OK, w.Total.Weak, w.Total.Failed = 0, 0, w.Total.Samples
	w.Errors = []report.ErrorCount{{
		Kind: "42501", Outcome: record.Failed, N: w.Total.Samples, Example: "ERROR: permission denied for table " + strings.Repeat("t", 60) + " (SQLSTATE 42501)",
	}}
	r.Judge(nil)
	for _, columns := range []int{100, 80, 60} {
		text := render(t, r, Options{Width: columns})
		if !strings.Contains(strings.Join(strings.Fields(text), " "), "create the table in load.setup, which runs as that user, or grant it") {
			t.Errorf("at %d columns:\n%s", columns, text)
		}
	}
}

// TestCommandCanBeCopied: a shell reads the lines of a command as the words that it was made of.
func TestCommandCanBeCopied(t *testing.T) {
	p := newPage(nil, Options{Width: 60})
	got := strings.Join(p.command("Again: ", "pgchaos", "run", "a b.yaml", "--set", "load.w.sql='x'", strings.Repeat("long/", 20), "--seed", "42"), "\n")
	want := `Again: pgchaos run 'a b.yaml' --set 'load.w.sql='\''x'\''' \
       long/long/long/long/long/long/long/long/long/long/lo\
ng/long/long/long/long/long/long/long/long/long/ \
       --seed 42`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFaultWords: the action and the nodes are added where the name of the step does not say them.
func TestFaultWords(t *testing.T) {
	for _, tc := range []struct {
		event, action string
		nodes         []string
		want          string
	}{
		{"kill-a", "kill", []string{"a"}, "kill-a"},
		{"kill-primary", "kill", []string{"a"}, "kill-primary (a)"},
		{"crash", "kill", []string{"a"}, "crash (kill a)"},
		{"crash", "kill", nil, "crash (kill)"},
		{"disconnect-standbys-primary", "disconnect_standbys", []string{"a"}, "disconnect-standbys-primary (a)"},
		{"rolling-restart-replicas-primary", "rolling_restart", []string{"b", "c", "a"}, "rolling-restart-replicas-primary (b, c, a)"},
		{"flap-clients-primary-1", "flap", []string{"a"}, "flap-clients-primary-1 (a)"},
		{"partition-a-b-c", "partition", []string{"a", "b", "c"}, "partition-a-b-c"},
		{"stop-pg-1", "stop", []string{"pg-1"}, "stop-pg-1"},
		{"of an older result", "", []string{"a"}, "of an older result"},
	} {
		if got := faultWords(report.Fault{Event: tc.event, Action: tc.action, Nodes: tc.nodes}); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.event, got, tc.want)
		}
	}
}
