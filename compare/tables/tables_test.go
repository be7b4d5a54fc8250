package tables

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pgchaos/compare"
)

var update = flag.Bool("update", false, "write the golden files anew")

// runsOf are six runs of a variant of one series, slower and lossier by the factor given.
func runsOf(variant, cell string, factor float64) (runs []compare.Run) {
	for round := 1; round <= 6; round++ {
		noise := 1 + 0.004*float64((round*7+len(variant))%5)
		r := compare.Run{
			ID: fmt.Sprintf("run-%s-%d", variant, round), Series: "series-1", Variant: variant, Cell: cell, Round: round,
			Started: time.Date(2026, 3, 1, 12, round, 0, 0, time.UTC), Workloads: []string{"writes"}, Writers: []string{"writes"},
			Figures: []compare.Figure{
				{Metric: "p99 of writes", Value: 0.00412 * factor * noise, Known: true},
				{Metric: "p99 of writes during kill-a", Why: "too few (90 of 368)"},
				{Metric: "p95 of writes during kill-a", Value: 0.2 * factor * noise, Known: true},
				{Metric: "throughput of writes", Value: 500 / noise, Known: true},
				{Metric: "error_rate of writes", Value: 0.001 * noise, Known: true},
				{Metric: "write_rto", Value: 0.4 * factor * noise, Known: true},
				{Metric: "lost_writes", Known: true},
				{Metric: "p50 of writes", Value: 0.001 * noise, Known: true},
				{Metric: "p99.9 of writes", Why: "too few (1,000 of 3,688)"},
			},
			Kills:       []compare.Kill{{Step: "kill-a", Known: true}},
			Fingerprint: compare.Fingerprint{{Name: "host", Value: "vm"}, {Name: "setting synchronous_commit", Value: variant, OfFile: true}},
		}
		if factor > 2 {
			r.Figures[6].Value = float64(10 * round)
			r.Kills[0].Lost, r.Kills[0].Span = int64(10*round), 31*time.Millisecond
		}
		if factor > 1 && round == 2 {
			r.Figures[5].AtLeast, r.Figures[5].Value = true, 7.9
		}
		runs = append(runs, r)
	}
	return runs
}

