package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pgchaos/record"
	"pgchaos/record/jepsen"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/runner"
)

// historyFlags are the flags of `pgchaos history`.
type historyFlags struct {
	format string
	read   bool
}

func newHistoryCommand() *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "history DIR",
		Short: "Print every write of a run and what became of it, for other checkers",
		Long: `Print the history of a run as JSON lines, by time, in the words of Jepsen: each write
is the addition of an element (its key) to a set, by a process; each step of the
timeline is the nemesis's. It is made of the ledger in the result directory, also of a
run that was killed. docs/audit.md says what each field means, and how to have Jepsen's
set checkers judge it.`,
		Example: `  pgchaos history results/quorum-kill-20261123-064500 > history.jsonl
  pgchaos history results/mine --read > history.jsonl     with a final read of every node of a kept cluster`,
		Args:              arguments(1, 1, "a result directory"),
		ValidArgsFunction: completeResult,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.print(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&f.format, "format", "jepsen", "write the history in `FORMAT`; jepsen is the only one so far")
	cmd.Flags().BoolVar(&f.read, "read", false, "end with what each node of the cluster holds, where that is still up (run --keep)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"jepsen"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

func (f *historyFlags) print(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	if f.format != "jepsen" {
		return usageError(fmt.Errorf("no format %q; there is: jepsen", f.format))
	}
	var kept *runner.Kept
	if f.read {
		var err error
		if kept, err = runner.Open(dir); err != nil {
			return usageError(fmt.Errorf("history %s --read: %w", dir, err))
		}
		if _, err := findLeftover(ctx, kept, stderr); err != nil {
			return err
		}
	}
	book, err := ledger.Open(filepath.Join(dir, runner.LedgerFile))
	if err != nil {
		return usageError(fmt.Errorf("history %s: %w", dir, err))
	}
	defer func() { _ = book.Close() }() // it is only read
	run := jepsen.Run{Book: book, Marks: timelineOf(dir, stderr), Weak: weakBy(dir, stderr)}
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
		result = nil // timelineOf has said so
	}
	if damage := runner.LedgerDamage(book, result); len(damage) > 0 {
		return fmt.Errorf("history %s: the ledger is damaged, and what was printed is not all: %s", dir, strings.Join(damage, "; "))
	}
	return nil
}

// timelineOf is what was done to the cluster. A run that was killed has it in its
// journal alone; without either, the history is still worth printing.
func timelineOf(dir string, stderr io.Writer) []record.Mark {
	r, err := report.Read(dir)
	if err == nil && len(r.Timeline) > 0 {
		return r.Timeline
	}
	j, journalErr := runner.ReadJournal(dir)
	if journalErr == nil {
		if j.Damage != "" {
			fmt.Fprintln(stderr, j.Damage)
		}
		return j.Marks
	}
	if err != nil || !errors.Is(journalErr, fs.ErrNotExist) {
		fmt.Fprintf(stderr, "the steps of the timeline are left out: %v\n", errors.Join(err, journalErr))
	}
	return nil
}

// weakBy tells of the acknowledgements of a run whether they were weak; nil, and that is said, where only
// the servers' notices tell.
func weakBy(dir string, stderr io.Writer) func(string, *ledger.Entry) bool {
	r, err := report.Read(dir)
	if err != nil {
		return nil // timelineOf has said so
	}
	weak, err := runner.WeakBy(dir, r)
	if err != nil {
		fmt.Fprintf(stderr, "only acknowledgements with the server's notice are marked as weak, and others may have been weak, too: %v\n", err)
		return nil
	}
	return weak
}

// finalReads prints what the nodes hold.
func finalReads(ctx context.Context, out io.Writer, run jepsen.Run, kept *runner.Kept, last time.Duration) error {
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
