package runner

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/internal/redact"
	"pgchaos/internal/units"
	"pgchaos/load/pgload"
	"pgchaos/record"
	"pgchaos/spec"
)

// Write writes the plan as `pgchaos plan` shows it: what will be built, what will
// load it, what will happen when, and what is expected.
func (p *Plan) Write(out io.Writer) error {
	w := &bytes.Buffer{}
	if err := p.write(w); err != nil {
		return err
	}
	_, err := io.WriteString(out, redact.New(p.Experiment.Secrets...).Text(w.String()))
	return err
}

func (p *Plan) write(w io.Writer) error {
	e := p.Experiment
	title := e.Name
	if description := strings.TrimSpace(e.Description); description != "" {
		title += ": " + description
	}
	fmt.Fprintf(w, "%s\n\n", title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "CLUSTER\tprovider %s, PostgreSQL %s\n", e.Cluster.Provider, version(e.Cluster.Postgres))
	if err := p.writeNodes(tw); err != nil {
		return err
	}
	fmt.Fprintf(tw, "  replication\t%s\n", e.Cluster.Synchronous)
	fmt.Fprint(tw, "\nLOAD\n")
	if statements, err := setupStatements(e); err == nil && len(statements) > 0 {
		fmt.Fprintf(tw, "  setup\tSQL that runs before the load, as its user; statements: %d\n", len(statements))
	}
	for _, l := range e.Load {
		fmt.Fprintf(tw, "  %s\t%s\n", l.Name, workloadText(e, l))
	}
	fmt.Fprint(tw, "\nTIMELINE\t\n")
	if e.Kills > 1 {
		fmt.Fprintf(tw, "  %d times, each as soon as the one before is done; times count from the beginning of each\n", e.Kills)
	}
	if e.Schedule != nil {
		fmt.Fprintf(tw, "  random\t%s\n", e.Schedule)
	}
	for i := range e.Once() {
		if s := &e.Timeline[i]; s.Repetition < 2 {
			fmt.Fprintf(tw, "  %s\t%s\t%s\n", when(s), s.FileName(), p.stepText(s))
		}
	}
	writePhases(tw, e)
	writeLanes(tw, e)
	fmt.Fprint(tw, "\nEXPECT\n")
	for _, x := range e.Expect {
		ends := ""
		if x.Abort {
			ends = "\tends the run as soon as it is broken"
		}
		fmt.Fprintf(tw, "  %s%s\n", x.That, ends)
	}
	if len(e.Expect) == 0 {
		fmt.Fprint(tw, "  nothing is expected: the audit's own findings alone decide\n")
	}
	if len(e.AbortOn) > 0 {
		fmt.Fprint(tw, "\nABORT ON\n")
	}
	for _, x := range e.AbortOn {
		fmt.Fprintf(tw, "  %s\n", x)
	}
	fmt.Fprintf(tw, "\nFILES\t%s\n", p.Size())
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	if err := p.writeCommands(w, nil); err != nil {
		return err
	}
	for _, warning := range p.Warnings() {
		fmt.Fprintf(w, "\nWARNING  %s\n", warning)
	}
	return nil
}

func (p *Plan) writeNodes(w io.Writer) error {
	e := p.Experiment
	if e.Cluster.Existing != nil {
		return p.writeExisting(w)
	}
	for i, n := range e.Cluster.Nodes {
		fmt.Fprintf(w, "  %s\t%s\n", n.Name, nodeText(i, n))
	}
	return nil
}

func version(major int) string {
	if major == 0 {
		return "as found (the newest)"
	}
	return fmt.Sprint(major)
}

func nodeText(i int, n spec.Node) string {
	switch {
	case n.Absent:
		return "absent until a clone step adds it"
	case i == 0:
		return "primary"
	}
	return "standby"
}

func workloadText(e *spec.Experiment, l spec.Workload) string {
	text := fmt.Sprintf("%s on %s, %s", l.Kind, l.Target, units.Count(int64(l.Clients), "client", "clients"))
	share := slices.IndexFunc(e.Shares, func(s spec.RateShare) bool { return s.Workload == l.Name })
	switch {
	case share >= 0 && !e.Shares[share].Measured:
		text += fmt.Sprintf(", %s of what it can do (open model)", e.Shares[share].Share)
	case l.Rate > 0:
		text += fmt.Sprintf(", %g/s (open model)", float64(l.Rate))
	case l.Open():
		text += fmt.Sprintf(", %s of rates (open model)", units.Count(int64(len(l.Stages)), "stage", "stages"))
	case len(l.Stages) > 0:
		text += fmt.Sprintf(", %s of clients (closed model)", units.Count(int64(len(l.Stages)), "stage", "stages"))
	default:
		text += ", as fast as they go (closed model)"
	}
	if l.Arrivals == "poisson" {
		text += ", Poisson arrivals"
	}
	if l.Table != "" {
		text += ", table " + l.Table
	}
	if l.OnTimeout != pgload.Abandon {
		text += ", on time-out " + l.OnTimeout
	}
	if slices.Contains(e.InitiallyRunning(), l.Name) {
		return text + ", from the beginning"
	}
	return text + ", once a step starts it"
}

// when says when a step happens.
func when(s *spec.Step) string {
	condition := s.Trigger
	if s.When != nil {
		condition = s.When.String()
	}
	after := s.After
	switch {
	case after == record.AfterAll:
		after = "all steps above"
	case record.AfterSeveral(after):
		after = "all " + after
	}
	text := ""
	if condition != "" {
		text = fmt.Sprintf("when %s (%s at the most)", condition, s.Within)
	}
	switch {
	case s.After != "" && s.At != nil && *s.At > 0:
		return fmt.Sprintf("%s after %s", s.At, after)
	case s.After != "" && text != "":
		return "after " + after + ", " + text
	case s.After != "":
		return "after " + after
	case s.At != nil:
		return "at " + time.Duration(*s.At).String()
	case text != "":
		return text
	}
	return "then"
}

// stepText is a step's action in words.
func (p *Plan) stepText(s *spec.Step) string {
	text := s.Action()
	if nodes := s.Nodes(); len(nodes) > 0 {
		text += " " + strings.Join(nodes, ", ")
	}
	if loads := s.Workloads(); len(loads) > 0 {
		text += " " + strings.Join(loads, ", ")
	}
	if backends, ok := s.Parameters().(interface{ Whose() string }); ok && p.Experiment.Cluster.Existing != nil {
		text += ": " + backends.Whose()
	} else if detailed, ok := s.Parameters().(fault.Detailed); ok && detailed.Detail() != "" {
		text += ": " + detailed.Detail()
	}
	if s.For > 0 {
		text += fmt.Sprintf(", taken back after %s", s.For)
	}
	if s.Repeat != nil {
		text += fmt.Sprintf(", %s, every %s", units.Count(int64(s.Repeat.Times), "time", "times"), s.Repeat.Every)
	}
	if s.Continues() {
		text += "; if it fails, the timeline goes on"
	}
	return text
}
