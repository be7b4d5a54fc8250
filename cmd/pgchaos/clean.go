package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pgchaos/cluster/local"
)

// cleanTimeout bounds the removal of one run.
const cleanTimeout = 60 * time.Second

func newCleanCommand() *cobra.Command {
	var kept bool
	cmd := &cobra.Command{
		Use:   "clean [RUN...]",
		Short: "Remove what earlier runs left behind: processes and directories",
		Long: `Remove what earlier runs left behind: every process and every file of a run whose
pgchaos is gone. Runs are found by their directories, never by the names of
processes. A run that is still going on is never touched; a cluster that was left
up with --keep is removed when it is named, or with --kept.`,
		Example: `  pgchaos clean                                     what crashed runs left
  pgchaos clean quorum-kill-20261123-064500-3f2a    this one, kept or not
  pgchaos clean --kept                              all clusters left up with --keep as well`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return clean(cmd.Context(), cmd.OutOrStdout(), args, kept)
		},
	}
	cmd.Flags().BoolVar(&kept, "kept", false, "remove clusters left up with --keep as well")
	return cmd
}

func clean(ctx context.Context, out io.Writer, runs []string, kept bool) error {
	base := local.DefaultBase()
	left, err := local.List(base)
	if err != nil {
		return fmt.Errorf("look for what earlier runs left in %s: %w", base, err)
	}
	for _, name := range runs {
		if !slices.ContainsFunc(left, func(l local.Leftover) bool { return l.Run == name }) {
			return usageError(fmt.Errorf("clean %s: no such run in %s", name, base))
		}
	}
	var errs []error
	for _, l := range left {
		named := slices.Contains(runs, l.Run)
		switch {
		case len(runs) > 0 && !named:
			continue
		case l.Alive && named:
			errs = append(errs, fmt.Errorf("clean %s: its pgchaos is still running; end that first", l.Run))
			continue
		case l.Alive:
			fmt.Fprintf(out, "%s: still running, left alone\n", l.Run)
			continue
		case l.Kept && !named && !kept:
			fmt.Fprintf(out, "%s: left up on purpose (--keep); 'pgchaos clean %s' removes it\n", l.Run, l.Run)
			continue
		}
		if err := cleanOne(ctx, base, l); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(out, "%s: removed, with %d processes\n", l.Run, l.Processes)
	}
	if len(left) == 0 {
		fmt.Fprintln(out, "nothing to remove")
	}
	if err := errors.Join(errs...); err != nil {
		return &exitError{exitLeftBehind, err}
	}
	return nil
}

func cleanOne(ctx context.Context, base string, l local.Leftover) error {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	if err := local.Clean(ctx, base, l.Run); err != nil {
		return fmt.Errorf("clean %s: %w", l.Run, err)
	}
	return nil
}
