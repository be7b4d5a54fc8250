package compare

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/report"
)

// roundsOf are runs of one variant in rounds, whose p99 is as given.
func roundsOf(variant, cell string, p99 ...float64) (runs []Run) {
	for i, v := range p99 {
		runs = append(runs, Run{
			ID: fmt.Sprintf("%s-%s-%d", variant, cell, i+1), Series: "s", Variant: variant, Cell: cell, Round: i + 1,
			Started: time.Date(2026, 3, 1, 0, i, 0, 0, time.UTC), Workloads: []string{"w"}, Writers: []string{"w"},
			Figures: []Figure{{Metric: "p99 of w", Value: v, Known: true}, {Metric: "p50 of w", Value: v / 2, Known: true}, {Metric: "lost_writes", Known: true}},
		})
	}
	return runs
}

func mustCompare(t *testing.T, o Options, columns ...Column) *Comparison {
	t.Helper()
	c, err := Compare(columns, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// valueOf is a metric of a variant in a cell.
func valueOf(t *testing.T, c *Comparison, cell, metric, variant string) Value {
	t.Helper()
	i := slices.IndexFunc(c.Cells, func(x Cell) bool { return x.Name == cell })
	v := slices.IndexFunc(c.Variants, func(x Variant) bool { return x.Name == variant })
	for _, row := range c.Cells[i].Rows {
		if row.Metric == metric {
			return row.Values[v]
		}
	}
	t.Fatalf("no row of %s", metric)
	return Value{}
}

// TestVariantsAreComparedWithinACell: the values of a matrix are never mixed.
func TestVariantsAreComparedWithinACell(t *testing.T) {
	a := Column{"a", slices.Concat(roundsOf("a", "1", 1, 1.01, 1, 1.01, 1, 1.01), roundsOf("a", "8", 5, 5.01, 5, 5.01, 5, 5.01))}
	b := Column{"b", slices.Concat(roundsOf("b", "1", 2, 2.01, 2, 2.01, 2, 2.01), roundsOf("b", "8", 5, 5.01, 5, 5.01, 5, 5.01))}
	c := mustCompare(t, Options{}, a, b)
	if one := valueOf(t, c, "1", "p99 of w", "b"); *one.Change != Worse || one.Sign != "-" || one.Runs != 6 {
		t.Errorf("in cell 1 %+v", one)
	}
	if eight := valueOf(t, c, "8", "p99 of w", "b"); *eight.Change != Same || eight.Sign != "=" {
		t.Errorf("in cell 8 %+v", eight)
	}
	if base := valueOf(t, c, "1", "p99 of w", "a"); base.Change != nil || base.Estimate != nil || base.Sign != "" {
		t.Errorf("the baseline is compared with itself: %+v", base)
	}
	if explored := valueOf(t, c, "1", "p50 of w", "b"); explored.Change != nil || explored.Sign != "" || !explored.Estimate.Known {
		t.Errorf("what is not declared has an estimate and no verdict: %+v", explored)
	}
	if !c.Worse() {
		t.Error("a metric is worse, and the comparison does not say so")
	}
	better := mustCompare(t, Options{Baseline: "b"}, a, b)
	if v := valueOf(t, better, "1", "p99 of w", "a"); *v.Change != Better || v.Sign != "+" || better.Worse() {
		t.Errorf("the other way round %+v", v)
	}
}

// TestWhatIsInNoFigure: warm-up runs and runs that are not comparable.
func TestWhatIsInNoFigure(t *testing.T) {
	a, b := Column{"a", roundsOf("a", "", 1, 1.01, 1, 1.01, 1, 1.01)}, Column{"b", roundsOf("b", "", 1, 1.01, 1, 1.01, 1, 1.01)}
	warm := roundsOf("b", "", 999)
	warm[0].Warmup = true
	spoilt := roundsOf("b", "", 1, 1, 1, 1, 1, 1, 888)[6:]
	spoilt[0].NotComparable = []string{"the run was interrupted"}
	b.Runs = append(slices.Concat(warm, b.Runs), spoilt...)
	c := mustCompare(t, Options{}, a, b)
	v := valueOf(t, c, "", "p99 of w", "b")
	if v.Runs != 6 || v.Median > 2 || v.Interval.High > 2 || *v.Change != Same {
		t.Errorf("they are in the figures: %+v", v)
	}
	if got := c.Variants[1]; got.Runs != 6 || got.NotComparable != 1 {
		t.Errorf("counted as %+v", got)
	}
	if len(c.NotComparable) != 1 || c.NotComparable[0].Why[0] != "the run was interrupted" || c.NotComparable[0].Round != 7 {
		t.Errorf("named as %+v", c.NotComparable)
	}
}

// TestInterleaved: runs of one series are pairs; anything else is said to be none.
func TestInterleaved(t *testing.T) {
	a, b := Column{"a", roundsOf("a", "", 1, 2, 4, 8, 16, 32)}, Column{"b", roundsOf("b", "", 1.5, 3, 6, 12, 24, 48)}
	paired := mustCompare(t, Options{}, a, b)
	if v := valueOf(t, paired, "", "p99 of w", "b"); v.Estimate.Method != MethodPairedT || *v.Change != Worse || len(paired.Warnings) != 2 {
		t.Errorf("in rounds each ratio is 1.5: %+v, %v", v, paired.Warnings)
	}
	for _, w := range paired.Warnings {
		if w.Kind != Drifted { // the values rise over the rounds
			t.Errorf("warned of %v", w)
		}
	}
	for i := range b.Runs {
		b.Runs[i].Series = "another"
	}
	apart := mustCompare(t, Options{}, a, b)
	if v := valueOf(t, apart, "", "p99 of w", "b"); v.Estimate.Method != MethodUnpairedRanks || *v.Change != NotKnown {
		t.Errorf("of two series: %+v", v)
	}
	if !slices.ContainsFunc(apart.Warnings, func(w Warning) bool { return w.Kind == NotInterleaved }) {
		t.Errorf("of two series, warned of %v", apart.Warnings)
	}
}

// TestNightsAreRounds: runs of a history, a series a night, are pairs too; what the file says may differ between variants.
func TestNightsAreRounds(t *testing.T) {
	night := func(variant string, p99 ...float64) Column {
		c := Column{Name: variant, Runs: roundsOf(variant, "", p99...)}
		for i := range c.Runs {
			c.Runs[i].Series, c.Runs[i].Round = fmt.Sprintf("night-%d", i/2), 1
			c.Runs[i].Fingerprint = Fingerprint{{Name: "host", Value: "vm"}, {Name: "setting", Value: variant, OfFile: true}}
		}
		return c
	}
	a, b := night("a", 1, 2, 4, 8, 16, 32), night("b", 1.5, 3, 6, 12, 24, 48) // each night twice, as after a suspicion
	c := mustCompare(t, Options{}, a, b)
	if v := valueOf(t, c, "", "p99 of w", "b"); v.Estimate.Method != MethodPairedT || v.Estimate.Baseline != 6 || *v.Change != Worse || len(c.Differences) > 0 {
		t.Errorf("each night b takes 1.5 times as long: %+v, differences %v", v, c.Differences)
	}
	b.Runs = b.Runs[2:]
	if c := mustCompare(t, Options{}, a, b); c.Variants[1].Interleaved || len(c.Differences) != 1 {
		t.Errorf("with another night: %+v, differences %v", c.Variants[1], c.Differences)
	}
}

// TestRoundsInCommon: runs of one series that share no round are no pairs.
func TestRoundsInCommon(t *testing.T) {
	all := roundsOf("a", "", 1, 1, 1, 1, 1, 1, 1, 1)
	c := mustCompare(t, Options{}, Column{"early", all[:4]}, Column{"late", all[4:]})
	if v := valueOf(t, c, "", "p99 of w", "late"); v.Estimate.Method != MethodUnpairedRanks || c.Variants[1].Interleaved {
		t.Errorf("%+v", v)
	}
}

// TestGeneratorWarnings: what the load generator says of itself stands above the figures, and leaves no run out.
func TestGeneratorWarnings(t *testing.T) {
	a, b := Column{"a", roundsOf("a", "", 1, 1, 1, 1, 1, 1)}, Column{"b", roundsOf("b", "", 1, 1, 1, 1, 1, 1)}
	b.Runs[2].Warnings = []string{"it was busy"}
	c := mustCompare(t, Options{}, a, b)
	want := Warning{GeneratorBusy, "b: it was late or busy in 1 of 6 runs, such as: it was busy"}
	if !slices.Contains(c.Warnings, want) || len(c.Warnings) != 1 || c.Variants[1].Runs != 6 {
		t.Errorf("%+v, %+v", c.Warnings, c.Variants)
	}
}

// TestOneRunASide: both figures and their ratio, and no verdict.
func TestOneRunASide(t *testing.T) {
	a, b := Column{"a", roundsOf("a", "", 2)}, Column{"b", roundsOf("b", "", 3)}
	b.Runs[0].Series = "another"
	v := valueOf(t, mustCompare(t, Options{}, a, b), "", "p99 of w", "b")
	if v.Median != 3 || v.Ratio != 1.5 || *v.Change != NotKnown || v.Sign != "?" || !slices.Contains(v.Caveats, "1 run a side: at least 4 are needed") {
		t.Errorf("%+v", v)
	}
}

// TestDifferences: what the file says may differ between variants of one series, and in nothing else; runs of one variant
// must be alike.
func TestDifferences(t *testing.T) {
	column := func(name, seriesID, host, setting string, clients ...string) Column {
		c := Column{Name: name, Runs: roundsOf(name, "", make([]float64, len(clients))...)}
		for i := range c.Runs {
			c.Runs[i].Series = seriesID
			c.Runs[i].Fingerprint = Fingerprint{{Name: "host", Value: host}, {Name: "setting", Value: setting, OfFile: true}, {Name: "workload w", Value: clients[i], OfFile: true}}
		}
		return c
	}
	for _, c := range []struct {
		name string
		a, b Column
		want string
	}{
		{"variants of one series", column("a", "s", "vm", "on", "1", "1"), column("b", "s", "vm", "off", "2", "2"), ""},
		{"other hosts in one series", column("a", "s", "vm", "on", "1"), column("b", "s", "other", "on", "1"), "host: vm and other (b)"},
		{"a setting in two series", column("a", "s", "vm", "on", "1"), column("b", "t", "vm", "off", "1"), "setting: on and off (b)"},
		{"a setting in single runs", column("a", "", "vm", "on", "1"), column("b", "", "vm", "off", "1"), "setting: on and off (b)"},
		{"one variant with two loads", column("a", "s", "vm", "on", "1", "1"), column("b", "s", "vm", "on", "1", "2"), "runs of b differ in workload w: 1 and 2"},
		{"the baseline with two loads", column("a", "s", "vm", "on", "1", "2"), column("b", "s", "vm", "on", "1", "1"), "runs of a differ in workload w: 1 and 2"},
	} {
		var got []string
		for _, d := range mustCompare(t, Options{}, c.a, c.b).Differences {
			got = append(got, d.String())
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestDifferencesOfCells: one that several cells have is there once; one of a single cell names it.
func TestDifferencesOfCells(t *testing.T) {
	columns := []Column{{Name: "a"}, {Name: "b"}}
	for i := range columns {
		for _, cell := range []string{"1", "8"} {
			r := roundsOf(columns[i].Name, cell, 1)[0]
			r.Series = columns[i].Name
			load := "as ever"
			if i == 1 && cell == "8" {
				load = "more"
			}
			r.Fingerprint = Fingerprint{{Name: "host", Value: columns[i].Name}, {Name: "load", Value: load}}
			columns[i].Runs = append(columns[i].Runs, r)
		}
	}
	var got []string
	for _, d := range mustCompare(t, Options{}, columns...).Differences {
		got = append(got, d.String())
	}
	if want := "host: a and b (b); load: as ever and more (b, 8)"; strings.Join(got, "; ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestMeasuredByTheMedian: one slow fsync among several runs is no difference.
func TestMeasuredByTheMedian(t *testing.T) {
	column := func(name string, fsyncs ...float64) Column {
		c := Column{Name: name, Runs: roundsOf(name, "", make([]float64, len(fsyncs))...)}
		for i := range c.Runs {
			c.Runs[i].Series = ""
			c.Runs[i].Fingerprint = Fingerprint{{Name: "fsync", Value: "measured", Measured: fsyncs[i]}}
		}
		return c
	}
	if d := mustCompare(t, Options{}, column("a", 9e-3, 1e-3, 1e-3), column("b", 1e-3, 1e-3, 1e-3)).Differences; len(d) > 0 {
		t.Errorf("one of three: %v", d)
	}
	if d := mustCompare(t, Options{}, column("a", 9e-3, 9e-3, 1e-3), column("b", 1e-3, 1e-3, 1e-3)).Differences; len(d) != 1 || d[0].String() != "fsync: 9 ms and 1 ms (b)" {
		t.Errorf("two of three: %v", d)
	}
}

// TestDefaultFamily: the workloads that write, by whatever name; without any, all of them.
func TestDefaultFamily(t *testing.T) {
	r := kept(t, "pass")
	run := Of(r)
	if got := strings.Join(FamilyOf([]Column{{Runs: []Run{run}}}).Metrics(), ", "); got != "p99 of writes, throughput of writes, error_rate of writes, write_rto, lost_writes" {
		t.Errorf("of a run that writes: %s", got)
	}
	r.Workloads[0].Name = "orders"
	r.Timeline, r.Outages, r.Recoveries = nil, nil, nil
	if got := strings.Join(FamilyOf([]Column{{Runs: []Run{Of(r)}}}).Metrics(), ", "); got != "p99 of orders, throughput of orders, error_rate of orders, lost_writes" {
		t.Errorf("without a fault: %s", got)
	}
	if got := Of(r); !run.Figure("downtime").Known || got.Figure("downtime").Known {
		t.Errorf("downtime with a fault is %+v, and without one %+v", run.Figure("downtime"), got.Figure("downtime"))
	}
	reads := kept(t, "pass")
	reads.Workloads = []report.Workload{reads.Workloads[1]}
	if got := strings.Join(FamilyOf([]Column{{Runs: []Run{Of(reads)}}}).Metrics(), ", "); !strings.HasPrefix(got, "p99 of reads, throughput of reads, error_rate of reads") {
		t.Errorf("of a run that only reads: %s", got)
	}
}

// TestDeclaredByAnotherName: a family finds its metrics by whatever name expectations know.
func TestDeclaredByAnotherName(t *testing.T) {
	o := Options{Family: Family{{Metric: "median of w", Tolerance: 0.5}}}
	a, b := Column{"a", roundsOf("a", "", 1, 1, 1, 1, 1, 1)}, Column{"b", roundsOf("b", "", 1.3, 1.3, 1.3, 1.3, 1.3, 1.3)}
	if v := valueOf(t, mustCompare(t, o, a, b), "", "p50 of w", "b"); v.Change == nil || *v.Change != Same {
		t.Errorf("30 %% within a tolerance of 50 %%: %+v", v)
	}
	if _, err := Compare([]Column{a, b}, Options{Family: Family{{Metric: "p99"}}}); err == nil {
		t.Error("a metric without its workload is no error")
	}
	if _, err := Compare(nil, Options{}); err == nil {
		t.Error("no column is no error")
	}
	if _, err := Compare([]Column{a, b}, Options{Baseline: "c"}); err == nil || !strings.Contains(err.Error(), "a, b") {
		t.Errorf("a baseline that is not there: %v", err)
	}
}

// TestOneColumn has its figures, and nothing that says how they stand to others.
func TestOneColumn(t *testing.T) {
	a := Column{"a", roundsOf("a", "", 1, 1.01, 1, 1.01, 1, 1.01)}
	a.Runs[0].Kills = []Kill{{Step: "kill", Known: true}}
	c := mustCompare(t, Options{}, a)
	v := valueOf(t, c, "", "p99 of w", "a")
	if v.Runs != 6 || !v.Interval.Known() || v.Estimate != nil || v.Change != nil || len(c.Warnings)+len(c.Differences) > 0 || c.Cells[0].Kills[0].P != nil {
		t.Errorf("%+v, warnings %v", v, c.Warnings)
	}
}

// TestTheToleranceOfAll is that of each metric which has none of its own, the default family included.
func TestTheToleranceOfAll(t *testing.T) {
	a, b := Column{"a", roundsOf("a", "", 1, 1, 1, 1, 1, 1)}, Column{"b", roundsOf("b", "", 1.3, 1.3, 1.3, 1.3, 1.3, 1.3)}
	for name, row := range map[string]struct {
		o    Options
		want Change
	}{
		"5 % by default":        {Options{}, Worse},
		"of the default family": {Options{Tolerance: 0.4}, Same},
		"of a declared one":     {Options{Tolerance: 0.4, Family: Family{{Metric: "p99 of w"}}}, Same},
		"its own":               {Options{Tolerance: 0.4, Family: Family{{Metric: "p99 of w", Tolerance: 0.1}}}, Worse},
	} {
		if v := valueOf(t, mustCompare(t, row.o, a, b), "", "p99 of w", "b"); *v.Change != row.want {
			t.Errorf("%s: 30 %% more is %s, want %s", name, v.Change, row.want)
		}
	}
}

// TestWorseByKills: a verdict that is printed counts, also where lost_writes was not declared.
func TestWorseByKills(t *testing.T) {
	a, b := Column{"a", roundsOf("a", "", 1, 1, 1, 1, 1, 1)}, Column{"b", roundsOf("b", "", 1, 1, 1, 1, 1, 1)}
	for i := range a.Runs {
		a.Runs[i].Kills = []Kill{{Step: "kill", Known: true}}
		b.Runs[i].Kills = []Kill{{Step: "kill", Known: true, Lost: 3}}
	}
	c := mustCompare(t, Options{Family: Family{{Metric: "p99 of w"}}}, a, b)
	if k := c.Cells[0].Kills[1]; *k.Change != Worse || !c.Worse() {
		t.Errorf("each kill of b lost writes, and none of a: %+v, worse %v", k, c.Worse())
	}
}
