package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"pgchaos/internal/units"
	"pgchaos/live"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/search"
	"pgchaos/series"
	"pgchaos/verdict"
)

// The files of a search for the fewest steps, below the directory of the run that failed.
const (
	shrinkDir    = "shrink"
	smallestFile = "smallest.yaml"
)

// shrinkRuns is how many runs a search for the fewest steps makes at most.
const shrinkRuns = 20

// shrinkFlags are the flags of a search for the fewest steps that still fail.
type shrinkFlags struct {
	on   bool
	most int
}

func (f *shrinkFlags) register(flags *pflag.FlagSet) {
	groupFlags(flags, groupSearch, func(flags *pflag.FlagSet) {
		flags.BoolVar(&f.on, "shrink", false, "when the verdict is fail, search the fewest steps that still fail")
		flags.IntVar(&f.most, "shrink-runs", shrinkRuns, "make at most `N` runs for that")
	})
}

func (f *shrinkFlags) check(flags *pflag.FlagSet) error {
	switch {
	case !f.on && flags.Changed("shrink-runs"):
		return errors.New("--shrink-runs belongs to --shrink: add it")
	case f.on && (f.most < 1 || f.most > 1000):
		return errors.New("--shrink-runs: write a number from 1 to 1000")
	case f.on && flags.Changed("find-max"):
		return errors.New("--shrink looks for the steps of a failure, and --find-max has no steps: leave one of them out")
	case f.on && flags.Changed("resume"):
		return errors.New("--shrink is for a single run, and --resume goes on with a series: leave one of them out")
	case f.on && flags.Changed("web"):
		return errors.New("--shrink makes several runs, and --web ends with the page of one: leave one of them out")
	case f.on && flags.Changed("keep"):
		return errors.New("--shrink makes several runs, each with a cluster of its own: leave --keep out")
	}
	return nil
}

// executeShrink runs an experiment, and when it fails, searches the fewest steps that still fail.
func (f *runFlags) executeShrink(ctx context.Context, name string, plan *series.Plan, stdout, stderr io.Writer) error {
	if plan.Several {
		return usageError(errors.New("--shrink is for a single run, and this experiment is a series of several; choose one with --variant NAME --rounds 1"))
	}
	first := plan.Plans[0]
	result, err := f.runOne(ctx, name, first, stdout, stderr)
	var said verdictError
	if result == nil || result.Verdict != verdict.Fail || result.Interrupted || ctx.Err() != nil || !errors.As(err, &said) {
		return err
	}
	s := &shrinking{
		flags: f, name: name, plan: first, failed: result, reading: f.reading(ctx), runs: &seriesRuns{flags: f, name: name}, steps: first.Experiment.Units(),
	}
	for _, names := range s.steps {
		s.total += len(names)
	}
	if s.runs.show, err = f.display(ctx, first.Experiment.Name, true, stderr); err != nil {
		return err
	}
	defer s.runs.show.finish(ctx, nil)
	defer s.runs.show.close()
	return s.run(ctx, stdout)
}

// shrinking is a search for the fewest steps that still fail.
type shrinking struct {
	flags   *runFlags
	name    string // the experiment, as the user named it
	plan    *runner.Plan
	failed  *report.Result // of the run that began it
	reading reading
	runs    *seriesRuns
	steps   [][]string // what can be left out, by the steps' names
	total   int        // how many steps these were in the beginning
	left    []string   // steps that are left out for good

	made     int // runs
	ended    int // of those, that were not broken off
	failures int // of those, as the first run failed
	unclear  int // of those, that were inconclusive or could not be run
	smallest *runner.Plan
	repeated bool // the steps of the first run failed again, when nothing less did
	again    bool // they were run again
}

// errEnoughRuns ends a search that has made as many runs as it may.
var errEnoughRuns = errors.New("the search has made as many runs as it may")

