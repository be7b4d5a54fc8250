package html

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgchaos/compare"
	"pgchaos/compare/trend"
	"pgchaos/verdict"
)

// nightly are the runs of 70 nights: p99 is worse by half from the 31st on, which was accepted with the 41st; one night was interrupted.
func nightly() (runs []trend.Run) {
	for i := range 70 {
		noise := 1 + 0.001*float64(i*7%23)
		r := trend.Run{Run: compare.Run{
			ID: fmt.Sprintf("run-%d", i+1), Started: time.Date(2026, 9, 1+i, 3, 0, 0, 0, time.UTC), Verdict: verdict.Pass,
			Figures: []compare.Figure{{Metric: "p99 of writes", Value: 0.004 * noise, Known: true}, {Metric: "write_rto", Value: 4 * noise, Known: true, AtLeast: i == 5}},
		}, Accepted: i == 40}
		if i >= 30 {
			r.Figures[0].Value *= 1.5
		}
		if i == 12 {
			r.NotComparable = []string{"the run was interrupted"}
		}
		runs = append(runs, r)
	}
	return runs
}

func trendsText(t *testing.T, o TrendsOptions, histories ...History) string {
	t.Helper()
	var b strings.Builder
	if err := Trends(&b, histories, o); err != nil {
		t.Fatal(err)
	}
	alone(t, b.String())
	return b.String()
}

func historyOf(name string, runs []trend.Run) History {
	h := History{Name: name, Accepted: []Accepted{{At: runs[40].Started, Run: runs[40].ID, By: "ann", Why: "a new disk", AcceptAt: runs[40].Started.AddDate(0, 0, 1)}}}
	for _, metric := range []string{"p99 of writes", "write_rto"} {
		points := trend.History(metric, runs)
		h.Metrics = append(h.Metrics, Metric{Name: metric, Points: points, Text: metric + ": " + points[len(points)-1].Finding.State.String()})
	}
	return h
}

func TestTrendsPage(t *testing.T) {
	golden(t, "trends.html", trendsText(t, TrendsOptions{Title: "nightly"}, historyOf("quorum-kill", nightly())))
}

// TestTrendsMarkWhatWasFound: the regression is marked in its picture, with the step that was accepted, and the run that is in no figure is named.
func TestTrendsMarkWhatWasFound(t *testing.T) {
	runs := nightly()
	text := trendsText(t, TrendsOptions{Link: func(run string) string { return run + ".html" }}, historyOf("quorum-kill", runs), historyOf("another", runs[:41]))
	for _, want := range []string{
		"regression (", "suspect (", "accepted: a new disk", "accepted by ann on 2026-10-12: a new disk", "the run was interrupted", `<a href="run-41.html">run-41</a>`, `href="#history-2"`, "no value (1)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if text := trendsText(t, TrendsOptions{}); !strings.Contains(text, "There are no runs.") {
		t.Error("an empty store is not called empty")
	}
}

// TestRegressionOfTheLastNight: a history that ends in a regression says so in the table.
func TestRegressionOfTheLastNight(t *testing.T) {
	runs := nightly()[:40]
	h := History{Name: "x", Metrics: []Metric{{Name: "p99 of writes", Points: trend.History("p99 of writes", runs), Text: "it is worse"}}}
	if text := trendsText(t, TrendsOptions{}, h); strings.Count(text, `<strong class="fail">regression</strong>`) != 2 {
		t.Error("the regression is not in the table and above the picture")
	}
}

func TestTrendsOfHostileNames(t *testing.T) {
	const hostile = "</svg><script>alert('x')</script>\u202e"
	runs := nightly()
	runs[12].NotComparable = []string{hostile}
	runs[3].ID = hostile
	h := historyOf(hostile, runs)
	h.Accepted[0].Why, h.Accepted[0].By, h.Notes = hostile, hostile, []string{hostile}
	if text := trendsText(t, TrendsOptions{Title: hostile}, h); strings.ContainsAny(text, "\u202e") || strings.Contains(text, "alert('x')") {
		t.Error("a name is no text")
	}
}
