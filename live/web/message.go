package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"pgchaos/internal/units"
	"pgchaos/live"
	"pgchaos/report/lanes"
)

// message is what a page gets. The state replaces the one before; points and lines are added, or, with Reset, are all that
// there are.
type message struct {
	Reset  bool               `json:"reset,omitempty"`
	State  state              `json:"state"`
	Points map[string][]point `json:"points,omitempty"` // by workload
	// NodePoints are by node.
	NodePoints map[string][]nodePoint `json:"nodePoints,omitempty"`
	Lines      []string               `json:"lines,omitempty"`
}

// point is a workload in a stretch of time; all times are seconds. The response times are null where no operation ended.
type point struct {
	From       float64  `json:"from"`
	To         float64  `json:"to"`
	Throughput float64  `json:"throughput"`
	P50        *float64 `json:"p50"`
	P99        *float64 `json:"p99"`
	Errors     float64  `json:"errors"` // a second
	// Kinds are the Errors by their kind.
	Kinds   map[string]float64 `json:"kinds,omitempty"`
	Dropped float64            `json:"dropped"`
}

// nodePoint is a node at the end of a stretch of time; null is not known.
type nodePoint struct {
	From    float64  `json:"from"`
	To      float64  `json:"to"`
	Bytes   *int64   `json:"lag-bytes"`
	Lag     *float64 `json:"lag"`
	Waiters *int     `json:"sync-waiters"`
	CPU     *float64 `json:"cpu"`
	Memory  *uint64  `json:"memory"`
}

// state is what is small enough to be sent again each time.
type state struct {
	Name      string      `json:"name"`
	Stage     string      `json:"stage"`
	Busy      float64     `json:"busy"` // how long the stage has lasted, in seconds
	Loading   bool        `json:"loading"`
	Elapsed   float64     `json:"elapsed"`
	Clock     string      `json:"clock"`
	Phase     string      `json:"phase"`
	Primary   string      `json:"primary"`
	Share     *float64    `json:"share"` // of the timeline; null: not known
	End       string      `json:"end"`
	Next      string      `json:"next"`
	Faults    []string    `json:"faults"`
	Bands     []band      `json:"bands"`
	Errors    string      `json:"errors"`
	ErrorsNow bool        `json:"errorsNow"`
	Round     string      `json:"round"`
	Workloads []workload  `json:"workloads"`
	Nodes     []live.Node `json:"nodes"`
	// Roles and Syncs are bands, as in the report.
	Roles []lanes.Row `json:"roles"`
	Syncs []lanes.Row `json:"syncs"`
}

// band is a fault; To is null while it is in force.
type band struct {
	Label string   `json:"label"`
	From  float64  `json:"from"`
	To    *float64 `json:"to"`
}

// workload is a row of a table.
type workload struct {
	Name       string `json:"name"`
	Running    bool   `json:"running"`
	Throughput string `json:"throughput"`
	P50        string `json:"p50"`
	P99        string `json:"p99"`
	Errors     string `json:"errors"`
	Dropped    string `json:"dropped"`
}

// position is how far a reader has come.
type position struct {
	begun     bool
	forgotten int
	line      int
	ends      map[string]time.Duration // of each workload, the newest second that was sent
	nodeEnds  map[string]time.Duration
}

// mostFirstLines is how many lines the first message has at the most.
const mostFirstLines = 500

// lacks tells whether a reader needs everything again.
func (p *position) lacks(m *live.Model) bool {
	if !p.begun || p.forgotten != m.Forgotten {
		return true
	}
	for _, w := range m.Workloads {
		if _, complete := w.Since(p.ends[w.Name]); !complete { // the reader was away for too long
			return true
		}
	}
	for _, n := range m.NodeHistories {
		if _, complete := n.Since(p.nodeEnds[n.Name]); !complete {
			return true
		}
	}
	return false
}

// message is what a reader lacks, as JSON.
func (p *position) message(m *live.Model, at time.Time) []byte {
	out := message{Reset: p.lacks(m), State: stateOf(m, at), Points: map[string][]point{}, NodePoints: map[string][]nodePoint{}}
	if out.Reset {
		*p = position{begun: true, forgotten: m.Forgotten, ends: map[string]time.Duration{}, nodeEnds: map[string]time.Duration{}}
		_, next := m.Lines(0)
		p.line = max(next-mostFirstLines, 0)
	}
	for _, w := range m.Workloads {
		points, _ := w.Since(p.ends[w.Name])
		if out.Reset {
			points = w.Points(live.WholeRun, 0)
		}
		for _, one := range points {
			out.Points[w.Name] = append(out.Points[w.Name], pointOf(one))
			p.ends[w.Name] = one.To
		}
	}
	for _, n := range m.NodeHistories {
		points, _ := n.Since(p.nodeEnds[n.Name])
		if out.Reset {
			points = n.Points()
		}
		for _, one := range points {
			out.NodePoints[n.Name] = append(out.NodePoints[n.Name], nodePointOf(one))
			p.nodeEnds[n.Name] = one.To
		}
	}
	lines, next := m.Lines(p.line)
	for _, l := range lines {
		out.Lines = append(out.Lines, l.Text)
	}
	p.line = next
	text, _ := json.Marshal(out) // it has no type and no number that JSON lacks
	return text
}

