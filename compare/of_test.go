package compare

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/audit"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// kept is one of the results that package report keeps.
func kept(t *testing.T, name string) *report.Result {
	t.Helper()
	r, err := report.Read("../report/testdata/results/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFiguresAreThoseOfExpectations: what an expectation about a run is judged by is its figure.
func TestFiguresAreThoseOfExpectations(t *testing.T) {
	r := kept(t, "explained")
	run := Of(r, "median of reads", "survived_writes", "split_brain", "p99 of nobody")
	for _, want := range []struct {
		metric string
		value  float64
		known  bool
		why    string
	}{
		{"lost_writes", 430, true, ""},
		{"weak_lost", 14, true, ""},
		{"rpo_seconds", 0.712, true, ""},
		{"p50 of reads", run.Figure("p50 of reads").Value, true, ""},
		{"split_brain", 0, true, ""},
		{"p99 of nobody", 0, false, "the run had no workload nobody"},
		{"nonsense", 0, false, "the run does not have it"},
	} {
		got := run.Figure(want.metric)
		if math.Abs(got.Value-want.value) > 1e-9 || got.Known != want.known || got.Why != want.why {
			t.Errorf("%s is %+v, want %v, %v, %q", want.metric, got, want.value, want.known, want.why)
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(run.Figures), func(f Figure) bool { return f.Metric != "p50 of reads" })); n != 1 {
		t.Errorf("p50 of reads, which is also the median, is there %d times", n)
	}
	if run.Verdict != verdict.Fail || len(run.NotComparable) > 0 {
		t.Errorf("a run that lost writes is comparable, and failed; got %v, %q", run.Verdict, run.NotComparable)
	}
}

// TestPercentilesNeedSamples: with fewer, the percentile is not known, in a phase and in the whole run.
func TestPercentilesNeedSamples(t *testing.T) {
	for percentile, want := range map[float64]int64{90: 36, 95: 72, 99: 368, 99.9: 3688, 50: 6, 1: 368} {
		if got := NeededSamples(percentile); got != want {
			t.Errorf("p%v needs %d samples, want %d", percentile, got, want)
		}
	}
	r := kept(t, "pass")
	set := func(s *report.Stats, ok int64) { s.OK, s.Samples, s.Weak = ok, ok+s.Failed+s.Unknown, 0 }
	set(&r.Workloads[0].Total, 368)
	set(&r.Workloads[0].Phases[0].Stats, 367)
	run := Of(r)
	writes := r.Workloads[0].Name
	if f := run.Figure("p99 of " + writes); !f.Known {
		t.Errorf("p99 of 368 operations is not known: %s", f.Why)
	}
	phase := r.Workloads[0].Phases[0].Phase
	if f := run.Figure("p99 of " + writes + " during " + phase); f.Known || f.Why != "too few (367 of 368)" {
		t.Errorf("p99 of 367 operations is %+v", f)
	}
	if f := run.Figure("p99.9 of " + writes); f.Known || f.Why != "too few (368 of 3,688)" {
		t.Errorf("p99.9 of 368 operations is %+v", f)
	}
	if f := run.Figure("p95 of " + writes + " during " + phase); !f.Known {
		t.Errorf("p95 of 367 operations is not known: %s", f.Why)
	}
}

// TestCensored: an outage that had not ended is a lower bound, and one whose beginning is only known
// to lie between two readings is a range.
func TestCensored(t *testing.T) {
	r := kept(t, "pass")
	for i := range r.Outages {
		r.Outages[i].Recovered = r.Outages[i].Recovered && r.Outages[i].Event != "crash"
	}
	f := Of(r).Figure("write_rto")
	if !f.Known || !f.AtLeast || f.Most != 0 {
		t.Errorf("the RTO of an outage that did not end is %+v", f)
	}
	r = kept(t, "doubtful")
	f = Of(r).Figure("write_rto during crash-pgslave")
	if !f.Known || f.AtLeast || f.Most <= f.Value {
		t.Errorf("an outage that began between two readings is %+v", f)
	}
}

// TestNotComparable: each reason alone keeps a run out of every figure.
func TestNotComparable(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(r *report.Result)
		why   string
	}{
		"interrupted":        {func(r *report.Result) { r.Interrupted = true }, "the run was interrupted"},
		"stopped":            {func(r *report.Result) { r.Stopped = "the disk was full" }, "the disk was full"},
		"without an audit":   {func(r *report.Result) { r.Audits = nil }, "no table was audited"},
		"ended early":        {func(r *report.Result) { r.Stage = report.StageRan }, "the run ended before its audit"},
		"audited afterwards": {func(r *report.Result) { r.Afterwards = &report.Afterwards{} }, "the run's pgchaos ended before its audit"},
		"a step failed":      {func(r *report.Result) { r.Timeline[0].Status = record.EventFailed }, "the step stop-pgslave failed"},
		"a step skipped":     {func(r *report.Result) { r.Timeline[3].Status = record.EventSkipped }, "the step start-pgslave was skipped"},
		"generator": {func(r *report.Result) { r.Generator = &report.Generator{Allowed: 2, Before: 1.95, Cores: 2} },
			"pgchaos itself was the bottleneck: it took 1.95 of the 2.00 cores that it may use"},
		"generator stood still": {func(r *report.Result) {
			r.Generator = &report.Generator{StoodStill: []report.Standstill{{From: time.Second, To: 3 * time.Second}}}
		}, "pgchaos itself stood still from 1.000 s to 3.000 s"},
		"generator sent late": {func(r *report.Result) {
			r.Workloads[0].Lateness = &report.Dist{Count: 1000, P99: r.Workloads[0].Total.Response.P99/2 + 11*time.Millisecond}
		}, "the load generator was the bottleneck: it sent 1 % of the operations of writes more than 17 ms late, and 1 % took longer than 12 ms"},
		"not sustained": {func(r *report.Result) {
			r.BaselineBounds = &report.BaselineBounds{AchievedRate: 0.9, ErrorRate: 0.05, Median: time.Second, P95: time.Second}
			r.Workloads[0].Baseline = &report.Baseline{To: time.Second, OK: 100, Median: 2 * time.Second}
		}, "the load was not sustained before the first fault: writes: median 2 s, more than the 1 s allowed"},
		"never worked": {func(r *report.Result) {
			s := &r.Workloads[1].Total
			s.Failed, s.OK, s.Weak = s.Samples, 0, 0
			r.Workloads[1].Errors = nil
		}, "reads: not one of 30,000 operations succeeded"},
	} {
		r := kept(t, "pass")
		if why := Of(r).NotComparable; len(why) > 0 {
			t.Fatalf("the run is comparable, and yet %q", why)
		}
		c.spoil(r)
		if why := Of(r).NotComparable; !slices.Contains(why, c.why) {
			t.Errorf("%s: %q, want %q", name, why, c.why)
		}
	}
	for _, late := range []time.Duration{9 * time.Millisecond, 14 * time.Millisecond} {
		r := kept(t, "pass")
		r.Workloads[0].Lateness = &report.Dist{Count: 1000, P99: late}
		r.Workloads[0].Total.Response.P99 = 2*late + time.Millisecond // a little more than the half is not the generator's
		if why := Of(r).NotComparable; len(why) > 0 {
			t.Errorf("%s late: %q", late, why)
		}
	}
	r := kept(t, "pass") // a step that asked something and was answered no: the run is as good as another
	r.Timeline[3].Status, r.Timeline[3].NotSo = record.EventFailed, true
	if why := Of(r).NotComparable; len(why) > 0 {
		t.Errorf("a verify that did not hold: %q", why)
	}
}

// killRun is a run with nodes a and b, of which a is the primary, and the steps given.
func killRun(rpo []audit.RPO, events ...record.Event) *report.Result {
	r := &report.Result{Stage: report.StageChecked, Timeline: events}
	r.Cluster.Nodes = []report.ClusterNode{{Name: "a"}, {Name: "b"}}
	r.States = []report.NodeHistory{
		{Node: "a", States: []record.NodeState{{Node: "a", Reachable: true, Role: record.RolePrimary, Timeline: 1}}},
		{Node: "b", States: []record.NodeState{{Node: "b", Reachable: true, Role: record.RoleStandby, Timeline: 1}}},
	}
	for _, m := range events {
		if m.Fault {
			r.Outages = append(r.Outages, outage.Outage{Event: m.Name, Workload: "w", Issued: m.Issued, Writes: true, Loaded: true})
		}
	}
	r.Audits = []audit.Audit{{Complete: true, Weak: &audit.WeakAcks{}, Acknowledged: 100, RPO: rpo}}
	return r
}

// step is a step that took effect 10 ms after it was issued.
func step(at time.Duration, action, node string, facts record.Facts) record.Event {
	return record.Event{
		Name: action + "-" + node, Action: action, Nodes: []string{node}, Issued: at, Effective: at + 10*time.Millisecond, Ended: at + 10*time.Millisecond,
		Status: record.EventDone, Fault: facts.Ends || facts.Freezes || facts.Cuts || facts.Restarts, Facts: &facts,
	}
}

// TestKills: each time that the primary was taken away without warning counts, and nothing else does.
func TestKills(t *testing.T) {
	s := time.Second
	kill, stop := record.Facts{Ends: true, Kills: true}, record.Facts{Ends: true}
	promote, start := record.Facts{Promotes: true}, record.Facts{Starts: true, Thaws: true}
	pause := record.Facts{Freezes: true}
	immediate := step(s, "stop", "a", stop)
	immediate.Mode = "immediate"
	fast := step(s, "stop", "a", stop)
	fast.Mode = "fast"
	crash := step(s, "crash", "a", record.Facts{Restarts: true, Incident: "recovered from a crash"})
	crash.Status = record.EventSeen
	skipped := step(s, "kill", "a", kill)
	skipped.Status = record.EventSkipped
	loss := func(event string, at time.Duration, lost, weak int64) audit.RPO {
		return audit.RPO{Event: event, Lost: lost, WeakLost: weak, From: at - 100*time.Millisecond, To: at}
	}
	known := func(step string, at time.Duration, lost, weak int64) Kill {
		k := Kill{Step: step, At: at, Known: true, Lost: lost, Weak: weak}
		if lost > 0 {
			k.Span = 100 * time.Millisecond
		}
		return k
	}
	for name, c := range map[string]struct {
		rpo    []audit.RPO
		events []record.Event
		want   []Kill
	}{
		"a primary":                       {nil, []record.Event{step(s, "kill", "a", kill)}, []Kill{known("kill-a", s, 0, 0)}},
		"a standby":                       {nil, []record.Event{step(s, "kill", "b", kill)}, nil},
		"that was skipped":                {nil, []record.Event{skipped}, nil},
		"an orderly stop":                 {nil, []record.Event{fast}, nil},
		"an immediate stop":               {nil, []record.Event{immediate}, []Kill{known("stop-a", s, 0, 0)}},
		"a crash":                         {nil, []record.Event{crash}, []Kill{known("crash-a", s, 0, 0)}},
		"a pause":                         {nil, []record.Event{step(s, "pause", "a", pause), step(2*s, "resume", "a", start)}, nil},
		"a pause that is over by then":    {nil, []record.Event{step(s, "pause", "a", pause), step(2*s, "resume", "a", start), step(3*s, "promote", "b", promote)}, nil},
		"a pause, and another primary":    {nil, []record.Event{step(s, "pause", "a", pause), step(2*s, "promote", "b", promote)}, []Kill{known("pause-a", s, 0, 0)}},
		"a paused primary":                {nil, []record.Event{step(s, "pause", "a", pause), step(2*s, "kill", "a", kill), step(3*s, "promote", "b", promote)}, []Kill{known("kill-a", 2*s, 0, 0)}},
		"both primaries, one by one":      {[]audit.RPO{loss("kill-b", 3*s, 7, 2)}, []record.Event{step(s, "kill", "a", kill), step(2*s, "promote", "b", promote), step(3*s, "kill", "b", kill)}, []Kill{known("kill-a", s, 0, 0), known("kill-b", 3*s, 9, 2)}},
		"the former primary":              {nil, []record.Event{step(s, "kill", "a", kill), step(2*s, "promote", "b", promote), step(3*s, "start", "a", start), step(4*s, "kill", "a", kill)}, []Kill{known("kill-a", s, 0, 0)}},
		"the same node twice":             {[]audit.RPO{loss("kill-a", 3*s, 5, 0)}, []record.Event{step(s, "kill", "a", kill), step(2*s, "start", "a", start), step(3*s, "kill", "a", kill)}, []Kill{known("kill-a", s, 0, 0), known("kill-a", 3*s, 5, 0)}},
		"with losses of two ways at once": {[]audit.RPO{loss("kill-a", s, 5, 0), loss("kill-a", s, 0, 3)}, []record.Event{step(s, "kill", "a", kill)}, []Kill{known("kill-a", s, 8, 3)}},
	} {
		run := Of(killRun(c.rpo, c.events...))
		if diff := cmp.Diff(c.want, run.Kills); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if len(run.OtherLosses) > 0 {
			t.Errorf("%s: losses of nothing: %+v", name, run.OtherLosses)
		}
	}
	other := Of(killRun([]audit.RPO{loss("promote-b", 3*s, 4, 0)}, step(s, "kill", "a", kill))).OtherLosses
	if len(other) != 1 || other[0].Lost != 4 || other[0].Step != "promote-b" {
		t.Errorf("what no kill lost is %+v", other)
	}
}

// TestKillsNotKnown: a kill lost nothing only where the audit could have seen it.
func TestKillsNotKnown(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(r *report.Result)
		why   string
	}{
		"no audit":         {func(r *report.Result) { r.Audits = nil }, "no table was audited"},
		"not audited yet":  {func(r *report.Result) { r.Stage = report.StageRan }, "the run ended before its audit"},
		"a node not read":  {func(r *report.Result) { r.Audits[0].Complete, r.Audits[0].Why = false, "b could not be read" }, "b could not be read"},
		"unexplained loss": {func(r *report.Result) { r.Audits[0].Unexplained = 1 }, "some losses are not explained by any event"},
		"nobody wrote":     {func(r *report.Result) { r.Outages = nil }, "no workload was writing when it came"},
		"only reads":       {func(r *report.Result) { r.Outages[0].Writes = false }, "no workload was writing when it came"},
		"not served":       {func(r *report.Result) { r.Outages[0].NotServed = true }, "no workload was writing when it came"},
	} {
		r := killRun(nil, step(time.Second, "kill", "a", record.Facts{Ends: true, Kills: true}))
		c.spoil(r)
		if k := Of(r).Kills; len(k) != 1 || k[0].Known || k[0].Why != c.why {
			t.Errorf("%s: %+v, want not known: %s", name, k, c.why)
		}
	}
	r := killRun([]audit.RPO{{Event: "kill-a", Lost: 3, To: time.Second}}, step(time.Second, "kill", "a", record.Facts{Ends: true, Kills: true}))
	r.Audits[0].Complete = false
	if k := Of(r).Kills[0]; !k.Known || k.Lost != 3 {
		t.Errorf("a loss that was found is known, whatever else was not read: %+v", k)
	}
}

