package html

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/compare"
	"pgchaos/compare/tables"
	"pgchaos/verdict"
)

var update = flag.Bool("update", false, "write the golden files anew")

// runsOf are six runs of a variant of one series: p99 is slower by a factor, and every kill of an odd round loses writes.
func runsOf(variant, cell string, factor float64, lost int64) (runs []compare.Run) {
	for round := 1; round <= 6; round++ {
		noise := 1 + 0.004*float64((round*7+len(variant))%5)
		r := compare.Run{
			ID: fmt.Sprintf("run-%s-%s%d", variant, cell, round), Series: "series-1", Variant: variant, Cell: cell, Round: round, Verdict: verdict.Pass,
			Started: time.Date(2026, 3, 1, 12, round, 0, 0, time.UTC), Workloads: []string{"writes"}, Writers: []string{"writes"},
			Figures: []compare.Figure{
				{Metric: "p99 of writes", Value: 0.004 * factor * noise, Known: true},
				{Metric: "throughput of writes", Value: 500 / noise, Known: true},
				{Metric: "error_rate of writes", Value: 0.001 * noise * factor, Known: true},
				{Metric: "achieved_rate of writes", Value: noise, Known: true},
				{Metric: "write_rto", Value: 0.4 * factor * noise, Known: true},
				{Metric: "lost_writes", Known: true},
				{Metric: "p50 of writes", Value: 0.001 * noise, Known: true},
				{Metric: "p99.9 of writes", Why: "too few (1,000 of 3,688)"},
			},
			Kills:       []compare.Kill{{Step: "kill-a", Known: true}},
			Fingerprint: compare.Fingerprint{{Name: "host", Value: "vm"}},
		}
		if lost > 0 && round%2 == 1 {
			r.Figures[5].Value, r.Kills[0].Lost, r.Kills[0].Span = float64(lost*int64(round)), lost*int64(round), 31*time.Millisecond
		}
		if factor > 2 && round == 2 {
			r.Figures[4].AtLeast, r.Figures[4].Value = true, 7.9
		}
		runs = append(runs, r)
	}
	return runs
}

func column(name string, factor float64, lost int64) compare.Column {
	return compare.Column{Name: name, Runs: runsOf(name, "", factor, lost)}
}

func modes() []compare.Column {
	return []compare.Column{column("local", 1, 4), column("off", 0.5, 40), column("quorum-1", 1.5, 0), column("all", 3, 0)}
}

