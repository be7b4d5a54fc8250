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

	"golang.org/x/sys/unix"

	"pgchaos/internal/units"
	"pgchaos/live"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/search"
	"pgchaos/series"
	"pgchaos/spec"
)

// executeSeries runs the variants of a file.
func (f *runFlags) executeSeries(ctx context.Context, name string, plan *series.Plan, stdout, stderr io.Writer) error {
	if err := f.refuseFor("this experiment is a series of several; choose one with --variant NAME --rounds 1"); err != nil {
		return err
	}
	dir, leave, err := seriesDir(f.out, plan.Plans[0].Experiment.Name)
	if err != nil {
		return usageError(err)
	}
	defer leave()
	show, err := f.display(ctx, plan.Plans[0].Experiment.Name, true, stderr)
	if err != nil {
		return err
	}
	runs := &seriesRuns{flags: f, name: name, show: show}
	defer show.finish(ctx, nil)
	defer show.close()
	s, plan, err := runs.begin(ctx, dir, plan)
	if err != nil {
		return err
	}
	return runs.run(ctx, s, plan, stdout)
}

// refuseFor refuses what is for a single run.
func (f *runFlags) refuseFor(several string) error {
	for _, of := range []struct {
		flag string
		set  bool
	}{
		{"--keep", f.keep}, {"--out-jtl", f.jtl != ""}, {"--out-samples", f.samples != ""}, {"--cpuprofile", f.cpuProfile != ""},
		{"--out-hlog, --out-csv, --out-aggregate and --out-summary", slices.ContainsFunc(f.resultFlags, func(path string) bool { return path != "" })},
	} {
		if of.set {
			return usageError(fmt.Errorf("%s is for a single run, and %s", of.flag, several))
		}
	}
	return nil
}

// seriesDir makes the directory of a series or of a search, and locks it. Leave unlocks it; where nothing was written, the
// directory is gone then, unless it was there before.
func seriesDir(out, experiment string) (dir string, leave func(), err error) {
	dir, theirs := out, false
	if out == "" {
		if dir, err = runner.NewDirectory(experiment, time.Now()); err != nil {
			return "", nil, fmt.Errorf("make the result directory: %w (--out DIR names another)", err)
		}
	} else {
		info, err := os.Stat(out)
		theirs = err == nil && info.IsDir()
		if err := os.MkdirAll(out, 0o755); err != nil {
			return "", nil, fmt.Errorf("make the result directory: %w", err)
		}
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return "", nil, err
	}
	for _, name := range []string{series.FileName, report.FileName, search.FileName, capacityDir, stepsDir} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			unlock()
			return "", nil, fmt.Errorf("--out %s: it holds a result already (%s); name another directory", out, name)
		}
	}
	return dir, func() {
		defer unlock()
		// Each of these fails unless the directory is empty.
		_, _ = os.Remove(filepath.Join(dir, capacityDir)), os.Remove(filepath.Join(dir, stepsDir))
		if !theirs {
			_ = os.Remove(dir)
		}
	}, nil
}

// lockDir keeps other processes from a directory: two that wrote one series would each lose what the other has done. The
// lock ends with the process. It is on the directory itself, so that no file is left. File systems without such locks do without it.
func lockDir(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		_ = d.Close() // it was only read
		return nil, fmt.Errorf("%s: another pgchaos is at work in it; wait until that has ended, or end it", dir)
	}
	return func() { _ = d.Close() }, nil // it was only read
}

// seriesRuns runs a series and shows how it goes.
type seriesRuns struct {
	flags *runFlags
	name  string // the experiment, as the user named it
	show  display
	// session is the cluster that all runs use; nil: each has its own.
	session *runner.Session
	reports unwritten // of all runs
	// fresh: the series was made by begin, and nothing was measured for it. Discarded: it is gone again, because its
	// first run could not begin.
	fresh, discarded bool
}

