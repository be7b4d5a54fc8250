package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgchaos/compare"
	"pgchaos/compare/trend"
	"pgchaos/report"
	"pgchaos/report/github"
	"pgchaos/report/junit"
	"pgchaos/runner"
	"pgchaos/series"
	"pgchaos/store"
	"pgchaos/store/trends"
)

// nightlyFlags are the flags of `pgchaos nightly`.
type nightlyFlags struct {
	history historyFlags
	run     runFlags
	summary string
	junit   string
	// keepResults is how many directories of an experiment are left below results; 0: all.
	keepResults int
}

func newNightlyCommand() *cobra.Command {
	f := &nightlyFlags{}
	cmd := &cobra.Command{
		Use:   "nightly EXPERIMENT...",
		Short: "Run experiments, keep the results, and say what became worse",
		Long: `Run experiments one after the other, keep each result in a store, and compare it with the nights
before:

  suspect      the last 3 nights are worse than the 20 before: a warning, and the experiment is
               run again at once; both runs count as one night
  regression   the last 5 nights are worse than the 20 before: the job fails. Where the step is
               intended, 'pgchaos history accept' begins the reference anew

The store must be there: 'pgchaos history init' makes one. A run that fails (a lost write in a
mode that promises none) fails the job on the first night.

Exit codes, the first that holds: 5 something was left behind, 130 interrupted, 3 a run failed
or a metric regressed, 1 pgchaos itself failed or the store cannot be read, 2 a cluster was
refused, 4 inconclusive, 0. A wrong command line or experiment file is 2, too: then nothing at
all was run. docs/ci.md explains it.`,
		Example: `  pgchaos history init --store nightly                     once
  pgchaos nightly quorum-kill my.yaml --store nightly
  pgchaos nightly quorum-kill --store nightly --summary summary.md --junit junit.xml
  pgchaos nightly quorum-kill --store nightly --keep-results 7`,
		Args:              arguments(1, 0, experimentArgument),
		ValidArgsFunction: completeExperiment,
		RunE:              f.execute,
	}
	f.history.registerStore(cmd)
	_ = cmd.Flags().SetAnnotation("store", groupAnnotation, []string{groupResult}) // it fails for a flag that is not there
	groupFlags(cmd.Flags(), groupExperiment, func(flags *pflag.FlagSet) {
		flags.Var((*roundsFlag)(&f.run.rounds), "rounds", "run each variant `N` times (default: the file's)")
	})
	groupFlags(cmd.Flags(), groupCluster, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.run.provider, "provider", "", "build the cluster on `PROVIDER`, "+providerWords()+" (default: the file's)")
		registerPrograms(flags, &f.run.pgBin)
		registerRisk(flags, &f.run.risk)
	})
	groupFlags(cmd.Flags(), groupResult, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.summary, "summary", "", "write the summary as Markdown to `FILE`")
		flags.StringVar(&f.junit, "junit", "", "write the summary as JUnit XML to `FILE`")
		flags.Var((*roundsFlag)(&f.keepResults), "keep-results", "leave only the newest `N` directories of nights that are in the store (default: all)")
	})
	f.run.metricsFlags.register(cmd.Flags())
	return cmd
}

