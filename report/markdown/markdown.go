// Package markdown writes the report of a run as Markdown for GitHub and GitLab: for the summary of a job, or a comment on a
// change. Hostile texts stay texts, and the whole stays below 900 kB whatever the result holds.
package markdown

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/report"
	"pgchaos/report/summary"
	"pgchaos/verdict"
)

// Options are what is shown.
type Options struct {
	Short bool   // the verdict and the expectations alone
	Dir   string // where the result is; "": nothing is said about it
}

// Write writes the report.
func Write(w io.Writer, r *report.Result, o Options) error {
	_, err := io.WriteString(w, Text(r, o))
	return err
}

// Text is the report.
func Text(r *report.Result, o Options) string {
	s := summary.Of(r)
	d := &document{}
	fmt.Fprintf(&d.b, "## %s %s: %s\n\n", mark(s.Verdict), Escape(cmp.Or(s.Experiment, "an experiment without a name")), s.Verdict)
	fmt.Fprintf(&d.b, "**%s**: %s.\n\nTested: %s.\n", s.Verdict, withoutStop(Escape(s.Headline)), setup(s))
	d.add(reasons(s))
	d.add(expectations(s))
	if !o.Short {
		d.add(load(s))
		d.b.WriteString(overTime(r))
		d.add(faults(s))
		d.add(losses(s))
		d.add(nodes(s))
		d.add(failures(r))
	}
	d.b.WriteString("\n" + repeat(r, o.Dir))
	return d.b.String()
}

// mark shows a verdict at a glance; the word stands beside it.
func mark(v verdict.Verdict) string {
	switch v {
	case verdict.Pass:
		return "✅"
	case verdict.Fail:
		return "❌"
	case verdict.Inconclusive:
	}
	return "⚠️"
}

// withoutStop is a sentence without its full stop.
func withoutStop(text string) string { return strings.TrimSuffix(text, ".") }

// setup is what was tested.
func setup(s *summary.Summary) string {
	var parts []string
	for i, m := range s.Replication {
		text := m.Mode
		if m.Commit != "" && !strings.HasPrefix(text, "asynchronous by") {
			text += ", synchronous_commit " + m.Commit
		}
		if i > 0 {
			text = "from " + moment(m.Since) + " " + text
		}
		if parts = append(parts, text); i == 3 && len(s.Replication) > 4 {
			parts = append(parts, units.Count(int64(len(s.Replication)-4), "more change", "more changes"))
			break
		}
	}
	if len(parts) == 0 {
		parts = []string{"replication mode not known"}
	}
	version, _, _ := strings.Cut(s.Postgres, " ")
	parts = append(parts, "PostgreSQL "+cmp.Or(version, "of unknown version"), units.Count(int64(len(s.Nodes)), "node", "nodes")+" ("+cmp.Or(s.Provider, "unknown provider")+")")
	if s.Duration > 0 {
		parts = append(parts, "ran "+units.Span(seconds(s.Duration)))
	}
	if v := s.Variant; v != nil {
		parts = append(parts, strings.Trim(v.Name+", "+v.Cell, ", ")+" (round "+strconv.Itoa(v.Round)+" of a series)")
	}
	return Escape(strings.Join(parts, "; "))
}

// reasons are why the verdict is not pass, and what makes it or the figures doubtful.
func reasons(s *summary.Summary) *section {
	of := &section{one: "reason", many: "reasons"}
	for _, reason := range s.Reasons {
		if reason != s.Headline {
			of.item("because", Escape(reason))
		}
	}
	for _, warning := range s.Warnings {
		of.item("warning", Escape(warning))
	}
	for _, doubt := range s.Doubts {
		if !slices.ContainsFunc(s.Expectations, func(e expect.Judgement) bool { return e.Why == doubt }) {
			of.item("warning", Escape(doubt))
		}
	}
	if len(of.rows) > 0 {
		of.lines = []string{""}
	}
	return of
}