// begin is a series of which nothing is done. Where rates are a share of what a workload can do, it measures that first.
func (s *seriesRuns) begin(ctx context.Context, dir string, plan *series.Plan) (*series.Series, *series.Plan, error) {
	begun := time.Now()
	var err error
	if plan.Seed == 0 {
		if plan.Seed, err = runner.NewSeed(); err != nil {
			return nil, nil, err
		}
	}
	id, err := runner.NewRunID(plan.Plans[0].Experiment.Name, begun)
	if err != nil {
		return nil, nil, err
	}
	o := series.Options{Out: dir, Tool: version(), Command: s.flags.repeatedAnywhere(s.name)}
	if o.Capacity, err = s.capacity(ctx, dir, plan); err != nil {
		return nil, nil, err
	}
	if len(o.Capacity) > 0 {
		r, seed := s.flags.reading(ctx), plan.Seed
		r.capacity = o.Capacity
		if plan, err = s.flags.plan(ctx, s.name, r); err != nil {
			return nil, nil, err
		}
		plan.Seed = seed
	}
	s.fresh = len(o.Capacity) == 0
	return series.New(plan, id, begun, o), plan, nil
}

// repeatedAnywhere is repeated, for every working directory.
func (f *runFlags) repeatedAnywhere(name string) []string {
	of := *f
	if dir, err := filepath.Abs(of.pgBin); err == nil && of.pgBin != "" {
		of.pgBin = dir
	}
	return of.repeated(wherever(name))
}

// wherever names an experiment so that it is found from every working directory.
func wherever(name string) string {
	if _, err := os.Stat(name); err != nil || name == stdinName {
		return name // a shipped one
	}
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

// goOn says how a series goes on that has runs to do, or why it cannot.
func goOn(all *series.Series) string {
	if len(all.Command) == 0 {
		return "; it cannot go on, because its experiment came from standard input"
	}
	return "; 'pgchaos run --resume " + all.Dir() + "' goes on"
}

// perform does what is left of a series.
func (s *seriesRuns) perform(ctx context.Context, all *series.Series, plan *series.Plan) error {
	s.show.above(fmt.Sprintf("-- %s, about %s; results in %s", units.Count(int64(all.Left()), "run", "runs"), timeLeft(all.TimeLeft(plan)), all.Dir()))
	if all.Reuse {
		s.session = runner.NewSession(runner.SessionOptions{EndAtOnce: secondInterrupt(ctx)})
	}
	err := all.Run(ctx, plan, series.Options{Tool: version(), Run: s.one, Tell: s.tell})
	if s.session != nil {
		err = errors.Join(err, s.session.Close(context.WithoutCancel(ctx), s.show.send))
	}
	s.show.close()
	var usage *runner.UsageError
	if s.fresh && errors.As(err, &usage) && all.Untouched() { // a single run that cannot begin leaves nothing either
		s.discarded = true
		err = errors.Join(err, all.Discard())
	}
	return err
}

// run does what is left of a series, prints what came out, and turns its end into an exit code.
func (s *seriesRuns) run(ctx context.Context, all *series.Series, plan *series.Plan, stdout io.Writer) error {
	err := s.perform(ctx, all, plan)
	if s.discarded {
		return notBegun(ctx, err)
	}
	written := s.reports.joined(s.flags.saveReports(ctx, &reported{dir: all.Dir(), series: all}))
	written = errors.Join(written, saveSeriesPage(ctx, all), s.flags.share(all.Dir()), apart(stdout, func(w io.Writer) error { return writeSeries(ctx, w, all) }), seriesToGitHub(ctx, stdout, all))
	s.show.finish(ctx, &reported{dir: all.Dir(), series: all})
	return endOfSeries(ctx, all, err, written)
}

// endOfSeries turns the end of a series into an exit code. Err is what ended it early, and written that of its files.
func endOfSeries(ctx context.Context, all *series.Series, err, written error) error {
	left := units.Count(int64(all.Left()), "run", "runs") + " to do" + goOn(all)
	switch {
	case errors.Is(err, runner.ErrLeftBehind):
		return &exitError{exitLeftBehind, fmt.Errorf("pgchaos: %w\nRun 'pgchaos clean' to remove it; there is still %s", errors.Join(err, written), left)}
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.Join(errors.New("pgchaos: interrupted with "+left), written)}
	case err != nil && all.Left() > 0: // what the user has to mend, or the disk of the results
		return &exitError{exitFailed, fmt.Errorf("pgchaos: %w\nThe series has ended with %s", errors.Join(err, written), left)}
	case errors.Join(err, written) != nil:
		return errors.Join(err, written)
	}
	return seriesVerdict(all)
}

