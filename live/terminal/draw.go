package terminal

import (
	"fmt"
	"math"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"pgchaos/internal/units"
	"pgchaos/live"
)

// Frame is what a picture of the run is drawn for.
type Frame struct {
	Width, Height int
	Scale         live.Scale
}

// leastLog is how many lines of the log a frame has at the least, where the terminal has them.
const leastLog = 3

// look is how parts of a frame are set off. What a color says, words or figures say too: a terminal may have none.
type look struct{ bold, faint, good, warn, bad lipgloss.Style }

func newLook() *look {
	style := lipgloss.NewStyle()
	return &look{
		bold: style.Bold(true), faint: style.Faint(true), good: style.Foreground(lipgloss.Green),
		warn: style.Foreground(lipgloss.Yellow), bad: style.Foreground(lipgloss.Red).Bold(true),
	}
}

// drawing is one frame as it is drawn.
type drawing struct {
	*look
	Frame
	m  *live.Model
	at time.Time
}

// draw is a frame as text: at most Height lines of at most Width columns.
func (l *look) draw(m *live.Model, at time.Time, f Frame) string {
	d := &drawing{l, f, m, at}
	lines := d.top()
	lines = append(lines, d.body(f.Height-len(lines)-leastLog-1)...)
	lines = lines[:min(len(lines), f.Height)]
	lines = append(lines, d.log(f.Height-len(lines)-1)...)
	if len(lines) < f.Height {
		lines = append(lines, d.foot())
	}
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, f.Width, "…")
	}
	return strings.Join(lines, "\n")
}

// top is what must always be seen: how far the run is, what comes next, what is in force, and the errors.
func (d *drawing) top() (lines []string) {
	if d.m.Round != nil {
		lines = append(lines, d.round())
	}
	s, elapsed := &d.m.Status, d.m.Elapsed(d.at)
	if !d.m.Loading(d.at) {
		lines = append(lines, " "+d.bold.Render(d.m.Name)+"  "+d.busy())
		if len(d.m.Workloads) > 0 {
			lines = append(lines, " "+d.errors())
		}
		return lines
	}
	primary := "primary " + s.Primary
	if s.Primary == "" {
		primary = d.bad.Render("no primary")
	}
	lines = append(lines, " "+d.bold.Render(d.m.Name)+"  "+live.Clock(elapsed)+"  "+primary+"  "+s.Phase)
	const most = 40
	if share, known := d.m.Done(d.at); known {
		width := min(most, max(d.Width-40, 8))
		lines = append(lines, fmt.Sprintf(" %s %3.0f%%  %s", bar(share, width), 100*share, live.EndText(*s, elapsed)))
	}
	return append(lines, " "+live.NextText(*s, elapsed), " "+d.faults(elapsed), " "+d.errors())
}

// busy is what the run is busy with while there is no load, and for how long.
func (d *drawing) busy() string {
	if i := d.m.Image; i != nil {
		return fmt.Sprintf("%s %.1f of %.1f MB, pulling image %s", bar(float64(i.Done)/float64(i.Total), 20), float64(i.Done)/1e6, float64(i.Total)/1e6, i.Image)
	}
	if d.m.Stage == "" {
		return "beginning"
	}
	return fmt.Sprintf("%s  %.1f s", d.m.Stage, d.at.Sub(d.m.StageBegan).Seconds())
}

// round is how far a series is.
func (d *drawing) round() string {
	r := d.m.Round
	if r.Total == 0 {
		return " " + d.bold.Render(r.Name)
	}
	text := fmt.Sprintf(" %s %d of %d runs", bar(float64(r.Done)/float64(r.Total), 20), r.Done, r.Total)
	if r.Left > 0 {
		text += ", about " + live.Countdown(r.Left) + " left"
	}
	return text + "  " + d.bold.Render(r.Name)
}