// expectations are shown with the worst first, in the order of the file otherwise.
func expectations(s *summary.Summary) *section {
	of := &section{head: "Expectations", one: "expectation", many: "expectations"}
	of.table("", "expected", "was", "why not known")
	for _, v := range []verdict.Verdict{verdict.Fail, verdict.Inconclusive, verdict.Pass} {
		for _, e := range s.Expectations {
			if e.Verdict == v {
				of.row(mark(v)+" "+v.String(), code(e.Text), Escape(e.Observed), Escape(e.Why))
			}
		}
	}
	return of
}

// load is JMeter's aggregate table by workload and phase, in milliseconds.
func load(s *summary.Summary) *section {
	of := &section{head: "Load", one: "row", many: "rows"}
	of.lines = []string{"Response times in ms, of all operations, from when each was due.", ""}
	of.table("workload", "samples:", "average:", "median:", "90 %:", "95 %:", "99 %:", "max:", "errors:", "throughput:")
	for _, row := range s.Load {
		name := Escape(row.Workload)
		switch {
		case row.Phase != "":
			name = "&nbsp;&nbsp;" + Escape(row.Phase)
		case row.Part != "":
			name = "&nbsp;&nbsp;/" + Escape(row.Part)
		default:
			name = "**" + name + "**"
		}
		cells := []string{name, units.Grouped(row.Samples), "-", "-", "-", "-", "-", "-", "-", "-"}
		if t := row.Times; t != nil {
			for i, n := range []float64{t.Average, t.Median, t.P90, t.P95, t.P99, t.Max} {
				cells[2+i] = units.Millis(time.Duration(n * float64(time.Millisecond)))
			}
		}
		if row.ErrorRate != nil {
			cells[8] = units.Percent(*row.ErrorRate)
		}
		if row.Throughput != nil {
			cells[9] = fmt.Sprintf("%.1f/s", *row.Throughput)
		}
		of.row(cells...)
	}
	return of
}

// faults is what each fault cost.
func faults(s *summary.Summary) *section {
	of := &section{head: "Recovery by fault", one: "fault", many: "faults"}
	of.table("fault", "issued:", "write outage", "read outage", "redundancy back", "caveats")
	for _, f := range s.Faults {
		name := Escape(f.Event)
		if f.Action != "" && !strings.Contains(f.Event, f.Action) {
			name += " " + Escape("("+f.Action+" "+strings.Join(f.Nodes, ", ")+")")
		}
		back := "not known"
		switch {
		case f.Redundancy == nil:
		case !*f.RedundancyBack:
			back = "not within " + units.Span(seconds(*f.Redundancy))
		case *f.Redundancy == 0:
			back = "kept"
		case f.RedundancyLeast != nil && *f.RedundancyLeast <= 0:
			back = "kept, or within " + units.Span(seconds(*f.Redundancy))
		case f.RedundancyLeast != nil:
			back = "after " + units.Span(seconds(*f.RedundancyLeast)) + " to " + units.Span(seconds(*f.Redundancy))
		default:
			back = "after " + units.Span(seconds(*f.Redundancy))
		}
		of.row(name, moment(f.Issued), outageText(f.Write), outageText(f.Read), back, Escape(strings.Join(f.Caveats, "; ")))
	}
	return of
}

// outageText is how long a workload was out; "-": there is no such workload.
func outageText(o *summary.Outage) string {
	switch {
	case o == nil:
		return "-"
	case o.Seconds == nil:
		return o.State
	case o.State == summary.NotRecovered:
		return "at least " + units.Span(seconds(*o.Seconds))
	case o.Most != nil:
		return "between " + units.Span(seconds(*o.Seconds)) + " and " + units.Span(seconds(*o.Most))
	case *o.Seconds == 0 && o.Errors == 0:
		return "none seen"
	}
	return units.Span(seconds(*o.Seconds))
}

