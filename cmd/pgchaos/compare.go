package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pgchaos/compare"
	"pgchaos/compare/tables"
)

// compareFlags are the flags of `pgchaos compare`.
type compareFlags struct {
	format   string
	baseline string
	failOn   string
	store    string
	metrics  []string
	force    bool
	byPhase  bool
}

func newCompareCommand() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare A [B ...]",
		Short: "Compare runs, or the variants of a series",
		Long: `Compare runs: the medians with their 95 % intervals, the ratios to a baseline with theirs, and
a verdict on each declared metric:

  + better     the interval of the change lies wholly beyond the tolerance, on the good side
  - worse      wholly beyond it, on the bad side
  = same       wholly within the tolerance
  ? not known  the runs do not decide it; how many more would, is said where it can be

A and B are result directories, or folders of several results of one kind, or runs in a store:
store:RUN, store:EXPERIMENT or store:EXPERIMENT/VARIANT (its newest runs). A series alone is
compared by its variants; if it has one only, its figures are shown. Of several series, each is a
column, and each variant is compared with the variant of the same name.

Runs that differ in more than what is compared (the host, PostgreSQL's version, a setting, the
load) are refused without --force. Runs that were interrupted, whose load was not sustained, or
whose load generator was the bottleneck are named, and are in no figure.

Exit codes: 0; 2 for runs that must not be compared; with --fail-on worse also 3 where a declared
metric is worse, and 4 where no declared metric of a variant could be compared.`,
		Example: `  pgchaos compare results/sync-modes-20261123-064500            the variants of a series
  pgchaos compare results/before results/after                  two runs: figures, and no verdict
  pgchaos compare before after --fail-on worse                  two folders of at least 4 runs each
  pgchaos compare results/sync-modes-20261123-064500 --format md > table.md
  pgchaos compare results/sync-modes-20261123-064500 --format html > comparison.html`,
		Args:              arguments(1, 0, "a series, or at least two results"),
		ValidArgsFunction: completeResults,
		RunE:              f.run,
	}
	cmd.Flags().StringVar(&f.format, "format", "text", "print in `FORMAT`: "+strings.Join(compareFormats(), ", "))
	cmd.Flags().StringVar(&f.baseline, "baseline", "", "compare with the variant `NAME`; by default the file's baseline, or the first")
	cmd.Flags().StringVar(&f.store, "store", "", "read runs such as store:NAME from the store `DIR-OR-URL`")
	cmd.Flags().StringArrayVar(&f.metrics, "metric", nil, "compare `METRIC`, as expectations name it, instead of the declared ones (repeatable)")
	cmd.Flags().BoolVar(&f.byPhase, "by-phase", false, "show the metrics of each phase and each fault, too")
	cmd.Flags().BoolVar(&f.force, "force", false, "compare runs that differ in more than what is compared")
	cmd.Flags().StringVar(&f.failOn, "fail-on", "", "exit with 3 on `VERDICT`; worse is the only one")
	for name, values := range map[string][]string{"format": compareFormats(), "fail-on": {"worse"}} {
		_ = cmd.RegisterFlagCompletionFunc(name, fixed(values...)) // it fails for a flag that is not there
	}
	return cmd
}

func (f *compareFlags) run(cmd *cobra.Command, args []string) error {
	if !slices.Contains(compareFormats(), f.format) {
		return usageError(unknownWord("format", f.format, compareFormats()))
	}
	if f.failOn != "" && f.failOn != "worse" {
		return usageError(unknownWord("verdict", f.failOn, []string{"worse"}))
	}
	in, err := readCompared(cmd.Context(), f.store, args, f.metrics)
	if err != nil {
		return err
	}
	if f.failOn != "" && len(in.columns) < 2 {
		return usageError(fmt.Errorf("compare: --fail-on needs two variants or more, and %s has one; name another result, as in 'pgchaos compare %s OTHER'", args[0], args[0]))
	}
	if f.baseline != "" {
		in.Baseline = f.baseline
	}
	c, err := compare.Compare(in.columns, in.Options)
	if err != nil {
		return usageError(fmt.Errorf("compare: %w", err))
	}
	if len(c.Differences) > 0 && !f.force {
		return usageError(differentError(c.Differences))
	}
	for _, note := range in.notes {
		fmt.Fprintln(cmd.ErrOrStderr(), "pgchaos compare:", note)
	}
	shown := tables.Options{ByPhase: f.byPhase}
	if len(f.metrics) > 0 {
		shown.Metrics = in.Family.Metrics()
	}
	if err := in.write(cmd.OutOrStdout(), f.format, c, shown); err != nil {
		return err
	}
	if f.failOn == "worse" {
		return failOnWorse(c, cmd.ErrOrStderr())
	}
	return nil
}

// differentError refuses runs that differ in more than what is compared.
func differentError(differences []compare.VariantDifference) error {
	lines := []string{"compare: the runs differ in more than what is compared:"}
	for _, d := range differences {
		lines = append(lines, "  "+d.String())
	}
	return errors.New(strings.Join(append(lines, "Compare runs that were made alike, or add --force: the differences then stand above the figures."), "\n"))
}

// failOnWorse is the exit code of a comparison in a job. Where nothing could be compared, nothing is worse and nothing is shown.
func failOnWorse(c *compare.Comparison, stderr io.Writer) error {
	if c.Worse() {
		return verdictError(exitFail)
	}
	if names := c.NotCompared(); len(names) > 0 {
		fmt.Fprintf(stderr, "pgchaos compare: whether these are worse than %s is not known, because no declared metric could be compared: %s; their caveats say why\n", c.Baseline, strings.Join(names, ", "))
		return verdictError(exitInconclusive)
	}
	return nil
}
