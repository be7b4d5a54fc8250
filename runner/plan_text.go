package runner

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pgchaos/internal/redact"
	"pgchaos/load/pgload"
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
	for i, n := range e.Cluster.Nodes {
		fmt.Fprintf(tw, "  %s\t%s\n", n.Name, nodeText(i, n))
	}
	fmt.Fprintf(tw, "  replication\t%s\n", regime(e.Cluster.Synchronous))
	fmt.Fprint(tw, "\nLOAD\n")
	if statements, err := setupStatements(e); err == nil && len(statements) > 0 {
		fmt.Fprintf(tw, "  setup\tSQL that runs before the load, as its user; statements: %d\n", len(statements))
	}
	for _, l := range e.Load {
		fmt.Fprintf(tw, "  %s\t%s\n", l.Name, workloadText(e, l))
	}
	fmt.Fprint(tw, "\nTIMELINE\t\n")
	for _, s := range e.Timeline {
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", when(s), s.Name, stepText(s))
	}
	writePhases(tw, e)
	fmt.Fprint(tw, "\nEXPECT\n")
	for _, x := range e.Expect {
		fmt.Fprintf(tw, "  %s\n", x)
	}
	if len(e.Expect) == 0 {
		fmt.Fprint(tw, "  nothing is expected: the audit's own findings alone decide\n")
	}
	fmt.Fprintf(tw, "\nFILES\t%s\n", p.Size())
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	for _, warning := range e.Warnings() {
		fmt.Fprintf(w, "\nWARNING  %s\n", warning)
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

func regime(s *spec.Synchronous) string {
	if s == nil || s.Standbys == "" {
		return "asynchronous"
	}
	return fmt.Sprintf("synchronous_commit = %s, synchronous_standby_names = '%s'", s.Commit, s.Standbys)
}

func workloadText(e *spec.Experiment, l spec.Workload) string {
	text := fmt.Sprintf("%s on %s, %d clients", l.Kind, l.Target, l.Clients)
	switch {
	case l.Rate > 0:
		text += fmt.Sprintf(", %g/s (open model)", float64(l.Rate))
	case l.Open():
		text += fmt.Sprintf(", %d stages of rates (open model)", len(l.Stages))
	case len(l.Stages) > 0:
		text += fmt.Sprintf(", %d stages of clients (closed model)", len(l.Stages))
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
func when(s spec.Step) string {
	switch {
	case s.At != nil:
		return "at " + time.Duration(*s.At).String()
	case s.When != nil:
		return fmt.Sprintf("when %s (%s at the most)", conditionText(*s.When), s.Within)
	}
	return "then"
}

// stepText is a step's action in words.
func stepText(s spec.Step) string {
	text := s.Action()
	if nodes := s.Nodes(); len(nodes) > 0 {
		text += " " + strings.Join(nodes, ", ")
	}
	if loads := s.Workloads(); len(loads) > 0 {
		text += " " + strings.Join(loads, ", ")
	}
	if d := stepDetail(s); d != "" {
		text += ": " + d
	}
	if s.For > 0 {
		text += fmt.Sprintf(", taken back after %s", s.For)
	}
	return text
}

// stepDetail is what a step says beyond its action and its node.
func stepDetail(s spec.Step) string {
	switch {
	case s.Stop != nil:
		return s.Stop.Mode
	case s.Restart != nil:
		return s.Restart.Mode
	case s.Configure != nil:
		return configureText(s.Configure)
	case s.Follow != nil:
		return "upstream " + cmp.Or(s.Follow.Upstream, "primary")
	case s.Rejoin != nil:
		return "upstream " + cmp.Or(s.Rejoin.Upstream, "primary")
	case s.Clone != nil:
		return "upstream " + cmp.Or(s.Clone.Upstream, "primary") + ", from " + cmp.Or(s.Clone.Backup, "a fresh base backup")
	case s.Backup != nil:
		return "kept as " + s.Backup.Name
	case s.Wait != nil:
		return s.Wait.String()
	case s.SQL != nil:
		return s.SQL.Query
	case s.Verify != nil:
		return fmt.Sprintf("%s, within %s", conditionText(*s.Verify), s.Verify.Within)
	}
	return ""
}

func configureText(c *spec.Configure) string {
	var parts []string
	if c.Synchronous != nil {
		parts = append(parts, regime(c.Synchronous))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Settings)) {
		parts = append(parts, fmt.Sprintf("%s = '%s'", key, c.Settings[key]))
	}
	return strings.Join(parts, ", ")
}

func conditionText(c spec.Condition) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.Role)) {
		parts = append(parts, name+" is "+c.Role[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.SyncState)) {
		parts = append(parts, "sync_state of "+name+" is "+c.SyncState[name])
	}
	for _, name := range c.Streaming {
		parts = append(parts, name+" is streaming")
	}
	for _, name := range c.CaughtUp {
		parts = append(parts, name+" has caught up")
	}
	return strings.Join(parts, ", ")
}