func compared(t *testing.T, o compare.Options, columns ...compare.Column) *compare.Comparison {
	t.Helper()
	c, err := compare.Compare(columns, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func column(name string, factor float64) compare.Column {
	return compare.Column{Name: name, Runs: runsOf(name, "", factor)}
}

// comparisons are those whose renderings are kept.
func comparisons(t *testing.T) map[string]*compare.Comparison {
	t.Helper()
	apart := column("local", 1)
	spoilt := column("quorum-1", 1.5)
	for i := range spoilt.Runs {
		spoilt.Runs[i].Series, spoilt.Runs[i].Round = "", 0
		spoilt.Runs[i].Fingerprint = compare.Fingerprint{{Name: "host", Value: "another"}}
	}
	spoilt.Runs[1].NotComparable = []string{"pgchaos itself was the bottleneck: it took 1.95 of the 2.00 cores that it may use"}
	spoilt.Runs[2].OtherLosses = []compare.Kill{{Step: "promote-b", Known: true, Lost: 4}}
	single := compare.Column{Name: "before", Runs: apart.Runs[:1]}
	other := compare.Column{Name: "after", Runs: runsOf("after", "", 1.2)[:1]}
	other.Runs[0].Series = "series-2"
	cells := []compare.Column{{Name: "local"}, {Name: "quorum-1"}}
	for _, cell := range []string{"clients=1", "clients=8"} {
		cells[0].Runs = append(cells[0].Runs, runsOf("local", cell, 1)...)
		cells[1].Runs = append(cells[1].Runs, runsOf("quorum-1", cell, 1.5)...)
	}
	return map[string]*compare.Comparison{
		"two":    compared(t, compare.Options{}, column("local", 1), column("quorum-1", 1.5)),
		"many":   compared(t, compare.Options{Baseline: "local"}, column("off", 3), column("local", 1), column("quorum-1", 1.5), column("on/first-1", 1.01), column("a-variant-with-a-very-long-name-that-must-be-cut-somewhere", 1)),
		"apart":  compared(t, compare.Options{}, apart, spoilt),
		"single": compared(t, compare.Options{}, single, other),
		"cells":  compared(t, compare.Options{Family: compare.Family{{Metric: "p99 of writes", Tolerance: 0.1}}}, cells...),
	}
}

// TestRenderings compares each rendering with the one that is kept.
func TestRenderings(t *testing.T) {
	for name, c := range comparisons(t) {
		for _, format := range Formats() {
			for _, byPhase := range []bool{false, true} {
				if byPhase && (name != "two" || format != "text") {
					continue
				}
				t.Run(name+" "+format, func(t *testing.T) {
					var b bytes.Buffer
					if err := Write(&b, format, c, Options{ByPhase: byPhase}); err != nil {
						t.Fatal(err)
					}
					file := name
					if byPhase {
						file += "-by-phase"
					}
					golden(t, file+"."+format, rounded(b.String()))
				})
			}
		}
	}
}

var longNumber = regexp.MustCompile(`-?\d+(\.\d{6,}(e-?\d+)?|e-\d+)`)

// rounded has no digits that depend on the order of a computer's additions.
func rounded(text string) string {
	return longNumber.ReplaceAllStringFunc(text, func(number string) string {
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || math.Abs(n) < 1e-12 {
			return "0"
		}
		return strconv.FormatFloat(n, 'g', 5, 64)
	})
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
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
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestTextIsNarrow: no line of text is wider than 100 columns, whatever names there are.
func TestTextIsNarrow(t *testing.T) {
	for name, c := range comparisons(t) {
		for line := range strings.Lines(textOf(c, Options{ByPhase: true})) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
}

// TestNothingIsLostByWrapping: a text has the same words after it was broken into lines.
func TestNothingIsLostByWrapping(t *testing.T) {
	for _, text := range []string{"", "a", "a bb ccc dddd", strings.Repeat("ü", 95), "one " + strings.Repeat("x", 40) + " two"} {
		var got strings.Builder
		for _, line := range wrap(text, 10, "  ") {
			if utf8.RuneCountInString(line) > 10 {
				t.Errorf("%q is broken into %q", text, line)
			}
			got.WriteString(strings.ReplaceAll(line, " ", ""))
		}
		if got.String() != strings.ReplaceAll(text, " ", "") {
			t.Errorf("%q becomes %q", text, got.String())
		}
	}
}

// TestMachineFormats: CSV has as many fields in each line as its head, and JSON is read back as it was.
func TestMachineFormats(t *testing.T) {
	for name, c := range comparisons(t) {
		lines, err := csv.NewReader(strings.NewReader(csvOf(c, Options{}))).ReadAll() // which checks the number of fields
		if err != nil || len(lines) < 2 {
			t.Errorf("%s: %d lines, %v", name, len(lines), err)
		}
		var b bytes.Buffer
		if err := Write(&b, "json", c, Options{}); err != nil {
			t.Fatal(err)
		}
		var back compare.Comparison
		if err := json.Unmarshal(b.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := Write(&again, "json", &back, Options{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b.String(), again.String()); diff != "" {
			t.Errorf("%s: JSON read and written (-before +after):\n%s", name, diff)
		}
	}
	if err := Write(&bytes.Buffer{}, "html", comparisons(t)["two"], Options{}); err == nil {
		t.Error("an unknown format is no error")
	}
}

// TestMarkdownIsNotBroken: what a run says cannot end a row or a column of the table.
func TestMarkdownIsNotBroken(t *testing.T) {
	a, b := column("a|b", 1), column("c", 1)
	for i := range b.Runs {
		b.Runs[i].Figures[0] = compare.Figure{Metric: "p99 of writes", Why: "one | two\nthree"}
	}
	b.Runs[0].NotComparable = []string{"four\n| five |"}
	var rows int
	for line := range strings.Lines(markdownOf(compared(t, compare.Options{}, a, b), Options{})) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		rows++
		if n := strings.Count(strings.ReplaceAll(line, "\\|", ""), "|"); n != 4 {
			t.Errorf("%d columns: %s", n-1, line)
		}
	}
	if rows < 8 {
		t.Errorf("%d rows", rows)
	}
}

// TestChosenMetrics: only the metrics that were asked for are shown, those of phases, too.
func TestChosenMetrics(t *testing.T) {
	c := comparisons(t)["two"]
	text := csvOf(c, Options{Metrics: []string{"p95 of writes during kill-a"}})
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "cell,") && !strings.Contains(line, "p95 of writes during kill-a") && !strings.Contains(line, "kills that lost") {
			t.Errorf("%s is not asked for", line)
		}
	}
	if !strings.Contains(text, "p95 of writes during kill-a") {
		t.Error("the metric that was asked for is missing")
	}
}