func pointOf(p live.Point) point {
	seconds := (p.To - p.From).Seconds()
	out := point{
		From: p.From.Seconds(), To: p.To.Seconds(), Throughput: math.Round(p.Throughput*10) / 10,
		Errors: float64(p.Errors) / seconds, Dropped: float64(p.Dropped) / seconds,
	}
	for kind, n := range p.Kinds {
		if out.Kinds == nil {
			out.Kinds = map[string]float64{}
		}
		out.Kinds[kind] = float64(n) / seconds
	}
	if p.P99 > 0 {
		p50, p99 := p.P50.Seconds(), p.P99.Seconds()
		out.P50, out.P99 = &p50, &p99
	}
	return out
}

func nodePointOf(p live.NodePoint) nodePoint {
	out := nodePoint{From: p.From.Seconds(), To: p.To.Seconds(), Bytes: p.LagBytes, Waiters: p.Waiters, CPU: p.CPU, Memory: p.Memory}
	if p.Lag != nil {
		lag := p.Lag.Seconds()
		out.Lag = &lag
	}
	return out
}

func stateOf(m *live.Model, at time.Time) state {
	elapsed := m.Elapsed(at)
	s := state{
		Name: m.Name, Stage: m.Stage, Loading: m.Loading(at), Elapsed: elapsed.Seconds(), Clock: strings.TrimSpace(live.Clock(elapsed)),
		Phase: m.Status.Phase, Primary: m.Status.Primary, End: live.EndText(m.Status, elapsed), Next: live.NextText(m.Status, elapsed),
		Errors: m.ErrorsText(at), ErrorsNow: m.ErrorsNow(at), Nodes: m.Nodes(),
	}
	if i := m.Image; i != nil {
		s.Stage = fmt.Sprintf("pulling image %s, %.1f of %.1f MB", i.Image, float64(i.Done)/1e6, float64(i.Total)/1e6)
	}
	if !m.StageBegan.IsZero() {
		s.Busy = at.Sub(m.StageBegan).Seconds()
	}
	if share, known := m.Done(at); known {
		s.Share = &share
	}
	if s.Loading { // else the status is of a while ago
		for _, f := range m.Status.Faults {
			s.Faults = append(s.Faults, live.FaultText(f, elapsed))
		}
	}
	for _, b := range m.Bands {
		one := band{Label: b.Action + " " + strings.Join(b.Nodes, ", "), From: b.From.Seconds()}
		if b.To > 0 {
			to := b.To.Seconds()
			one.To = &to
		}
		s.Bands = append(s.Bands, one)
	}
	if r := m.Round; r != nil {
		s.Round = roundText(r)
	}
	for _, n := range m.NodeHistories {
		s.Roles = append(s.Roles, bands(n.Name, n.Roles, elapsed, roleOf))
		s.Syncs = append(s.Syncs, bands(n.Name, n.Syncs, elapsed, syncOf))
	}
	for _, w := range m.Workloads {
		s.Workloads = append(s.Workloads, workloadOf(w))
	}
	return s
}

// roundText says how far a series is.
func roundText(r *live.Round) string {
	if r.Total == 0 {
		return r.Name
	}
	text := units.Grouped(int64(r.Done)) + " of " + units.Count(int64(r.Total), "run", "runs")
	if r.Left > 0 {
		text += ", about " + live.Countdown(r.Left) + " left"
	}
	return strings.TrimSpace(text + "  " + r.Name)
}

// bands is a row of a lane: what a node was, up to now.
func bands(node string, all []live.Stretch, now time.Duration, of func(live.Stretch) (label, class string)) lanes.Row {
	row := lanes.Row{Name: node, Spans: []lanes.Span{}}
	for i, s := range all {
		to := now
		if i+1 < len(all) {
			to = all[i+1].From
		}
		if label, class := of(s); label != "" && to > s.From {
			row.Spans = append(row.Spans, lanes.Span{From: s.From.Seconds(), To: to.Seconds(), Label: label, Class: class})
		}
	}
	return row
}

// roleOf is a role as the report has it; "": the node was not built.
func roleOf(s live.Stretch) (label, class string) {
	label = string(s.State)
	if s.Timeline > 0 {
		label += fmt.Sprintf(", timeline %d", s.Timeline)
	}
	switch s.State {
	case live.Primary:
		return label, lanes.ClassPrimary
	case live.Standby:
		return label, lanes.ClassStandby
	case live.Down:
		return label, lanes.ClassDown
	case live.NotBuilt:
		return "", ""
	case live.Silent:
	}
	return label, lanes.ClassUnknown
}

// syncClasses are the classes of the synchronous states.
var syncClasses = map[string]string{
	string(live.Primary): lanes.ClassPrimary, "sync": lanes.ClassSync, "quorum": lanes.ClassQuorum, "potential": lanes.ClassPotential, "async": lanes.ClassAsync,
}

// syncOf is a synchronous state as the report has it; "": it is not known.
func syncOf(s live.Stretch) (label, class string) {
	return s.Sync, cmp.Or(syncClasses[s.Sync], lanes.ClassUnknown)
}

func workloadOf(w *live.Workload) workload {
	n := w.Now
	out := workload{
		Name: w.Name, Running: w.Running, Errors: units.Grouped(n.AllErrors), Dropped: units.Grouped(n.AllDropped),
	}
	if !w.Running {
		return out
	}
	out.Throughput = units.Grouped(int64(math.Round(n.Throughput))) + "/s"
	if n.P99 > 0 {
		out.P50, out.P99 = live.Latency(n.P50), live.Latency(n.P99)
	}
	return out
}