// TestFingerprint: what a run chooses anew is no difference, and what the file says is none within a series.
func TestFingerprint(t *testing.T) {
	a, b := kept(t, "pass"), kept(t, "pass")
	for i, r := range []*report.Result{a, b} {
		r.Cluster.Nodes = nil
		for _, n := range []string{"x", "y"} {
			r.Cluster.Nodes = append(r.Cluster.Nodes, report.ClusterNode{Name: n, Settings: map[string]string{
				"port": string(rune('1' + i)), "data_directory": string(rune('1' + i)), "wal_level": "replica",
			}})
		}
	}
	if d := Of(a).Fingerprint.Differences(Of(b).Fingerprint, false); len(d) > 0 {
		t.Fatalf("two runs of one kind differ in %v", d)
	}
	if Of(a).Fingerprint.Key() != Of(b).Fingerprint.Key() {
		t.Fatal("two runs of one kind have different keys")
	}
	b.Cluster.Nodes[0].Settings["synchronous_standby_names"] = "ANY 1 (y)"
	b.Cluster.Nodes[1].Settings["wal_level"] = "logical"
	b.Workloads[0].Clients = 99
	b.Tool = "0.2.0"
	a.Cluster.NodeCPUs, b.Cluster.NodeCPUs, b.Cluster.NodeMemory, b.Cluster.Bin = 2, 1.5, 512e6, "elsewhere"
	var names []string
	for _, d := range Of(a).Fingerprint.Differences(Of(b).Fingerprint, false) {
		names = append(names, d.String())
	}
	want := []string{
		"pgchaos: 0.1.0 and 0.2.0",
		"server programs: (none, or not recorded) and elsewhere",
		"limits of a node: 2 CPUs and 1.5 CPUs; 512 MB",
		"setting wal_level: replica and replica (x), logical (y)",
		"workload writes: 8 clients and 99 clients",
		"setting synchronous_standby_names: (none, or not recorded) and ANY 1 (y) (x)",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d := Of(a).Fingerprint.Differences(Of(b).Fingerprint, true); len(d) != 2 || d[0].Name != "pgchaos" || d[1].Name != "server programs" {
		t.Errorf("within one series the variants differ in %v", d)
	}
	if Of(a).Fingerprint.Key() == Of(b).Fingerprint.Key() {
		t.Error("the keys are the same all the same")
	}
}

// TestFingerprintOfRepeatedSteps: a cycle begins when the one before has ended, which is another moment in each run.
func TestFingerprintOfRepeatedSteps(t *testing.T) {
	of := func(began, at time.Duration) Fingerprint {
		due := began + at
		return fingerprintOf(&report.Result{Timeline: []record.Event{
			{Name: "kill", Action: "kill", At: &at, Planned: &at, Status: record.EventDone},
			{Name: "kill-2", Action: "kill", At: &at, Planned: &due, Status: record.EventDone},
		}})
	}
	a := of(9*time.Second, 2*time.Second)
	if b := of(9100*time.Millisecond, 2*time.Second); a.Key() != b.Key() {
		t.Errorf("two runs of one kind differ in %v", a.Differences(b, false))
	}
	if b := of(9*time.Second, 3*time.Second); a.Key() == b.Key() {
		t.Error("another `at` makes no difference")
	}
	before := fingerprintOf(&report.Result{Timeline: []record.Event{{Name: "kill", Planned: new(2 * time.Second), Status: record.EventDone}}})
	if steps := before.setting("steps").Value; steps != "kill at 2s" {
		t.Errorf("of an earlier pgchaos: %q", steps)
	}
}

// TestRateThatIsAShare: it is the same load whatever the capacity was measured to be.
func TestRateThatIsAShare(t *testing.T) {
	share := func(rate, share float64) Fingerprint {
		r := kept(t, "pass")
		r.Workloads[0].Rate, r.Workloads[0].RateShare = rate, share
		return Of(r).Fingerprint
	}
	if d := share(500, 0.5).Differences(share(510, 0.5), false); len(d) > 0 || share(500, 0.5).Key() != share(510, 0.5).Key() {
		t.Errorf("half of two capacities: %v", d)
	}
	if d := share(500, 0.5).Differences(share(500, 0.6), false); len(d) != 1 || d[0].String() != "workload writes: rate 50 % of the capacity and rate 60 % of the capacity" {
		t.Errorf("two shares: %v", d)
	}
	if d := share(500, 0).Differences(share(510, 0), false); len(d) != 1 {
		t.Errorf("two rates: %v", d)
	}
}

// TestMeasuredDifference: what was measured differs only from a factor on, and is not in the key.
func TestMeasuredDifference(t *testing.T) {
	of := func(name string, seconds float64) Fingerprint {
		return Fingerprint{{Name: name, Value: fmt.Sprint(seconds), Measured: seconds}}
	}
	for _, c := range []struct {
		name string
		a, b float64
		want int
	}{
		{"fsync", 1e-3, 2.9e-3, 0}, {"fsync", 1e-3, 3e-3, 1}, {"fsync", 3e-3, 1e-3, 1}, {"fsync", 1e-3, 0, 0}, {"fsync", 0, 1e-3, 0}, {"fsync", 2e-5, 9e-5, 1},
		{"round trip", 2e-5, 9e-5, 0}, {"round trip", 2e-5, 2e-4, 1},
	} {
		if d := of(c.name, c.a).Differences(of(c.name, c.b), false); len(d) != c.want {
			t.Errorf("%s of %v s and %v s: %v", c.name, c.a, c.b, d)
		}
	}
	if d := of("fsync", 1).Differences(of("fsync", 9), true); len(d) > 0 {
		t.Errorf("within one series: %v", d)
	}
	if of("fsync", 1e-3).Key() != of("fsync", 7e-3).Key() {
		t.Error("what was measured is in the key")
	}
}

// TestCanonicalNames: a metric that can be named in several ways has one name.
func TestCanonicalNames(t *testing.T) {
	for metric, want := range map[string]string{
		"median of writes":                          "p50 of writes",
		"p999 in any 60s during kill-b of writes":   "p99.9 of writes during kill-b in any 1m0s",
		"replay_lag during kill-b on c":             "replay_lag on c during kill-b",
		"staleness_max on b of reads":               "staleness_max of reads on b",
		"service_median of writes in any 5s":        "service_p50 of writes in any 5s",
		"throughput of writes in any 100ms":         "throughput of writes in any 100ms",
		"error_rate of writes during kill-b":        "error_rate of writes during kill-b",
		"lost_writes":                               "lost_writes",
		"p99.9 of writes during kill-b in any 1m":   "p99.9 of writes during kill-b in any 1m0s",
		"service_p50 of writes in any 5000ms":       "service_p50 of writes in any 5s",
		"replay_lag_bytes on c":                     "replay_lag_bytes on c",
		"memory on c during a":                      "memory on c during a",
		"p99.9 of writes in any 1m0s during kill-b": "p99.9 of writes during kill-b in any 1m0s",
	} {
		got, err := Canonical(metric)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", metric, got, err, want)
		}
		if again, err := Canonical(got); err != nil || again != got {
			t.Errorf("%s becomes %s, %v", got, again, err)
		}
		if _, known := MetricOf(got); !known {
			t.Errorf("%s cannot be compared", got)
		}
	}
}
