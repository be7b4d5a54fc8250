package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"pgchaos/cluster"
	"pgchaos/internal/redact"
	"pgchaos/runner"
)

// cleanTimeout bounds the removal of one run.
const cleanTimeout = 60 * time.Second

// cleanFlags are the flags of `pgchaos clean`.
type cleanFlags struct {
	kept     bool
	byHand   bool
	provider string
}

func newCleanCommand() *cobra.Command {
	var f cleanFlags
	cmd := &cobra.Command{
		Use:   "clean [RUN...]",
		Short: "Remove the processes, directories and containers that earlier runs left behind",
		Long: `Remove what earlier runs left behind: all processes and files of a run whose pgchaos no
longer runs, and its containers, volumes and networks. Local runs are found by their
directories, and runs on a Docker engine by their labels, never by the names of processes
or containers. A process that works in a run's directory but is not part of the run is left
alone, and named. What the run's steps had changed and its pgchaos could not take back is
taken back first, as its journal (timeline.jsonl) says. Results stay; the passwords in a
result directory are removed with the cluster.

A run that is still going on is never touched. A cluster that was left up with --keep is
removed if you name it, or with --kept. A run that pgchaos on another machine made on the
engine is removed if you name it.

A run is left, and the exit code is 5, as long as something cannot be taken back that would
outlive it: outside of its nodes, or on servers that were there before. Do that by hand, and
name the run with --by-hand: clean then does not try it any more.`,
		Example: `  pgchaos clean                                     what crashed runs left
  pgchaos clean quorum-kill-20261123-064500-3f2a    this one, kept or not
  pgchaos clean --kept                              also all clusters that were left up with --keep
  pgchaos clean --by-hand RUN                       what could not be taken back has been done by hand
  pgchaos clean --provider docker                   only what is on the Docker engine`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.clean(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
		},
	}
	cmd.Flags().BoolVar(&f.kept, "kept", false, "also remove clusters that were left up with --keep")
	cmd.Flags().BoolVar(&f.byHand, "by-hand", false, "of named runs, take back nothing that would outlive them: it is done by hand")
	cmd.Flags().StringVar(&f.provider, "provider", "", "look only for runs of `PROVIDER`, "+providerWords()+" (default: all)")
	return cmd
}

