package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"pgchaos/report"
	"pgchaos/selftest"
)

// lanes is how many cases run at a time: most of their time is spent on waiting, and
// two small clusters leave each other alone on two cores.
const lanes = 2

// selftestFlags are the flags of `pgchaos selftest`.
type selftestFlags struct {
	provider  string
	pgBin     string
	out       string
	verbose   bool
	keepGoing bool
}

func newSelftestCommand() *cobra.Command {
	var f selftestFlags
	cmd := &cobra.Command{
		Use:   "selftest [CASE...]",
		Short: "Test pgchaos itself: lose, damage and hide rows on purpose, and check that it notices",
		Example: `  pgchaos selftest                          does pgchaos work with my PostgreSQL?
  pgchaos selftest --pg-bin /opt/pg/bin     with this PostgreSQL
  pgchaos selftest split-brain weak-ack     only these cases
  pgchaos selftest --provider docker        on containers instead of processes`,
		Long: `Each case breaks a real cluster in a known way: an asynchronous failover that loses writes, a
cancelled synchronous wait, a split brain, a row changed by somebody else, and so on. The
result must say exactly that, with the numbers that SQL counts, and nothing else. Twenty
switchovers without a loss must be reported as such. All cases take less than a minute.

Exit codes: 0 all cases were reported correctly, 3 a case was not, 4 a case could not be
made on this machine, 5 something was left behind, 130 interrupted.`,
		ValidArgsFunction: completeCase,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.execute(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.provider, "provider", providerNames()[0], "build the clusters on `PROVIDER`, "+providerWords())
	registerPrograms(flags, &f.pgBin)
	flags.StringVar(&f.out, "out", "", "write all results to `DIR` (default: a temporary one, kept if a case fails)")
	flags.BoolVar(&f.keepGoing, "keep-going", false, "go on after a case that failed")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say in detail what each case does")
	return cmd
}

func completeCase(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, c := range selftest.Cases() {
		names = append(names, c.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (f *selftestFlags) execute(ctx context.Context, names []string, stdout, stderr io.Writer) error {
	cases, err := pickCases(names)
	if err != nil {
		return err
	}
	if _, err := findProvider(f.provider); err != nil {
		return err
	}
	dir := f.out
	if dir == "" {
		dir, err = os.MkdirTemp("", "pgchaos-selftest-")
	} else if err = os.MkdirAll(dir, 0o755); err != nil {
		err = usageError(err)
	}
	if err != nil {
		return fmt.Errorf("make the directory of the results: %w", err)
	}
	t := &selfTest{
		dir: dir, keepGoing: f.keepGoing, discard: f.out == "", out: stdout, run: f.runCase(dir, stderr),
	}
	fmt.Fprintf(stdout, "%s on the %s provider; pgchaos must report of each what happened in it, and nothing else\n\n", countCases(len(cases)), f.provider)
	return t.all(ctx, cases)
}

func pickCases(names []string) ([]selftest.Case, error) {
	all := selftest.Cases()
	if len(names) == 0 {
		return all, nil
	}
	var picked []selftest.Case
	for _, name := range names {
		i := slices.IndexFunc(all, func(c selftest.Case) bool { return c.Name == name })
		if i < 0 {
			known, _ := completeCase(nil, nil, "")
			return nil, usageError(unknownWord("case", name, known))
		}
		picked = append(picked, all[i])
	}
	return picked, nil
}

// runCase runs a case as `pgchaos run` would, from a file beside its result, so that
// it can be run again by hand.
func (f *selftestFlags) runCase(dir string, stderr io.Writer) func(context.Context, selftest.Case) error {
	var mu sync.Mutex
	return func(ctx context.Context, c selftest.Case) error {
		text, err := c.Text()
		if err != nil {
			return err
		}
		file := filepath.Join(dir, c.Name+".yaml")
		if err := report.ReplaceFile(dir, c.Name+".yaml", text); err != nil {
			return fmt.Errorf("write the experiment: %w", err)
		}
		progress := io.Discard
		if f.verbose {
			progress = prefixed{&mu, stderr, c.Name + ": "}
		}
		run := runFlags{
			experimentFlags: experimentFlags{provider: f.provider}, pgBin: f.pgBin, verbose: f.verbose,
			out: filepath.Join(dir, c.Name),
		}
		var printed bytes.Buffer
		err = run.execute(ctx, file, &printed, progress)
		if e := report.ReplaceFile(dir, c.Name+".txt", printed.Bytes()); e != nil {
			err = errors.Join(err, fmt.Errorf("write the report: %w", e))
		}
		return err
	}
}

// prefixed says of each line which case it is about.
type prefixed struct {
	mu     *sync.Mutex
	out    io.Writer
	prefix string
}

func (p prefixed) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range bytes.Lines(text) {
		if _, err := fmt.Fprintf(p.out, "%s%s", p.prefix, line); err != nil {
			return 0, err
		}
	}
	return len(text), nil
}

// selfTest is one `pgchaos selftest` under way.
type selfTest struct {
	dir       string // of the results; a case's is in it, by its name
	keepGoing bool
	discard   bool // what went well leaves nothing
	out       io.Writer
	// run runs a case; its error is that of `pgchaos run`.
	run func(context.Context, selftest.Case) error

	mu                   sync.Mutex
	seen, wrong, missing int
	stop                 bool  // no further case is to begin
	broken               error // why no case means anything any more
}

// all runs the cases, two at a time, and sums them up.
func (t *selfTest) all(ctx context.Context, cases []selftest.Case) error {
	begun := time.Now()
	queue := make(chan selftest.Case, len(cases))
	// The last one is by far the longest: it must not be what everybody waits for.
	for _, c := range slices.Concat(cases[len(cases)-1:], cases[:len(cases)-1]) {
		queue <- c
	}
	close(queue)
	var wg sync.WaitGroup
	for range lanes {
		wg.Go(func() {
			for c := range queue {
				if ctx.Err() == nil && !t.stopped() {
					t.one(ctx, c)
				}
			}
		})
	}
	wg.Wait()
	if err := t.tidy(); err != nil {
		return &exitError{exitLeftBehind, errors.Join(t.broken, err)}
	}
	return t.sum(ctx, len(cases), time.Since(begun))
}

func (t *selfTest) stopped() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stop
}

// one runs one case, and says how it ended.
func (t *selfTest) one(ctx context.Context, c selftest.Case) {
	begun := time.Now()
	err := t.run(ctx, c)
	took := time.Since(begun)
	code := exitCode(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case code == exitLeftBehind || code == exitUsage:
		t.breakOff(fmt.Errorf("case %s: %w", c.Name, err))
		return
	case ctx.Err() != nil:
		return // it was cut short, and says nothing
	}
	result, readErr := report.Read(filepath.Join(t.dir, c.Name))
	if readErr != nil {
		// Without a result not even the cluster was begun, and no other case's will be.
		if err == nil {
			err = readErr
		}
		t.breakOff(fmt.Errorf("case %s: %w", c.Name, err))
		return
	}
	t.tell(c, result, c.Judge(result, code), took)
}

// breakOff keeps the first reason to break off, unless another is that something was
// left behind. t.mu is held.
func (t *selfTest) breakOff(err error) {
	t.stop = true
	if t.broken == nil || exitCode(err) == exitLeftBehind {
		t.broken = err
	}
}

// tell prints a case's line. t.mu is held.
func (t *selfTest) tell(c selftest.Case, r *report.Result, o selftest.Outcome, took time.Duration) {
	word, lines := "ok", o.Wrong
	switch {
	case len(o.Missing) > 0:
		word, lines = "NOT MADE", o.Missing
		t.missing++
	case len(o.Wrong) > 0:
		word = "FAILED"
		t.wrong++
	default:
		t.seen++
	}
	t.stop = t.stop || !o.OK() && !t.keepGoing
	fmt.Fprintf(t.out, "%-8s  %-18s %5.1f s  %s\n", word, c.Name, took.Seconds(), r.Description)
	for _, line := range lines {
		fmt.Fprintf(t.out, "            %s\n", line)
	}
	if o.OK() {
		if t.discard {
			t.forget(c)
		}
		return
	}
	fmt.Fprintf(t.out, "            report and result: %s.txt, %s\n", filepath.Join(t.dir, c.Name), filepath.Join(t.dir, c.Name))
}

// sum is the last line, and the exit code.
func (t *selfTest) sum(ctx context.Context, cases int, took time.Duration) error {
	switch {
	case t.broken != nil:
		return t.broken
	case ctx.Err() != nil:
		fmt.Fprintln(t.out, "interrupted; nothing is left behind")
		return verdictError(exitInterrupted)
	}
	fmt.Fprintf(t.out, "\n%d of %s reported correctly, in %.1f s\n", t.seen, countCases(cases), took.Seconds())
	if unbegun := cases - t.seen - t.wrong - t.missing; unbegun > 0 {
		fmt.Fprintf(t.out, "%d not run after the first failure; --keep-going runs them too\n", unbegun)
	}
	switch {
	case t.wrong > 0:
		return verdictError(exitFail)
	case t.missing > 0:
		fmt.Fprintln(t.out, "A case that could not be made on this machine proves nothing.")
		return verdictError(exitInconclusive)
	}
	return nil
}

func countCases(n int) string {
	if n == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", n)
}

// forget removes what a case has left in the directory of the results.
func (t *selfTest) forget(c selftest.Case) {
	base := filepath.Join(t.dir, c.Name)
	if err := errors.Join(os.RemoveAll(base), os.RemoveAll(base+".yaml"), os.RemoveAll(base+".txt")); err != nil {
		t.breakOff(&exitError{exitLeftBehind, fmt.Errorf("remove a result that is no longer needed: %w", err)})
	}
}

// tidy removes the directory of the results, where nothing in it is needed.
func (t *selfTest) tidy() error {
	if !t.discard || t.wrong > 0 || t.missing > 0 {
		return nil
	}
	if err := os.RemoveAll(t.dir); err != nil {
		return fmt.Errorf("remove the directory of the results: %w", err)
	}
	return nil
}