// run searches, prints what came out, and turns it into an exit code.
func (s *shrinking) run(ctx context.Context, stdout io.Writer) error {
	s.smallest = s.plan
	s.runs.show.above(fmt.Sprintf("-- searching the fewest of %s that still fail, in at most %s; results in %s",
		stepsIn(s.total), units.Count(int64(s.flags.shrink.most), "run", "runs"), filepath.Join(s.failed.Dir, shrinkDir)))
	kept, err := s.fewest(ctx)
	if err == nil && len(s.namesOf(kept)) == s.total {
		s.repeated, err = s.fails(ctx, kept)
		s.again = err == nil
	}
	s.runs.show.close()
	file, unwritten := s.write()
	written := errors.Join(s.runs.reports.joined(s.flags.share(s.failed.Dir)), unwritten)
	if unwritten == nil {
		written = errors.Join(written, apart(stdout, func(w io.Writer) error { return s.say(w, file, len(s.namesOf(kept)), err) }))
	}
	switch {
	case errors.Is(err, runner.ErrLeftBehind):
		return &exitError{exitLeftBehind, fmt.Errorf("pgchaos: %w\nRun 'pgchaos clean' to remove it", errors.Join(err, written))}
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.Join(errors.New("pgchaos: interrupted: the search for fewer steps is not complete"), written)}
	case err != nil && !errors.Is(err, errEnoughRuns):
		return &exitError{exitFailed, fmt.Errorf("pgchaos: the search for fewer steps has ended early: %w", errors.Join(err, written))}
	case written != nil:
		return written
	}
	return verdictOf(s.failed)
}

// fewest searches what can be left out as a whole, such as a random fault with the steps after it, and then among the steps of what is
// left. Kept are of s.steps as they are then.
func (s *shrinking) fewest(ctx context.Context) (kept []int, err error) {
	fails := func(kept []int) (bool, error) { return s.fails(ctx, kept) }
	kept, err = search.Smallest(len(s.steps), fails)
	if err != nil || len(s.namesOf(kept)) == len(kept) {
		return kept, err
	}
	var single [][]string
	for i, names := range s.steps {
		if !slices.Contains(kept, i) {
			s.left = append(s.left, names...)
			continue
		}
		for _, name := range names {
			single = append(single, []string{name})
		}
	}
	s.steps = single
	return search.Smallest(len(s.steps), fails)
}

// namesOf are the steps that are kept.
func (s *shrinking) namesOf(kept []int) (names []string) {
	for _, i := range kept {
		names = append(names, s.steps[i]...)
	}
	return names
}

func stepsIn(n int) string { return units.Count(int64(n), "step", "steps") }

// fails runs the steps that are kept, and tells whether they fail as the first run did. Steps that make no experiment do not fail.
func (s *shrinking) fails(ctx context.Context, kept []int) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	r := s.reading
	r.without = append(r.without, s.left...)
	for i, names := range s.steps {
		if !slices.Contains(kept, i) {
			r.without = append(r.without, names...)
		}
	}
	plan, err := s.flags.plan(ctx, s.name, r)
	if err != nil {
		return false, ctx.Err() // without these steps the others can never run, or an expectation speaks of one of them
	}
	if s.made == s.flags.shrink.most {
		return false, errEnoughRuns
	}
	s.made++
	one := *plan.Plans[0]
	one.Seed = s.failed.Seed
	title := fmt.Sprintf("run %d of at most %d: %d of %s", s.made, s.flags.shrink.most, len(s.namesOf(kept)), stepsIn(s.total))
	s.runs.show.begin(live.Round{Name: title})
	began := time.Now()
	result, err := s.runs.one(ctx, &one, runner.Options{Out: filepath.Join(s.failed.Dir, shrinkDir, fmt.Sprintf("%02d", s.made)), Tool: version()})
	switch {
	case result == nil:
		return false, notBegun(ctx, err)
	case ctx.Err() != nil || errors.Is(err, runner.ErrLeftBehind):
		return false, errors.Join(err, ctx.Err())
	}
	s.ended++
	if err != nil { // a run that could not be run shows nothing
		s.unclear++
		s.runs.show.above(title + ": could not be run: " + firstLine(err))
		return false, nil
	}
	same := sameFailure(s.failed, result)
	text := result.Verdict.String()
	if result.Verdict == verdict.Fail && !same {
		text += ", but not as the first run did"
	}
	s.runs.show.above(fmt.Sprintf("%s: %s in %.1f s", title, text, time.Since(began).Seconds()))
	if result.Verdict == verdict.Inconclusive {
		s.unclear++
	}
	if same {
		s.failures++
		s.smallest = &one
	}
	return same, nil
}

