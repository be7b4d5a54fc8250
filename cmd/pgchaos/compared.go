package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pgchaos/compare"
	"pgchaos/internal/units"
	"pgchaos/report"
	"pgchaos/series"
	"pgchaos/spec"
)

// compared is what the arguments of `pgchaos compare` name.
type compared struct {
	columns []compare.Column
	compare.Options
	notes []string // what the user should know of the arguments, a sentence each

	title string            // the experiment of the only series; "": there are several sources
	dirs  map[string]string // of the only series: the directory of each run, below its own
}

// source is what one argument names.
type source struct {
	name string
	runs []compare.Run
	// series is nil where it is none.
	series *series.Series
	dirs   map[string]string // of its runs, by their ids
}

// readCompared reads the runs that the arguments name. Errors of the arguments are usage errors.
func readCompared(ctx context.Context, where string, args, metrics []string) (*compared, error) {
	c := &compared{}
	var also []string
	for _, metric := range metrics {
		c.Family = append(c.Family, compare.Declared{Metric: metric})
		if _, err := compare.Canonical(metric); err != nil {
			return nil, usageError(fmt.Errorf("--metric %s: %w", metric, err))
		}
		also = append(also, metric)
	}
	var sources []source
	for _, arg := range args {
		var s source
		var err error
		if strings.HasPrefix(arg, storePrefix) {
			s, err = readStored(ctx, where, arg, also)
		} else {
			s, err = readSource(arg, also)
		}
		if err != nil {
			return nil, usageError(fmt.Errorf("compare: %w", err))
		}
		if s.series != nil {
			if left := s.series.Left(); left > 0 {
				c.notes = append(c.notes, fmt.Sprintf("%s is not finished: %s to do; 'pgchaos run --resume %s' goes on with it", arg, units.Count(int64(left), "run", "runs"), arg))
			}
			if c.Family == nil {
				c.Family = declaredBy(s.series)
			}
			c.Tolerance = cmp.Or(c.Tolerance, float64(s.series.Tolerance))
		}
		sources = append(sources, s)
	}
	if err := named(sources); err != nil {
		return nil, usageError(fmt.Errorf("compare: %w", err))
	}
	if len(sources) == 1 {
		return c, c.byVariant(&sources[0])
	}
	c.bySource(sources)
	return c, nil
}

// declaredBy is the family that a series declares; nil: the default.
func declaredBy(s *series.Series) (family compare.Family) {
	for _, m := range s.Metrics {
		family = append(family, compare.Declared{Metric: m.Metric, Tolerance: float64(m.Tolerance)})
	}
	return family
}

// named refuses the same run twice, and gives sources of one name their whole paths.
func named(sources []source) error {
	seen := map[string]string{}
	for i := range sources {
		for _, r := range sources[i].runs {
			if before, twice := seen[r.ID]; twice && r.ID != "" {
				return fmt.Errorf("run %s is in %s and in %s: a run cannot be compared with itself", r.ID, before, sources[i].name)
			}
		}
		for _, r := range sources[i].runs {
			seen[r.ID] = sources[i].name
		}
	}
	bases := map[string]int{}
	base := func(name string) string {
		if strings.HasPrefix(name, storePrefix) {
			return name
		}
		return filepath.Base(name)
	}
	for i := range sources {
		bases[base(sources[i].name)]++
	}
	for i := range sources {
		if name := base(sources[i].name); bases[name] == 1 {
			sources[i].name = name
		}
	}
	return nil
}

// byVariant makes a column of each variant of the only source.
func (c *compared) byVariant(s *source) error {
	variants := variantsOf(s.runs)
	byCell := len(variants) == 1 && variants[0] == ""
	for _, r := range s.runs {
		if byCell { // a matrix without variants
			r.Variant, r.Cell = r.Cell, ""
		}
		i := slices.IndexFunc(c.columns, func(column compare.Column) bool { return column.Name == r.Variant })
		if i < 0 {
			i = len(c.columns)
			c.columns = append(c.columns, compare.Column{Name: r.Variant})
		}
		c.columns[i].Runs = append(c.columns[i].Runs, r)
	}
	if len(s.runs) < 2 {
		return usageError(fmt.Errorf("compare: %s is one run only, so there is nothing to compare it with; name another result, as in 'pgchaos compare %s OTHER'", s.name, s.name))
	}
	if len(c.columns) == 1 { // it may have no name
		c.columns[0].Name = cmp.Or(c.columns[0].Name, s.name)
		return nil
	}
	if s.series != nil {
		c.inOrderOf(s.series)
		c.Baseline = s.series.Baseline
		c.title, c.dirs = s.series.Name, s.dirs
	}
	return nil
}

// inOrderOf sorts the columns as the file has the variants, the baseline first.
func (c *compared) inOrderOf(s *series.Series) {
	at := func(name string) int {
		if name == s.Baseline {
			return -1
		}
		return slices.IndexFunc(s.Variants, func(v series.Variant) bool { return v.Name == name || v.Name == "" && v.Cell == name })
	}
	slices.SortStableFunc(c.columns, func(a, b compare.Column) int { return at(a.Name) - at(b.Name) })
}

