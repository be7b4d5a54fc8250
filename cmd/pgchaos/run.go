package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgchaos/cluster"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/series"
	"pgchaos/spec"
)

// runFlags are the flags of `pgchaos run`.
type runFlags struct {
	experimentFlags
	outputFlags
	metricsFlags
	out     string
	keep    bool
	risk    bool // a cluster that was there before may break
	pgBin   string
	verbose bool
	noView  bool   // no view of the whole terminal
	web     string // the address of the page; "": there is none
	mode    string // of the files, in octal
	resumed string // the directory of the series that goes on
	search  searchFlags
	shrink  shrinkFlags
}

func newRunCommand() *cobra.Command { return (&runFlags{}).command() }

func (f *runFlags) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run an experiment: build a cluster, put load on it, break it, audit it",
		Example: `  pgchaos run quorum-kill                                 a shipped experiment (pgchaos list)
  pgchaos run my.yaml                                     one of yours (pgchaos init)
  generate | pgchaos run -                                one that another program writes
  pgchaos run quorum-kill --set load.writes.rate=2000/s   the same with a value changed
  pgchaos run quorum-kill --keep                          keep the cluster up afterwards
  pgchaos run quorum-kill --rounds 6                      a series of six runs
  pgchaos run --resume results/quorum-kill-TIME           go on with a series that was interrupted
  pgchaos run my.yaml --metrics 127.0.0.1:9187            with metrics for Prometheus (docs/monitoring.md)
  pgchaos run my.yaml --find-max load.writes.rate --until 'p99 of writes < 50ms'
  pgchaos run nemesis --shrink                            search the fewest steps that still fail
  pgchaos run nightly.yaml --out results/nightly && echo "nothing lost"`,
		Args:              arguments(0, 1, ""),
		ValidArgsFunction: completeExperiment,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.stdin = cmd.InOrStdin()
			if err := f.search.check(cmd.Flags()); err != nil {
				return usageOf(cmd, err)
			}
			if err := f.shrink.check(cmd.Flags()); err != nil {
				return usageOf(cmd, err)
			}
			switch {
			case f.resumed != "" && f.search.path != "":
				return usageOf(cmd, errors.New("--resume DIR goes on with a series, and a search cannot go on: leave --find-max out"))
			case f.resumed != "" && len(args) > 0:
				return usageOf(cmd, errors.New("--resume DIR goes on with what the series was begun with: name no experiment"))
			case f.resumed != "" && notForResume(cmd.Flags()) != "":
				return usageOf(cmd, fmt.Errorf("--resume DIR goes on with what the series was begun with: leave --%s out", notForResume(cmd.Flags())))
			case f.resumed != "":
				return f.resume(cmd.Context(), f.resumed, cmd.OutOrStdout(), cmd.ErrOrStderr())
			case len(args) == 0:
				return arguments(1, 1, experimentArgument)(cmd, args)
			}
			return f.execute(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.experimentFlags.register(cmd.Flags())
	f.outputFlags.register(cmd.Flags())
	f.metricsFlags.register(cmd.Flags())
	f.search.register(cmd.Flags())
	f.shrink.register(cmd.Flags())
	groupFlags(cmd.Flags(), groupCluster, func(flags *pflag.FlagSet) {
		flags.BoolVar(&f.keep, "keep", false, "keep the cluster up; the report says how to connect and how to remove it")
		registerPrograms(flags, &f.pgBin)
		registerRisk(flags, &f.risk)
	})
	groupFlags(cmd.Flags(), groupResult, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.out, "out", "", "write the result to `DIR` (default results/<experiment>-<time>)")
		flags.StringVar(&f.resumed, "resume", "", "go on with the series in `DIR` that was interrupted or killed")
		flags.StringVar(&f.mode, "file-mode", "600", "give the result's files the octal `MODE`; 640 lets the group read them")
	})
	groupFlags(cmd.Flags(), groupRunning, func(flags *pflag.FlagSet) {
		flags.BoolVarP(&f.verbose, "verbose", "v", false, "say in detail what is done to the nodes")
		flags.StringVar(&f.web, "web", "", "serve the run as a page at `HOST:PORT`, such as 127.0.0.1:8080")
		flags.BoolVar(&f.noView, "no-tui", false, "show lines instead of the view that takes the whole terminal")
	})
	return cmd
}

