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

	"pgchaos/cluster/docker"
	"pgchaos/cluster/local"
	"pgchaos/internal/redact"
	"pgchaos/runner"
)

// cleanTimeout bounds the removal of one run.
const cleanTimeout = 60 * time.Second

// cleanFlags are the flags of `pgchaos clean`.
type cleanFlags struct {
	kept     bool
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
engine is removed if you name it.`,
		Example: `  pgchaos clean                                     what crashed runs left
  pgchaos clean quorum-kill-20261123-064500-3f2a    this one, kept or not
  pgchaos clean --kept                              also all clusters that were left up with --keep
  pgchaos clean --provider docker                   only what is on the Docker engine`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.clean(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
		},
	}
	cmd.Flags().BoolVar(&f.kept, "kept", false, "also remove clusters that were left up with --keep")
	cmd.Flags().StringVar(&f.provider, "provider", "", "look only for runs of `PROVIDER`, local or docker (default: both)")
	return cmd
}

// cleanCommand removes a run, also from another working directory and a shell without our environment.
func cleanCommand(run string) string {
	command := strings.TrimSpace("pgchaos clean " + run)
	dir := os.Getenv("PGCHAOS_DIR")
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

// leftover is a run that some provider found.
type leftover struct {
	run   string
	doubt string // why it may be no run at all, and is never touched
	alive bool   // its pgchaos runs
	leave string // why it is left alone unless it is named; "" for no reason
	what  string // what goes with it
	// results is its result directory on this machine, where what leads to the cluster is
	// removed too; "" where that is not known.
	results string
	// nodes finds its nodes, to take back what was done to them.
	nodes  func(context.Context) (runner.LeftNodes, error)
	remove func(context.Context) error
	// bringBack says how to get a node to answer again; onlyToRead, without letting it
	// accept writes. Bin is where the server's programs are.
	bringBack func(node, bin string, onlyToRead bool) string
}

// nothingLeft is said of a node that cannot be brought back.
const nothingLeft = "nothing is left of it"

// leftovers finds all runs, and where it looked.
func (f *cleanFlags) leftovers(ctx context.Context, stderr io.Writer) (found []leftover, where string, err error) {
	if f.provider != "" {
		if _, err := findProvider(f.provider); err != nil {
			return nil, "", err
		}
	}
	var places []string
	if f.provider != "docker" {
		base, err := filepath.Abs(local.DefaultBase())
		if err != nil {
			return nil, "", err
		}
		runs, err := f.local(base)
		if err != nil {
			return nil, "", err
		}
		found, places = append(found, runs...), append(places, base)
	}
	if f.provider != "local" {
		runs, engine, err := f.docker(ctx)
		switch {
		case err == nil:
			found, places = append(found, runs...), append(places, "the engine at "+engine)
		case f.provider == "docker":
			return nil, "", err
		case errors.Is(err, docker.ErrNoEngine): // most machines have none
			places = append(places, "no Docker engine, since none answers")
		default:
			fmt.Fprintln(stderr, "cannot look for runs on the Docker engine:", err)
		}
	}
	return found, strings.Join(places, " and "), nil
}

func (f *cleanFlags) local(base string) (found []leftover, err error) {
	runs, err := local.List(base)
	if err != nil {
		return nil, fmt.Errorf("look for what earlier runs left in %s: %w", base, err)
	}
	for _, l := range runs {
		if l.Doubt != "" {
			found = append(found, leftover{run: l.Run, doubt: l.Doubt})
			continue
		}
		one := leftover{
			run: l.Run, alive: l.Alive, what: fmt.Sprintf("%d processes", l.Processes), results: l.Results,
			nodes:  func(ctx context.Context) (runner.LeftNodes, error) { return local.OpenNodes(ctx, base, l.Run) },
			remove: func(ctx context.Context) error { return local.Clean(ctx, base, l.Run) },
			bringBack: func(node, bin string, onlyToRead bool) string {
				i := slices.IndexFunc(l.Nodes, func(n local.LeftoverNode) bool { return n.Name == node })
				if i < 0 {
					return nothingLeft
				}
				return l.Nodes[i].BringBack(bin, onlyToRead)
			},
		}
		if len(l.Others) > 0 {
			one.what += fmt.Sprintf("; left alone: processes%s, which work in its directory but are not part of the run", numbersOf(l.Others))
		}
		if l.Kept && !f.kept {
			one.leave = "left up on purpose (--keep)"
		}
		found = append(found, one)
	}
	return found, nil
}

// numbersOf lists some of the processes.
func numbersOf(pids []int) string {
	const most = 20
	var b strings.Builder
	for i, pid := range pids {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(pids)-most)
			break
		}
		fmt.Fprintf(&b, " %d", pid)
	}
	return b.String()
}

func (f *cleanFlags) docker(ctx context.Context) (found []leftover, engine string, err error) {
	runs, engine, err := docker.List(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("look for what earlier runs left on the engine: %w", err)
	}
	for _, l := range runs {
		one := leftover{
			run: l.Run, alive: l.Alive, results: l.Results,
			what:   fmt.Sprintf("%d containers, %d volumes and %d networks", l.Containers, l.Volumes, l.Networks),
			nodes:  func(ctx context.Context) (runner.LeftNodes, error) { return docker.OpenNodes(ctx, l.Run) },
			remove: func(ctx context.Context) error { return docker.Clean(ctx, l.Run) },
			bringBack: func(node, _ string, beside bool) string {
				i := slices.IndexFunc(l.Nodes, func(n docker.LeftoverNode) bool { return n.Name == node })
				if i < 0 {
					return nothingLeft
				}
				return l.Nodes[i].BringBack(beside)
			},
		}
		switch {
		case l.Kept && !f.kept:
			one.leave = "left up on purpose (--keep)"
		case l.Elsewhere != "":
			one.leave = "made from another machine, " + l.Elsewhere + ", where it may still be running"
		}
		found = append(found, one)
	}
	return found, engine, nil
}

func (f *cleanFlags) clean(ctx context.Context, stdout, stderr io.Writer, runs []string) error {
	left, where, err := f.leftovers(ctx, stderr)
	if err != nil {
		return err
	}
	for _, name := range runs {
		if !slices.ContainsFunc(left, func(l leftover) bool { return l.run == name }) {
			return usageError(fmt.Errorf("clean %s: no such run in %s", name, where))
		}
	}
	var errs []error
	for _, l := range left {
		named := slices.Contains(runs, l.run)
		switch {
		case len(runs) > 0 && !named:
			continue
		case l.doubt != "" && named:
			errs = append(errs, fmt.Errorf("clean %s: %s", l.run, l.doubt))
			continue
		case l.doubt != "":
			fmt.Fprintln(stdout, l.doubt)
			continue
		case l.alive && named:
			errs = append(errs, fmt.Errorf("clean %s: its pgchaos is still running; end that first", l.run))
			continue
		case l.alive:
			fmt.Fprintf(stdout, "%s: still running, left alone\n", l.run)
			continue
		case l.leave != "" && !named:
			fmt.Fprintf(stdout, "%s: %s; '%s' removes it\n", l.run, l.leave, cleanCommand(l.run))
			continue
		}
		if err := l.takeBack(ctx, stdout, stderr); err != nil {
			errs = append(errs, fmt.Errorf("clean %s: %w", l.run, err))
			continue
		}
		if err := l.clean(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(stdout, "%s: removed, with %s\n", l.run, l.what)
	}
	if len(left) == 0 {
		fmt.Fprintf(stdout, "nothing to remove in %s\n", where)
	}
	if err := errors.Join(errs...); err != nil {
		return &exitError{exitLeftBehind, err}
	}
	return nil
}

// takeBack takes back what the run's steps have changed, while its nodes are there. An error says what would outlive them.
func (l leftover) takeBack(ctx context.Context, stdout, stderr io.Writer) error {
	if l.results == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	done, doubt, err := runner.TakeBack(ctx, l.results, l.run, l.nodes)
	if doubt != "" {
		fmt.Fprintf(stderr, "%s: warning: %s\n", l.run, redact.Printable(doubt))
	}
	if len(done.Done) > 0 {
		fmt.Fprintf(stdout, "%s: taken back before the removal: %s\n", l.run, strings.Join(done.Done, ", "))
	}
	if len(done.Ends) > 0 {
		fmt.Fprintf(stdout, "%s: taken back by the removal: %s\n", l.run, redact.Printable(strings.Join(done.Ends, ", ")))
	}
	return err
}

// clean removes the passwords first: a clean that is killed halfway can be made again
// only as long as something of the cluster is left to be found.
func (l leftover) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	var access error
	if l.results != "" {
		access = runner.RemoveAccess(l.results, l.run)
	}
	return errors.Join(l.remove(ctx), access)
}
