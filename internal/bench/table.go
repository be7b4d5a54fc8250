package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one line of a table.
type row struct {
	what, demanded, measured string
	met                      bool
	pair                     []string // of a comparison, in place of demanded and measured: the cells of its table
}

// measured is a row of the table of single measurements.
func measured(what, demanded, value string, met bool) row {
	return row{what: what, demanded: demanded, measured: value, met: met}
}

func (r row) verdict() string {
	if r.met {
		return "met"
	}
	return "NOT MET"
}

// spread is a set of measurements of one thing.
type spread []float64

func (s spread) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// text is the median, and between which values the others lie.
func (s spread) text(format string) string {
	return fmt.Sprintf(format+" ("+format+" to "+format+")", s.median(), slices.Min(s), slices.Max(s))
}

// The marks between which the table stands in a file.
const (
	tableBegin = "<!-- table: made by make bench -->"
	tableEnd   = "<!-- end of table -->"
)

// writeTable puts the rows between the marks of a file.
func writeTable(path string, b *bench) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(text, []byte(tableBegin))
	_, after, ended := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !ended {
		return errors.New(path + " has not the marks between which the table stands")
	}
	var out bytes.Buffer
	out.Write(before)
	out.WriteString(tableBegin + "\n")
	fmt.Fprintf(&out, "Measured %s: %s; PostgreSQL %s, %s. %d pairs of runs of %s each. Figures are medians, and in brackets the least and the greatest of all runs.\n",
		time.Now().UTC().Format("2006-01-02"), machine(), b.server.cluster.Version(), runtime.Version(), b.rounds, b.span)
	tables := []struct {
		head string
		has  func(row) bool
		line func(row) string
	}{
		{closedHead, func(r row) bool { return len(r.pair) == closedCells }, comparisonLine},
		{openHead, func(r row) bool { return len(r.pair) == openCells }, comparisonLine},
		{"| what | demanded | measured | |\n|---|---|---|---|\n", func(r row) bool { return r.pair == nil },
			func(r row) string {
				return fmt.Sprintf("| %s | %s | %s | %s |\n", r.what, r.demanded, r.measured, strings.ToLower(r.verdict()))
			}},
	}
	for _, t := range tables {
		out.WriteString("\n" + t.head)
		for _, r := range b.rows {
			if t.has(r) {
				out.WriteString(t.line(r))
			}
		}
	}
	out.WriteString(tableEnd)
	out.Write(after)
	return os.WriteFile(path, out.Bytes(), 0o644)
}

func threads() int { return runtime.GOMAXPROCS(0) }
