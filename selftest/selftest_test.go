package selftest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/audit"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/spec"
	"pgchaos/verdict"
)

// read is a real result of the case, which the end-to-end test kept (with -update).
func read(t *testing.T, c Case) *report.Result {
	t.Helper()
	r, err := report.Read(filepath.Join("testdata", c.Name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFilesAndCasesBelongTogether: what a case demands of expectations and steps must
// be in its file, and no file may be without a case.
func TestFilesAndCasesBelongTogether(t *testing.T) {
	entries, err := files.ReadDir("cases")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(Cases()) {
		t.Errorf("%d files, %d cases", len(entries), len(Cases()))
	}
	for _, c := range Cases() {
		text, err := c.Text()
		if err != nil {
			t.Error(err)
			continue
		}
		e, _, err := spec.Load(c.Name+".yaml", text, spec.Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		if e.Name != c.Name || e.Description == "" {
			t.Errorf("%s: the file's name is %q, its description %q", c.Name, e.Name, e.Description)
		}
		for _, text := range slices.Concat(c.Failed, c.Open) {
			if !slices.ContainsFunc(e.Expect, func(x spec.Expected) bool { return x.That == text }) {
				t.Errorf("%s: the file does not expect %s", c.Name, text)
			}
		}
		for name := range c.Counts {
			if !slices.ContainsFunc(measures(), func(m measure) bool { return m.name == name }) {
				t.Errorf("%s: there is no measure %q", c.Name, name)
			}
		}
		promotions := count(e.Timeline, func(s spec.Step) bool { return s.Kind().Facts.Promotes })
		if c.Name == "switchovers" && promotions != rounds {
			t.Errorf("%s: %d promotions, and %d rounds are demanded", c.Name, promotions, rounds)
		}
	}
	if _, err := (Case{Name: "no-such"}).Text(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a case without a file: %v", err)
	}
}

func TestRealResultsAreSeenAsWhatTheyAre(t *testing.T) {
	for _, c := range Cases() {
		if o := c.Judge(read(t, c), c.Exit); !o.OK() {
			t.Errorf("%s: %+v", c.Name, o)
		}
	}
}

// change makes a measure greater by n.
var change = map[string]func(r *report.Result, n int64){
	"lost":                            func(r *report.Result, n int64) { r.Audits[0].Lost.N += n },
	"weakly acknowledged":             func(r *report.Result, n int64) { r.Workloads[0].Total.Weak += n },
	"weakly acknowledged and lost":    func(r *report.Result, n int64) { r.Audits[0].WeakLost.N += n },
	"weak by notice":                  func(r *report.Result, n int64) { r.Audits[0].Weak.Notice += n },
	"weak by regime":                  func(r *report.Result, n int64) { r.Audits[0].Weak.Regime += n },
	"weak in transition":              func(r *report.Result, n int64) { r.Audits[0].Weak.Transition += n },
	"unexplained":                     func(r *report.Result, n int64) { r.Audits[0].Unexplained += n },
	"explained by a fork":             func(r *report.Result, n int64) { explain(r, audit.CauseFork, n) },
	"explained by two primaries":      func(r *report.Result, n int64) { explain(r, audit.CauseBeside, n) },
	"explained by a foreign timeline": func(r *report.Result, n int64) { explain(r, audit.CauseForeign, n) },
	"explained by a crash":            func(r *report.Result, n int64) { explain(r, audit.CauseCrash, n) },
	"survived":                        func(r *report.Result, n int64) { r.Audits[0].Survived.N += n },
	"vanished":                        func(r *report.Result, n int64) { r.Audits[0].Vanished.N += n },
	"resurrected":                     func(r *report.Result, n int64) { r.Audits[0].Resurrected.N += n },
	"duplicated":                      func(r *report.Result, n int64) { r.Audits[0].Duplicated.N += n },
	"foreign":                         func(r *report.Result, n int64) { r.Audits[0].Foreign.N += n },
	"corrupted":                       func(r *report.Result, n int64) { r.Audits[0].Corrupted.N += n },
	"missing on other nodes":          func(r *report.Result, n int64) { r.Audits[0].Nodes[0].Missing += n },
	"extra on other nodes":            func(r *report.Result, n int64) { r.Audits[0].Nodes[0].Extra += n },
	"different on other nodes":        func(r *report.Result, n int64) { r.Audits[0].Nodes[0].Different += n },
	"nodes not read":                  func(r *report.Result, n int64) { setRead(r, n < 0) },
	"audits not complete":             func(r *report.Result, n int64) { r.Audits[0].Complete = n < 0 },
	"forks read":                      func(r *report.Result, n int64) { forks(r, n, audit.ForkAudit{Node: "b", Read: true}) },
	"forks not read":                  func(r *report.Result, n int64) { forks(r, n, audit.ForkAudit{Node: "b"}) },
	"audits of a damaged ledger":      func(r *report.Result, n int64) { r.Audits[0].Damage = append(r.Audits[0].Damage, "block 1") },
	"overlapping servers": func(r *report.Result, n int64) {
		a := &r.Audits[0]
		o := audit.Overlap{Older: ledger.Server{Node: "a", Timeline: 1}, Newer: ledger.Server{Node: "b", Timeline: 2}, From: 1, To: 2}
		a.SplitBrain = slices.Repeat([]audit.Overlap{o}, len(a.SplitBrain)+int(n))
	},
	"fail-backs to an older timeline": func(r *report.Result, n int64) {
		a := &r.Audits[0]
		a.FailBacks = slices.Repeat([]audit.FailBack{{To: 1}}, len(a.FailBacks)+int(n))
	},
	"servers writable at once": func(r *report.Result, n int64) {
		r.TwoWritable = slices.Repeat([]audit.Rivals{{To: 1}}, len(r.TwoWritable)+int(n))
	},
	"times when a node went unwatched": func(r *report.Result, n int64) {
		r.Unwatched = slices.Repeat([]audit.Unwatched{{Node: "a", To: 1}}, len(r.Unwatched)+int(n))
	},
	"audits without acknowledgements": func(r *report.Result, n int64) { r.Audits[0].Acknowledged = 0 },
	"tables not audited":              func(r *report.Result, n int64) { r.Audits = append(r.Audits, r.Audits[0]) },
	"primaries too many": func(r *report.Result, n int64) {
		r.SplitBrain = slices.Repeat([]string{"a"}, max(0, len(r.SplitBrain)+2*int(n)))
	},
	"nodes not settled": func(r *report.Result, n int64) {
		r.Settle = slices.DeleteFunc(r.Settle, func(s report.SettleNote) bool { return s.Error != "" && n < 0 })
		for range n {
			r.Settle = append(r.Settle, report.SettleNote{Node: "b", Error: "is not there"})
		}
	},
	"rows read that vanished": func(r *report.Result, n int64) {
		all := n
		if was := r.Audits[0].Ghosts; was != nil {
			all += *was
		}
		r.Audits[0].Ghosts = &all
	},
	"holes read":                          func(r *report.Result, n int64) { saw(r, n, outage.ReadHole) },
	"rows read that were never attempted": func(r *report.Result, n int64) { saw(r, n, outage.ReadNever) },
	"stale reads of the primary":          func(r *report.Result, n int64) { saw(r, n, outage.ReadStalePrimary) },
	"stale reads of who was waited for":   func(r *report.Result, n int64) { saw(r, n, outage.ReadStaleApplied) },
	"reads that went back":                func(r *report.Result, n int64) { saw(r, n, outage.ReadWentBack) },
	"forks between standbys": func(r *report.Result, n int64) {
		r.Forks = append(r.Forks, outage.Forks{Standbys: outage.ForkCount{N: n}})
	},
	"writers that went back": func(r *report.Result, n int64) {
		r.Forks = append(r.Forks, outage.Forks{WentBack: outage.ForkCount{N: n}})
	},
	"unexpected events": func(r *report.Result, n int64) {
		r.Timeline = append(r.Timeline, record.Event{Name: "crash-a", Action: "crash", Status: record.EventSeen})
	},
}

// saw makes readers see more of something.
func saw(r *report.Result, n int64, what outage.ReadWhat) {
	w := &r.Workloads[0]
	if w.Reads == nil {
		w.Reads = &report.Reads{}
	}
	w.Reads.Findings = append(w.Reads.Findings, outage.ReadFinding{What: what, N: n})
}

// explain makes one cause explain more or less.
func explain(r *report.Result, cause audit.Cause, n int64) {
	all := &r.Audits[0].RPO
	for i := range *all {
		if p := &(*all)[i]; p.Cause == cause && p.Lost > 0 {
			p.Lost += n
			return
		} else if p.Cause == cause {
			p.WeakLost += n
			return
		}
	}
	*all = append(*all, audit.RPO{Cause: cause, Lost: n})
}

func forks(r *report.Result, n int64, like audit.ForkAudit) {
	if n < 0 {
		r.Audits[0].Forks = nil
		return
	}
	r.Audits[0].Forks = append(r.Audits[0].Forks, like)
}

func setRead(r *report.Result, to bool) {
	for i := range r.Audits[0].Nodes {
		if r.Audits[0].Nodes[i].Read != to {
			r.Audits[0].Nodes[i].Read = to
			return
		}
	}
}

// loose are the demands that allow a range: how much more is too much.
func loose(c, measure string) int64 {
	switch c + ": " + measure {
	case "switchovers: survived", "switchovers: vanished":
		return rounds*writers + 1
	case "async-failover: missing on other nodes", "behind-promoted: rows read that vanished":
		return 0 // how many they are is up to the load
	case "resumed-primary: explained by a fork":
		return 4 + 1 // what was in flight when the server was frozen
	case "resumed-primary: lost", "resumed-primary: explained by two primaries", "resumed-primary: extra on other nodes", "resumed-primary: times when a node went unwatched",
		"split-brain: times when a node went unwatched", "split-brain-ended: times when a node went unwatched", "split-brain-unused: times when a node went unwatched":
		return 0 // or up to the moment
	case "resumed-primary: survived", "resumed-primary: vanished", "resumed-primary: servers writable at once":
		return 2*4 + 1
	}
	return 1
}

// TestAFindingMoreIsSeen: with one more of anything, no case passes.
func TestAFindingMoreIsSeen(t *testing.T) {
	for _, c := range Cases() {
		for _, m := range measures() {
			r, more := read(t, c), loose(c.Name, m.name)
			if more == 0 || change[m.name] == nil {
				if change[m.name] == nil {
					t.Errorf("no test can change %q", m.name)
				}
				continue
			}
			before := m.of(r)
			if change[m.name](r, more); m.of(r) <= before {
				if m.name != "nodes not read" && m.name != "audits not complete" { // all there are, already
					t.Errorf("%s: %s is %d as before", c.Name, m.name, before)
				}
				continue
			}
			if o := c.Judge(r, c.Exit); o.OK() {
				t.Errorf("%s passes with %s %d instead of %d", c.Name, m.name, m.of(r), before)
			}
		}
	}
}

// TestAFindingLessIsSeen: with nothing of what is to be found, no case passes.
func TestAFindingLessIsSeen(t *testing.T) {
	for _, c := range Cases() {
		for _, m := range measures() {
			r := read(t, c)
			n := m.of(r)
			if must := c.Counts[m.name]; n == 0 || must != nil && must(0, r) == "" { // it may be there or not
				continue
			}
			for i := range r.Audits[0].Nodes {
				r.Audits[0].Nodes[i].Extra, r.Audits[0].Nodes[i].Missing = 0, 0
			}
			if !strings.HasSuffix(m.name, "on other nodes") {
				r = read(t, c)
				change[m.name](r, -n)
			} else if strings.HasPrefix(m.name, "different") {
				change[m.name](r, -n)
			}
			if m.of(r) != 0 {
				t.Errorf("%s: %s is still %d", c.Name, m.name, m.of(r))
			}
			if o := c.Judge(r, c.Exit); o.OK() {
				t.Errorf("%s passes with %s 0 instead of %d", c.Name, m.name, n)
			}
		}
	}
}

// TestEveryOtherDemandCanFail doctors what is no count.
func TestEveryOtherDemandCanFail(t *testing.T) {
	for _, tc := range []struct {
		name   string
		cases  []string // nil: all
		doctor func(r *report.Result, exit *int)
	}{
		{"a better verdict", nil, func(r *report.Result, _ *int) { r.Verdict = (r.Verdict + 1) % 3 }},
		{"a worse verdict", nil, func(r *report.Result, _ *int) { r.Verdict = (r.Verdict + 2) % 3 }},
		{"another exit code", nil, func(_ *report.Result, exit *int) { *exit++ }},
		{"a reason more", nil, func(r *report.Result, _ *int) { r.Reasons = append(r.Reasons, "split brain: a and c") }},
		{"a reason twice", []string{"unreadable", "split-brain", "row-added"}, func(r *report.Result, _ *int) {
			r.Reasons = append(r.Reasons, r.Reasons[0])
		}},
		{"a reason less", []string{"unreadable", "split-brain", "split-brain-ended", "row-deleted", "last-row-deleted", "row-added", "row-changed", "row-duplicated", "behind-promoted"}, func(r *report.Result, _ *int) {
			r.Reasons = r.Reasons[1:]
		}},
		{"another judgement", nil, func(r *report.Result, _ *int) {
			r.Expectations[0].Verdict = (r.Expectations[0].Verdict + 1) % 3
		}},
		{"an expectation that is not judged", []string{"async-failover", "unreadable", "row-deleted"}, func(r *report.Result, _ *int) {
			r.Expectations = r.Expectations[1:]
		}},
		{"no bound", []string{"unreadable"}, func(r *report.Result, _ *int) { r.Expectations[0].Observed = "0" }},
		{"found on another node", withLosses, run(func(r *audit.Run) { r.FoundOn = []string{"b"} })},
		{"found on another's fork", withLosses, run(func(r *audit.Run) { r.OnForks = []string{"b"} })},
		{"found on no fork", []string{"rewound"}, run(func(r *audit.Run) { r.OnForks = nil })},
		{"missing on no node", withLosses, run(func(r *audit.Run) { r.MissingOn = nil })},
		{"lost by something else", withLosses, run(func(r *audit.Run) { r.LostBy = "stop-b" })},
		{"lost for another cause", withLosses, run(func(r *audit.Run) { r.Cause = audit.CauseForeign })},
		{"explained, or not", withLosses, run(func(r *audit.Run) { r.Explained = !r.Explained })},
		{"not explained because of something else", withLosses, run(func(r *audit.Run) { r.Why = "of a crash" })},
		{"acknowledged by another node", withLosses, run(func(r *audit.Run) { r.Node = "b" })},
		{"acknowledged on another timeline", withLosses, run(func(r *audit.Run) { r.Timeline = 2 })},
		{"acknowledged nobody knows where", withLosses, run(func(r *audit.Run) { r.FirstLSN = 0 })},
		{"lost before the fork", explained, run(func(r *audit.Run) { r.Fork = r.LastLSN + 1 })},
		{"lost by no known fork", explained, run(func(r *audit.Run) { r.Fork = 0 })},
		{"weak, or not", withLosses, run(func(r *audit.Run) { r.Weak = audit.WeakRegime })},
		{"no run of what is lost", withLosses, func(r *report.Result, _ *int) { r.Audits[0].Lost.Runs, r.Audits[0].WeakLost.Runs = nil, nil }},
		{"no RPO", explained, func(r *report.Result, _ *int) { r.Audits[0].RPO = nil }},
		{"the RPO of something else", explained, rpoOf(func(p *audit.RPO) { p.Event = "stop-b" })},
		{"an RPO of two events", explained, func(r *report.Result, _ *int) {
			r.Audits[0].RPO = append(r.Audits[0].RPO, audit.RPO{Event: "stop-b", Cause: audit.CauseFork})
		}},
		{"an RPO without bytes", explained, rpoOf(func(p *audit.RPO) { p.Bytes = nil })},
		{"an RPO of no bytes, or some", explained, rpoOf(func(p *audit.RPO) {
			n := int64(0)
			if *p.Bytes == 0 {
				n = 1
			}
			p.Bytes = &n
		})},
		{"an RPO of no time", []string{"async-failover", "rewound", "behind-promoted", "crash-restart", "split-brain", "split-brain-ended"}, rpoOf(func(p *audit.RPO) { p.To = p.From })},
		{"an overlap the other way round", []string{"split-brain", "split-brain-ended"}, func(r *report.Result, _ *int) {
			o := &r.Audits[0].SplitBrain[0]
			o.Older, o.Newer = o.Newer, o.Older
		}},
		{"an overlap of no time", []string{"split-brain", "split-brain-ended"}, func(r *report.Result, _ *int) {
			o := &r.Audits[0].SplitBrain[0]
			o.From = o.To
		}},
		{"no weak acknowledgements counted", nil, func(r *report.Result, _ *int) { r.Audits[0].Weak = nil }},
		{"rejoined in another way", []string{"rewound"}, func(r *report.Result, _ *int) { step(r, "rejoin-a").Way = "base backup" }},
		{"still other rows on it", []string{"rewound"}, func(r *report.Result, _ *int) { step(r, "count-rewound").Numbers = map[string]int64{"a": 1} }},
		{"lost by another workload", []string{"last-row-deleted"}, run(func(r *audit.Run) { r.Workload = "late" })},
		{"shut down in another way", []string{"crash-restart"}, func(r *report.Result, _ *int) { step(r, "restart-a").Mode = "fast" }},
		{"shut down nobody knows how", []string{"row-deleted"}, func(r *report.Result, _ *int) { step(r, "stop-a").Mode = "" }},
		{"no load after the crash", []string{"crash-restart"}, silent("writes")},
		{"no readers after the crash", []string{"crash-restart"}, silent("reads")},
		{"rewound", []string{"switchovers"}, func(r *report.Result, _ *int) {
			step(r, "back-7").Way, step(r, "back-7").Tried = "pg_rewind", 1
		}},
		{"no load in a round", []string{"switchovers"}, func(r *report.Result, _ *int) {
			for w := range r.Workloads {
				for p := range r.Workloads[w].Phases {
					if phase := &r.Workloads[w].Phases[p]; strings.HasSuffix(phase.Phase, "-20") {
						phase.OK = 0
					}
				}
			}
		}},
	} {
		for _, c := range Cases() {
			if tc.cases != nil && !slices.Contains(tc.cases, c.Name) {
				continue
			}
			r, exit := read(t, c), c.Exit
			tc.doctor(r, &exit)
			if o := c.Judge(r, exit); o.OK() {
				t.Errorf("%s: %s passes", tc.name, c.Name)
			}
		}
	}
}

// explained are the cases whose losses an event explains; withLosses are all that lose.
var (
	explained  = []string{"async-failover", "rewound", "weak-ack", "behind-promoted", "crash-restart", "split-brain", "split-brain-ended"}
	withLosses = append([]string{"row-deleted", "last-row-deleted"}, explained...)
)

// run doctors the first run of what is lost.
func run(doctor func(*audit.Run)) func(*report.Result, *int) {
	return func(r *report.Result, _ *int) {
		runs := r.Audits[0].Lost.Runs
		if len(runs) == 0 {
			runs = r.Audits[0].WeakLost.Runs
		}
		doctor(&runs[0])
	}
}

func rpoOf(doctor func(*audit.RPO)) func(*report.Result, *int) {
	return func(r *report.Result, _ *int) { doctor(&r.Audits[0].RPO[0]) }
}

// silent takes all answers from a workload.
func silent(workload string) func(*report.Result, *int) {
	return func(r *report.Result, _ *int) {
		for w := range r.Workloads {
			for p := range r.Workloads[w].Phases {
				if r.Workloads[w].Name == workload {
					r.Workloads[w].Phases[p].OK = 0
				}
			}
		}
	}
}

// TestWhatDidNotComeAboutIsNoFailure: it proves nothing, and is reported as such.
func TestWhatDidNotComeAboutIsNoFailure(t *testing.T) {
	for _, c := range Cases() {
		for name, doctor := range map[string]func(r *report.Result){
			"no cluster":              func(r *report.Result) { r.Errors = []string{"build the cluster: no space left on device"} },
			"a step that failed":      func(r *report.Result) { r.Timeline[0].Status = record.EventFailed },
			"a step that was skipped": func(r *report.Result) { r.Timeline[0].Status, r.Timeline[0].Error = record.EventSkipped, "too late" },
			"another's result":        func(r *report.Result) { r.Name = "another" },
		} {
			r := read(t, c)
			doctor(r)
			if o := c.Judge(r, verdict.ExitPass); len(o.Missing) == 0 || len(o.Wrong) > 0 {
				t.Errorf("%s, %s: %+v", c.Name, name, o)
			}
		}
	}
}

// TestSQLHasToHaveSeenIt: without what SQL saw beside pgchaos, nothing is proved.
func TestSQLHasToHaveSeenIt(t *testing.T) {
	for step0, c := range map[string]string{
		"count-a": "async-failover", "cancelled": "weak-ack", "waiting": "client-gone", "count-c": "behind-promoted",
		"count-fork": "split-brain", "count-rewound": "rewound", "count-before": "crash-restart", "tamper": "row-changed",
	} {
		for _, numbers := range []map[string]int64{{"a": 0, "b": 0, "c": 0}, {"d": 1}, nil} {
			i := slices.IndexFunc(Cases(), func(of Case) bool { return of.Name == c })
			r := read(t, Cases()[i])
			step(r, step0).Numbers = numbers
			if o := Cases()[i].Judge(r, Cases()[i].Exit); len(o.Missing) == 0 {
				t.Errorf("%s with %v from %s: %+v", c, numbers, step0, o)
			}
		}
	}
}

func step(r *report.Result, name string) *record.Event {
	for i := range r.Timeline {
		if r.Timeline[i].Name == name {
			return &r.Timeline[i]
		}
	}
	panic(fmt.Sprintf("no step %s", name))
}

// TestNothingIsNoResult: an empty result must not be taken for a clean one.
func TestNothingIsNoResult(t *testing.T) {
	for _, c := range Cases() {
		if o := c.Judge(&report.Result{Name: c.Name, Verdict: verdict.Pass}, verdict.ExitPass); o.OK() {
			t.Errorf("%s passes with nothing", c.Name)
		}
	}
}
