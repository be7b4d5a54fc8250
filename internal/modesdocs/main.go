// Command modesdocs keeps what series of the experiments sync-modes* measured, in docs/sync-modes, and writes
// docs/sync-modes.md from what is kept. `make sync-modes-docs` runs it.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pgchaos/compare/tables"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "modesdocs:", err)
		os.Exit(1)
	}
}

// run keeps the series in the directories of its arguments, and writes the page.
func run(args []string) error {
	flags := flag.NewFlagSet("modesdocs", flag.ContinueOnError)
	dir := flags.String("kept", "docs/sync-modes", "the `DIR` of what is kept")
	page := flags.String("page", "docs/sync-modes.md", "the `FILE` to write")
	beside := flags.String("beside", "", "what else the machine did during the series, a `SENTENCE` for the page")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, series := range flags.Args() {
		k, err := keep(series)
		if err != nil {
			return fmt.Errorf("%s: %w", series, err)
		}
		k.Beside = *beside
		if err := k.write(*dir); err != nil {
			return err
		}
	}
	all, err := readKept(*dir)
	if err != nil {
		return err
	}
	return os.WriteFile(*page, []byte(pageOf(all)), 0o644) //nolint:gosec // a page of the manual is for everybody
}

// write writes what is kept of a series: all of it as JSON, and its figures as CSV.
func (k *kept) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the same
		return err
	}
	text, err := json.MarshalIndent(k.withoutPhases(), "", " ")
	if err != nil {
		return err
	}
	csv, err := os.Create(filepath.Join(dir, k.Name+".csv"))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, k.Name+".json"), append(text, '\n'), 0o644), //nolint:gosec // the same
		tables.Write(csv, "csv", k.Comparison, tables.Options{ByPhase: true}),
		csv.Close(),
	)
}

// readKept reads what is kept of each experiment, in the order of the page. One that was not run yet is left out.
func readKept(dir string) (all []*kept, _ error) {
	for _, e := range chapters() {
		text, err := os.ReadFile(filepath.Join(dir, e.name+".json")) //nolint:gosec // the names are fixed
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		k := &kept{}
		if err := json.Unmarshal(text, k); err != nil {
			return nil, fmt.Errorf("%s.json: %w", e.name, err)
		}
		if k.Schema != keptSchema || k.Comparison == nil {
			return nil, fmt.Errorf("%s.json: it is no %s", e.name, keptSchema)
		}
		all = append(all, k)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nothing is kept in %s: name the directories of series, as in 'make sync-modes-docs SERIES=results/sync-modes-TIME'", dir)
	}
	return all, nil
}
