// Package html shows comparisons and histories as HTML: one file, with static pictures and tables, that
// opens without a network and without JavaScript. It reads what was compared or judged, and decides nothing.
package html

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"pgchaos/compare"
	"pgchaos/expect"
	"pgchaos/internal/redact"
	"pgchaos/report/html"
	"pgchaos/report/svg"
)

//go:embed *.tmpl own.css
var files embed.FS

// write fills a template, and writes the page at once: half a page is none.
func write(w io.Writer, name string, content any) error {
	t, err := template.New(name).ParseFS(files, "layout.tmpl", name)
	if err != nil {
		return fmt.Errorf("read the template of the page: %w", err)
	}
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, "layout.tmpl", content); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// frame is what all pages have.
type frame struct {
	Title   string
	Version string
	Links   []html.Link // above the page, where a server has others
}

// Style is the style sheet: that of the report of a run, and what only these pages need.
func (frame) Style() (template.CSS, error) {
	own, err := files.ReadFile("own.css")
	return template.CSS(html.Style() + string(own)), err
}

// picture is a picture with its title.
type picture struct {
	Title string
	SVG   template.HTML
}

// drawn is a picture of package svg, which escapes every text in it.
func drawn(title, text string) picture {
	return picture{redact.Printable(title), template.HTML(text)}
}

// unit is how values of a metric are drawn.
type unit struct {
	name   string // as package svg has it
	factor float64
}

func unitOf(u compare.Unit) unit {
	switch u {
	case compare.UnitSeconds:
		return unit{"s", 1}
	case compare.UnitRate:
		return unit{"/s", 1}
	case compare.UnitShare:
		return unit{"%", 100}
	case compare.UnitCount:
	}
	return unit{"", 1}
}

// unitOfMetric is the same, by the name of a metric.
func unitOfMetric(metric string) unit {
	e, err := expect.ParseMetric(metric)
	if err != nil {
		return unit{"", 1}
	}
	switch e.Kind {
	case expect.MetricDuration:
		return unit{"s", 1}
	case expect.MetricRate:
		return unit{"/s", 1}
	case expect.MetricShare, expect.MetricCores:
		return unit{"%", 100}
	case expect.MetricSize:
		return unit{"B", 1}
	case expect.MetricCount, expect.MetricTruth:
	}
	return unit{"", 1}
}

// of is a value in the unit.
func (u unit) of(v float64) float64 { return v * u.factor }

// interval is an interval in the unit.
func (u unit) interval(i compare.Interval) svg.Interval {
	return svg.Interval{Low: u.of(i.Low), High: u.of(i.High), Known: i.Known() && !math.IsNaN(i.Low) && !math.IsNaN(i.High)}
}

// measure is a median with its interval.
func (u unit) measure(s compare.Summary) svg.Measure {
	return svg.Measure{Value: u.of(s.Median), Known: s.Runs > 0, AtLeast: s.AtLeast, Sure: u.interval(s.Interval)}
}

// betterWhen says which values of a metric are better; "": that is not known.
func betterWhen(metric string) string {
	m, _ := compare.MetricOf(metric)
	switch m.Good {
	case compare.Lower:
		return "lower is better"
	case compare.Higher:
		return "higher is better"
	}
	return ""
}
