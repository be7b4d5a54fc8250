package main

import (
	"context"
	"fmt"
	"slices"

	"pgchaos/compare"
	"pgchaos/compare/trend"
	"pgchaos/report"
	"pgchaos/store"
	"pgchaos/store/trends"
	"pgchaos/verdict"
)

// nightCase is what the night says of one history: an experiment, a variant and a cell.
type nightCase struct {
	Experiment, Name string
	Store            string   // as it is named
	Problems         []string // what pgchaos itself could not do
	Refused          []string // why the experiment could not begin: a cluster that was there before may not be used; nothing was done to it
	met              bool     // its cluster was there before
	Fails            []string // why a run failed
	Unknown          []string // why a run is inconclusive, or has no figure
	Notes            []string
	Runs             []string // the ids of those that were kept
	Findings         []trend.Finding
}

func (c *nightCase) has(state trend.State) bool {
	return slices.ContainsFunc(c.Findings, func(f trend.Finding) bool { return f.State == state })
}

// code is the exit code that the case deserves.
func (c *nightCase) code() int {
	switch {
	case len(c.Fails) > 0 || c.has(trend.Regression):
		return exitFail
	case len(c.Problems) > 0:
		return exitFailed
	case len(c.Refused) > 0:
		return exitUsage
	case len(c.Unknown) > 0 || c.has(trend.Missing) || len(c.Runs) == 0:
		return exitInconclusive
	}
	return exitPass
}

// code is the worst of all cases: what pgchaos could not do must not hide what it found.
func (n *night) code() int {
	for _, code := range []int{exitFail, exitFailed, exitUsage, exitInconclusive} {
		if slices.ContainsFunc(n.cases, func(c nightCase) bool { return c.code() == code }) {
			return code
		}
	}
	return exitPass
}

func suspicious(cases []nightCase) bool {
	return slices.ContainsFunc(cases, func(c nightCase) bool { return c.has(trend.Suspect) })
}

// judge compares the night's runs with their histories. It reads the store after an interrupt, too.
func (n *night) judge(ctx context.Context, kept []store.Kept, id string, declared []string) (cases []nightCase) {
	ctx = context.WithoutCancel(ctx)
	done := map[string]bool{}
	for _, k := range kept {
		name := trends.Name(k.Experiment, k.Variant, k.Cell)
		if k.Warmup || done[name+"\x00"+k.Key] {
			continue
		}
		done[name+"\x00"+k.Key] = true
		c := nightCase{Experiment: k.Experiment, Name: name, Store: n.name}
		for _, r := range kept {
			if !r.Warmup && r.Key == k.Key && trends.Name(r.Experiment, r.Variant, r.Cell) == name {
				c.Runs = append(c.Runs, r.ID)
				c.verdictOf(r)
			}
		}
		if all, err := n.list(ctx, store.Filter{Experiment: k.Experiment, Variant: &k.Variant, Cell: &k.Cell, NoWarmup: true}); err != nil {
			c.Problems = append(c.Problems, err.Error())
		} else {
			c.judge(k, all, id, declared)
		}
		cases = append(cases, c)
	}
	return cases
}

// verdictOf takes over why a run did not pass.
func (c *nightCase) verdictOf(k store.Kept) {
	if k.Verdict == verdict.Pass {
		return
	}
	var why []string
	if r, err := report.Read(k.Dir); err != nil {
		c.Problems = append(c.Problems, fmt.Sprintf("read the kept result of run %s: %v", k.ID, err))
	} else {
		why = reasonsOf(r, k.Verdict)
	}
	if len(why) == 0 {
		why = []string{"its verdict is " + k.Verdict.String()}
	}
	for _, w := range why {
		text := k.ID + ": " + w
		if k.Verdict == verdict.Fail {
			c.Fails = append(c.Fails, text)
		} else {
			c.Unknown = append(c.Unknown, text)
		}
	}
}

// reasonsOf says why a result has its verdict, which is not pass.
func reasonsOf(r *report.Result, is verdict.Verdict) []string {
	why := slices.Clone(r.AllReasons())
	for _, e := range r.Expectations {
		if e.Verdict != is {
			continue
		}
		text := e.Text
		if e.Observed != "" {
			text += ": it is " + e.Observed
		}
		if e.Why != "" {
			text += ": " + e.Why
		}
		why = append(why, text)
	}
	return why
}

// notKept is a run whose result the store did not take. That it has failed is known all the same.
func notKept(name, dir string, of verdict.Verdict, err error) nightCase {
	c := nightCase{Experiment: name, Name: name, Problems: []string{fmt.Sprintf("the result in %s was not kept: %v", dir, err)}}
	if of == verdict.Fail {
		c.Fails = []string{fmt.Sprintf("its verdict is fail: 'pgchaos report %s' says why", dir)}
	}
	return c
}

// judge looks at each metric that the file declares, or of the default family. All are the runs of the history, newest first, with any fingerprint.
func (c *nightCase) judge(k store.Kept, all []store.Kept, id string, declared []string) {
	var (
		history []trend.Run
		runs    []compare.Run
		before  *store.Kept // the newest run of another fingerprint
		older   bool        // the history has another night
	)
	for i, r := range all {
		if r.Key == k.Key {
			history = append(history, trend.Run{Run: r.Run, Accepted: r.Accepted != nil})
			runs = append(runs, r.Run)
			older = older || trend.NightOf(r.Run) != id
		} else if before == nil && r.Started.Before(k.Started) {
			before = &all[i]
		}
	}
	switch {
	case older:
	case before == nil:
		c.Notes = append(c.Notes, "this is its first night")
	default:
		for _, d := range before.Fingerprint.Differences(k.Fingerprint, false) {
			c.Notes = append(c.Notes, "the history began anew tonight; before and now differ in "+d.String())
		}
	}
	if len(declared) == 0 {
		declared = compare.FamilyOf([]compare.Column{{Runs: runs}}).Metrics()
	}
	for _, metric := range declared {
		c.Findings = append(c.Findings, trend.Judge(metric, history, id))
	}
}