// sameFailure tells whether a run failed as another one did: at least one of the same expectations failed, and what was lost has at least one
// of the same causes. Where the other one failed without an expectation, or lost nothing, that makes no difference.
func sameFailure(first, other *report.Result) bool {
	if other.Verdict != verdict.Fail || other.Interrupted {
		return false
	}
	share := func(want, got []string) bool {
		return len(want) == 0 || slices.ContainsFunc(got, func(one string) bool { return slices.Contains(want, one) })
	}
	return share(brokenExpectations(first), brokenExpectations(other)) && share(first.LossCauses(), other.LossCauses())
}

// brokenExpectations are the expectations that failed.
func brokenExpectations(r *report.Result) (all []string) {
	for _, j := range r.Expectations {
		if j.Verdict == verdict.Fail {
			all = append(all, j.Text)
		}
	}
	return all
}

// write writes the smallest experiment that failed, and returns its path.
func (s *shrinking) write() (file string, err error) {
	file = filepath.Join(s.failed.Dir, smallestFile)
	return file, os.WriteFile(file, []byte(s.text(file)), 0o600)
}

// text is the smallest experiment that failed, with how it is run.
func (s *shrinking) text(file string) string {
	head := "# Run it: " + strings.Join(s.command(file), " ") + "\n"
	if len(s.smallest.Experiment.Secrets) > 0 {
		head += "# Secrets are written as ***: put them in again before.\n"
	}
	return head + string(s.smallest.Text)
}

func (s *shrinking) command(file string) []string {
	args := []string{"pgchaos", "run", file, "--seed", strconv.FormatUint(s.failed.Seed, 10)}
	if s.flags.pgBin != "" {
		args = append(args, "--pg-bin", s.flags.pgBin)
	}
	if s.flags.risk {
		args = append(args, "--"+riskFlag)
	}
	return args
}

// say says what came out, and prints the smallest experiment. Kept is how many of the steps it has; ended is why the search ended
// before it was complete, or nil.
func (s *shrinking) say(w io.Writer, file string, kept int, ended error) error {
	enough := errors.Is(ended, errEnoughRuns)
	runs := units.Count(int64(s.ended), "run", "runs")
	text := fmt.Sprintf("The fewest steps that failed as the first run did: %d of %s.", kept, stepsIn(s.total))
	switch {
	case ended != nil && !enough && kept == s.total:
		text = "The search is not complete: until it ended, no run with fewer steps failed as the first run did."
	case ended != nil && !enough:
		text += " The search is not complete: fewer may do."
	case kept == s.total:
		text = "No run with fewer steps failed as the first run did."
	}
	text += fmt.Sprintf(" The search made %s: %d failed so, %d inconclusive.", runs, s.failures, s.unclear)
	switch {
	case s.again && s.repeated:
		text += " The same steps, run again, failed again."
	case s.again:
		text += " The same steps, run again, did not fail so either: the failure does not always repeat."
	}
	if enough {
		text += fmt.Sprintf(" More runs were not allowed: --shrink-runs %d.", s.flags.shrink.most)
	}
	_, err := fmt.Fprintf(w, "\n%s\nThe experiment is in %s:\n\n%s", text, file, s.text(file))
	return err
}
