package html

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pgchaos/compare/trend"
	"pgchaos/internal/redact"
	"pgchaos/report/html"
	"pgchaos/report/svg"
)

// TrendsOptions are what the page of trends shows beside them.
type TrendsOptions struct {
	Title   string // such as the name of the store
	Version string // pgchaos's
	// Link is where the report of a run is, relative to the page; nil, and "": nowhere.
	Link  func(run string) string
	Links []html.Link // above the page, where a server has others
}

// History is the runs of one experiment, variant and combination that can be compared with each other.
type History struct {
	Name     string // of the experiment, the variant and the combination
	Notes    []string
	Metrics  []Metric
	Accepted []Accepted
}

// Metric is a metric through a history.
type Metric struct {
	Name   string
	Points []trend.Point
	Text   string // what the last night says, as a sentence
}

// Accepted is a change that was intended, from a run on.
type Accepted struct {
	At       time.Time
	Run      string
	By, Why  string
	AcceptAt time.Time // when that was said
}

// Trends writes the page of some histories: the state of each metric, and its nights with the suspicions, the
// regressions and the steps that were accepted.
func Trends(w io.Writer, histories []History, o TrendsOptions) error {
	p := &trendsPage{frame: frame{Title: "Trends", Version: o.Version, Links: o.Links}}
	if o.Title != "" {
		p.Title = redact.Printable(o.Title) + ": trends"
	}
	for i := range histories {
		p.Histories = append(p.Histories, p.history(&histories[i], fmt.Sprint("history-", i+1), o))
	}
	return write(w, "trends.tmpl", p)
}

// trendsPage is what the template shows.
type trendsPage struct {
	frame
	Histories []historyPart
}

// historyPart is a history on the page.
type historyPart struct {
	ID, Name string
	Notes    []string
	Rows     []trendRow
	Accepted []acceptedLine
	Left     []leftLine // nights that are in no figure
}

// trendRow is a metric of a history.
type trendRow struct {
	Metric, State, Class, Text string
	Nights                     int
	Picture                    picture
}

type acceptedLine struct{ Run, Link, Text string }

type leftLine struct{ At, Run, Link, Why string }

// stateClass is the class of the style sheet for a state.
func stateClass(s trend.State) string {
	switch s {
	case trend.Regression:
		return "fail"
	case trend.Suspect, trend.Missing:
		return "inconclusive"
	case trend.Better, trend.Steady:
		return "pass"
	case trend.NoFigure, trend.NotYet:
	}
	return "same"
}

// stateMark is how a night of a state is drawn; "": as any other.
func stateMark(s trend.State) string {
	switch s {
	case trend.Regression, trend.Suspect, trend.Better:
		return s.String()
	case trend.Missing, trend.NoFigure, trend.NotYet, trend.Steady:
	}
	return ""
}

func (p *trendsPage) history(h *History, id string, o TrendsOptions) historyPart {
	link := func(run string) string {
		if o.Link == nil {
			return ""
		}
		return o.Link(run)
	}
	part := historyPart{ID: id, Name: redact.Printable(h.Name)}
	for _, n := range h.Notes {
		part.Notes = append(part.Notes, redact.Printable(n))
	}
	for _, a := range h.Accepted {
		text := fmt.Sprintf("accepted by %s on %s: %s", a.By, a.AcceptAt.UTC().Format(time.DateOnly), a.Why)
		part.Accepted = append(part.Accepted, acceptedLine{redact.Printable(a.Run), link(a.Run), redact.Printable(text)})
	}
	for _, m := range h.Metrics {
		row := trendRow{Metric: redact.Printable(m.Name), Nights: len(m.Points), Text: redact.Printable(m.Text), State: "no nights", Class: "same", Picture: trendPicture(m, h.Accepted)}
		if n := len(m.Points); n > 0 {
			last := m.Points[n-1].Finding
			row.State, row.Class = last.State.String(), stateClass(last.State)
		}
		part.Rows = append(part.Rows, row)
	}
	if len(h.Metrics) == 0 {
		return part
	}
	for _, point := range h.Metrics[0].Points { // all metrics have the same nights
		for _, l := range point.Night.Left {
			part.Left = append(part.Left, leftLine{l.At.UTC().Format(time.DateTime), redact.Printable(l.Run), link(l.Run), redact.Printable(strings.Join(l.Why, "; "))})
		}
	}
	return part
}

// trendPicture draws the nights of a metric.
func trendPicture(m Metric, accepted []Accepted) picture {
	u := unitOfMetric(m.Name)
	var nights []svg.Night
	for _, p := range m.Points {
		f := p.Finding
		n := svg.Night{At: p.Night.At, Known: f.Tonight.Known, Value: u.of(f.Tonight.Value), AtLeast: f.Tonight.AtLeast, State: stateMark(f.State), Text: p.Night.ID}
		if !n.Known {
			n.Text += ": " + f.Why
		}
		nights = append(nights, n)
	}
	var steps []svg.Step
	for _, a := range accepted {
		steps = append(steps, svg.Step{At: a.At, Text: "accepted: " + a.Why})
	}
	var levels []svg.Level
	if n := len(m.Points); n > 0 {
		for _, l := range []trend.Median{m.Points[n-1].Finding.Before, m.Points[n-1].Finding.Recent} {
			if l.Nights > 0 {
				levels = append(levels, svg.Level{From: l.From, To: l.To, Value: u.of(l.Value)})
			}
		}
	}
	title := m.Name
	if better := betterWhen(m.Name); better != "" {
		title += " (" + better + ")"
	}
	return drawn(title, svg.Trend(title, u.name, nights, steps, levels, svg.Options{}))
}
