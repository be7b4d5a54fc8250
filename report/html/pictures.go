package html

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"

	"pgchaos/internal/units"
	"pgchaos/report"
	"pgchaos/report/lanes"
	"pgchaos/report/svg"
)

// lane is one lane of the page.
type lane struct {
	ID, Heading, About string
	Picture            template.HTML
	Table              *table
}

// mostSpans bounds the rows of a table of states; the data of the charts has all.
const mostSpans = 200

func (p *page) addLanes(run *lanes.Run) {
	drawn := *run
	if n := len(run.Faults); n > mostFaults {
		drawn.Faults = run.Faults[:mostFaults]
		p.LanesNote = fmt.Sprintf("Without the interactive charts, the pictures show the first %d of %s faults.", mostFaults, units.Grouped(int64(n)))
	}
	for i := range run.Lanes {
		l := &run.Lanes[i]
		if l.CloseUp {
			continue
		}
		p.Lanes = append(p.Lanes, lane{
			ID: l.ID, Heading: heading(l), About: l.About, Table: figures(l), Picture: template.HTML(svg.Lane(*l, &drawn, svg.Options{})),
		})
	}
}

// heading is the title of a lane with its unit.
func heading(l *lanes.Lane) string {
	if l.Unit == "" {
		return l.Title
	}
	return l.Title + " (" + l.Unit + ")"
}