func (d *drawing) faults(elapsed time.Duration) string {
	if len(d.m.Status.Faults) == 0 {
		return "no fault in force"
	}
	var texts []string
	for _, f := range d.m.Status.Faults {
		texts = append(texts, live.FaultText(f, elapsed))
	}
	return d.warn.Render("in force: " + strings.Join(texts, "; "))
}

func (d *drawing) errors() string {
	text := d.m.ErrorsText(d.at)
	switch errors, dropped := d.m.AllErrors(); {
	case d.m.ErrorsNow(d.at):
		return d.bad.Render("! " + text)
	case errors+dropped > 0:
		return d.warn.Render(text)
	}
	return text
}

// body is the workloads and the nodes, in at most so many lines: with rules between them, without, without the pictures of the
// workloads, and in the end only some of each.
func (d *drawing) body(most int) []string {
	workloads, nodes := d.workloads(true), d.nodes()
	if lines := d.ruled(workloads, nodes); len(lines) <= most {
		return lines
	}
	if len(workloads)+len(nodes) > most {
		workloads = d.workloads(false)
	}
	if len(workloads)+len(nodes) > most {
		half := most / 2
		nodes = some(nodes, max(half, most-len(workloads)))
		workloads = some(workloads, most-len(nodes))
	}
	return append(workloads, nodes...)
}

// ruled has a rule before each part and after the last.
func (d *drawing) ruled(parts ...[]string) (lines []string) {
	rule := d.faint.Render(strings.Repeat("─", d.Width))
	for _, part := range parts {
		if len(part) > 0 {
			lines = append(append(lines, rule), part...)
		}
	}
	if len(lines) > 0 {
		lines = append(lines, rule)
	}
	return lines
}

// some is the beginning of lines, and how many more there are.
func some(lines []string, most int) []string {
	if len(lines) <= most || most < 3 {
		return lines[:min(len(lines), max(most, 0))]
	}
	return append(lines[:most-1:most-1], fmt.Sprintf(" … %d more", len(lines)-most+1))
}

func (d *drawing) workloads(pictures bool) (lines []string) {
	name := 0
	for _, w := range d.m.Workloads {
		name = max(name, ansi.StringWidth(w.Name))
	}
	name = min(name, max(d.Width/3, 8))
	for _, w := range d.m.Workloads {
		lines = append(lines, " "+d.bold.Render(column(w.Name, name))+"  "+d.figures(w))
		if pictures {
			lines = append(lines, d.pictures(w))
		}
	}
	return lines
}

// figures are a workload's in the last complete second.
func (d *drawing) figures(w *live.Workload) string {
	if !w.Running || !d.m.Loading(d.at) {
		return "does not run"
	}
	n := w.Now
	times := "no response times"
	if n.P99 > 0 {
		times = "p50 " + column(live.Latency(n.P50), 7) + " p99 " + column(live.Latency(n.P99), 7)
	}
	text := fmt.Sprintf("%8s/s  %s", units.Grouped(int64(math.Round(n.Throughput))), times)
	if n.Errors > 0 {
		text += d.bad.Render(fmt.Sprintf("  %s errors/s", units.Grouped(n.Errors)))
	}
	if n.Dropped > 0 {
		text += d.warn.Render(fmt.Sprintf("  %s not sent/s", units.Grouped(n.Dropped)))
	}
	if n.Abandoned > 0 {
		text += d.warn.Render(fmt.Sprintf("  %s given up", units.Grouped(int64(n.Abandoned))))
	}
	return text
}

// pictures are a workload's throughput and response times over the scale, side by side, each with its greatest value.
func (d *drawing) pictures(w *live.Workload) string {
	const most, value = 100, 13
	width := min(most, (d.Width-len("   rate  ")-len("   p99  ")-2*value)/2)
	if width < 4 {
		return ""
	}
	columns := w.Columns(d.Scale, d.m.Elapsed(d.at), width)
	rates, times := make([]float64, width), make([]float64, width)
	wrong := make([]bool, width)
	var rate, p99 float64
	for i, p := range columns {
		rates[i], times[i] = math.NaN(), math.NaN()
		if p == nil {
			continue
		}
		rates[i], times[i], wrong[i] = p.Throughput, p.P99.Seconds(), p.Errors+p.Dropped > 0
		rate, p99 = max(rate, rates[i]), max(p99, times[i])
	}
	return "   rate " + d.spark(rates, rate, wrong) + " " + column("max "+units.Grouped(int64(math.Round(rate)))+"/s", value) +
		"  p99 " + d.spark(times, p99, wrong) + " max " + live.Latency(time.Duration(p99*1e9))
}