// bySource makes a column of each source. Where one has several variants, each is compared with its own kind.
func (c *compared) bySource(sources []source) {
	several := slices.ContainsFunc(sources, func(s source) bool { return len(variantsOf(s.runs)) > 1 })
	for _, s := range sources {
		column := compare.Column{Name: s.name}
		for _, r := range s.runs {
			if several {
				r.Cell = spec.JoinVariant(r.Variant, r.Cell)
			}
			column.Runs = append(column.Runs, r)
		}
		c.columns = append(c.columns, column)
	}
}

// variantsOf are the variants of some runs.
func variantsOf(runs []compare.Run) (names []string) {
	for _, r := range runs {
		if !slices.Contains(names, r.Variant) {
			names = append(names, r.Variant)
		}
	}
	return names
}

// readSource reads the runs of one argument: a series, a result directory, or a folder of results.
func readSource(arg string, also []string) (source, error) {
	s := source{name: filepath.Clean(arg)}
	found, err := series.Read(arg)
	switch {
	case err == nil:
		s.series = found
		also = append(slices.Clone(also), declaredBy(found).Metrics()...)
		s.runs, s.dirs, err = runsOfSeries(found, also)
		return s, err
	case !errors.Is(err, series.ErrNone):
		return s, err
	}
	if _, err := os.Lstat(filepath.Join(arg, report.FileName)); err == nil {
		r, err := report.Read(arg)
		if err != nil {
			return s, err
		}
		s.runs = []compare.Run{compare.Of(r, also...)}
		return s, nil
	}
	s.runs, err = runsOfFolder(arg, also)
	return s, err
}

// runsOfSeries are the runs of a series that have ended, and the directory of each by its id. A run without a result that can be read is not
// comparable.
func runsOfSeries(s *series.Series, also []string) (runs []compare.Run, dirs map[string]string, err error) {
	dirs = map[string]string{}
	all := slices.Clone(s.Runs) // as the file has the variants, and not as the seed has mixed them
	slices.SortStableFunc(all, func(a, b series.Run) int { return s.Variant(&a) - s.Variant(&b) })
	for i := range all {
		run := &all[i]
		if run.Status == series.Pending {
			continue
		}
		r, err := report.Read(s.Path(run))
		if err != nil {
			why := []string{"it has no result that can be read: " + err.Error()}
			if len(run.Errors) > 0 {
				why = run.Errors[len(run.Errors)-1:]
			}
			runs = append(runs, compare.Run{
				ID: run.Dir, Series: s.ID, Variant: run.Variant, Cell: run.Cell, Round: run.Round, Warmup: run.Warmup, NotComparable: why,
			})
			continue
		}
		runs = append(runs, compare.Of(r, also...))
		dirs[r.Run] = run.Dir
	}
	if len(runs) == 0 {
		return nil, nil, fmt.Errorf("the series in %s has no run yet: 'pgchaos run --resume %s' goes on with it", s.Dir(), s.Dir())
	}
	return runs, dirs, nil
}

// runsOfFolder are the runs of the result directories in a folder, by time.
func runsOfFolder(folder string, also []string) (runs []compare.Run, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: name a result directory, a folder of results, or a series", folder)
	}
	if err != nil {
		return nil, err
	}
	var unread []compare.Run
	for _, entry := range entries {
		dir := filepath.Join(folder, entry.Name())
		if _, err := os.Lstat(filepath.Join(dir, report.FileName)); err != nil {
			continue
		}
		r, err := report.Read(dir)
		if err != nil { // such as a run that was killed, and begun again beside it
			unread = append(unread, compare.Run{ID: dir, NotComparable: []string{"it has no result that can be read: " + err.Error()}})
			continue
		}
		runs = append(runs, compare.Of(r, also...))
	}
	if len(runs) == 0 && len(unread) > 0 {
		return nil, fmt.Errorf("%s: no result in it can be read; of %s: %s", folder, unread[0].ID, unread[0].NotComparable[0])
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("%s is no result directory and no series, and has no results in it", folder)
	}
	slices.SortStableFunc(runs, func(a, b compare.Run) int { return a.Started.Compare(b.Started) })
	first := runs[0]
	if !slices.ContainsFunc(runs, func(r compare.Run) bool {
		return r.Series != first.Series || r.Variant != first.Variant || r.Cell != first.Cell
	}) { // then the others in the folder are of that variant, too
		for i := range unread {
			unread[i].Series, unread[i].Variant, unread[i].Cell = first.Series, first.Variant, first.Cell
		}
	}
	return append(runs, unread...), nil
}

// completeResults completes several results, folders and series.
func completeResults(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	found, directive := completePath(prefix, nil, func(dir string) bool {
		return slices.ContainsFunc([]string{report.FileName, series.FileName}, func(name string) bool {
			_, err := os.Stat(filepath.Join(dir, name))
			return err == nil
		})
	})
	return slices.DeleteFunc(found, func(path string) bool {
		return slices.Contains(args, strings.TrimSuffix(path, "/"))
	}), directive
}