// cleanCommand removes a run, also from another working directory and a shell without our environment.
func cleanCommand(run string) string {
	command := strings.TrimSpace("pgchaos clean " + run)
	dir := os.Getenv(cluster.BaseVariable)
	if dir == "" {
		return command
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if strings.ContainsFunc(dir, func(r rune) bool {
		return !strings.ContainsRune("/._-+@", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		dir = "'" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
	}
	return "PGCHAOS_DIR=" + dir + " " + command
}

// leftovers finds all runs, and where it looked.
func (f *cleanFlags) leftovers(ctx context.Context, stderr io.Writer) (found []cluster.Leftover, where string, err error) {
	if f.provider != "" {
		if _, err := findProvider(f.provider); err != nil {
			return nil, "", err
		}
	}
	var places []string
	for _, k := range providers() {
		if f.provider != "" && f.provider != k.Name {
			continue
		}
		runs, place, err := k.Leftovers(ctx)
		var unreachable *cluster.UnreachableError
		switch {
		case err == nil, f.provider == "" && errors.As(err, &unreachable) && place != "":
			found, places = append(found, runs...), append(places, place)
		case f.provider == "" && unreachable != nil:
			fmt.Fprintf(stderr, "cannot look for runs of the %s provider: %v\n", k.Name, err)
		default:
			return nil, "", err
		}
	}
	if slices.ContainsFunc(found, func(l cluster.Leftover) bool { return l.Borrowed }) {
		usePasswords(ctx)
	}
	return found, strings.Join(places, " and "), nil
}

// why says why a run is left alone unless it is named; "" for no reason.
func (f *cleanFlags) why(l cluster.Leftover) string {
	switch {
	case l.Kept && !f.kept:
		return "left up on purpose (--keep)"
	case l.Elsewhere != "":
		return "made from another machine, " + l.Elsewhere + ", where it may still be running"
	}
	return ""
}

// checkNamed refuses names that no run has.
func (f *cleanFlags) checkNamed(runs []string, left []cluster.Leftover, where string) error {
	if f.byHand && len(runs) == 0 {
		return usageError(errors.New("--by-hand is about runs that you name: pgchaos clean --by-hand RUN"))
	}
	for _, name := range runs {
		if !slices.ContainsFunc(left, func(l cluster.Leftover) bool { return l.Run == name }) {
			return usageError(fmt.Errorf("clean %s: no such run in %s", name, where))
		}
	}
	return nil
}

func (f *cleanFlags) clean(ctx context.Context, stdout, stderr io.Writer, runs []string) error {
	left, where, err := f.leftovers(ctx, stderr)
	if err != nil {
		return err
	}
	if err := f.checkNamed(runs, left, where); err != nil {
		return err
	}
	var errs []error
	for _, l := range left {
		named := slices.Contains(runs, l.Run)
		switch {
		case len(runs) > 0 && !named:
			continue
		case l.Doubt != "" && named:
			errs = append(errs, fmt.Errorf("clean %s: %s", l.Run, l.Doubt))
			continue
		case l.Doubt != "":
			fmt.Fprintln(stdout, l.Doubt)
			continue
		case l.Alive && named:
			errs = append(errs, fmt.Errorf("clean %s: its pgchaos is still running; end that first", l.Run))
			continue
		case l.Alive:
			fmt.Fprintf(stdout, "%s: still running, left alone\n", l.Run)
			continue
		case f.why(l) != "" && !named:
			fmt.Fprintf(stdout, "%s: %s; '%s' removes it\n", l.Run, f.why(l), cleanCommand(l.Run))
			continue
		}
		if err := f.cleanRun(ctx, l, stdout, stderr); errors.Is(err, cluster.ErrClaimed) && !named {
			fmt.Fprintf(stdout, "%s: left alone: %v\n", l.Run, err)
		} else if err != nil {
			errs = append(errs, fmt.Errorf("clean %s: %w", l.Run, err))
		}
	}
	if len(left) == 0 {
		fmt.Fprintf(stdout, "nothing to remove in %s\n", where)
	}
	if err := errors.Join(errs...); err != nil {
		return &exitError{exitLeftBehind, errors.New(hidden(ctx).Text(err.Error()))}
	}
	return nil
}

// cleanRun takes back what a run has changed, and removes the run.
func (f *cleanFlags) cleanRun(ctx context.Context, l cluster.Leftover, stdout, stderr io.Writer) error {
	if l.Claim != nil {
		release, err := l.Claim()
		if err != nil {
			return err
		}
		defer release()
	}
	if err := f.takeBack(ctx, l, stdout, stderr); err != nil {
		return err
	}
	if err := remove(ctx, l); cluster.IsRemark(err) {
		fmt.Fprintf(stderr, "%s: warning: %s\n", l.Run, hidden(ctx).Text(err.Error()))
	} else if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: removed, with %s\n", l.Run, l.What)
	return nil
}

// hidden hides secrets in what commands of a run that failed wrote, as the run did.
func hidden(ctx context.Context) *redact.Redactor {
	password, _ := lookupEnv(ctx, "PGPASSWORD")
	return redact.New(password)
}

// takeBack takes back what the run's steps have changed, while its nodes are there. An error says what would outlive them,
// or why the nodes were not found.
func (f *cleanFlags) takeBack(ctx context.Context, l cluster.Leftover, stdout, stderr io.Writer) error {
	if l.Results == "" {
		return nil
	}
	done, doubt, err := runner.TakeBack(ctx, l, f.byHand)
	if doubt != "" {
		fmt.Fprintf(stderr, "%s: warning: %s\n", l.Run, hidden(ctx).Text(doubt))
	}
	if len(done.Done) > 0 {
		fmt.Fprintf(stdout, "%s: taken back before the removal: %s\n", l.Run, redact.Short(done.Done.String()))
	}
	if len(done.Ends) > 0 {
		fmt.Fprintf(stdout, "%s: left to the removal: %s\n", l.Run, redact.Short(hidden(ctx).Text(strings.Join(done.Ends, ", "))))
	}
	if len(done.ByHand) > 0 {
		fmt.Fprintf(stdout, "%s: done by hand, as you say: %s\n", l.Run, redact.Short(done.ByHand.String()))
	}
	for _, left := range done.Left {
		fmt.Fprintf(stderr, "%s: warning: %s\n", l.Run, hidden(ctx).Text(left))
	}
	if errors.Is(err, runner.ErrNotTakenBack) && !f.byHand {
		err = fmt.Errorf("%w; once you have done it by hand, '%s' removes the run", err, cleanCommand("--by-hand "+l.Run))
	}
	return err
}

// remove removes the passwords first: a clean that is killed halfway can be made again
// only as long as something of the cluster is left to be found.
func remove(ctx context.Context, l cluster.Leftover) error {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	var access error
	if l.Results != "" {
		access = runner.RemoveAccess(l.Results, l.Run)
	}
	return cluster.JoinRemovals(l.Remove(ctx), access)
}