// figures is the table behind a lane: the extremes of each line, or the states of each node. The scripts add all samples.
func figures(l *lanes.Lane) *table {
	if len(l.Rows) > 0 {
		return states(l)
	}
	t := &table{Caption: l.Title + ": the least and the greatest figures", Columns: []cell{
		{Text: "Line"}, {Text: "Least", Class: "number"}, {Text: "at", Class: "number"}, {Text: "Greatest", Class: "number"}, {Text: "at", Class: "number"},
	}}
	for i := range l.Series {
		s := &l.Series[i]
		row := []cell{{Text: s.Name, Head: true}}
		for _, at := range extremes(s) {
			value, when := "not known", "-"
			if at >= 0 {
				value, when = l.Figure(*s.Values[at]), lanes.Moment(l.Times[at])
			}
			row = append(row, cell{Text: value, Class: "number"}, cell{Text: when, Class: "number"})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func extremes(s *lanes.Series) [2]int {
	least, greatest := s.Extremes()
	return [2]int{least, greatest}
}

func states(l *lanes.Lane) *table {
	t := &table{Caption: l.Title, Columns: []cell{{Text: "Node"}, {Text: "From", Class: "number"}, {Text: "To", Class: "number"}, {Text: "State"}}}
	all := 0
	for _, r := range l.Rows {
		for _, s := range r.Spans {
			if all++; all <= mostSpans {
				t.Rows = append(t.Rows, []cell{
					{Text: r.Name, Head: true}, {Text: lanes.Moment(s.From), Class: "number"}, {Text: lanes.Moment(s.To), Class: "number"}, {Text: s.Label},
				})
			}
		}
	}
	if all > mostSpans {
		t.Caption += fmt.Sprintf(": the first %d of %s", mostSpans, units.Grouped(int64(all)))
	}
	return t
}

// closeup is one fault with some seconds around it.
type closeup struct {
	Index        int
	Title, About string
	Pictures     []picture
	Stages       []stage
}

type picture struct {
	Title   string
	Picture template.HTML
}

// stage is one stage of the recovery; the letter stands in the chart.
type stage struct{ Letter, Text string }

const (
	// mostFaults bounds the faults in static pictures and the close-ups, and mostDrawn the close-ups with static pictures: the page
	// must not become too large.
	mostFaults  = 100
	mostDrawn   = 10
	closeHeight = 100 // of a picture, in pixels
)

// closely are the lanes that a close-up shows, as the scripts have it. Older results have the greatest response times of each second
// alone.
func closely(run *lanes.Run) (shown []*lanes.Lane) {
	fine := slices.ContainsFunc(run.Lanes, func(l lanes.Lane) bool { return l.CloseUp })
	for i := range run.Lanes {
		switch l := &run.Lanes[i]; l.ID {
		case "throughput", "slowest", "errors":
			shown = append(shown, l)
		case "response":
			if !fine {
				shown = append(shown, l)
			}
		}
	}
	return shown
}

func (p *page) addCloseups(run *lanes.Run) {
	if len(p.Lanes) == 0 {
		return
	}
	drawn := len(closely(run)) > 0
	for i, f := range run.Faults {
		if i == mostFaults {
			break
		}
		if drawn || len(f.Stages) > 0 {
			p.Closeups = append(p.Closeups, closeupOf(run, i, f))
		}
	}
	switch n := len(run.Faults); {
	case n > mostFaults:
		p.CloseupsNote = fmt.Sprintf("These are the first %d of %s faults. Without the interactive charts there are pictures of the first %d only.", mostFaults, units.Grouped(int64(n)), mostDrawn)
	case n > mostDrawn:
		p.CloseupsNote = fmt.Sprintf("Without the interactive charts there are pictures of the first %d faults only.", mostDrawn)
	}
}

func closeupOf(run *lanes.Run, index int, f lanes.Fault) closeup {
	from, to := around(f, run.Duration)
	c := closeup{Index: index, Title: fmt.Sprintf("%d. %s, %s", index+1, f.Label, during(f))}
	c.About = fmt.Sprintf("Close-up of %s, from %s to %s, %s", f.Label, lanes.Moment(from), lanes.Moment(to), units.Count(int64(len(f.Stages)), "stage of the recovery", "stages of the recovery"))
	for i, s := range f.Stages {
		c.Stages = append(c.Stages, stage{svg.Letter(i), fmt.Sprintf("%s (%s after the fault): %s", lanes.Moment(s.At), lanes.Moment(s.At-f.From), s.Label)})
	}
	if index >= mostDrawn {
		return c
	}
	for _, l := range closely(run) {
		c.Pictures = append(c.Pictures, picture{heading(l), template.HTML(svg.Lane(*l, run, svg.Options{Height: closeHeight, From: from, To: to, Marks: f.Stages}))})
	}
	return c
}

// during is when a fault was.
func during(f lanes.Fault) string {
	if f.To <= f.From {
		return "at " + lanes.Moment(f.From)
	}
	return lanes.Moment(f.From) + " to " + lanes.Moment(f.To)
}

// around is the stretch of time of a close-up, as the scripts have it: up to the last stage of the recovery, and some seconds more on
// both sides.
func around(f lanes.Fault, duration float64) (from, to float64) {
	last := max(f.From, f.To)
	for _, s := range f.Stages {
		last = max(last, s.At)
	}
	margin := max(2, 0.25*(last-f.From))
	return max(0, f.From-margin), min(max(duration, last), last+margin)
}

// mostCurves bounds the phases of a picture of percentiles.
const mostCurves = 8

// addPercentiles adds the response times of each workload by percentile, its phases over each other.
func (p *page) addPercentiles(r *report.Result) {
	s := section{ID: "percentiles", Title: "Response times by percentile", Note: "of all operations that were answered, failed or dropped, as in the table of the load"}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		curves, left, err := curvesOf(w)
		if err != nil {
			p.Problems = append(p.Problems, fmt.Sprintf("The percentiles of %s cannot be shown: %s", w.Name, err))
		}
		if len(curves) == 0 {
			continue
		}
		s.Blocks = append(s.Blocks, block{Label: w.Name}, block{
			Label: "Picture of the percentiles of " + w.Name, Picture: template.HTML(svg.Percentiles(curves, svg.Options{})),
		})
		if left > 0 {
			s.Blocks = append(s.Blocks, block{Class: "faint", Text: units.Count(int64(left), "more phase is", "more phases are") + " in the table only"})
		}
		s.Blocks = append(s.Blocks, block{Table: percentileTable(w)})
	}
	if len(s.Blocks) > 0 {
		p.Sections = append(p.Sections, s)
	}
}

// curvesOf are the phases of a workload that have samples, and how many are not among them.
func curvesOf(w *report.Workload) (curves []svg.Curve, left int, err error) {
	for i := range w.Phases {
		d := &w.Phases[i].Response
		if d.Count == 0 {
			continue
		}
		if len(curves) == mostCurves {
			left++
			continue
		}
		at, times, unreadable := d.Curve()
		if unreadable != nil {
			err = unreadable
			continue
		}
		c := svg.Curve{Name: w.Phases[i].Phase, Percentiles: at}
		for _, t := range times {
			c.Seconds = append(c.Seconds, t.Seconds())
		}
		curves = append(curves, c)
	}
	return curves, left, err
}

// tail are the percentiles of the table.
var tail = []float64{50, 90, 99, 99.9, 99.99}

func percentileTable(w *report.Workload) *table {
	t := &table{Caption: w.Name + ": response times in ms by phase", Columns: []cell{{Text: "Phase"}, {Text: "# Samples", Class: "number"}}}
	for _, p := range tail {
		t.Columns = append(t.Columns, cell{Text: strconv.FormatFloat(p, 'f', -1, 64) + "%", Class: "number"})
	}
	t.Columns = append(t.Columns, cell{Text: "Max", Class: "number"})
	for i := range w.Phases {
		d := &w.Phases[i].Response
		if d.Count == 0 {
			continue
		}
		row := []cell{{Text: w.Phases[i].Phase, Head: true}, {Text: units.Grouped(d.Count), Class: "number"}}
		for _, p := range tail {
			value := "-" // fewer samples than it takes
			if float64(d.Count)*(1-p/100) >= 1-1e-9 || math.Abs(p-50) < 1 {
				if v, err := d.Percentile(p); err == nil {
					value = units.Millis(v)
				}
			}
			row = append(row, cell{Text: value, Class: "number"})
		}
		t.Rows = append(t.Rows, append(row, cell{Text: units.Millis(d.Max), Class: "number"}))
	}
	return t
}
