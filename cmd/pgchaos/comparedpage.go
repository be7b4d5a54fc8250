package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"pgchaos/compare"
	"pgchaos/compare/html"
	"pgchaos/compare/tables"
	"pgchaos/report"
	"pgchaos/series"
)

// compareFormats are those of `pgchaos compare`.
func compareFormats() []string { return append(slices.Clone(tables.Formats()), formatHTML) }

// write writes a comparison in a format.
func (in *compared) write(w io.Writer, format string, c *compare.Comparison, shown tables.Options) error {
	if format != formatHTML {
		return tables.Write(w, format, c, shown)
	}
	return html.Comparison(w, c, in.columns, html.ComparisonOptions{Title: in.title, Version: version(), Options: shown})
}

// seriesPage writes the page that compares the variants of a series.
func seriesPage(ctx context.Context, w io.Writer, s *series.Series) error {
	in, c, err := compareSeries(ctx, s)
	if err != nil {
		return err
	}
	return in.page(w, c, s.Dir())
}

// page writes the page for the directory of a series. The runs in it are linked to their reports; with "" none is.
func (in *compared) page(w io.Writer, c *compare.Comparison, dir string) error {
	link := func(r compare.Run) string {
		of, known := in.dirs[r.ID]
		path := filepath.Join(of, reportPage)
		if !known || dir == "" || !isFile(filepath.Join(dir, path)) {
			return ""
		}
		return (&url.URL{Path: filepath.ToSlash(path)}).String()
	}
	return html.Comparison(w, c, in.columns, html.ComparisonOptions{Title: in.title, Version: version(), Link: link})
}

// saveSeriesPage writes the page beside series.json once every run has been made. Where the runs cannot be compared there is no
// page, and the text about the series says why.
func saveSeriesPage(ctx context.Context, s *series.Series) error {
	if s.Left() > 0 {
		return nil
	}
	in, c, err := compareSeries(ctx, s)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	var b bytes.Buffer
	if err = in.page(&b, c, s.Dir()); err == nil {
		err = report.ReplaceFile(s.Dir(), reportPage, b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write %s (the results themselves are written): %w", filepath.Join(s.Dir(), reportPage), err)
	}
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
