package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"pgchaos/cluster"
	"pgchaos/report"
	"pgchaos/report/text"
	"pgchaos/runner"
)

func newAuditCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "audit DIR",
		Short: "Audit a run that was killed: look its writes up on its cluster",
		Long: `Audit a run whose pgchaos was killed or failed before its audit. pgchaos reads every node of
the cluster that the run left, and looks up every write of the ledger in the result
directory. It judges the result, writes it and prints the report. The latencies and outages
that the killed pgchaos had measured are lost: without them the verdict is inconclusive,
unless it is fail.

The audit starts, stops and configures nothing. It waits for the load's last backends, or
terminates them, and writes a barrier row. It names each node that it cannot reach, and how
to bring it back. You can repeat the audit after that.`,
		Example: `  pgchaos audit results/quorum-kill-20261123-064500
  pgchaos clean                                     remove the cluster afterwards`,
		Args:              arguments(1, 1, "a result directory"),
		ValidArgsFunction: completeResult,
		RunE: func(cmd *cobra.Command, args []string) error {
			return auditRun(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

func auditRun(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	run, err := runner.Open(dir)
	if err != nil {
		return usageError(fmt.Errorf("audit %s: %w", dir, err))
	}
	if run.Audited() {
		return usageError(fmt.Errorf("audit %s: this run has its audit already; 'pgchaos report %s' prints it", dir, dir))
	}
	left, err := findLeftover(ctx, run, stderr)
	if err != nil {
		return err
	}
	show := newProgress(stderr, false)
	result, err := run.Audit(ctx, runner.AuditOptions{
		Stage: show.stageBegan,
		Remedy: func(node string, onlyToRead bool) string {
			return cmp.Or(left.BringBack(node, run.Bin(), onlyToRead), "nothing is left of it")
		},
	})
	show.close()
	if err != nil {
		if ctx.Err() != nil {
			return &exitError{exitInterrupted, fmt.Errorf("pgchaos: interrupted: %w", err)}
		}
		return err
	}
	if err := errors.Join(printReport(stdout, result, dir, false), (&reported{dir: dir, result: result}).save(context.WithoutCancel(ctx), dir, []reportFormat{pageFormat()})); err != nil {
		return err
	}
	fmt.Fprint(stdout, keepText(result, dir))
	return verdictOf(result)
}

// findLeftover is what is left of a run that is over.
func findLeftover(ctx context.Context, run *runner.AttachedRun, stderr io.Writer) (cluster.Leftover, error) {
	f := cleanFlags{provider: run.Provider()}
	all, where, err := f.leftovers(ctx, stderr)
	if err != nil {
		return cluster.Leftover{}, err
	}
	i := slices.IndexFunc(all, func(l cluster.Leftover) bool { return l.Run == run.ClusterRun() })
	switch {
	case i < 0:
		return cluster.Leftover{}, usageError(fmt.Errorf("audit run %s: no node can be read, because nothing is left of its cluster in %s", run.ClusterRun(), where))
	case all[i].Doubt != "":
		return cluster.Leftover{}, usageError(fmt.Errorf("audit run %s: %s", run.ClusterRun(), all[i].Doubt))
	case all[i].Alive:
		return cluster.Leftover{}, usageError(fmt.Errorf("audit run %s: its pgchaos is still running, and will audit it", run.ClusterRun()))
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