func (f *nightlyFlags) execute(cmd *cobra.Command, args []string) (err error) {
	ctx := cmd.Context()
	if err := f.history.check(cmd); err != nil {
		return err
	}
	if slices.Contains(args, stdinName) {
		return usageOf(cmd, errors.New("nightly needs the names of experiments: standard input cannot be read again for a repetition"))
	}
	if err := f.run.checkAddress(); err != nil {
		return err
	}
	f.run.stdin = cmd.InOrStdin()
	n := &night{began: time.Now(), flags: f, stderr: cmd.ErrOrStderr()}
	defer func() {
		if n.store != nil {
			err = errors.Join(err, n.store.Close())
		}
	}()
	plans, err := n.prepare(ctx, args)
	if err != nil {
		// Else the summary of the night before would stand for this one.
		for _, name := range args {
			n.problem(name, "it was not run: "+err.Error())
		}
		return errors.Join(err, n.files(), n.toGitHub(cmd.OutOrStdout()))
	}
	end, err := f.run.serveMetrics(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer end()
	for i, name := range args {
		if n.leftBehind || ctx.Err() != nil {
			n.problem(name, "it was not run: the job ended before it")
			continue
		}
		n.experiment(ctx, name, plans[i])
	}
	return n.end(ctx, cmd.OutOrStdout())
}

// prepare opens the store, and looks at all experiments before the first is run: a typing mistake in the last of them must not
// be found after hours.
func (n *night) prepare(ctx context.Context, names []string) (plans []*series.Plan, err error) {
	f := n.flags
	if n.store, err = store.Existing(ctx, f.history.store); err == nil {
		_, err = n.store.List(ctx, store.Filter{Limit: 1})
	}
	var usage *store.UsageError
	switch {
	case errors.As(err, &usage):
		return nil, usageError(fmt.Errorf("nightly: %w", err))
	case err != nil:
		return nil, err
	}
	n.name, n.list, n.run = n.store.Name(), n.store.List, n.runSeries
	for _, name := range names {
		plan, err := f.run.plan(ctx, name, f.run.reading(ctx))
		if err == nil {
			err = f.run.checkPlan(ctx, plan, n.stderr)
		}
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

// night is one execution of the job.
type night struct {
	store *store.Store // nil: it could not be opened
	// name and list are the store's.
	name string
	list func(ctx context.Context, of store.Filter) ([]store.Kept, error)
	// run runs an experiment once, and returns what was kept of it and the id of its series. An id that it gets is that of the
	// series which its runs are to be of.
	run        func(ctx context.Context, name string, plan *series.Plan, id string) ([]store.Kept, string)
	began      time.Time
	flags      *nightlyFlags
	stderr     io.Writer
	cases      []nightCase
	leftBehind bool
	results    string // the folder that has the directories of the runs; "": there is none yet
}

// problem is something that pgchaos itself could not do.
func (n *night) problem(name, text string) {
	n.cases = append(n.cases, nightCase{Experiment: name, Name: name, Problems: []string{text}})
}

// experiment runs an experiment as a series, and again where a metric is suspect.
func (n *night) experiment(ctx context.Context, name string, plan *series.Plan) {
	kept, id := n.run(ctx, name, plan, "")
	cases := n.judge(ctx, kept, id, declaredIn(plan))
	if suspicious(cases) && ctx.Err() == nil && !n.leftBehind {
		fmt.Fprintf(n.stderr, "pgchaos nightly: %s is suspect, and is run again at once\n", name)
		// The same id makes both one night: what disturbs one of them disturbs the other, too.
		more, _ := n.run(ctx, name, plan, id)
		kept = append(kept, more...)
		cases = n.judge(ctx, kept, id, declaredIn(plan))
	}
	n.cases = append(n.cases, cases...)
	if keep := n.flags.keepResults; keep > 0 && n.results != "" {
		if err := pruneResults(n.results, plan.Plans[0].Experiment.Name, keep); err != nil { // which takes nothing from the verdict
			fmt.Fprintf(n.stderr, "pgchaos nightly: warning: --keep-results: %v\n", err)
		}
	}
}

// runSeries runs the experiment's variants and keeps what was done, also after an interrupt.
func (n *night) runSeries(ctx context.Context, name string, plan *series.Plan, id string) (kept []store.Kept, _ string) {
	dir, unlock, err := seriesDir("", plan.Plans[0].Experiment.Name)
	if err != nil {
		n.problem(name, err.Error())
		return nil, id
	}
	defer unlock()
	n.results = filepath.Dir(dir)
	of := n.flags.run
	show := newProgress(n.stderr, false) // a job's log is lines
	show.several = true
	runs := &seriesRuns{flags: &of, name: name, show: show}
	defer show.close()
	planned := *plan // begin chooses a seed for it
	s, begun, err := runs.begin(ctx, dir, &planned)
	if err != nil {
		n.leftBehind = n.leftBehind || errors.Is(err, runner.ErrLeftBehind)
		n.problem(name, err.Error())
		return nil, id
	}
	if id != "" {
		s.ID = id
	}
	err = runs.perform(ctx, s, begun)
	if runs.discarded && ctx.Err() == nil {
		n.notBegun(name, plan, err)
		return nil, id
	}
	if err != nil && ctx.Err() == nil {
		n.leftBehind = n.leftBehind || errors.Is(err, runner.ErrLeftBehind)
		n.problem(name, err.Error())
	} else if errors.Is(err, runner.ErrLeftBehind) {
		n.leftBehind = true
	}
	inStore := 0
	for i := range s.Runs {
		r := &s.Runs[i]
		label := trends.Name(s.Name, r.Variant, r.Cell)
		switch r.Status {
		case series.Done:
			added, err := n.store.Add(context.WithoutCancel(ctx), s.Path(r))
			if err != nil {
				n.cases = append(n.cases, notKept(label, s.Path(r), r.Verdict, err))
				continue
			}
			kept = append(kept, added.Kept)
			inStore++
		case series.Failed:
			n.problem(label, fmt.Sprintf("it could not be run (%d attempts): %s", r.Attempts, lastOf(r.Errors)))
		case series.Pending:
			n.problem(label, "it was not run: the job ended before it")
		}
	}
	if inStore == len(s.Runs) {
		if err := s.NoteKept(n.store.Name()); err != nil {
			fmt.Fprintf(n.stderr, "pgchaos nightly: warning: %v\n", err)
		}
	}
	return kept, s.ID
}

// notBegun notes an experiment of which nothing was begun: the error says what the user has to mend. Something can be left all the same.
func (n *night) notBegun(name string, plan *series.Plan, err error) {
	n.leftBehind = n.leftBehind || errors.Is(err, runner.ErrLeftBehind)
	n.cases = append(n.cases, nightCase{
		Experiment: name, Name: name, Refused: []string{err.Error()}, met: plan.Plans[0].Experiment.Cluster.Existing != nil,
	})
}

func lastOf(texts []string) string {
	if len(texts) == 0 {
		return "no reason is known"
	}
	return texts[len(texts)-1]
}

// end writes the summaries, and turns the night into an exit code.
func (n *night) end(ctx context.Context, stdout io.Writer) error {
	err := n.write(stdout)
	switch code := n.code(); {
	case n.leftBehind:
		return &exitError{exitLeftBehind, errors.Join(errors.New("pgchaos: something was left behind; run 'pgchaos clean' to remove it"), err)}
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.Join(errors.New("pgchaos: interrupted; what was done is kept in the store"), err)}
	case err != nil && code == exitFail: // which a summary that could not be written must not hide
		return &exitError{code, fmt.Errorf("pgchaos: %w", err)}
	case err != nil:
		return err
	case code != exitPass:
		return verdictError(code)
	}
	return nil
}

// declaredIn are the metrics that the file declares; none: the default family.
func declaredIn(plan *series.Plan) (names []string) {
	for _, m := range plan.Compare.Metrics {
		if name, err := compare.Canonical(m.Metric); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// write writes the files, and the summary for people.
func (n *night) write(stdout io.Writer) error {
	return errors.Join(n.files(), apart(stdout, n.text), n.toGitHub(stdout))
}

// files writes the files that the user has asked for.
func (n *night) files() error {
	var all error
	file := func(path string, write func(io.Writer) error) {
		if path == "" {
			return
		}
		var b bytes.Buffer
		err := write(&b)
		if err == nil {
			err = report.ReplaceFile(filepath.Dir(path), filepath.Base(path), b.Bytes())
		}
		if err != nil {
			all = errors.Join(all, fmt.Errorf("write %s: %w", path, err))
		}
	}
	file(n.flags.summary, n.markdown)
	file(n.flags.junit, func(out io.Writer) error { return junit.Write(out, n.suite()) })
	return all
}

// toGitHub adds the night to the job's summary and annotations.
func (n *night) toGitHub(stdout io.Writer) error {
	if !onGitHub() {
		return nil
	}
	var b bytes.Buffer
	if err := n.markdown(&b); err != nil {
		return err
	}
	if err := appendSummary(b.String(), "# pgchaos, night of "+n.began.Format("2006-01-02")); err != nil {
		return err
	}
	all := suiteAnnotations(n.suite())
	for i := range n.cases {
		if c := &n.cases[i]; c.has(trend.Suspect) {
			all = append(all, github.Annotation{Level: github.Warning, Title: c.Name + ": suspect", Text: strings.Join(c.lines(), "\n")})
		}
	}
	return annotate(stdout, all)
}
