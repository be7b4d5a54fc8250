package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"pgchaos/report"
	"pgchaos/report/text"
	"pgchaos/runner"
)

func newAuditCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "audit DIR",
		Short: "Finish what a killed run left: look its writes up on its cluster",
		Long: `Audit a run whose pgchaos was killed, or broke off, before it could: the cluster that
it left is asked, every node that lets pgchaos in is read, and every write is looked up
that the ledger in the result directory knows. The result is then judged, written, and
reported like any other; what died with the run's pgchaos (latencies, outages) is told,
and makes the verdict inconclusive unless it is fail.

Nothing is started, stopped or configured. The load's last backends are waited for, or
terminated, and a barrier row is written. A node that cannot be reached is named with
what would bring it back; the audit can be made again after that.`,
		Example: `  pgchaos audit results/quorum-kill-20261123-064500
  pgchaos clean                                     remove the cluster afterwards`,
		Args:              arguments(1, 1, "a result directory"),
		ValidArgsFunction: completeResult,
		RunE: func(cmd *cobra.Command, args []string) error {
			return audit(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

func audit(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	run, err := runner.Open(dir)
	if err != nil {
		return usageError(fmt.Errorf("audit %s: %w", dir, err))
	}
	if run.Audited() {
		return usageError(fmt.Errorf("audit %s: the run has audited itself; 'pgchaos report %s' shows what it found", dir, dir))
	}
	left, err := findLeftover(ctx, run, stderr)
	if err != nil {
		return err
	}
	show := newProgress(stderr, false)
	result, err := run.Audit(ctx, runner.AuditOptions{
		Stage:  show.Stage,
		Remedy: func(node string, onlyToRead bool) string { return left.bringBack(node, run.Bin(), onlyToRead) },
	})
	show.close()
	if err != nil {
		if ctx.Err() != nil {
			return &exitError{exitInterrupted, fmt.Errorf("pgchaos: interrupted: %w", err)}
		}
		return err
	}
	if err := printReport(stdout, result, dir, false); err != nil {
		return err
	}
	fmt.Fprint(stdout, keepText(result, dir))
	return verdictOf(result)
}

// findLeftover is what is left of a run that is over.
func findLeftover(ctx context.Context, run *runner.Kept, stderr io.Writer) (leftover, error) {
	f := cleanFlags{provider: run.Provider()}
	all, where, err := f.leftovers(ctx, stderr)
	if err != nil {
		return leftover{}, err
	}
	i := slices.IndexFunc(all, func(l leftover) bool { return l.run == run.Run() })
	switch {
	case i < 0:
		return leftover{}, usageError(fmt.Errorf("read run %s: nothing is left of its cluster in %s, so that no node can be read", run.Run(), where))
	case all[i].doubt != "":
		return leftover{}, usageError(fmt.Errorf("read run %s: %s", run.Run(), all[i].doubt))
	case all[i].alive:
		return leftover{}, usageError(fmt.Errorf("read run %s: its pgchaos is still running, and will do so itself", run.Run()))
	}
	return all[i], nil
}

// printReport prints the short report or the full one; both say where the result is. What cannot be written to
// standard output must not hide the verdict; run reports it.
func printReport(stdout io.Writer, result *report.Result, dir string, full bool) error {
	var lost *outputError
	o := textOptions(stdout, dir)
	o.Full = full
	if err := text.Write(stdout, result, o); err != nil && !errors.As(err, &lost) {
		return err
	}
	return nil
}
