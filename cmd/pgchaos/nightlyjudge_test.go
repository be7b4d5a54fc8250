package main

import (
	"testing"

	"pgchaos/compare/trend"
)

func TestTheExitCodeOfANightIsThatOfItsWorstCase(t *testing.T) {
	ran := []string{"small-20261129-020000-1"}
	pass := nightCase{Runs: ran}
	fail := nightCase{Runs: ran, Fails: []string{"lost_writes == 0: it is 3"}}
	regressed := nightCase{Runs: ran, Findings: []trend.Finding{{State: trend.Regression}}}
	suspect := nightCase{Runs: ran, Findings: []trend.Finding{{State: trend.Suspect}}}
	missing := nightCase{Runs: ran, Findings: []trend.Finding{{State: trend.Missing}}}
	problem := nightCase{Runs: ran, Problems: []string{"the store is full"}}
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
		"a regression":                  {[]nightCase{regressed, pass}, exitFail},
		"a run failed, and a problem":   {[]nightCase{problem, fail}, exitFail},
		"one has failed, and a problem": {[]nightCase{both}, exitFail},
	} {
		if code := (&night{cases: row.cases}).code(); code != row.want {
			t.Errorf("%s: exit code %d, want %d", name, code, row.want)
		}
	}
}
