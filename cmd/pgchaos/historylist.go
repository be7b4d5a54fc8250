package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pgchaos/compare"
	"pgchaos/internal/redact"
	"pgchaos/internal/units"
	"pgchaos/spec"
	"pgchaos/store"
	"pgchaos/verdict"
)

func newHistoryListCommand() *cobra.Command {
	var (
		f              historyFlags
		since, verdict string
		limit          uint
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the runs of a store, the newest first",
		Example: `  pgchaos history list --store nightly
  pgchaos history list --store nightly --experiment quorum-kill --since 30d --verdict fail
  pgchaos history list --store nightly --limit 1 --format json    with all figures and settings`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter := f.filter(cmd)
			filter.Limit = int(min(limit, 1<<30))
			if err := listFilter(&filter, since, verdict, time.Now()); err != nil {
				return usageOf(cmd, err)
			}
			return f.with(cmd, func(ctx context.Context, s *store.Store) error {
				return f.list(ctx, s, filter, cmd.OutOrStdout(), cmd.ErrOrStderr())
			})
		},
	}
	f.registerStore(cmd)
	f.registerFilter(cmd)
	cmd.Flags().StringVar(&since, "since", "", "only runs that began since `WHEN`: 30d (ago), 36h, or 2026-11-29")
	cmd.Flags().StringVar(&verdict, "verdict", "", "only runs whose verdict is `VERDICT`: "+strings.Join(verdictWords(), ", "))
	cmd.Flags().UintVar(&limit, "limit", 0, "only the newest `N` (default: all)")
	f.registerFormat(cmd)
	_ = cmd.RegisterFlagCompletionFunc("verdict", fixed(verdictWords()...)) // it fails for a flag that is not there
	return cmd
}

// listFilter reads the flags that `history list` alone has.
func listFilter(filter *store.Filter, since, word string, now time.Time) error {
	if since != "" {
		at, err := units.When(since, now)
		if err != nil {
			return fmt.Errorf("--since %s: %w", since, err)
		}
		filter.Since = at
	}
	if word != "" {
		if !slices.Contains(verdictWords(), word) {
			return unknownWord("verdict", word, verdictWords())
		}
		var v verdict.Verdict
		if err := v.UnmarshalText([]byte(word)); err != nil {
			return err
		}
		filter.Verdict = &v
	}
	return nil
}

func (f *historyFlags) list(ctx context.Context, s *store.Store, filter store.Filter, stdout, stderr io.Writer) error {
	runs, err := s.List(ctx, filter)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		if err := knownExperiment(ctx, s, filter.Experiment); err != nil {
			return err
		}
	}
	unlisted, err := s.Unlisted(ctx)
	if err != nil {
		return err
	}
	if len(unlisted) > 0 {
		fmt.Fprintf(stderr, "pgchaos history: %s kept, and not in the database: %s\n'pgchaos history rebuild --store %s' adds them\n",
			units.Count(int64(len(unlisted)), "result directory is", "result directories are"), strings.Join(unlisted, ", "), s.Name())
	}
	if f.format == formatJSON {
		return writeHistoryJSON(stdout, s, runs)
	}
	if len(runs) == 0 {
		fmt.Fprintf(stdout, "no such runs in the store %s\n", s.Name())
		return nil
	}
	rows := [][]string{{"STARTED", "RUN", "EXPERIMENT", "VARIANT", "VERDICT", "NOTES"}}
	for i := range runs {
		k := &runs[i]
		rows = append(rows, inLine(started8601(k.Started), k.ID, k.Experiment, spec.JoinVariant(k.Variant, k.Cell), k.Verdict.String(), strings.Join(k.Notes(), "; ")))
	}
	var b strings.Builder
	writeColumns(&b, rows)
	_, err = io.WriteString(stdout, b.String())
	return err
}

