package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgchaos/store"
	"pgchaos/verdict"
)

// movedHistory is for those who know `pgchaos history DIR` of an older version.
const movedHistory = "To print every write of a run, as this command once did, write 'pgchaos export --format jepsen DIR'"

func newHistoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Keep runs in a store, and list, accept and prune them",
		Long: `Keep past runs in a store: a directory with a SQLite database, or a PostgreSQL database for
several machines. Whole result directories are kept beside the database. 'pgchaos nightly' adds
its runs to a store that 'pgchaos history init' has made, and 'pgchaos compare store:NAME' reads
runs of it.

DIR-OR-URL is a directory, or postgres://USER@HOST/DATABASE?files=DIR, where DIR is for the result
directories. docs/history.md explains it.`,
		Example: `  pgchaos history init --store nightly                       make a store
  pgchaos history add results/DIR --store nightly            keep a run, or all runs of a series
  pgchaos history list --store nightly --since 30d           the runs of the last 30 days
  pgchaos history show RUN --store nightly                   the figures of one
  pgchaos history trends --store nightly --format html > trends.html
  pgchaos history accept RUN --why 'new disk' --store nightly
  pgchaos history prune --keep 100 --dry-run --store nightly`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && meant(args[0], commandNames(cmd), "%q") == "" {
				return usageError(fmt.Errorf("unknown command %q of %s\n%s\nSee '%s --help'", args[0], cmd.CommandPath(), movedHistory, cmd.CommandPath()))
			}
			return noArguments(cmd, args)
		},
	}
	cmd.SetFlagErrorFunc(func(at *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		moved := at == cmd && errors.As(err, &unknown) && slices.Contains([]string{"read", "format"}, unknown.GetSpecifiedName())
		err = flagError(at, err)
		if moved {
			err = usageError(fmt.Errorf("%w\n%s", err, movedHistory))
		}
		return err
	})
	cmd.AddCommand(newHistoryInitCommand(), newHistoryListCommand(), newHistoryShowCommand(), newHistoryTrendsCommand(), newHistoryAddCommand(), newHistoryAcceptCommand(),
		newHistoryBaselineCommand(), newHistoryPruneCommand(), newHistoryRebuildCommand())
	for _, sub := range cmd.Commands() {
		sub.InitDefaultHelpFlag()
		sub.Flags().Lookup("help").Usage = "show this help"
	}
	return cmd
}

// historyFlags are the flags that several commands of history have.
type historyFlags struct {
	store   string
	format  string
	formats []string // that the command has; nil: those of historyFormats

	experiment, variant, cell string
}

func (f *historyFlags) registerStore(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.store, "store", "", "use the store `DIR-OR-URL`")
	_ = cmd.MarkFlagDirname("store") // it fails for a flag that is not there
}

func historyFormats() []string { return []string{formatText, formatJSON} }

func (f *historyFlags) registerFormat(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "format", formatText, "print `FORMAT`: text or json")
	_ = cmd.RegisterFlagCompletionFunc("format", fixed(historyFormats()...)) // the same
}

func (f *historyFlags) registerFilter(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.experiment, "experiment", "", "only runs of the experiment `NAME`")
	cmd.Flags().StringVar(&f.variant, "variant", "", "only runs of the variant `NAME`; '' is no variant")
	cmd.Flags().StringVar(&f.cell, "cell", "", "only runs of the `COMBINATION` of the matrix, such as clients=8")
}

// filter is what the flags of registerFilter say. A variant that is "" is a choice only where it was written.
func (f *historyFlags) filter(cmd *cobra.Command) store.Filter {
	chosen := store.Filter{Experiment: f.experiment}
	if cmd.Flags().Changed("variant") {
		chosen.Variant = &f.variant
	}
	if cmd.Flags().Changed("cell") {
		chosen.Cell = &f.cell
	}
	return chosen
}

// check looks at the flags before a store is opened.
func (f *historyFlags) check(cmd *cobra.Command) error {
	if f.store == "" {
		return usageOf(cmd, fmt.Errorf("%s needs --store: a directory, or the URL of a PostgreSQL database", cmd.CommandPath()))
	}
	formats := f.formats
	if formats == nil {
		formats = historyFormats()
	}
	if f.format != "" && !slices.Contains(formats, f.format) {
		return usageOf(cmd, unknownWord("format", f.format, formats))
	}
	return nil
}

// with opens the store, which must be there, and closes it after f.
func (f *historyFlags) with(cmd *cobra.Command, do func(ctx context.Context, s *store.Store) error) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	s, err := store.Existing(cmd.Context(), f.store)
	if err != nil {
		return historyError(err)
	}
	return historyError(errors.Join(do(cmd.Context(), s), s.Close()))
}

// openOrMake opens the store, and makes it if it is not there.
func (f *historyFlags) openOrMake(ctx context.Context) (s *store.Store, made bool, err error) {
	s, err = store.Existing(ctx, f.store)
	if errors.Is(err, store.ErrMissing) {
		s, err = store.Open(ctx, f.store)
		made = err == nil
	}
	return s, made, historyError(err)
}

// historyError says which errors of a store are the command line's.
func historyError(err error) error { return storeError("history", err) }

// storeError is the same for any command.
func storeError(command string, err error) error {
	var (
		usage *store.UsageError
		exit  *exitError
	)
	if errors.As(err, &exit) {
		return err
	}
	if errors.As(err, &usage) || errors.Is(err, store.ErrNoRun) || errors.Is(err, store.ErrMissing) {
		return usageError(fmt.Errorf("%s: %w", command, err))
	}
	return err
}

// completeRun completes the ids of the runs in the store that --store names.
func (f *historyFlags) completeRun(cmd *cobra.Command, args []string, prefix string) (found []string, directive cobra.ShellCompDirective) {
	directive = cobra.ShellCompDirectiveNoFileComp
	if f.store == "" {
		return nil, directive
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Second)
	defer cancel()
	s, err := store.Existing(ctx, f.store)
	if err != nil {
		return nil, directive
	}
	defer func() { _ = s.Close() }() // it is only read
	runs, err := s.List(ctx, store.Filter{})
	if err != nil {
		return nil, directive
	}
	for i := range runs {
		if id := runs[i].ID; strings.HasPrefix(id, prefix) && !slices.Contains(args, id) {
			found = append(found, id)
		}
	}
	return found, directive
}

// verdictWords are what --verdict takes.
func verdictWords() []string {
	return []string{verdict.Pass.String(), verdict.Fail.String(), verdict.Inconclusive.String()}
}
