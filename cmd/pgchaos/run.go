package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgchaos/cluster"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/spec"
	"pgchaos/verdict"
)

// runFlags are the flags of `pgchaos run`.
type runFlags struct {
	experimentFlags
	outputFlags
	out         string
	outIsTheirs bool // the directory --out was there before
	keep        bool
	pgBin       string
	verbose     bool
	mode        string // of the files, in octal
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run an experiment: build a cluster, put load on it, break it, audit it",
		Example: `  pgchaos run quorum-kill                                 a shipped experiment (pgchaos list)
  pgchaos run my.yaml                                     one of yours (pgchaos init)
  generate | pgchaos run -                                one that another program writes
  pgchaos run quorum-kill --set load.writes.rate=2000/s   the same with a value changed
  pgchaos run quorum-kill --keep                          keep the cluster up afterwards
  pgchaos run nightly.yaml --out results/nightly && echo "nothing lost"`,
		Args:              arguments(1, 1, experimentArgument),
		ValidArgsFunction: completeExperiment,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.stdin = cmd.InOrStdin()
			return f.execute(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.experimentFlags.register(cmd.Flags())
	f.outputFlags.register(cmd.Flags())
	groupFlags(cmd.Flags(), groupCluster, func(flags *pflag.FlagSet) {
		flags.BoolVar(&f.keep, "keep", false, "keep the cluster up; the report says how to connect and how to remove it")
		registerPrograms(flags, &f.pgBin)
	})
	groupFlags(cmd.Flags(), groupResult, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.out, "out", "", "write the result to `DIR` (default results/<experiment>-<time>)")
		flags.StringVar(&f.mode, "file-mode", "600", "give the result's files the octal `MODE`; 640 lets the group read them")
	})
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "say in detail what is done to the nodes")
	return cmd
}

func (f *runFlags) execute(ctx context.Context, name string, stdout, stderr io.Writer) error {
	mode, err := fileMode(cmp.Or(f.mode, "600"))
	if err != nil {
		return err
	}
	plan, err := f.plan(ctx, name, func(e *spec.Experiment) []spec.Finding {
		return checkBefore(ctx, f.pgBin, e, func(error) {}) // else later, or the servers' start tells
	})
	if err != nil {
		return err
	}
	if err := enoughFiles(plan); err != nil {
		return usageError(err)
	}
	for _, warning := range plan.Experiment.Warnings() {
		fmt.Fprintf(stderr, "warning: %s\n", warning)
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
	if plan.Seed == 0 {
		if plan.Seed, err = newSeed(); err != nil {
			return err
		}
	}
	files, err := f.open(plan.Seed, f.out)
	if err != nil {
		return err
	}
	result, out, err := f.run(ctx, name, kind, plan, files, stderr)
	err = errors.Join(err, files.close())
	if result == nil { // nothing was begun, and so nothing is left
		return errors.Join(err, files.remove())
	}
	switch {
	case !files.begun: // there is nothing to write
		err = errors.Join(err, files.removeSamples())
	case err != nil && len(files.samples) > 0:
		fmt.Fprintf(stderr, "the samples that were recorded are in %s\n", strings.Join(files.samples, " and "))
		fallthrough
	default:
		err = errors.Join(err, f.write(result))
	}
	return f.finish(result, errors.Join(err, f.share(out, mode)), out, stdout)
}

// run makes the result directory and the machine m, and runs the plan. Without a
// result nothing was begun.
func (f *runFlags) run(ctx context.Context, name string, kind cluster.Kind, plan *runner.Plan, files *outputs, stderr io.Writer) (*report.Result, string, error) {
	begun := time.Now()
	out, err := f.makeOut(plan.Experiment.Name, begun)
	if err != nil {
		return nil, "", err
	}
	id, err := runID(plan.Experiment.Name, begun)
	if err != nil {
		return nil, "", err
	}
	results, err := filepath.Abs(out)
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("name the result directory: %w", err), f.unclaim(out))
	}
	disks := []string{results}
	for _, dir := range kind.Disks {
		disks = append(disks, existing(dir))
	}
	if err := runner.CheckSpace(plan.Size().Ledger, disks...); err != nil {
		return nil, "", usageError(errors.Join(err, f.unclaim(out)))
	}
	m, err := openProvider(ctx, kind, plan.Experiment, cluster.OpenOptions{Run: id, Results: results, BinDir: f.pgBin}, stderr)
	if err != nil {
		err = errors.Join(err, f.unclaim(out))
		if ctx.Err() != nil { // while it pulled an image, perhaps
			err = &exitError{exitInterrupted, fmt.Errorf("pgchaos: interrupted: %w", err)}
		}
		return nil, "", err
	}
	if err := f.checkSettings(ctx, name, m); err != nil {
		return nil, "", errors.Join(err, m.Remove(context.WithoutCancel(ctx)), f.unclaim(out))
	}
	show, later := newProgress(stderr, f.verbose), laterInterrupts(ctx)
	result, err := runner.Run(ctx, plan, runner.Options{
		Run: id, Tool: version(), Command: f.repeated(name), Provider: m.Provider, Bin: m.Bin, Out: out, Keep: f.keep, Disks: kind.Disks,
		Observer: show, Log: show.Logf, Started: files.started, Sample: files.sample(),
		SkipAudit: later.audit, SkipRemoval: later.removal,
	})
	show.close()
	return result, out, err
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
	if f.provider != "" {
		args = append(args, "--provider", f.provider)
	}
	if f.pgBin != "" {
		args = append(args, "--pg-bin", f.pgBin)
	}
	return args
}