func (f *runFlags) execute(ctx context.Context, name string, stdout, stderr io.Writer) error {
	if _, err := f.sharedMode(); err != nil {
		return err
	}
	if err := f.checkAddress(); err != nil {
		return err
	}
	if err := f.chooseFormats(); err != nil {
		return err
	}
	plan, err := f.plan(ctx, name, f.reading(ctx))
	if err != nil {
		return err
	}
	if err := f.checkPlan(ctx, plan, stderr); err != nil {
		return err
	}
	end, err := f.serveMetrics(stderr)
	if err != nil {
		return err
	}
	defer end()
	if f.search.path != "" {
		return f.executeSearch(ctx, name, plan, stdout, stderr)
	}
	if f.shrink.on {
		return f.executeShrink(ctx, name, plan, stdout, stderr)
	}
	if plan.Several {
		return f.executeSeries(ctx, name, plan, stdout, stderr)
	}
	_, err = f.runOne(ctx, name, plan.Plans[0], stdout, stderr)
	return err
}

// chooseFormats reads --report, before anything is started.
func (f *runFlags) chooseFormats() (err error) {
	if f.reports == "" {
		return nil
	}
	if f.formats, err = chosenFormats(f.reports); err != nil {
		return usageError(fmt.Errorf("--report: %w", err))
	}
	return nil
}

// saveReports writes the formats of --report beside the result, and the page of every run. An interrupt does not keep it from that.
func (f *runFlags) saveReports(ctx context.Context, of *reported) error {
	if of.dir == "" { // the run has no directory
		return nil
	}
	formats := f.formats
	if of.result != nil && !slices.ContainsFunc(formats, func(one reportFormat) bool { return one.name == formatHTML }) {
		formats = append([]reportFormat{pageFormat()}, formats...)
	}
	return of.save(context.WithoutCancel(ctx), of.dir, formats)
}

// reading checks the settings before the run, where the server's programs are at hand.
func (f *runFlags) reading(ctx context.Context) reading {
	return reading{check: oncePerSettings(func(e *spec.Experiment) []spec.Finding {
		return checkBefore(ctx, f.pgBin, e, func(error) {}) // else later, or the servers' start tells
	})}
}

// checkPlan looks for what would keep the runs from beginning, and shows the warnings.
func (f *runFlags) checkPlan(ctx context.Context, p *series.Plan, stderr io.Writer) error {
	for _, plan := range p.Plans {
		if err := enoughFiles(plan); err != nil {
			return usageError(err)
		}
		kind, err := findProvider(plan.Experiment.Cluster.Provider)
		if err != nil {
			return err
		}
		if kind.Programs != nil {
			if err := checkPrograms(ctx, f.pgBin); err != nil {
				return err
			}
		}
	}
	for _, warning := range p.Warnings() {
		fmt.Fprintf(stderr, "warning: %s\n", warning)
	}
	return nil
}

// runOne runs the only experiment of a file, prints the report, and turns the run's end into an exit code. The result is nil where nothing was begun.
func (f *runFlags) runOne(ctx context.Context, name string, plan *runner.Plan, stdout, stderr io.Writer) (*report.Result, error) {
	kind, err := findProvider(plan.Experiment.Cluster.Provider)
	if err != nil {
		return nil, err
	}
	files, err := f.open(f.out)
	if err != nil {
		return nil, err
	}
	show, err := f.display(ctx, plan.Experiment.Name, false, stderr)
	if err != nil {
		return nil, errors.Join(err, files.close(), files.remove())
	}
	defer show.finish(ctx, nil)
	defer show.close() // also in a panic
	result, err := runner.Run(ctx, plan, f.checkedKind(kind, name), f.sinksOf(show.send, files.send), runner.Options{
		Out: f.out, BinDir: f.pgBin, Keep: f.keep, Risk: f.risk, Tool: version(), Host: hostName(), Command: f.repeated(name), Samples: f.samplesOf(files.forSamples()...),
		EndAtOnce: secondInterrupt(ctx), ViewCPU: show.cpu,
	})
	show.close()
	if result == nil { // nothing was begun, and so nothing is left
		return nil, errors.Join(notBegun(ctx, err), files.close(), files.remove())
	}
	written := files.close()
	switch {
	case !files.begun: // there is nothing to write
		written = errors.Join(written, files.removeSamples())
	case errors.Join(err, written) != nil && len(files.samples) > 0:
		fmt.Fprintf(stderr, "the samples that were recorded are in %s\n", strings.Join(files.samples, " and "))
		fallthrough
	default:
		written = errors.Join(written, f.write(result))
	}
	written = errors.Join(written, f.saveReports(ctx, &reported{dir: result.Dir, result: result}))
	err = f.finish(ctx, result, err, errors.Join(written, f.share(result.Dir)), stdout)
	show.finish(ctx, &reported{dir: result.Dir, result: result})
	return result, err
}

