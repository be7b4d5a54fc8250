package main

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgchaos/compare/trend"
	"pgchaos/runner"
	"pgchaos/series"
	"pgchaos/spec"
	"pgchaos/verdict"
)

// TestTheNightJudgesWhatTheFileDeclares: by the names that figures have.
func TestTheNightJudgesWhatTheFileDeclares(t *testing.T) {
	plan := &series.Plan{Series: &spec.Series{}}
	if got := declaredIn(plan); len(got) > 0 {
		t.Errorf("declared: %q", got)
	}
	plan.Compare.Metrics = spec.Metrics{{Metric: "median of writes"}, {Metric: "write_rto"}}
	if got := declaredIn(plan); !slices.Equal(got, []string{"p50 of writes", "write_rto"}) {
		t.Errorf("declared: %q", got)
	}
}

func TestTheExitCodeOfANightIsThatOfItsWorstCase(t *testing.T) {
	ran := []string{"small-20261129-020000-1"}
	pass := nightCase{Runs: ran}
	fail := nightCase{Runs: ran, Fails: []string{"lost_writes == 0: it is 3"}}
	regressed := nightCase{Runs: ran, Findings: []trend.Finding{{State: trend.Regression}}}
	suspect := nightCase{Runs: ran, Findings: []trend.Finding{{State: trend.Suspect}}}
	missing := nightCase{Runs: ran, Findings: []trend.Finding{{State: trend.Missing}}}
	problem := nightCase{Runs: ran, Problems: []string{"the store is full"}}
	refused := nightCase{Refused: []string{"the database shop is not marked"}}
	both := nightCase{Runs: ran, Fails: fail.Fails, Problems: problem.Problems}
	for name, row := range map[string]struct {
		cases []nightCase
		want  int
	}{
		"all passed":                    {[]nightCase{pass, pass}, exitPass},
		"a suspicion":                   {[]nightCase{pass, suspect}, exitPass},
		"no figure tonight":             {[]nightCase{pass, missing}, exitInconclusive},
		"nothing was run":               {[]nightCase{{}}, exitInconclusive},
		"a problem of pgchaos":          {[]nightCase{missing, problem}, exitFailed},
		"a cluster is refused":          {[]nightCase{missing, refused, pass}, exitUsage},
		"and a problem":                 {[]nightCase{refused, problem}, exitFailed},
		"and a run failed":              {[]nightCase{refused, fail}, exitFail},
		"a regression":                  {[]nightCase{regressed, pass}, exitFail},
		"a run failed, and a problem":   {[]nightCase{problem, fail}, exitFail},
		"one has failed, and a problem": {[]nightCase{both}, exitFail},
		"a failed run was not kept":     {[]nightCase{notKept("x", "results/x", verdict.Fail, errors.New("the disk is full"))}, exitFail},
		"a passed run was not kept":     {[]nightCase{notKept("x", "results/x", verdict.Pass, errors.New("the disk is full"))}, exitFailed},
	} {
		if code := (&night{cases: row.cases}).code(); code != row.want {
			t.Errorf("%s: exit code %d, want %d", name, code, row.want)
		}
	}
}

// TestWhatCouldNotBegin: only a cluster that was there before is refused; and what is left behind is no matter of the user's file.
func TestWhatCouldNotBegin(t *testing.T) {
	for name, row := range map[string]struct {
		met, left bool
		err       error
		word      string
	}{
		"a cluster of the user's":      {true, false, errors.New("it is not marked"), "refused"},
		"a cluster that pgchaos makes": {false, false, errors.New("there is no container engine"), "could not begin"},
		"with a server left":           {false, true, fmt.Errorf("%w: process 1234", runner.ErrLeftBehind), "could not begin"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &spec.Experiment{}
			if row.met {
				e.Cluster.Existing = &spec.Existing{}
			}
			n := &night{}
			n.notBegun("x", &series.Plan{Plans: []*runner.Plan{{Experiment: e}}}, row.err)
			if c := n.cases[0]; c.word() != row.word || c.code() != exitUsage || n.leftBehind != row.left {
				t.Errorf("%q, %d, left behind: %v", c.word(), c.code(), n.leftBehind)
			}
		})
	}
}
