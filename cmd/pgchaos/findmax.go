package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"pgchaos/expect"
	"pgchaos/live"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/search"
	"pgchaos/series"
	"pgchaos/spec"
)

// stepsDir is the directory of the steps of a search, below that of the search.
const stepsDir = "steps"

// searchFlags are the flags of a search for the highest value that holds.
type searchFlags struct {
	path         string
	until        []string
	warmup, span time.Duration
}

// The defaults of a step of a search, and its bounds.
const (
	stepWarmup      = 2 * time.Second
	stepSpan        = 10 * time.Second
	searchPrecision = 0.05
	mostSteps       = 40
)

func (f *searchFlags) register(flags *pflag.FlagSet) {
	groupFlags(flags, groupSearch, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.path, "find-max", "", "search the highest value of `PATH` that holds, as load.writes.rate")
		flags.StringArrayVar(&f.until, "until", nil, "the `CONDITION` that must hold, as 'p99 of writes < 50ms' (repeatable)")
		flags.DurationVar(&f.warmup, "step-warmup", stepWarmup, "let each step's load go on for `TIME` before it is measured")
		flags.DurationVar(&f.span, "step-duration", stepSpan, "measure each step for `TIME`; longer where a percentile needs it")
	})
}

// check refuses what makes no search.
func (f *searchFlags) check(flags *pflag.FlagSet) error {
	for _, name := range []string{"until", "step-warmup", "step-duration"} {
		if f.path == "" && flags.Changed(name) {
			return fmt.Errorf("--%s belongs to a search: add --find-max PATH, such as --find-max load.writes.rate", name)
		}
	}
	switch {
	case f.path == "" && flags.Changed("find-max"):
		return errors.New("--find-max needs a path, such as load.writes.rate")
	case f.warmup < 0 || f.warmup > time.Hour:
		return errors.New("--step-warmup: write a time from 0s to 1h")
	case f.path != "" && (f.span < time.Second || f.span > time.Hour):
		return errors.New("--step-duration: write a time from 1s to 1h")
	}
	return nil
}

// conditions are the parsed --until.
func (f *searchFlags) conditions(e *spec.Experiment, n spec.Number) (all []expect.Expectation, err error) {
	for _, text := range f.until {
		x, err := expect.Parse(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("--until %q: %w", text, err)
		case x.Phase != "":
			return nil, fmt.Errorf("--until %q: a step has one phase; leave out during %s", text, x.Phase)
		case x.Workload != "" && e.Workload(x.Workload) == nil:
			return nil, fmt.Errorf("--until %q: there is no workload %q; the workloads are %s", text, x.Workload, strings.Join(e.Load.Names(), ", "))
		case x.Node != "" && !slices.Contains(e.Cluster.Nodes.Names(), x.Node):
			return nil, fmt.Errorf("--until %q: there is no node %q; the nodes are %s", text, x.Node, strings.Join(e.Cluster.Nodes.Names(), ", "))
		}
		if m, _ := expect.LookupMetric(x.Metric); m.OfFaults() {
			return nil, fmt.Errorf("--until %q: %s is measured from faults, and the steps of a search have none", text, x.Metric)
		}
		all = append(all, x)
	}
	if len(all) == 0 && !e.Workload(n.Workload).Open() {
		return nil, errors.New("--find-max: add what must hold, such as --until 'p99 of " + n.Workload + " < 50ms': without a rate that has to be achieved nothing else gives way")
	}
	return all, nil
}

// searching is a search that goes on.
type searching struct {
	*search.Search
	flags   *runFlags
	runs    *seriesRuns
	name    string // the experiment, as the user named it
	number  spec.Number
	open    bool // the workload has a rate
	reading reading
	others  []string // workloads that warm up, too
	dir     string
	until   []expect.Expectation
	one     func(context.Context, *runner.Plan, runner.Options) (*report.Result, error) // runs a step
}

// executeSearch searches the highest value that holds.
func (f *runFlags) executeSearch(ctx context.Context, name string, plan *series.Plan, stdout, stderr io.Writer) error {
	if len(plan.Variants) > 1 || plan.Rounds > 1 {
		return usageError(errors.New("--find-max searches one experiment, and this file has several; choose one with --variant NAME --rounds 1"))
	}
	if shares := plan.Shares(); len(shares) > 0 {
		return usageError(fmt.Errorf("--find-max: the rate of %[1]s is a share of what it can do; give it a number: add --set load.%[1]s.rate=100/s", shares[0].Workload))
	}
	if err := f.refuseFor("a search makes several: leave it out"); err != nil {
		return err
	}
	e := plan.Plans[0].Experiment
	number, err := e.Number(f.search.path)
	if err != nil {
		return usageError(fmt.Errorf("--find-max: %w", err))
	}
	until, err := f.search.conditions(e, number)
	if err != nil {
		return usageError(err)
	}
	seed := plan.Plans[0].Seed
	if seed == 0 {
		if seed, err = runner.NewSeed(); err != nil {
			return err
		}
	}
	s := &searching{
		flags: f, name: name, number: number, open: e.Workload(number.Workload).Open(), reading: f.reading(ctx), until: until,
		runs: &seriesRuns{flags: f, name: name},
	}
	s.one = s.runs.one
	for i := range e.Load {
		if w := &e.Load[i]; w.Name != number.Workload && !w.Ends() {
			s.others = append(s.others, w.Name)
		}
	}
	s.Search = search.New(search.Search{
		Tool: version(), Command: f.repeatedSearch(name), Experiment: e.Name, Started: time.Now(), Seed: seed, Path: number.Path, Unit: number.Unit(),
		Warmup: f.search.warmup, Span: f.search.span,
	}, number.Workload, until, search.Range{
		Start: number.Value, Least: 1, Most: number.Most, Whole: !number.Rate, Precision: searchPrecision, MostSteps: mostSteps,
	})
	if _, err := s.plan(ctx, number.Value); err != nil { // a mistake shows before anything is made
		return err
	}
	var leave func()
	if s.dir, leave, err = seriesDir(f.out, e.Name); err != nil {
		return usageError(err)
	}
	defer leave()
	if s.runs.show, err = f.display(ctx, e.Name, true, stderr); err != nil {
		return err
	}
	defer s.runs.show.finish(ctx, nil)
	defer s.runs.show.close()
	return s.run(ctx, stdout)
}

