package spec

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const seriesFile = `name: modes
cluster:
  nodes: [a, b, c]
load:
  writes: {kind: insert, clients: 8}
duration: 10s
baseline: local
variants:
  local: {cluster: {synchronous: {commit: local, standbys: "ANY 1 (b, c)"}}}
  on/any-1: {cluster: {synchronous: {commit: "on", standbys: "ANY 1 (b, c)"}}}
  plain:
matrix:
  load.writes.clients: [1, 8]
  load.writes: {half: {rate: 50%, timeout: 2s}, full: {}}
rounds: 3
compare: {tolerance: 10%, metrics: {p99 of writes: 20%, throughput of writes: 5%}}
`

func TestVariantsAreLaidOverTheFile(t *testing.T) {
	s, err := LoadSeries("x.yaml", []byte(seriesFile), Options{Capacity: map[string]float64{"writes": 4000}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range s.Variants {
		names = append(names, s.Variants[i].String())
	}
	want := []string{
		"local, clients=1, half", "local, clients=1, full", "local, clients=8, half", "local, clients=8, full",
		"on/any-1, clients=1, half", "on/any-1, clients=1, full", "on/any-1, clients=8, half", "on/any-1, clients=8, full",
		"plain, clients=1, half", "plain, clients=1, full", "plain, clients=8, half", "plain, clients=8, full",
	}
	if !slices.Equal(names, want) {
		t.Errorf("variants %q, want %q", names, want)
	}
	if s.Baseline != "local" || s.Rounds != 3 || s.WarmupRounds != 1 || !s.Several {
		t.Errorf("baseline %q, %d rounds and %d before them, several %v", s.Baseline, s.Rounds, s.WarmupRounds, s.Several)
	}
	v := s.Variants[6] // on/any-1, clients=8, half
	w := v.Load[0]
	if v.Cluster.Synchronous.Commit != "on" || w.Clients != 8 || w.Rate != 2000 || w.Timeout.String() != "2s" {
		t.Errorf("%s has commit %s, %d clients, %s, time-out %s", &v, v.Cluster.Synchronous.Commit, w.Clients, w.Rate, w.Timeout)
	}
	if len(v.Shares) != 1 || v.Shares[0].Workload != "writes" || v.Shares[0].Share != 0.5 {
		t.Errorf("shares %v", v.Shares)
	}
	if plain := s.Variants[8]; plain.Cluster.Synchronous != nil {
		t.Errorf("plain has %s", plain.Cluster.Synchronous)
	}
	textsAreExperiments(t, s)
	if m := s.Compare.Metrics; len(m) != 2 || m[0].Metric != "p99 of writes" || m[0].Tolerance != 0.2 || s.Compare.Tolerance != 0.1 {
		t.Errorf("compares %v, tolerance %s", m, s.Compare.Tolerance)
	}
}

// textsAreExperiments wants the text of each variant to be an experiment of its own.
func textsAreExperiments(t *testing.T, s *Series) {
	t.Helper()
	for i := range s.Variants {
		v := &s.Variants[i]
		again, text, err := Load("again.yaml", v.Text, Options{Resolved: true})
		if err != nil {
			t.Fatalf("%s: %v\n%s", v, err, v.Text)
		}
		if string(text) != string(v.Text) || again.Load[0].Clients != v.Load[0].Clients || len(again.Variants) > 0 || again.Baseline.Variant != "" {
			t.Errorf("%s: its own text gives another experiment:\n%s", v, text)
		}
	}
}

func TestOverlays(t *testing.T) {
	const file = `name: x
cluster: {nodes: [a, b], synchronous: {commit: "on", standbys: b}, settings: {work_mem: 4MB}}
load: {writes: {kind: insert}}
timeline:
  - {at: 2s, kill: a}
  - {name: new, promote: b}
variants:
`
	for name, row := range map[string]struct {
		overlay string
		holds   func(e *Experiment) bool
	}{
		"null leaves a key out":        {"{cluster: {synchronous: null}}", func(e *Experiment) bool { return e.Cluster.Synchronous == nil }},
		"mappings are joined":          {"{cluster: {settings: {fsync: off}}}", func(e *Experiment) bool { return len(e.Cluster.Settings) == 2 }},
		"a step by its name":           {"{timeline: {kill-a: {at: 4s}}}", func(e *Experiment) bool { return e.Timeline[0].At.String() == "4s" }},
		"a step by its number":         {"{timeline: {0: {at: 5s}}}", func(e *Experiment) bool { return e.Timeline[0].At.String() == "5s" }},
		"null leaves a step out":       {"{timeline: {new: null}}", func(e *Experiment) bool { return len(e.Timeline) == 1 && e.Timeline[0].Name == "kill-a" }},
		"steps keep their numbers":     {"{timeline: {0: null, 1: {name: newer, promote: null, wait: 1s}}}", func(e *Experiment) bool { return len(e.Timeline) == 1 && e.Timeline[0].Name == "newer" }},
		"a list is replaced":           {"{timeline: [], duration: 5s}", func(e *Experiment) bool { return len(e.Timeline) == 0 }},
		"a workload that is not there": {"{load: {more: {kind: read}}}", func(e *Experiment) bool { return len(e.Load) == 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := LoadSeries("x.yaml", []byte(file+"  other: "+row.overlay+"\n"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !row.holds(s.Variants[0].Experiment) {
				t.Errorf("%s: not so\n%s", row.overlay, s.Variants[0].Text)
			}
		})
	}
}

func TestASingleExperimentIsASeriesOfOne(t *testing.T) {
	text, err := os.ReadFile("../experiments/quorum-kill.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := LoadSeries("quorum-kill.yaml", text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Variants) != 1 || s.Several || s.Rounds != 1 || s.WarmupRounds != 0 || s.Baseline != "" || s.Variants[0].String() != "" {
		t.Errorf("%d variants, several %v, %d rounds, %d before them, baseline %q", len(s.Variants), s.Several, s.Rounds, s.WarmupRounds, s.Baseline)
	}
}

// TestMistakesOfVariants holds mistakes of files with variants against what is said about them.
func TestMistakesOfVariants(t *testing.T) {
	const head = "name: x\ncluster: {nodes: [a, b]}\nload: {writes: {kind: insert}}\nduration: 5s\n"
	for name, row := range map[string]struct{ text, want string }{
		"a key that is unknown in one variant": {head + "variants: {one: {}, two: {load: {writes: {clietns: 4}}}}\n", `x.yaml:5:43: unknown key "clietns" in load.writes; did you mean "clients"?`},
		"a mistake of all variants, once":      {strings.Replace(head, "5s", "5", 1) + "variants: {one: {}, two: {}}\n", `x.yaml:4:11: duration: "5" has no unit; write 5s`},
		"a baseline that is no variant":        {head + "baseline: tow\nvariants: {one: {}, two: {}}\n", `x.yaml:5:11: there is no variant "tow"; did you mean "two"?`},
		"a baseline without variants":          {head + "baseline: local\n", `x.yaml:5:11: there is no variant "local": the file has no variants; write variants: {local: {...}, ...}, or leave it out`},
		"rounds within a variant":              {head + "variants: {one: {rounds: 3}}\n", "x.yaml:5:18: a variant cannot have rounds; write it beside variants"},
		"no rounds":                            {head + "rounds: 0\n", "x.yaml:5:9: rounds is 0; write a number from 1 to 1000"},
		"a path that is no key":                {head + "matrix: {load.writes.clietns: [1, 2]}\n", `x.yaml:5:10: unknown key "clietns" in load.writes; did you mean "clients"?`},
		"a value that cannot be":               {head + "matrix: {load.writes.clients: [1, many]}\n", `x.yaml:5:35: load.writes.clients: "many" is no whole number of this size; write a whole number`},
		"a path through a value":               {head + "matrix: {duration.x: [1]}\n", `x.yaml:5:10: duration is the single value "5s" and has no "x"; set duration as a whole`},
		"a value twice":                        {head + "matrix: {load.writes.clients: [1, 1]}\n", "x.yaml:5:31: load.writes.clients has a value twice; leave one of them out"},
		"a value without a label":              {head + "matrix: {load.writes: [{clients: 1}]}\n", "x.yaml:5:24: a value of the matrix is a mapping; give it a label: load.writes: {LABEL: VALUE, ...}"},
		"too many":                             {head + "matrix: {seed: [" + numbers(30) + "], duration: {" + labels(30) + "}}\n", "x.yaml:5:9: there are 900 combinations of variants and values; leave some out: at most 500 can be run"},
		"more than can be counted":             {head + "matrix: {" + lists(64) + "}\n", "x.yaml:5:9: there are 1000000 or more combinations of variants and values; leave some out: at most 500 can be run"},
		"two values in one directory":          {head + "matrix: {load.writes.timeout: [1s, \"1 s\"]}\n", `x.yaml:5:9: the results of "timeout=1s" and of "timeout=1 s" would be in one directory, timeout=1s; give the values labels, as in PATH: {LABEL: VALUE, ...}`},
		"the directory above":                  {head + "matrix: {load.writes.timeout: {..: 1s, b: 2s}}\n", `x.yaml:5:9: the directory of ".." would have a name that begins with a dot`},
		"a value that is too long for a name":  {head + "matrix: {description: [short, " + strings.Repeat("long", 60) + "]}\n", "would have a name of 252 characters; give the values labels"},
		"two variants in one directory":        {head + "variants: {a/b: {}, a-b: {}}\n", "x.yaml:5:21: the results of a/b and a-b would be in one directory, a-b; rename one of them"},
		"a metric that is unknown":             {head + "variants: {one: {}, two: {}}\ncompare: {metrics: [p9x of writes]}\n", `x.yaml:6:21: `},
		"a metric of no workload":              {head + "variants: {one: {}, two: {}}\ncompare: {metrics: [p99 of wirtes]}\n", `x.yaml: compare.metrics: p99 of wirtes: there is no workload "wirtes"; did you mean "writes"?`},
		"a metric of faults without one":       {head + "variants: {one: {}, two: {}}\ncompare: {metrics: [write_rto]}\n", "x.yaml: compare.metrics: write_rto: there is no fault that it could be measured from; leave it out"},
		"a phase of no variant":                {head + "variants: {one: {}, two: {}}\ncompare: {metrics: [p99 of writes during basline]}\n", `x.yaml: compare.metrics: p99 of writes during basline: there is no phase "basline"; did you mean "baseline"?`},
		"a fault of no variant":                {head + "timeline: [{at: 1s, kill: a}, {promote: b}]\nvariants: {one: {}, two: {}}\ncompare: {metrics: [write_rto during kill-b]}\n", `compare.metrics: write_rto during kill-b: there is no fault "kill-b"; did you mean "kill-a"?`},
		"a share of a stage's capacity":        {head + "variants: {one: {load: {writes: {stages: [{for: 5s, rate: 50%}]}}}}\n", `"50%" is no rate here`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadSeries("x.yaml", []byte(row.text), Options{})
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			if len(problems) != 1 || !strings.Contains(problems[0].String(), row.want) {
				t.Errorf("got\n%v\nwant\n%s", err, row.want)
			}
		})
	}
}

func numbers(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "%d, ", i+1)
	}
	return strings.TrimSuffix(text.String(), ", ")
}

func labels(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString(strings.Repeat("a", i+1) + ": 5s, ")
	}
	return strings.TrimSuffix(text.String(), ", ")
}

// lists are so many lists of two values, whose product no int holds if they are 63 or more.
func lists(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "cluster.settings.x.s%d: [1, 2], ", i)
	}
	return strings.TrimSuffix(text.String(), ", ")
}
