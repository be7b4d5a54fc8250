package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"pgchaos/cluster"
	"pgchaos/series"
)

// notForResume is a flag that was given and would make another series of the one that goes on; "": none.
func notForResume(flags *pflag.FlagSet) (name string) {
	flags.Visit(func(f *pflag.Flag) {
		if f.Name == "out" || slices.Contains([]string{groupExperiment, groupCluster, groupSearch}, groupOf(f)) {
			name = f.Name
		}
	})
	return name
}

// resume goes on with a series.
func (f *runFlags) resume(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	if err := f.checkAddress(); err != nil {
		return err
	}
	if _, err := f.sharedMode(); err != nil {
		return err
	}
	if err := f.refuseFor("a series makes several: leave it out"); err != nil {
		return err
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return usageError(fmt.Errorf("--resume: %w", err))
	}
	defer unlock()
	s, err := series.Read(dir)
	if errors.Is(err, series.ErrNone) {
		return usageError(fmt.Errorf("--resume %s: %w: it is no series, or it was ended before its first run; begin a new one", dir, series.ErrNone))
	}
	if err != nil {
		return usageError(err)
	}
	if len(s.Command) < 2 {
		return usageError(fmt.Errorf("--resume %s: it is not known how the series was begun (its experiment came from standard input); begin a new one", dir))
	}
	of := &runFlags{}
	again := of.command()
	if err := again.ParseFlags(s.Command[1:]); err != nil {
		return usageError(fmt.Errorf("--resume %s: the command in %s: %w", dir, series.FileName, err))
	}
	of.metricsFlags = f.metricsFlags
	of.verbose, of.mode, of.seed, of.stdin, of.reports = f.verbose, f.mode, s.Seed, f.stdin, f.reports
	if err := of.chooseFormats(); err != nil {
		return err
	}
	name := again.Flags().Arg(0)
	r := of.reading(ctx)
	r.capacity = s.Capacity
	plan, err := of.plan(ctx, name, r)
	if err != nil {
		return err
	}
	plan.Seed = s.Seed
	if err := plan.Continue(s); err != nil {
		return usageError(fmt.Errorf("--resume %s: %w", dir, err))
	}
	if err := of.checkPlan(ctx, plan, stderr); err != nil {
		return err
	}
	if err := cleanBelow(ctx, dir, stderr); err != nil {
		return err
	}
	end, err := of.serveMetrics(stderr)
	if err != nil {
		return err
	}
	defer end()
	of.noView, of.web = f.noView, f.web
	show, err := of.display(ctx, plan.Plans[0].Experiment.Name, true, stderr)
	if err != nil {
		return err
	}
	runs := &seriesRuns{flags: of, name: name, show: show}
	defer show.finish(ctx, nil)
	defer show.close()
	return runs.run(ctx, s, plan, stdout)
}

// cleanBelow removes what a killed run of a series has left: its servers would disturb those that follow.
func cleanBelow(ctx context.Context, dir string, stderr io.Writer) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	left, _, err := (&cleanFlags{}).leftovers(ctx, stderr)
	if err != nil {
		return err
	}
	for _, l := range left {
		if below, err := filepath.Rel(abs, l.Results); l.Results == "" || err != nil || !filepath.IsLocal(below) {
			continue
		}
		if l.Alive {
			return usageError(fmt.Errorf("--resume %s: its run %s is still going on; end that first", dir, l.Run))
		}
		if err := new(cleanFlags).takeBack(ctx, l, stderr, stderr); err != nil {
			return &exitError{exitLeftBehind, fmt.Errorf("remove the run that was killed, %s: %w", l.Run, err)}
		}
		if err := remove(ctx, l); err != nil && !cluster.IsRemark(err) {
			return &exitError{exitLeftBehind, fmt.Errorf("remove the run that was killed, %s: %w", l.Run, err)}
		}
		fmt.Fprintf(stderr, "%s: removed, with %s: its run was killed\n", l.Run, l.What)
	}
	return nil
}
