package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pgchaos/internal/units"
	"pgchaos/report"
	"pgchaos/series"
	"pgchaos/store"
)

func newHistoryInitCommand() *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a store",
		Long: `Make a store, or the directory of this machine for a store in PostgreSQL. One that is there stays
as it is. 'pgchaos nightly' makes none: a misspelt name, or a disk that is not mounted, would begin
an empty history every night, in which nothing ever becomes worse.`,
		Example: `  pgchaos history init --store nightly
  pgchaos history init --store 'postgres://pgchaos@db/history?files=/srv/pgchaos'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			s, made, err := f.openOrMake(cmd.Context())
			if err != nil {
				return err
			}
			text := "the store " + s.Name() + " is there already"
			if made {
				text = "made the store " + s.Name()
			}
			fmt.Fprintln(cmd.OutOrStdout(), text)
			return s.Close()
		},
	}
	f.registerStore(cmd)
	return cmd
}

func newHistoryAddCommand() *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "add DIR...",
		Short: "Keep results in a store, which is made if it is not there",
		Long: `Keep results in a store, which is made if it is not there. DIR is a result directory, or that of
a series, of which all finished runs are added. Adding the same directory again changes nothing.`,
		Example: `  pgchaos history add results/quorum-kill-20261123-064500-3f2a --store nightly
  pgchaos history add results/* --store 'postgres://pgchaos@db/history?files=/srv/pgchaos'`,
		Args:              arguments(1, 0, "a result directory"),
		ValidArgsFunction: completeResults,
		RunE:              f.add,
	}
	f.registerStore(cmd)
	return cmd
}

func (f *historyFlags) add(cmd *cobra.Command, args []string) (err error) {
	if err := f.check(cmd); err != nil {
		return err
	}
	var dirs []string
	for _, arg := range args {
		found, err := resultsIn(arg)
		if err != nil {
			return usageError(fmt.Errorf("history add: %w", err))
		}
		dirs = append(dirs, found...)
	}
	s, made, err := f.openOrMake(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if made {
		fmt.Fprintf(cmd.OutOrStdout(), "made the store %s\n", s.Name())
	}
	var errs []error
	for _, dir := range dirs {
		added, err := s.Add(cmd.Context(), dir)
		switch {
		case err != nil:
			errs = append(errs, err)
		case added.Known:
			fmt.Fprintf(cmd.OutOrStdout(), "%s: the store has it already\n", added.ID)
		default:
			fmt.Fprintf(cmd.OutOrStdout(), "%s: added\n", added.ID)
		}
		if cmd.Context().Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// resultsIn are the directories of the runs that an argument names: itself, or the finished runs of a series.
func resultsIn(dir string) ([]string, error) {
	if _, err := os.Lstat(filepath.Join(dir, report.FileName)); err == nil {
		return []string{dir}, nil
	}
	of, err := series.Read(dir)
	if errors.Is(err, series.ErrNone) {
		return nil, fmt.Errorf("%s is no result directory, and no series: there is no %s and no %s", dir, report.FileName, series.FileName)
	}
	if err != nil {
		return nil, err
	}
	var dirs []string
	for i := range of.Runs {
		if of.Runs[i].Status == series.Done {
			dirs = append(dirs, of.Path(&of.Runs[i]))
		}
	}
	if len(dirs) == 0 {
		return nil, fmt.Errorf("no run of the series %s has finished", dir)
	}
	return dirs, nil
}

func newHistoryAcceptCommand() *cobra.Command {
	var (
		f    historyFlags
		why  string
		undo bool
	)
	cmd := &cobra.Command{
		Use:   "accept RUN... --why TEXT",
		Short: "Say that a change which begins with a run is intended",
		Long: `Say that a change which begins with a run is intended: the runs before it are no longer what
later nights are compared with. It counts for the run's own history: its experiment, variant,
combination and fingerprint. An accepted run is never pruned.`,
		Example: `  pgchaos history accept quorum-kill-20261123-064500-3f2a --why 'checksums are on' --store nightly
  pgchaos history accept quorum-kill-20261123-064500-3f2a --undo --store nightly`,
		Args:              arguments(1, 0, "the id of a run, as 'pgchaos history list' prints it"),
		ValidArgsFunction: f.completeRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if why = strings.TrimSpace(why); why == "" && !undo {
				return usageOf(cmd, fmt.Errorf("%s needs --why: the reason, for those who read the history later", cmd.CommandPath()))
			}
			return f.mark(cmd, args, "accepted", undo, func(ctx context.Context, s *store.Store, run string) error {
				if undo {
					return s.Unaccept(ctx, run)
				}
				return s.Accept(ctx, run, userName(), why)
			})
		},
	}
	f.registerStore(cmd)
	cmd.Flags().StringVar(&why, "why", "", "keep `TEXT` as the reason")
	cmd.Flags().BoolVar(&undo, "undo", false, "take the acceptance back")
	return cmd
}

func newHistoryBaselineCommand() *cobra.Command {
	var (
		f    historyFlags
		why  string
		undo bool
	)
	cmd := &cobra.Command{
		Use:   "baseline RUN...",
		Short: "Pin runs: 'pgchaos compare store:EXPERIMENT' then takes the pinned ones",
		Long: `Pin runs: 'pgchaos compare store:EXPERIMENT' takes the pinned runs of the experiment instead of
its newest ones. A pinned run is never pruned.`,
		Example: `  pgchaos history baseline quorum-kill-20261123-064500-3f2a --store nightly
  pgchaos history baseline quorum-kill-20261123-064500-3f2a --undo --store nightly`,
		Args:              arguments(1, 0, "the id of a run, as 'pgchaos history list' prints it"),
		ValidArgsFunction: f.completeRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.mark(cmd, args, "a baseline", undo, func(ctx context.Context, s *store.Store, run string) error {
				if undo {
					return s.UnsetBaseline(ctx, run)
				}
				return s.SetBaseline(ctx, run, userName(), strings.TrimSpace(why))
			})
		},
	}
	f.registerStore(cmd)
	cmd.Flags().StringVar(&why, "why", "", "keep `TEXT` as the reason")
	cmd.Flags().BoolVar(&undo, "undo", false, "take the pin away")
	return cmd
}

// mark marks runs. All of them must be there before one is marked.
func (f *historyFlags) mark(cmd *cobra.Command, runs []string, what string, undo bool, mark func(ctx context.Context, s *store.Store, run string) error) error {
	return f.with(cmd, func(ctx context.Context, s *store.Store) error {
		for _, run := range runs {
			if _, err := s.Get(ctx, run); err != nil {
				return err
			}
		}
		is := "is"
		if undo {
			is = "is no longer"
		}
		for _, run := range runs {
			if err := mark(ctx, s, run); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s %s\n", run, is, what)
		}
		return nil
	})
}

// userName is whose decision a mark is.
func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return fmt.Sprintf("user %d", os.Getuid()) // a container may have no name for it
}

func newHistoryPruneCommand() *cobra.Command {
	var (
		f      historyFlags
		keep   uint
		older  string
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "prune --keep N | --older-than AGE",
		Short: "Remove old runs and their files from a store",
		Long: `Remove old runs and their files from a store. With both rules a run must match both. Accepted runs
and pinned baselines stay. A history is the runs of one experiment, variant, combination of the
matrix and fingerprint; warm-up rounds have histories of their own.`,
		Example: `  pgchaos history prune --keep 100 --dry-run --store nightly            what would be removed
  pgchaos history prune --keep 100 --store nightly                      leave the newest 100 of each history
  pgchaos history prune --older-than 365d --keep 20 --store nightly`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := store.PruneOptions{Of: f.filter(cmd), Keep: int(min(keep, 1<<30)), DryRun: dryRun}
			if cmd.Flags().Changed("older-than") {
				limit, err := units.Ago(older)
				if err != nil {
					return usageOf(cmd, fmt.Errorf("--older-than %s: %w", older, err))
				}
				o.Before = time.Now().Add(-limit)
			}
			if o.Keep == 0 && o.Before.IsZero() {
				return usageOf(cmd, fmt.Errorf("%s needs --keep N, 1 or more, or --older-than AGE", cmd.CommandPath()))
			}
			return f.with(cmd, func(ctx context.Context, s *store.Store) error { return f.prune(ctx, cmd, s, o) })
		},
	}
	f.registerStore(cmd)
	f.registerFilter(cmd)
	cmd.Flags().UintVar(&keep, "keep", 0, "leave the newest `N` runs of each history")
	cmd.Flags().StringVar(&older, "older-than", "", "remove only runs that began longer ago than `AGE`: 90d or 36h")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "remove nothing; show what would be removed")
	f.registerFormat(cmd)
	return cmd
}

// prunedJSON is what `history prune` prints as JSON.
type prunedJSON struct {
	Schema  string   `json:"schema"`
	Store   string   `json:"store"`
	DryRun  bool     `json:"dry_run"`
	Removed []string `json:"removed"`
	// Marked would have been removed, but are accepted or pinned.
	Marked []string `json:"marked"`
	Left   int      `json:"left"`
}

func (f *historyFlags) prune(ctx context.Context, cmd *cobra.Command, s *store.Store, o store.PruneOptions) error {
	done, err := s.Prune(ctx, o) // of what it had removed before an error, it still says so
	if f.format == formatJSON {
		content := prunedJSON{Schema: "pgchaos.pruned/1", Store: s.Name(), DryRun: o.DryRun, Removed: []string{}, Marked: []string{}, Left: done.Left}
		for i := range done.Removed {
			content.Removed = append(content.Removed, done.Removed[i].ID)
		}
		for i := range done.Marked {
			content.Marked = append(content.Marked, done.Marked[i].ID)
		}
		return errors.Join(err, writeJSON(cmd.OutOrStdout(), content))
	}
	out, word := cmd.OutOrStdout(), "removed"
	if o.DryRun {
		word = "would be removed"
	}
	var bytes int64
	for i := range done.Removed {
		k := &done.Removed[i]
		bytes += k.Bytes
		fmt.Fprintf(out, "%s of %s: %s\n", k.ID, started8601(k.Started), word)
	}
	for i := range done.Marked {
		k := &done.Marked[i]
		fmt.Fprintf(out, "%s of %s: stays; %s\n", k.ID, started8601(k.Started), strings.Join(k.Notes(), "; "))
	}
	if err == nil {
		fmt.Fprintf(out, "%s (%s) %s; %s left\n", units.Count(int64(len(done.Removed)), "run", "runs"), units.Bytes(uint64(max(bytes, 0))), word,
			units.Count(int64(done.Left), "run is", "runs are"))
	}
	return err
}

func newHistoryRebuildCommand() *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make the database of a store again from the kept result directories",
		Long: `Make the database of a store again from the kept result directories, with what was accepted and
pinned. A damaged file of SQLite stays beside the new one, as history.db.old. In PostgreSQL only
the runs whose files are on this machine are written again. A directory whose files were changed
since is named, left out, and makes the exit code 1.`,
		Example: `  pgchaos history rebuild --store nightly`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			done, err := store.Rebuild(cmd.Context(), f.store)
			if err != nil {
				return historyError(err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "the database of the store %s has %s from the kept result directories\n", done.Store, units.Count(int64(done.Runs), "run", "runs"))
			if done.Elsewhere > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%s left as before: no files on this machine\n", units.Count(int64(done.Elsewhere), "other run is", "other runs are"))
			}
			if len(done.Problems) > 0 {
				return fmt.Errorf("these results are not in the database:\n%w", errors.Join(done.Problems...))
			}
			return nil
		},
	}
	f.registerStore(cmd)
	return cmd
}