// losses is what the audit found.
func losses(s *summary.Summary) *section {
	of := &section{head: "What was lost", one: "finding", many: "findings"}
	for i := range s.Tables {
		t := &s.Tables[i]
		writes := units.Count(t.Acknowledged, "acknowledged write", "acknowledged writes")
		text := "none of " + writes + " was lost"
		switch {
		case t.Acknowledged == 0:
			text = "nothing was acknowledged, so nothing could be lost"
		case t.Lost > 0:
			text = units.Grouped(t.Lost) + " of " + writes + " lost"
		case t.WeakLost > 0:
			text += ", except weakly acknowledged ones"
		}
		if t.Lost > 0 && t.Unexplained > 0 {
			text += ", " + units.Grouped(t.Unexplained) + " without a known cause"
		}
		if !t.Complete {
			text += ", as far as is known: " + Escape(t.Why)
			if t.NodesRead != "" {
				text += " (" + t.NodesRead + ")"
			}
		}
		of.item(Escape(t.Table)+":", text)
		for _, l := range t.Losses {
			of.item("lost at "+Escape(l.Event)+":", fmt.Sprintf("%s and %s weakly acknowledged, from %s to %s: %s",
				units.Count(l.Lost, "write", "writes"), units.Grouped(l.WeakLost), moment(l.From), moment(l.To), Escape(l.Why)))
		}
		if t.Weak != nil && *t.Weak > 0 {
			of.item("weak:", units.Count(*t.Weak, "write was acknowledged", "writes were acknowledged")+" without the standbys demanded; "+report.WeakRiskOf(*t.Weak, *t.Weak, t.WeakLost))
		}
		for _, c := range []struct {
			n    int64
			what string
		}{
			{t.WeakLost, "weakly acknowledged and lost"}, {t.Resurrected, "failed and is there all the same"}, {t.Duplicated, "more than once"},
			{t.Foreign, "not written by this run"}, {t.Corrupted, "with another value than was written"},
		} {
			if c.n > 0 {
				of.item("rows:", units.Grouped(c.n)+" "+c.what)
			}
		}
		for _, fork := range t.UnreadForks {
			of.item("not read:", Escape(fork))
		}
		if n := t.Survived + t.Vanished; n > 0 {
			of.item("no reply:", fmt.Sprintf("%s: %s committed, %s not; both are correct", units.Count(n, "write", "writes"), units.Grouped(t.Survived), units.Grouped(t.Vanished)))
		}
	}
	return of
}

// nodes are compared with the primary.
func nodes(s *summary.Summary) *section {
	of := &section{head: "Nodes at the end", one: "node", many: "nodes"}
	of.table("node", "role", "timeline:", "rows:", "content", "missing:", "extra:")
	for _, n := range s.Nodes {
		timeline, rows := "?", units.Grouped(n.Rows)
		if n.Timeline > 0 {
			timeline = strconv.FormatUint(uint64(n.Timeline), 10)
		}
		switch {
		case n.AtLeast && n.Rows == 0:
			rows = "-"
		case n.AtLeast:
			rows = "at least " + rows
		}
		content := n.Content
		if n.Wrong > 0 {
			content += " (" + units.Grouped(n.Wrong) + " wrong)"
		}
		of.row(Escape(n.Node), Escape(cmp.Or(n.Role, "?")), timeline, rows, content, count(n.Missing), count(n.Extra))
	}
	return of
}

func count(n *int64) string {
	if n == nil {
		return "-"
	}
	return units.Grouped(*n)
}

// mostKinds is how many kinds of errors of a workload are shown.
const mostKinds = 20

// failures are the errors of the operations, with an example each.
func failures(r *report.Result) *section {
	of := &section{head: "Errors of operations", one: "kind of error", many: "kinds of errors"}
	of.table("workload", "error", "outcome", "number:", "example")
	for i := range r.Workloads {
		w := &r.Workloads[i]
		for _, e := range w.Errors[:min(len(w.Errors), mostKinds)] {
			of.row(Escape(w.Name), code(e.Kind), e.Outcome.String(), units.Grouped(e.N), code(units.OneLine(e.Example)))
		}
	}
	return of
}

// repeat says where the result is, and how to make the run again.
func repeat(r *report.Result, dir string) string {
	var lines []string
	if dir != "" {
		lines = append(lines, "Everything: "+code("pgchaos report "+dir+" --full")+". ")
	}
	if again := r.Repeat(); len(again) > 0 {
		lines = append(lines, "Again: "+code("pgchaos "+strings.Join(again, " "))+". ")
	}
	return strings.Join(lines, "") + "Run " + code(r.Run) + ", pgchaos " + Escape(r.Tool) + ".\n"
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func moment(n float64) string { return units.Seconds(seconds(n)) }