// knownExperiment refuses an experiment that the store has no runs of; "" is none.
func knownExperiment(ctx context.Context, s *store.Store, experiment string) error {
	if experiment == "" {
		return nil
	}
	known, err := s.Experiments(ctx)
	if err != nil || slices.Contains(known, experiment) {
		return err
	}
	return usageError(fmt.Errorf("history: the store %s has no runs of the experiment %q%s", s.Name(), experiment, instead(experiment, known)))
}

// inLine are cells that stay in their line: names come from files.
func inLine(cells ...string) []string {
	for i := range cells {
		cells[i] = units.OneLine(redact.Printable(cells[i]))
	}
	return cells
}

func started8601(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }

func newHistoryShowCommand() *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show all that a store knows of a run",
		Example: `  pgchaos history show quorum-kill-20261123-064500-3f2a --store nightly
  pgchaos history show quorum-kill-20261123-064500-3f2a --store nightly --format json`,
		Args: arguments(1, 1, "the id of a run, as 'pgchaos history list' prints it"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return f.completeRun(cmd, args, prefix)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, func(ctx context.Context, s *store.Store) error {
				k, err := s.Get(ctx, args[0])
				if err != nil {
					return err
				}
				if f.format == formatJSON {
					return writeHistoryJSON(cmd.OutOrStdout(), s, []store.Kept{k})
				}
				_, err = io.WriteString(cmd.OutOrStdout(), keptText(&k))
				return err
			})
		},
	}
	f.registerStore(cmd)
	f.registerFormat(cmd)
	return cmd
}

// keptText is a run for people.
func keptText(k *store.Kept) string {
	rows := [][]string{}
	row := func(name, value string) {
		if value != "" {
			rows = append(rows, inLine(name, value))
		}
	}
	row("run", k.ID)
	row("experiment", k.Experiment)
	row("variant", spec.JoinVariant(k.Variant, k.Cell))
	if k.Series != "" {
		kind := ""
		if k.Warmup {
			kind = "warm-up "
		}
		row("series", fmt.Sprintf("%s, %sround %d", k.Series, kind, k.Round))
	}
	row("started", started8601(k.Started))
	row("verdict", k.Verdict.String())
	row("pgchaos", k.Tool)
	row("added", started8601(k.Added))
	row("fingerprint", k.Key)
	if k.Dir == "" {
		row("files", "not on this machine")
	} else {
		row("files", k.Dir+" ("+units.Bytes(uint64(max(k.Bytes, 0)))+")")
	}
	for _, mark := range []struct {
		name string
		m    *store.Mark
	}{{"accepted", k.Accepted}, {"baseline", k.Baseline}} {
		if mark.m != nil {
			row(mark.name, strings.TrimSuffix(fmt.Sprintf("by %s at %s: %s", mark.m.By, started8601(mark.m.At), mark.m.Why), ": "))
		}
	}
	for _, reason := range k.NotComparable {
		row("not comparable", reason)
	}
	for _, warning := range k.Warnings {
		row("warning", warning)
	}
	for _, kill := range k.Kills {
		row("kill", kill.Text())
	}
	for _, loss := range k.OtherLosses {
		row("loss", loss.Text())
	}
	var b strings.Builder
	writeColumns(&b, rows)
	figures := [][]string{{"METRIC", "VALUE"}}
	for _, figure := range k.Figures {
		figures = append(figures, inLine(figure.Metric, figure.Text()))
	}
	b.WriteString("\n")
	writeColumns(&b, figures)
	settings := [][]string{{"SETTING", "VALUE"}}
	for _, setting := range k.Fingerprint {
		settings = append(settings, inLine(setting.Name, setting.Text()))
	}
	b.WriteString("\n")
	writeColumns(&b, settings)
	return b.String()
}

// historyJSON is what `history list` and `history show` print as JSON.
type historyJSON struct {
	Schema string     `json:"schema"`
	Store  string     `json:"store"`
	Runs   []keptJSON `json:"runs"`
}