// one runs one run of the series.
func (s *seriesRuns) one(ctx context.Context, plan *runner.Plan, o runner.Options) (*report.Result, error) {
	kind, err := findProvider(plan.Experiment.Cluster.Provider)
	if err != nil {
		return nil, err
	}
	o.Host, o.Samples = hostName(), s.flags.samplesOf()
	o.BinDir, o.Risk, o.EndAtOnce, o.ViewCPU = s.flags.pgBin, s.flags.risk, secondInterrupt(ctx), s.show.cpu
	if o.Variant != nil {
		o.Command = sameSchedule(s.flags.repeatedOne(s.name, o.Variant), plan)
	}
	run := runner.Run
	if s.session != nil {
		run = s.session.Run
	}
	result, err := run(ctx, plan, s.flags.checkedKind(kind, s.name), s.flags.sinksOf(s.sink(ctx)), o)
	if result != nil {
		s.reports.note(s.flags.saveReports(ctx, &reported{dir: result.Dir, result: result}))
	}
	if err != nil && s.session != nil { // the cluster would not be used again, and its passwords are in a directory that gets another name
		err = errors.Join(err, s.session.Close(context.WithoutCancel(ctx), s.sink(ctx)))
	}
	return result, err
}

// repeatedOne are the arguments that make a run of a series again, by itself.
func (f *runFlags) repeatedOne(name string, v *report.Variant) []string {
	one := *f
	one.rounds = 1
	if v != nil {
		one.variants = nil
		if name := spec.JoinVariant(v.Name, v.Cell); name != "" {
			one.variants = []string{name}
		}
	}
	return one.repeated(name)
}

// sameSchedule adds the seed of a random schedule to the arguments of a run whose own seed is another one, as in a series.
func sameSchedule(args []string, plan *runner.Plan) []string {
	of := plan.Experiment.Schedule
	if args == nil || of == nil || of.Seed == plan.Seed {
		return args
	}
	return append(args, "--set", "random.seed="+strconv.FormatUint(of.Seed, 10))
}

// sink shows what happens in a run, and says at once what an interrupt ends.
func (s *seriesRuns) sink(ctx context.Context) runner.Sink {
	return func(e runner.Event) {
		if noted, ok := e.(runner.Noted); ok && ctx.Err() != nil && !s.flags.verbose {
			s.show.above("-- " + noted.Text)
			return
		}
		s.show.send(e)
	}
}

// tell shows that a run of the series begins or ends.
func (s *seriesRuns) tell(e series.Event) {
	name := e.Name()
	if name != "" {
		name = ": " + name
	}
	r := live.Round{Done: e.Number - 1, Total: e.Total, Left: e.Left}
	if !e.Ended {
		r.Name = e.RoundName() + name
		s.show.begin(r)
		return
	}
	if !e.Again {
		r.Done++
	}
	s.show.begin(r)
	text := fmt.Sprintf("%*d/%d  %s%s: ", len(fmt.Sprint(e.Total)), e.Number, e.Total, e.RoundName(), name)
	switch {
	case e.Error != nil && e.Again:
		text += "could not be run, and is begun once more: " + firstLine(e.Error)
	case e.Error != nil:
		text += "could not be run: " + firstLine(e.Error)
	default:
		text += fmt.Sprintf("%s in %.1f s", e.Verdict, e.Took.Seconds())
	}
	s.show.above(text)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// timeLeft is a time as a person waits for it.
func timeLeft(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