// repeatedSearch are the arguments that make the search again, without the seed.
func (f *runFlags) repeatedSearch(name string) []string {
	args := f.repeated(name)
	if args == nil {
		return nil
	}
	args = append(args, "--find-max", f.search.path)
	for _, text := range f.search.until {
		args = append(args, "--until", text)
	}
	return append(args, "--step-warmup", f.search.warmup.String(), "--step-duration", f.search.span.String())
}

// plan is the plan of a step.
func (s *searching) plan(ctx context.Context, value float64) (*runner.Plan, error) {
	span := s.Span
	if s.number.Rate {
		span = search.Span(span, value, s.number.Workload, s.until)
	}
	warmup := "null"
	if s.Warmup > 0 {
		warmup = s.Warmup.String()
	}
	load := fmt.Sprintf("%s: {%s: %s, warmup: %s, duration: null}", s.number.Workload, s.number.Key, s.number.Text(value), warmup)
	for _, other := range s.others {
		load += fmt.Sprintf(", %s: {warmup: %s}", other, warmup)
	}
	r := s.reading
	expected, err := json.Marshal(search.Expectations(s.number.Workload, s.open, s.until)) // which is YAML, too
	if err != nil {
		return nil, err
	}
	r.overlay = fmt.Sprintf("{%s, expect: %s, duration: %s, load: {%s}}", withoutTimeline, expected, s.Warmup+span, load)
	of, err := s.flags.plan(ctx, s.name, r)
	if err != nil {
		return nil, err
	}
	one := *of.Plans[0]
	one.Seed = s.Seed
	if err := enoughFiles(&one); err != nil {
		return nil, usageError(err)
	}
	return &one, nil
}

// run makes the steps, prints what came out, and turns it into an exit code.
func (s *searching) run(ctx context.Context, stdout io.Writer) error {
	show := s.runs.show
	show.above("-- searching the highest " + s.Path + " that holds; results in " + s.dir)
	s.runs.session = runner.NewSession(runner.SessionOptions{EndAtOnce: secondInterrupt(ctx)})
	err := errors.Join(s.steps(ctx), s.runs.session.Close(context.WithoutCancel(ctx), show.send))
	show.close()
	written := s.runs.reports.joined(s.flags.share(s.dir))
	if len(s.Steps) > 0 {
		written = errors.Join(written, writeSearch(stdout, s.Search, s.dir))
	}
	switch {
	case errors.Is(err, runner.ErrLeftBehind):
		return &exitError{exitLeftBehind, fmt.Errorf("pgchaos: %w\nRun 'pgchaos clean' to remove it", errors.Join(err, written))}
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.Join(errors.New("pgchaos: interrupted: the search is not complete"), written)}
	case err != nil && len(s.Steps) > 0: // of the file or the machine, but steps have been made
		return &exitError{exitFailed, fmt.Errorf("pgchaos: the search has ended early: %w", errors.Join(err, written))}
	case errors.Join(err, written) != nil:
		return errors.Join(err, written)
	case !s.Conclusion.Found:
		return verdictError(exitInconclusive)
	}
	return nil
}

// steps makes one step after the other.
func (s *searching) steps(ctx context.Context) error {
	for ctx.Err() == nil {
		value, more := s.Next()
		if !more {
			break
		}
		plan, err := s.plan(ctx, value)
		if err != nil && value > s.number.Value && ctx.Err() == nil {
			s.runs.show.above("-- no greater value is possible: " + firstLine(err))
			held, _ := search.Bounds(s.Trials()) // or no greater value would be tried
			s.Bound(held.Value)
			return s.Write(s.dir)
		}
		if err == nil {
			err = s.step(ctx, plan, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step makes a step. A run that fails is begun once more: a verdict that is bad is no failure.
func (s *searching) step(ctx context.Context, plan *runner.Plan, value float64) error {
	n := len(s.Steps) + 1
	s.runs.show.begin(live.Round{Name: fmt.Sprintf("step %d: %s", n, s.Format(value))})
	name := filepath.Join(stepsDir, fmt.Sprintf("%02d-%s", n, strconv.FormatFloat(value, 'f', -1, 64)))
	result, err := s.one(ctx, plan, runner.Options{Out: filepath.Join(s.dir, name), Tool: version()})
	if err != nil && result != nil && ctx.Err() == nil && !errors.Is(err, runner.ErrLeftBehind) {
		s.runs.show.above(fmt.Sprintf("step %d: it could not be run, and is begun once more: %s", n, firstLine(err)))
		name += "-again"
		result, err = s.one(ctx, plan, runner.Options{Out: filepath.Join(s.dir, name), Tool: version()})
	}
	switch {
	case result == nil:
		return notBegun(ctx, err)
	case err != nil:
		return fmt.Errorf("step %d, at %s: %w", n, s.Format(value), err)
	case result.Interrupted:
		return nil
	}
	s.runs.show.above(stepLine(n, s.Format(value), s.Take(value, name, result)))
	return s.Write(s.dir)
}
