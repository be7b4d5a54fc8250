package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pgchaos/record"
	"pgchaos/record/jepsen"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/runner"
)

// exportFormats are what --format of `pgchaos export` knows.
func exportFormats() []string { return []string{"jepsen"} }

// exportFlags are the flags of `pgchaos export`.
type exportFlags struct {
	format string
	read   bool
}

func newExportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export --format FORMAT [DIR]",
		Short: "Print every write of a run and its outcome, for other checkers",
		Long: `Print every write of a run and its outcome, by time, as JSON lines in Jepsen's words: a
write adds an element (its key) to a set, and a step of the timeline is an operation of the
nemesis. pgchaos reads the ledger in the result directory, so that this also works for a run
that was killed. Without DIR it takes the newest result in the folder results. docs/audit.md
says what each field means, and how Jepsen's set checkers judge the file.`,
		Example: `  pgchaos export --format jepsen > history.jsonl                           of the newest run
  pgchaos export --format jepsen results/mine > history.jsonl              of this one
  pgchaos export --format jepsen results/mine --read > history.jsonl       and read the nodes of its
                                                                           cluster, which is still up`,
		Args:              arguments(0, 1, ""),
		ValidArgsFunction: completeResult,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.format == "" {
				return usageOf(cmd, fmt.Errorf("%s needs --format; there is: %s", cmd.CommandPath(), strings.Join(exportFormats(), ", ")))
			}
			if !slices.Contains(exportFormats(), f.format) {
				return usageError(unknownWord("format", f.format, exportFormats()))
			}
			dir, err := resultDir(args)
			if errors.Is(err, errNoResultIn) && len(args) > 0 {
				dir, err = args[0], nil // a killed run may have left its ledger alone
			}
			if err != nil {
				return err
			}
			return f.print(cmd.Context(), dir, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&f.format, "format", "", "print the writes in `FORMAT`; jepsen is the only one so far")
	cmd.Flags().BoolVar(&f.read, "read", false, "also read every node of the cluster, if it is still up (run --keep)")
	return cmd
}

func (f *exportFlags) print(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	var kept *runner.AttachedRun
	if f.read {
		var err error
		if kept, err = runner.Open(dir); err != nil {
			return usageError(fmt.Errorf("export %s --read: %w", dir, err))
		}
		if _, err := findLeftover(ctx, kept, stderr); err != nil {
			return err
		}
	}
	book, err := ledger.Open(filepath.Join(dir, runner.LedgerFile))
	if err != nil {
		return usageError(fmt.Errorf("export %s: %w", dir, err))
	}
	defer func() { _ = book.Close() }() // it is only read
	run := jepsen.Run{Book: book, Events: timelineOf(dir, stderr), Weak: weakBy(dir, stderr)}
	if kept != nil {
		run.Readers = len(kept.Nodes())
	}
	out := bufio.NewWriterSize(stdout, 1<<16)
	last, err := run.Write(out)
	if err == nil && kept != nil {
		err = finalReads(ctx, out, run, kept, max(last, 0))
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return err
	}
	result, err := report.Read(dir)
	if err != nil {
		result = nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("export %s: without the result, only acknowledgements with the server's notice are marked as weak, and others may have been weak, too: %w", dir, err)
	}
	if damage := runner.LedgerDamage(book, result); len(damage) > 0 {
		return fmt.Errorf("export %s: the ledger is damaged, and writes are missing from the output: %s", dir, strings.Join(damage, "; "))
	}
	return nil
}

// timelineOf is what was done to the cluster. A run that was killed has it in its
// journal alone; without either, the writes are still worth printing.
func timelineOf(dir string, stderr io.Writer) []record.Event {
	r, err := report.Read(dir)
	if err == nil && len(r.Timeline) > 0 {
		return r.Timeline
	}
	j, journalErr := runner.ReadJournal(dir)
	if journalErr == nil {
		if j.Damage != "" {
			fmt.Fprintln(stderr, j.Damage)
		}
		return j.Events
	}
	if err != nil || !errors.Is(journalErr, fs.ErrNotExist) {
		fmt.Fprintf(stderr, "the output has no steps of the timeline: %v\n", errors.Join(err, journalErr))
	}
	return nil
}

// weakBy tells of the acknowledgements of a run whether they were weak; nil, and that is said, where only
// the servers' notices tell.
func weakBy(dir string, stderr io.Writer) func(string, *ledger.Entry) bool {
	r, err := report.Read(dir)
	if err != nil {
		return nil // print returns it, where there is a result
	}
	weak, err := runner.WeakBy(dir, r)
	if err != nil {
		fmt.Fprintf(stderr, "only acknowledgements with the server's notice are marked as weak; others may be weak too: %v\n", err)
		return nil
	}
	return weak
}

// finalReads prints what the nodes hold.
func finalReads(ctx context.Context, out io.Writer, run jepsen.Run, kept *runner.AttachedRun, last time.Duration) error {
	reader := 0
	for read := range kept.FinalReads(ctx) {
		last = max(last, read.At) // the wall clock may have been set since the run
		if err := run.Read(out, reader, read.Node, last, read.Keys, read.Err); err != nil {
			return err
		}
		reader++
	}
	return ctx.Err()
}