type keptJSON struct {
	Run         string          `json:"run"`
	Experiment  string          `json:"experiment"`
	Variant     string          `json:"variant,omitempty"`
	Cell        string          `json:"cell,omitempty"`
	Series      string          `json:"series,omitempty"`
	Round       int             `json:"round,omitempty"`
	Warmup      bool            `json:"warmup,omitempty"`
	Started     time.Time       `json:"started"`
	Verdict     verdict.Verdict `json:"verdict"`
	Tool        string          `json:"tool"`
	Fingerprint string          `json:"fingerprint"`
	Hash        string          `json:"hash"`
	Bytes       int64           `json:"bytes"`
	// Dir is "" where the files are not on this machine.
	Dir           string        `json:"dir,omitempty"`
	Added         time.Time     `json:"added"`
	Accepted      *store.Mark   `json:"accepted,omitempty"`
	Baseline      *store.Mark   `json:"baseline,omitempty"`
	NotComparable []string      `json:"not_comparable,omitempty"`
	Warnings      []string      `json:"warnings,omitempty"`
	Figures       []figureJSON  `json:"figures"`
	Kills         []lossJSON    `json:"kills,omitempty"`
	OtherLosses   []lossJSON    `json:"other_losses,omitempty"`
	Settings      []settingJSON `json:"settings"`
}

// figureJSON has a value or the reason why there is none.
type figureJSON struct {
	Metric  string   `json:"metric"`
	Value   *float64 `json:"value"`
	Why     string   `json:"why,omitempty"`
	AtLeast bool     `json:"at_least,omitempty"`
	Most    float64  `json:"most,omitempty"`
}

type lossJSON struct {
	Step string        `json:"step"`
	At   time.Duration `json:"at_ns"`
	Lost *int64        `json:"lost"` // null: not known
	Why  string        `json:"why,omitempty"`
	Weak int64         `json:"weak,omitempty"`
	Span time.Duration `json:"span_ns,omitempty"`
}

type settingJSON struct {
	Name     string  `json:"name"`
	Value    string  `json:"value,omitempty"`
	Measured float64 `json:"measured_seconds,omitempty"`
}

func writeHistoryJSON(out io.Writer, s *store.Store, runs []store.Kept) error {
	content := historyJSON{Schema: "pgchaos.history/1", Store: s.Name(), Runs: []keptJSON{}}
	for i := range runs {
		content.Runs = append(content.Runs, keptAsJSON(&runs[i]))
	}
	return writeJSON(out, content)
}

func writeJSON(out io.Writer, content any) error {
	in := json.NewEncoder(out)
	in.SetIndent("", "  ")
	in.SetEscapeHTML(false)
	return in.Encode(content)
}

func keptAsJSON(k *store.Kept) keptJSON {
	j := keptJSON{
		Run: k.ID, Experiment: k.Experiment, Variant: k.Variant, Cell: k.Cell, Series: k.Series, Round: k.Round, Warmup: k.Warmup,
		Started: k.Started, Verdict: k.Verdict, Tool: k.Tool, Fingerprint: k.Key, Hash: k.Hash, Bytes: k.Bytes, Dir: k.Dir,
		Added: k.Added, Accepted: k.Accepted, Baseline: k.Baseline, NotComparable: k.NotComparable, Warnings: k.Warnings,
		Figures: []figureJSON{}, Settings: []settingJSON{}, Kills: lossesAsJSON(k.Kills), OtherLosses: lossesAsJSON(k.OtherLosses),
	}
	for _, f := range k.Figures {
		figure := figureJSON{Metric: f.Metric, Why: f.Why, AtLeast: f.AtLeast, Most: f.Most}
		if f.Known {
			figure.Value = &f.Value
		}
		j.Figures = append(j.Figures, figure)
	}
	for _, s := range k.Fingerprint {
		j.Settings = append(j.Settings, settingJSON{s.Name, s.Value, s.Measured})
	}
	return j
}

func lossesAsJSON(losses []compare.Kill) (all []lossJSON) {
	for _, l := range losses {
		loss := lossJSON{Step: l.Step, At: l.At, Why: l.Why, Weak: l.Weak, Span: l.Span}
		if l.Known {
			loss.Lost = &l.Lost
		}
		all = append(all, loss)
	}
	return all
}
