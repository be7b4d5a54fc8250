package web

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"pgchaos/internal/units"
	"pgchaos/live"
)

// message is what a page gets. The state replaces the one before; points and lines are added, or, with Reset, are all that
// there are.
type message struct {
	Reset  bool               `json:"reset,omitempty"`
	State  state              `json:"state"`
	Points map[string][]point `json:"points,omitempty"` // by workload
	Lines  []string           `json:"lines,omitempty"`
}

// point is a workload in a stretch of time; all times are seconds.
type point struct {
	From       float64 `json:"from"`
	To         float64 `json:"to"`
	Throughput float64 `json:"throughput"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
	Errors     int64   `json:"errors"`
	Dropped    int64   `json:"dropped"`
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
	begun bool
	runs  int
	line  int
	ends  map[string]time.Duration // of each workload, the newest second that was sent
}

// mostFirstLines is how many lines the first message has at the most.
const mostFirstLines = 500

// message is what a reader lacks, as JSON.
func (p *position) message(m *live.Model, at time.Time) []byte {
	out := message{State: stateOf(m, at), Points: map[string][]point{}}
	out.Reset = !p.begun || p.runs != m.Runs
	for _, w := range m.Workloads {
		if _, complete := w.Since(p.ends[w.Name]); !complete { // the reader was away for too long
			out.Reset = true
		}
	}
	if out.Reset {
		*p = position{begun: true, runs: m.Runs, ends: map[string]time.Duration{}}
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
	lines, next := m.Lines(p.line)
	for _, l := range lines {
		out.Lines = append(out.Lines, l.Text)
	}
	p.line = next
	text, _ := json.Marshal(out) // it has no type and no number that JSON lacks
	return text
}

func pointOf(p live.Point) point {
	return point{
		From: p.From.Seconds(), To: p.To.Seconds(), Throughput: math.Round(p.Throughput*10) / 10,
		P50: p.P50.Seconds(), P99: p.P99.Seconds(), Errors: p.Errors, Dropped: p.Dropped,
	}
}

func stateOf(m *live.Model, at time.Time) state {
	elapsed := m.Elapsed(at)
	s := state{
		Name: m.Name, Stage: m.Stage, Loading: m.Loading(at), Elapsed: elapsed.Seconds(), Clock: strings.TrimSpace(live.Clock(elapsed)),
		Phase: m.Status.Phase, Primary: m.Status.Primary, End: live.EndText(m.Status, elapsed), Next: live.NextText(m.Status, elapsed),
		Errors: m.ErrorsText(at), ErrorsNow: m.ErrorsNow(at), Nodes: m.Nodes(),
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
		s.Round = r.Name
		if r.Total > 0 {
			s.Round = strings.TrimSpace(units.Grouped(int64(r.Done)) + " of " + units.Count(int64(r.Total), "run", "runs") + "  " + r.Name)
		}
	}
	for _, w := range m.Workloads {
		s.Workloads = append(s.Workloads, workloadOf(w))
	}
	return s
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