// spark draws values from 0 to a greatest one; NaN is not known, and is left empty. The columns with errors are set off.
func (d *drawing) spark(values []float64, greatest float64, wrong []bool) string {
	var b strings.Builder
	var part []rune
	flush := func(bad bool) {
		if len(part) > 0 && bad {
			b.WriteString(d.bad.Render(string(part)))
		} else {
			b.WriteString(string(part))
		}
		part = part[:0]
	}
	for i, v := range values {
		if i > 0 && wrong[i] != wrong[i-1] {
			flush(wrong[i-1])
		}
		switch {
		case math.IsNaN(v):
			part = append(part, ' ')
		case greatest <= 0:
			part = append(part, units.Spark(0))
		default:
			part = append(part, units.Spark(v/greatest))
		}
	}
	if n := len(values); n > 0 {
		flush(wrong[n-1])
	}
	return b.String()
}

// nodes are a table with a row for each.
func (d *drawing) nodes() (lines []string) {
	nodes := d.m.Nodes()
	if len(nodes) == 0 {
		return nil
	}
	name := len("node")
	for _, n := range nodes {
		name = max(name, ansi.StringWidth(n.Name))
	}
	name = min(name, max(d.Width/4, 8))
	row := func(cells ...string) string {
		text := column(cells[0], 9) + "  " + column(cells[1], 8) + "  " + column(cells[2], 16) + "  " + column(cells[3], 9)
		if d.Width >= LeastWidth { // else only the half of the last columns would be there
			text += "  " + column(cells[4], 5) + "  " + cells[5]
		}
		return strings.TrimRight(text, " ")
	}
	now := d.m.Loading(d.at)
	lines = append(lines, d.faint.Render(" "+column("node", name)+"  "+row("role", "timeline", "lag", "sync", "cpu", "memory")))
	for _, n := range nodes {
		sync := n.Sync
		if n.Waiters > 0 {
			sync = fmt.Sprintf("%d wait", n.Waiters)
		}
		text := row(string(n.State), n.Timeline, n.Lag, sync, n.CPU, n.Memory)
		switch {
		case !now: // nothing is read any more
			text = d.faint.Render(text)
		case n.State == live.Down || n.State == live.Silent:
			text = d.bad.Render(text)
		case n.State == live.Primary:
			text = d.good.Render(text)
		}
		lines = append(lines, " "+column(n.Name, name)+"  "+text)
	}
	return lines
}

// log is the end of the log, with empty lines after it up to a number.
func (d *drawing) log(number int) []string {
	if number <= 0 {
		return nil
	}
	all, _ := d.m.Lines(0)
	if len(all) > number {
		all = all[len(all)-number:]
	}
	lines := make([]string, number)
	for i, l := range all {
		text, _, more := strings.Cut(l.Text, "\n")
		if more {
			text += " …"
		}
		lines[i] = " " + strings.ReplaceAll(text, "\t", " ")
	}
	return lines
}

func (d *drawing) foot() string {
	return d.faint.Render(" q end the run   t time: " + d.Scale.String() + "   Ctrl-Z stop for now")
}

// bar shows a share.
func bar(share float64, width int) string {
	full := int(math.Round(min(max(share, 0), 1) * float64(width)))
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// column is a text in exactly so many columns.
func column(text string, width int) string {
	if ansi.StringWidth(text) > width {
		text = ansi.Truncate(text, width, "…")
	}
	return text + strings.Repeat(" ", max(width-ansi.StringWidth(text), 0))
}
