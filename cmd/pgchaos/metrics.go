package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"pgchaos/expect"
)

func newMetricsCommand() *cobra.Command {
	l := listing[expect.Metric]{
		all:  expect.Metrics,
		name: func(m expect.Metric) string { return m.Name },
		find: func(name string) (expect.Metric, error) {
			m, ok := expect.LookupMetric(name)
			if !ok {
				return m, expect.Unknown(name)
			}
			return m, nil
		},
		text: metricsText, explain: metricText, markdown: metricsMarkdown, json: writeMetricsJSON,
	}
	return l.command(&cobra.Command{
		Use:   "metrics [NAME]",
		Short: "List the metrics that an experiment can expect something of, or explain one",
		Example: `  pgchaos metrics                  every metric, with its unit and which values are better
  pgchaos metrics replay_lag       what it is, where it exists, and how an expectation of it is written
  pgchaos metrics --format json    for other programs`,
	})
}

// metricText explains one metric.
func metricText(m expect.Metric) string {
	var b strings.Builder
	writeColumns(&b, [][]string{
		{m.Name, sentence(m.About)},
		{"unit", m.Kind.Unit()},
		{"better", m.Better.String()},
		{"exists for", m.Exists},
		{"form", m.Form()},
		{"example", m.Example()},
	})
	return b.String()
}

// metricsText lists metrics for a terminal.
func metricsText(metrics []expect.Metric) string {
	var b strings.Builder
	rows := [][]string{{"METRIC", "UNIT", "BETTER", "WHAT IT IS"}}
	for _, m := range metrics {
		rows = append(rows, []string{m.Name, m.Kind.Unit(), m.Better.String(), m.About})
	}
	writeWrapped(&b, []int{23, 15, 6, 60}, rows)
	b.WriteString("\nAny percentile is a metric, such as p99.95. 'pgchaos metrics NAME' says where a metric exists and how an\nexpectation of it is written.\n")
	return b.String()
}

// metricsMarkdown is the table of docs/metrics.md.
func metricsMarkdown(metrics []expect.Metric) string {
	var b strings.Builder
	b.WriteString("| metric | what it is | unit | better | exists for | how it is written |\n|---|---|---|---|---|---|\n")
	for _, m := range metrics {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | `%s` |\n", m.Name, m.About, m.Kind.Unit(), m.Better, m.Exists, m.Form())
	}
	return b.String()
}

// listedMetric is a metric as --format json prints it.
type listedMetric struct {
	Name    string   `json:"name"`
	About   string   `json:"about"`
	Unit    string   `json:"unit"`
	Better  string   `json:"better"` // less or more
	Exists  string   `json:"exists_for"`
	Needs   []string `json:"needs,omitempty"` // of, on
	May     []string `json:"may,omitempty"`   // of, on, during, in any
	Form    string   `json:"form"`
	Example string   `json:"example"`
}

func writeMetricsJSON(out io.Writer, metrics []expect.Metric) error {
	content := struct {
		Schema  string         `json:"schema"`
		Metrics []listedMetric `json:"metrics"`
	}{Schema: "pgchaos.metrics/1"}
	for _, m := range metrics {
		l := listedMetric{Name: m.Name, About: m.About, Unit: m.Kind.Unit(), Better: m.Better.String(), Exists: m.Exists, Form: m.Form(), Example: m.Example()}
		for _, part := range []struct {
			word string
			need expect.Need
		}{{"of", m.Of}, {"on", m.On}, {"during", m.During}, {"in any", m.Any}} {
			switch part.need {
			case expect.Must:
				l.Needs = append(l.Needs, part.word)
			case expect.May:
				l.May = append(l.May, part.word)
			case expect.Never:
			}
		}
		content.Metrics = append(content.Metrics, l)
	}
	in := json.NewEncoder(out)
	in.SetIndent("", "  ")
	in.SetEscapeHTML(false)
	return in.Encode(content)
}