// page is the page of a comparison.
func page(t *testing.T, o ComparisonOptions, columns ...compare.Column) string {
	t.Helper()
	c, err := compare.Compare(columns, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Comparison(&b, c, columns, o); err != nil {
		t.Fatal(err)
	}
	alone(t, b.String())
	return b.String()
}

var (
	pictureText = regexp.MustCompile(`(?s)<svg.*?</svg>`)
	styleText   = regexp.MustCompile(`(?s)<style>.*?</style>`)
)

// alone reports what no page may have: scripts, addresses of others, pictures that are not well formed, and a template that went wrong.
func alone(t *testing.T, text string) {
	t.Helper()
	body := styleText.ReplaceAllString(text, "")
	for _, part := range []string{"<script", "src=", "url(", "@import", "ZgotmplZ", "<no value>"} {
		if strings.Contains(body, part) {
			t.Errorf("the page has %q", part)
		}
	}
	if strings.Contains(strings.ReplaceAll(body, `xmlns="http://www.w3.org/2000/svg"`, ""), "//") {
		t.Error("the page names an address")
	}
	if strings.Count(text, "<style>") != 1 || !strings.HasPrefix(text, "<!DOCTYPE html>") || !strings.Contains(text, "</html>") {
		t.Error("the page is not whole")
	}
	for _, svg := range pictureText.FindAllString(text, -1) {
		dec := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("a picture: %v\n%s", err, svg)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	got = styleText.ReplaceAllString(got, "<style></style>") // which is not of this package alone
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s:\n%s", path, diff)
	}
}

func TestComparisonPage(t *testing.T) {
	golden(t, "modes.html", page(t, ComparisonOptions{Title: "sync-modes", Link: func(r compare.Run) string {
		if r.Variant == "off" {
			return ""
		}
		return fmt.Sprintf("%d/%s/report.html", r.Round, r.Variant)
	}}, modes()...))
}

// TestThePageSaysWhatTheTablesSay: every figure of the tables stands on the page, and each variant is judged in a sentence.
func TestThePageSaysWhatTheTablesSay(t *testing.T) {
	columns := modes()
	c, err := compare.Compare(columns, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := page(t, ComparisonOptions{}, columns...)
	for _, cell := range c.Cells {
		declared, exploratory := tables.Options{}.Rows(cell)
		if len(declared) < 5 || len(exploratory) < 1 {
			t.Fatalf("%d and %d rows", len(declared), len(exploratory))
		}
		for _, row := range append(declared, exploratory...) {
			for _, v := range row.Values {
				of := tables.TextOf(row, v)
				for _, want := range []string{of.Median, of.Spread, of.Change, of.Interval, of.Verdict} {
					if !strings.Contains(text, strings.ReplaceAll(want, "+", "&#43;")) {
						t.Errorf("%s: the page lacks %q", row.Metric, want)
					}
				}
			}
		}
	}
	for _, want := range []string{"quorum-1</strong> against local: worse in p99 of writes (x1.5", "off</strong> against local: ", "0 of 6 kills lost anything", "3 of 6 kills lost writes"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestWhatIsNotComparableIsInNoFigure: the run and the reason are named, and no picture has it.
func TestWhatIsNotComparableIsInNoFigure(t *testing.T) {
	columns := modes()
	spoilt := &columns[2].Runs[3]
	spoilt.NotComparable = []string{"the run was interrupted"}
	spoilt.Figures[0].Value = 77777
	text := page(t, ComparisonOptions{}, columns...)
	if !strings.Contains(text, "NOT COMPARABLE") || strings.Count(text, spoilt.ID) != 2 || strings.Count(text, "the run was interrupted") != 2 {
		t.Errorf("%s is named %d times, its reason %d times", spoilt.ID, strings.Count(text, spoilt.ID), strings.Count(text, "the run was interrupted"))
	}
	for _, svg := range pictureText.FindAllString(text, -1) {
		if strings.Contains(svg, spoilt.ID) || strings.Contains(svg, "77,777") {
			t.Errorf("it is in a picture: %s", svg)
		}
	}
	columns[2].Runs[0].Warmup = true
	if text := page(t, ComparisonOptions{}, columns...); !strings.Contains(text, "no: warm-up round") {
		t.Error("the warm-up round is not named")
	}
}

// TestPicturesOfAComparison: which pictures there are, by what the runs have.
func TestPicturesOfAComparison(t *testing.T) {
	with := func(change func(r *compare.Run)) []compare.Column {
		columns := modes()
		for i := range columns {
			for j := range columns[i].Runs {
				change(&columns[i].Runs[j])
			}
		}
		return columns
	}
	without := func(metrics ...string) func(r *compare.Run) {
		return func(r *compare.Run) {
			var left []compare.Figure
			for _, f := range r.Figures {
				if !strings.Contains(strings.Join(metrics, ";"), f.Metric) {
					left = append(left, f)
				}
			}
			r.Figures = left
		}
	}
	three := modes() // too few rounds for ranks
	for i := range three {
		three[i].Runs = three[i].Runs[:3]
	}
	for name, of := range map[string]struct {
		columns    []compare.Column
		want, lack []string
	}{
		"a rate":        {modes(), []string{"p99 of writes against lost_writes", "p99 of writes against write_rto", "Ratios to local", "Differences from local", "Kills of a primary"}, []string{"throughput of writes against"}},
		"no rate":       {with(without("achieved_rate of writes")), []string{"throughput of writes against lost_writes"}, []string{"p99 of writes against"}},
		"three rounds":  {three, []string{"Ratios to local"}, []string{"Differences from local, in time"}},
		"only outages":  {with(without("lost_writes")), []string{"p99 of writes against write_rto"}, []string{"against lost_writes"}},
		"no fault":      {with(func(r *compare.Run) { without("lost_writes", "write_rto")(r); r.Kills = nil }), []string{"so cost cannot be shown against safety"}, []string{"against write_rto", "Losses by kill"}},
		"nothing known": {with(func(r *compare.Run) { r.NotComparable = []string{"no audit"} }), []string{"no run of local can be compared"}, []string{"against write_rto"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := page(t, ComparisonOptions{}, of.columns...)
			for _, want := range of.want {
				if !strings.Contains(text, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			for _, lack := range of.lack {
				if strings.Contains(text, lack) {
					t.Errorf("the page has %q", lack)
				}
			}
		})
	}
}

// TestCells: each combination of the matrix has figures of its own.
func TestCells(t *testing.T) {
	columns := []compare.Column{{Name: "local"}, {Name: "quorum-1"}}
	for _, cell := range []string{"clients=1", "clients=8"} {
		columns[0].Runs = append(columns[0].Runs, runsOf("local", cell, 1, 0)...)
		columns[1].Runs = append(columns[1].Runs, runsOf("quorum-1", cell, 1.5, 0)...)
	}
	text := page(t, ComparisonOptions{}, columns...)
	for _, want := range []string{"<h2>clients=1</h2>", "<h2>clients=8</h2>", "p99 of writes (x1.50) with clients=8"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestNamesOfOthersStayText: whatever variants and errors are called.
func TestNamesOfOthersStayText(t *testing.T) {
	const hostile = "</style></svg><script>alert('x')</script>\x1b[31m\u202e\"&"
	columns := []compare.Column{column("local", 1, 0), column(hostile, 2, 3)}
	columns[1].Runs[0].NotComparable = []string{hostile + strings.Repeat("long ", 2000)}
	columns[1].Runs[1].ID = hostile
	columns[1].Runs[2].OtherLosses = []compare.Kill{{Step: hostile, Known: true, Lost: 4}}
	text := page(t, ComparisonOptions{Title: hostile}, columns...)
	if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "alert('x')") {
		t.Error("a name is no text")
	}
}

// TestManyVariants: the page of many variants stays small enough to be opened.
func TestManyVariants(t *testing.T) {
	var columns []compare.Column
	for i := range 60 {
		columns = append(columns, column(fmt.Sprintf("variant-%d", i), 1+float64(i)/10, int64(i%3)))
	}
	if text := page(t, ComparisonOptions{}, columns...); len(text) > 3<<20 {
		t.Errorf("%d bytes", len(text))
	}
}
