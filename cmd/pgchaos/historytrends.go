package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pgchaos/compare"
	"pgchaos/compare/html"
	"pgchaos/compare/trend"
	"pgchaos/store"
	"pgchaos/store/trends"
)

func newHistoryTrendsCommand() *cobra.Command {
	f := historyFlags{formats: []string{formatText, formatHTML}}
	var metrics []string
	cmd := &cobra.Command{
		Use:   "trends",
		Short: "Show how the metrics of a store changed from night to night",
		Long: `Show, of each experiment, variant and combination in a store, how its metrics changed from night to
night: suspicions, regressions and what was accepted, by the rule of 'pgchaos nightly'.

Each is judged by its runs with the fingerprint of the newest one: runs of before, say, an update of
PostgreSQL cannot be compared with them. Without --metric, the metrics are p99, throughput and
error rate of the workloads that write, write_rto and lost_writes.`,
		Example: `  pgchaos history trends --store nightly
  pgchaos history trends --store nightly --format html > trends.html
  pgchaos history trends --store nightly --experiment quorum-kill --metric 'p95 of writes'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for i, metric := range metrics {
				name, err := compare.Canonical(metric)
				if err != nil {
					return usageOf(cmd, fmt.Errorf("--metric %s: %w", metric, err))
				}
				metrics[i] = name
			}
			filter := f.filter(cmd)
			filter.NoWarmup = true
			return f.with(cmd, func(ctx context.Context, s *store.Store) error {
				histories, err := trendsOf(ctx, s, filter, metrics)
				if err != nil {
					return err
				}
				if f.format == formatHTML {
					return html.Trends(cmd.OutOrStdout(), histories, html.TrendsOptions{Title: s.Name(), Version: version()})
				}
				return writeTrends(cmd.OutOrStdout(), s, histories)
			})
		},
	}
	f.registerStore(cmd)
	f.registerFilter(cmd)
	cmd.Flags().StringArrayVar(&metrics, "metric", nil, "show `METRIC`, as expectations name it, instead of the usual ones (repeatable)")
	cmd.Flags().StringVar(&f.format, "format", formatText, "print `FORMAT`: "+strings.Join(f.formats, " or "))
	_ = cmd.RegisterFlagCompletionFunc("format", fixed(f.formats...)) // it fails for a flag that is not there
	return cmd
}

// trendsOf are the histories of the runs that a filter chooses, that of the newest run first.
func trendsOf(ctx context.Context, s *store.Store, filter store.Filter, metrics []string) ([]html.History, error) {
	runs, err := s.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, knownExperiment(ctx, s, filter.Experiment)
	}
	return trends.Of(runs, metrics), nil
}

// writeTrends writes a line for each metric of each history, and what must be known of them.
func writeTrends(out io.Writer, s *store.Store, histories []html.History) error {
	if len(histories) == 0 {
		_, err := fmt.Fprintf(out, "no such runs in the store %s\n", s.Name())
		return err
	}
	rows := [][]string{{"HISTORY", "METRIC", "NIGHTS", "LAST", "STATE"}}
	var notes []string
	for _, h := range histories {
		for _, m := range h.Metrics {
			if len(m.Points) == 0 {
				continue
			}
			last := m.Points[len(m.Points)-1].Finding
			rows = append(rows, inLine(h.Name, m.Name, fmt.Sprint(len(m.Points)), cmp.Or(lastText(last), "not known"), last.State.String()))
			if slices.Contains([]trend.State{trend.Regression, trend.Suspect, trend.Missing, trend.Better}, last.State) {
				notes = append(notes, h.Name+": "+m.Text)
			}
		}
		for _, n := range h.Notes {
			notes = append(notes, h.Name+": "+n)
		}
		for _, a := range h.Accepted {
			notes = append(notes, fmt.Sprintf("%s: %s was accepted by %s: %s", h.Name, a.Run, a.By, a.Why))
		}
	}
	var b strings.Builder
	writeColumns(&b, rows)
	for i, n := range notes {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(inLine(n)[0] + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// lastText is the figure of the last night.
func lastText(f trend.Finding) string {
	if !f.Tonight.Known {
		return ""
	}
	return f.Tonight.Text()
}