// display shows the runs of an experiment as they go on.
func (f *runFlags) display(ctx context.Context, name string, several bool, stderr io.Writer) (display, error) {
	o := displayOptions{
		stdin: f.stdin, stderr: stderr, name: name, verbose: f.verbose, several: several, noView: f.noView, second: secondInterrupt(ctx),
	}
	if f.web == "" {
		return newDisplay(o), nil
	}
	return serve(o, f.web)
}

// notBegun gives the error of a run that did not begin its exit code.
func notBegun(ctx context.Context, err error) error {
	var (
		usage *runner.UsageError
		exit  *exitError
	)
	switch {
	case errors.As(err, &exit):
		return err
	case ctx.Err() != nil: // while it pulled an image, perhaps
		return &exitError{exitInterrupted, fmt.Errorf("pgchaos: interrupted: %w", err)}
	case errors.As(err, &usage):
		return usageError(err)
	}
	return err
}

// checkedKind is a provider whose programs check the experiment's settings when it has been opened,
// where they are not at hand before.
func (f *runFlags) checkedKind(kind cluster.Kind, name string) cluster.Kind {
	open := kind.Open
	kind.Open = func(ctx context.Context, o cluster.OpenOptions) (cluster.Opened, error) {
		m, err := open(ctx, o)
		if err != nil {
			return m, err
		}
		if err := f.checkSettings(ctx, name, m); err != nil {
			return cluster.Opened{}, errors.Join(err, m.Remove(context.WithoutCancel(ctx)))
		}
		return m, nil
	}
	return kind
}

// repeated are the arguments that run the experiment again, without the seed.
func (f *runFlags) repeated(name string) []string {
	if name == "-" {
		return nil // what stood on standard input is gone
	}
	args := []string{"run", name}
	for _, set := range f.set {
		args = append(args, "--set", set)
	}
	for _, variant := range f.variants {
		args = append(args, "--variant", variant)
	}
	if len(f.modes) > 0 {
		args = append(args, "--sync-mode", strings.Join(f.modes, ","))
	}
	if f.rounds != 0 {
		args = append(args, "--rounds", strconv.Itoa(f.rounds))
	}
	if f.provider != "" {
		args = append(args, "--provider", f.provider)
	}
	if f.pgBin != "" {
		args = append(args, "--pg-bin", f.pgBin)
	}
	if f.risk {
		args = append(args, "--"+riskFlag)
	}
	return args
}

// checkSettings reads the experiment once more, and has the provider's own programs check
// its settings. An error is a usage error.
func (f *runFlags) checkSettings(ctx context.Context, name string, m cluster.Opened) error {
	if m.Programs == nil {
		return nil
	}
	_, err := f.plan(ctx, name, reading{check: oncePerSettings(func(e *spec.Experiment) []spec.Finding {
		found, err := checkOf(m.Programs).find(ctx, e)
		if err != nil {
			return nil // the servers' start then tells
		}
		return found
	})})
	return err
}

// finish prints the report and turns the run's end into an exit code. A run that was interrupted has the code for that, also
// where the verdict was known before, and only the removal of its cluster was under way. Failed is the run's own
// error, which an interrupt may have caused, and written that of the files that are made of its result.
func (f *runFlags) finish(ctx context.Context, result *report.Result, failed, written error, stdout io.Writer) error {
	written = errors.Join(written, apart(stdout, func(w io.Writer) error { return printReport(w, result, result.Dir, false) }), reportToGitHub(stdout, result))
	failed = errors.Join(failed, written)
	if f.keep && len(result.Cluster.Nodes) > 0 {
		fmt.Fprint(stdout, keepText(result, result.Dir))
	}
	switch {
	case errors.Is(failed, runner.ErrLeftBehind):
		return &exitError{exitLeftBehind, fmt.Errorf("pgchaos: %w\nRun '%s' to remove it", failed, cleanCommand(result.ClusterRun()))}
	case (result.Interrupted || ctx.Err() != nil) && written != nil:
		return &exitError{exitInterrupted, fmt.Errorf("pgchaos: interrupted: %w", written)}
	case result.Interrupted, ctx.Err() != nil:
		return verdictError(exitInterrupted)
	case failed != nil:
		return failed
	}
	return verdictOf(result)
}

// verdictOf says the verdict by the exit code.
func verdictOf(result *report.Result) error {
	if code := result.Verdict.ExitCode(); code != exitPass {
		return verdictError(code)
	}
	return nil
}

// hostVariable names this machine in results. Runs of machines with different names are not compared, and a runner of a CI
// system may have another host name every night.
const hostVariable = "PGCHAOS_HOST"

// hostName is what results call this machine; "": its host name.
func hostName() string { return os.Getenv(hostVariable) }
