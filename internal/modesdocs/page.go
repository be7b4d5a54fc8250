package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"pgchaos/compare"
	"pgchaos/compare/tables"
	"pgchaos/internal/units"
)

// chapter is what the page says about an experiment beside its figures.
type chapter struct {
	name         string // of the experiment
	Title, About string
}

// chapters are in the order of the page.
func chapters() []chapter {
	return []chapter{
		{
			"sync-modes", "What a mode costs",
			"No fault. `half` has a fixed rate, half of what `local` can do: its response times are those of a server that is not full. " +
				"`clients-1`, `clients-8` and `clients-32` are closed loops, as in most published figures. " +
				"`local-again` is the same as `local`: what differs between these two rows is the noise of the machine.",
		},
		{
			"sync-modes-kill", "What it saves",
			"The primary is killed several times in each run, under a fixed rate. The standby that has received most is promoted. " +
				"`write_rto` counts from the kill to the first write of lasting service; of several kills in a run it is the longest.",
		},
		{
			"sync-modes-slow-standby", "One slow standby: FIRST or ANY",
			"Both standbys are named, the slow one first. Its WAL receiver stops for 100 ms of every 200 ms.",
		},
	}
}

//go:embed page.md.tmpl
var pageTemplate string

// pageOf is the page of what is kept.
func pageOf(all []*kept) string {
	t := template.Must(template.New("page").Funcs(template.FuncMap{
		"chapter": func(k *kept) chapter {
			return chapters()[slices.IndexFunc(chapters(), func(c chapter) bool { return c.name == k.Name })]
		},
		"command": commandOf,
		"date":    func(t time.Time) string { return t.Format("2006-01-02 15:04") + " UTC" },
		"minutes": func(d time.Duration) string { return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes())) },
		"bytes":   units.Bytes,
		"span":    spanText,
		"table":   tableOf,
		"notices": func(k *kept) []string { return tables.Notices(k.Comparison) },
		"rounds":  func(n int) string { return units.Count(int64(n), "round", "rounds") },
		"left":    func(k *kept) string { return units.Count(int64(k.Left), "run was", "runs were") + " not done" },
	}).Parse(pageTemplate))
	var b strings.Builder
	if err := t.Execute(&b, all); err != nil {
		panic(err) // the template is part of the program
	}
	return b.String()
}

// commandOf is the command that makes a series again.
func commandOf(k *kept) string {
	return "pgchaos " + strings.Join(k.Command, " ") + fmt.Sprintf(" --seed %d", k.Seed)
}

func spanText(s span) string {
	if s.Median == 0 {
		return "not measured"
	}
	short := func(d time.Duration) string { return d.Round(time.Microsecond).String() }
	return fmt.Sprintf("%s (%s to %s)", short(s.Median), short(s.Least), short(s.Most))
}

// tableOf has a row a variant and a column a declared metric, one table for each combination of the matrix.
func tableOf(k *kept) string {
	var b strings.Builder
	var notes []string
	for _, cell := range k.Comparison.Cells {
		rows := slices.DeleteFunc(slices.Clone(cell.Rows), func(r compare.Row) bool { return r.Exploratory })
		if cell.Name != "" {
			fmt.Fprintf(&b, "%s:\n\n", cell.Name)
		}
		b.WriteString("| mode | runs |")
		for _, row := range rows {
			b.WriteString(" " + row.Metric + " |")
		}
		if len(cell.Kills) > 0 {
			b.WriteString(" losses by kill |")
		}
		b.WriteString("\n|---|--:|" + strings.Repeat("---|", len(rows)))
		if len(cell.Kills) > 0 {
			b.WriteString("---|")
		}
		b.WriteByte('\n')
		for i, v := range k.Comparison.Variants {
			id := anchor(k.Name, v.Name, cell.Name)
			baseline := ""
			if v.Name == k.Comparison.Baseline {
				baseline = ", the baseline"
			}
			fmt.Fprintf(&b, "| <a id=\"%s\"></a>[%s](#%s)%s | %d |", id, v.Name, id, baseline, cell.Runs[i])
			for _, row := range rows {
				b.WriteString(" " + valueText(row, row.Values[i], &notes) + " |")
			}
			if len(cell.Kills) > 0 {
				b.WriteString(" " + killText(cell.Kills[i]) + " |")
			}
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	for i, note := range notes {
		fmt.Fprintf(&b, "[%d] %s<br>\n", i+1, note)
	}
	return strings.TrimRight(b.String(), "\n")
}

// anchor names a row of a table, so that a link can point at it.
func anchor(parts ...string) string {
	id := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.Join(parts, "-")))
	return strings.Trim(id, "-")
}

// valueText is a metric of a variant: its median, how it stands to the baseline, and the verdict.
func valueText(row compare.Row, v compare.Value, notes *[]string) string {
	t := tables.TextOf(row, v)
	text := t.Median + inBrackets(t.Spread)
	for _, caveat := range t.Caveats {
		i := slices.Index(*notes, caveat)
		if i < 0 {
			*notes, i = append(*notes, caveat), len(*notes)
		}
		text += fmt.Sprintf(" [%d]", i+1)
	}
	if t.Change != "" {
		text += "<br>" + t.Change + inBrackets(t.Interval)
	}
	if t.Verdict != "" {
		text += "<br>**" + t.Verdict + "**"
	}
	return text
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// killText is what the kills of a variant lost.
func killText(k compare.KillValue) string {
	text := k.Text
	if k.Lost > 0 {
		text += "<br>" + tables.LostWords(k)
	}
	if k.P != nil {
		text += "<br>p " + strings.ReplaceAll(compare.P(*k.P), "<", "&lt;") + " (Fisher)<br>**" + k.Sign + " " + k.Change.String() + "**"
	}
	return text
}
