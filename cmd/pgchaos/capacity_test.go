package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/search"
	"pgchaos/spec"
)

const sharesAndKills = `
name: shares
cluster: {nodes: [a, b], settings: {wal_log_hints: on}}
load:
  writes: {kind: insert, clients: 2, rate: 50%, iterations: 5}
  others: {kind: insert, table: other_data, clients: 2, rate: 20%}
kills: 2
timeline:
  - {at: 1s, kill: primary}
  - {promote: most_advanced}
  - {rejoin: former_primary}
expect: [write_rto during kill-primary-2 < 10s]
`

// TestTheRunThatMeasuresACapacity is without everything that belongs to the timeline, and without rates that are guessed.
func TestTheRunThatMeasuresACapacity(t *testing.T) {
	waiting := strings.NewReplacer("kills: 2\n", "  later: {kind: insert, table: later_data, clients: 2}\nabort_on: [error_rate of later > 50% for 5s]\n",
		"  - {rejoin: former_primary}\n", "  - {rejoin: former_primary}\n  - {start_load: later}\n  - {wait: 1s}\n", "kill-primary-2", "kill-primary").Replace(sharesAndKills)
	for name, text := range map[string]string{"kills": sharesAndKills, "a workload that waits": waiting} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "shares.yaml")
			must(t, os.WriteFile(file, []byte(text), 0o600))
			f := &runFlags{}
			plan, err := f.plan(t.Context(), file, reading{})
			must(t, err)
			shares := plan.Shares()
			if len(shares) != 2 {
				t.Fatalf("shares %+v", shares)
			}
			s := &seriesRuns{flags: f, name: file}
			first, err := s.capacityPlan(t.Context(), plan, shares[0], nil)
			must(t, err)
			if names := first.Experiment.Load.Names(); !slices.Equal(names, []string{"writes"}) {
				t.Errorf("first it measures with %v", names)
			}
			w := first.Experiment.Workload("writes")
			if w.Rate != 0 || w.Iterations != 0 || len(first.Experiment.Timeline) > 0 || len(first.Aborts) > 0 {
				t.Errorf("it has a rate of %v, %d iterations, %d steps and %d reasons to abort", w.Rate, w.Iterations, len(first.Experiment.Timeline), len(first.Aborts))
			}
			second, err := s.capacityPlan(t.Context(), plan, shares[1], map[string]float64{"writes": 4000})
			must(t, err)
			if names := second.Experiment.Load.Names(); !slices.Equal(names, []string{"writes", "others"}) || second.Experiment.Workload("writes").Rate != 2000 {
				t.Errorf("then it measures with %v, writes at %+v", names, second.Experiment.Workload("writes"))
			}
		})
	}
}

// TestASearchInAnExperimentWithKills: its steps have no timeline, and so nothing to repeat.
func TestASearchInAnExperimentWithKills(t *testing.T) {
	f := &runFlags{}
	f.variants, f.rounds = []string{"local"}, 1
	s := &searching{
		Search: search.New(search.Search{Warmup: time.Second, Span: time.Second}, "writes", nil, search.Range{Start: 100, Most: 1000}),
		flags:  f, name: "sync-modes-kill", open: true,
		number: spec.Number{Path: "load.writes.rate", Workload: "writes", Key: "rate", Rate: true},
	}
	plan, err := s.plan(t.Context(), 300)
	must(t, err)
	if e := plan.Experiment; len(e.Timeline) > 0 || e.Workload("writes").Rate != 300 {
		t.Errorf("%d steps, %+v", len(e.Timeline), e.Workload("writes"))
	}
}
