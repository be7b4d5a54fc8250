package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"pgchaos/compare"
	"pgchaos/compare/tables"
	"pgchaos/report"
	"pgchaos/report/html"
	"pgchaos/report/junit"
	"pgchaos/report/markdown"
	"pgchaos/report/summary"
	"pgchaos/report/tap"
	"pgchaos/report/text"
	"pgchaos/series"
	"pgchaos/store/trends"
)

// reportFormat is one way to write a report from a result alone. A new one is a line in reportFormats.
type reportFormat struct {
	name, file, about string
	run               func(w io.Writer, r *report.Result, dir string) error
	series            func(ctx context.Context, w io.Writer, s *series.Series) error
}

// reportFormats are those of `report --format` and `run --report`.
func reportFormats() []reportFormat {
	return []reportFormat{
		{"text", "report.txt", "everything, for a terminal", fullText, writeSeries},
		pageFormat(),
		{"md", "report.md", "Markdown, for the summary of a job", func(w io.Writer, r *report.Result, dir string) error {
			return markdown.Write(w, r, markdown.Options{Dir: dir})
		}, seriesMarkdown},
		{"junit", "junit.xml", "JUnit XML: a case for each expectation", func(w io.Writer, r *report.Result, _ string) error {
			return junit.Write(w, junit.Of(r))
		}, func(_ context.Context, w io.Writer, s *series.Series) error { return junit.Write(w, suitesOf(s)...) }},
		{"tap", "report.tap", "Test Anything Protocol, version 14", func(w io.Writer, r *report.Result, _ string) error {
			return tap.Write(w, junit.Of(r))
		}, func(_ context.Context, w io.Writer, s *series.Series) error { return tap.Write(w, suitesOf(s)...) }},
		{"json", "report.json", "the verdict and the figures in short", func(w io.Writer, r *report.Result, _ string) error {
			return summary.Write(w, r)
		}, comparedAs("json")},
		{"csv", "report.csv", "the aggregate table by workload and phase", func(w io.Writer, r *report.Result, _ string) error {
			return summary.WriteCSV(w, r)
		}, comparedAs("csv")},
	}
}

// formatHTML is the format that every run writes.
const formatHTML = "html"

func pageFormat() reportFormat {
	return reportFormat{formatHTML, reportPage, "a page with charts, which every run writes", func(w io.Writer, r *report.Result, _ string) error {
		return html.Write(w, r, html.Options{Version: version()})
	}, seriesPage}
}

// reportPage is the name of the page in the directory of a run or of a series.
const reportPage = "report.html"

// unwritten are the errors of the reports of a series. A run whose report cannot be written counts all the same.
type unwritten struct{ first error }

// note keeps the first of many errors, as on a full disk.
func (u *unwritten) note(err error) { u.first = cmp.Or(u.first, err) }

// joined adds the error to others.
func (u *unwritten) joined(err error) error { return errors.Join(err, u.first) }

func fullText(w io.Writer, r *report.Result, dir string) error {
	return text.Write(w, r, text.Options{Dir: dir, Full: true})
}

func formatNames() (names []string) {
	for _, f := range reportFormats() {
		names = append(names, f.name)
	}
	return names
}

// chosenFormats are those of a list such as md,junit, each once.
func chosenFormats(list string) (chosen []reportFormat, err error) {
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(reportFormats(), func(f reportFormat) bool { return f.name == name })
		switch {
		case i < 0:
			return nil, unknownWord("format", name, formatNames())
		case !slices.ContainsFunc(chosen, func(f reportFormat) bool { return f.name == name }):
			chosen = append(chosen, reportFormats()[i])
		}
	}
	return chosen, nil
}

// reported is what a report is made of: a run, or a series.
type reported struct {
	dir    string
	result *report.Result
	series *series.Series
}

// write writes one format.
func (of *reported) write(ctx context.Context, w io.Writer, f reportFormat) error {
	if of.series != nil {
		return f.series(ctx, w, of.series)
	}
	return f.run(w, of.result, of.dir)
}

// save writes formats as files in a directory, in the place of those that are there.
func (of *reported) save(ctx context.Context, dir string, formats []reportFormat) (all error) {
	for _, f := range formats {
		var b bytes.Buffer
		err := of.write(ctx, &b, f)
		if err == nil {
			err = report.ReplaceFile(dir, f.file, b.Bytes())
		}
		if err != nil {
			all = errors.Join(all, fmt.Errorf("write %s: %w", filepath.Join(dir, f.file), err))
		}
	}
	return all
}

// saveAs writes one format to a file of any name, in a directory that is there.
func (of *reported) saveAs(ctx context.Context, path string, f reportFormat) error {
	f.file = filepath.Base(path)
	return of.save(ctx, filepath.Dir(path), []reportFormat{f})
}

// comparedAs is the comparison of a series in a format of compare/tables.
func comparedAs(format string) func(context.Context, io.Writer, *series.Series) error {
	return func(ctx context.Context, w io.Writer, s *series.Series) error {
		_, c, err := compareSeries(ctx, s)
		if err != nil {
			return err
		}
		return tables.Write(w, format, c, tables.Options{})
	}
}

// compareSeries compares the runs of a series that have been made.
func compareSeries(ctx context.Context, s *series.Series) (*compared, *compare.Comparison, error) {
	in, err := readCompared(ctx, "", []string{s.Dir()}, nil)
	if err != nil {
		return nil, nil, err
	}
	c, err := compare.Compare(in.columns, in.Options)
	return in, c, err
}

// seriesMarkdown says how the runs ended, and compares them where that is possible.
func seriesMarkdown(ctx context.Context, w io.Writer, s *series.Series) error {
	var b bytes.Buffer
	of, _ := endsOf(s)
	fmt.Fprintf(&b, "## pgchaos: %s\n\n| variant | pass | fail | inconclusive | could not be run | to do |\n|---|---:|---:|---:|---:|---:|\n", markdown.Escape(s.Name))
	for i, v := range s.Variants {
		e := of[i]
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", markdown.Escape(variantName(v.Name, v.Cell)), e.pass, e.fail, e.inconclusive, e.failed, e.pending)
	}
	b.WriteByte('\n')
	_, c, err := compareSeries(ctx, s)
	if err == nil {
		err = tables.Write(&b, formatMarkdown, c, tables.Options{})
	}
	if err != nil {
		fmt.Fprintf(&b, "The runs cannot be compared: %s\n", markdown.Escape(err.Error()))
	}
	_, err = w.Write(b.Bytes())
	return err
}

// suitesOf are the runs of a series, a suite each. What could not be run or is to be done is an error.
func suitesOf(s *series.Series) (suites []junit.Suite) {
	for i := range s.Runs {
		run := &s.Runs[i]
		if run.Warmup {
			continue
		}
		name := trends.Name(s.Name, run.Variant, run.Cell)
		suite := junit.Suite{Cases: []junit.Case{{Class: name, Name: "the run and its audit"}}}
		r, err := report.Read(s.Path(run))
		switch {
		case run.Status == series.Pending:
			suite.Cases[0].Errors = []string{"it has not been run yet"}
		case run.Status == series.Failed:
			suite.Cases[0].Errors = []string{"it could not be run: " + lastOf(run.Errors)}
		case err != nil:
			suite.Cases[0].Errors = []string{err.Error()}
		default:
			suite = junit.Of(r)
			for k := range suite.Cases {
				suite.Cases[k].Class = name
			}
		}
		suite.Name = name + ", " + run.RoundName()
		suites = append(suites, suite)
	}
	return suites
}