// checkSettings reads the experiment once more, and has the provider's own programs check
// its settings. An error is a usage error.
func (f *runFlags) checkSettings(ctx context.Context, name string, m cluster.Opened) error {
	if m.Programs == nil {
		return nil
	}
	_, err := f.plan(ctx, name, func(e *spec.Experiment) []spec.Finding {
		found, err := checkOf(m.Programs).find(ctx, e)
		if err != nil {
			return nil // the servers' start then tells
		}
		return found
	})
	return err
}

// existing is the directory, or the nearest above it that is there.
func existing(dir string) string {
	for !isDirectory(dir) && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
	}
	return dir
}

// finish prints the report and turns the run's end into an exit code.
func (f *runFlags) finish(result *report.Result, failed error, out string, stdout io.Writer) error {
	if err := printReport(stdout, result, out, false); err != nil {
		failed = errors.Join(failed, err)
	}
	if f.keep && len(result.Cluster.Nodes) > 0 {
		fmt.Fprint(stdout, keepText(result, out))
	}
	switch {
	case errors.Is(failed, runner.ErrLeftBehind):
		return &exitError{exitLeftBehind, fmt.Errorf("pgchaos: %w\nRun '%s' to remove it", failed, cleanCommand(result.Run))}
	case result.Interrupted:
		return verdictError(exitInterrupted)
	case failed != nil:
		return failed
	}
	return verdictOf(result)
}

// verdictOf is the exit code of a verdict.
func verdictOf(result *report.Result) error {
	switch result.Verdict {
	case verdict.Pass:
		return nil
	case verdict.Fail:
		return verdictError(exitFail)
	case verdict.Inconclusive:
	}
	return verdictError(exitInconclusive)
}

// makeOut makes the result directory. One that holds a result already is refused:
// nothing is ever overwritten.
func (f *runFlags) makeOut(experiment string, begun time.Time) (string, error) {
	if f.out != "" {
		f.outIsTheirs = isDirectory(f.out)
		if err := os.MkdirAll(f.out, 0o755); err != nil {
			return "", usageError(fmt.Errorf("make the result directory: %w", err))
		}
		err := claim(f.out)
		if errors.Is(err, os.ErrExist) {
			err = fmt.Errorf("--out %s: it holds a result already; name another directory", f.out)
		}
		if err != nil {
			return "", usageError(err)
		}
		return f.out, nil
	}
	base := filepath.Join("results", experiment+"-"+begun.Format("20060102-150405"))
	if err := os.MkdirAll("results", 0o755); err != nil {
		return "", usageError(fmt.Errorf("make the result directory: %w (--out DIR names another)", err))
	}
	for n := 1; ; n++ {
		dir := base
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", base, n)
		}
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			return dir, claim(dir)
		}
		if !errors.Is(err, os.ErrExist) {
			return "", usageError(fmt.Errorf("make the result directory: %w (--out DIR names another)", err))
		}
	}
}

// claim makes an empty result file, which the run then replaces: of two runs that
// are given one directory, the second must not write over the first.
func claim(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, report.FileName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the result file: %w", err)
	}
	return f.Close()
}

// unclaim takes back what makeOut made, where nothing came of the run. A directory that
// was there before stays.
func (f *runFlags) unclaim(dir string) error {
	err := os.Remove(filepath.Join(dir, report.FileName))
	if f.outIsTheirs {
		return err
	}
	return errors.Join(err, os.Remove(dir))
}

// runID names a run: readable, and different from every other's.
func runID(experiment string, begun time.Time) (string, error) {
	var b [2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make the run's id: %w", err)
	}
	return fmt.Sprintf("%s-%s-%s", experiment, begun.Format("20060102-150405"), hex.EncodeToString(b[:])), nil
}

func newSeed() (uint64, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1<<53-1)) // exact in JSON's numbers
	if err != nil {
		return 0, fmt.Errorf("make a seed: %w", err)
	}
	return n.Uint64() + 1, nil
}
