package runner

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/redact"
	"pgchaos/internal/units"
	"pgchaos/spec"
)

// planned is a step that runs commands of the user's.
type planned interface {
	Planned(node, host string) []fault.PlannedCommand
}

// WriteCommands writes every command that a run would run on the machines of a cluster that was there before, word for word. Dirs are the
// data directories of the nodes, where they were asked for; "": nothing can tell, and no df runs there.
func (p *Plan) WriteCommands(out io.Writer, dirs map[string]string) error {
	text := &strings.Builder{}
	if err := p.writeCommands(text, dirs); err != nil {
		return err
	}
	_, err := io.WriteString(out, redact.New(p.Experiment.Secrets...).Text(text.String()))
	return err
}

func (p *Plan) writeCommands(w io.Writer, dirs map[string]string) error {
	if p.Experiment.Cluster.Existing == nil {
		return nil
	}
	x, err := Existing(p.Experiment, false)
	if err != nil {
		return err
	}
	text := &strings.Builder{}
	if err := writeOwnCommands(text, x, dirs); err != nil {
		return err
	}
	for i := range p.Experiment.Once() {
		s := &p.Experiment.Timeline[i]
		commands, ok := s.Parameters().(planned)
		if !ok || s.Repetition > 1 {
			continue
		}
		for _, n := range x.Nodes {
			if actsOn(s.Nodes(), n.Name, x.Nodes) {
				if err := writeCommandsOf(text, s, commands, x.Exec, n); err != nil {
					return err
				}
			}
		}
	}
	if text.Len() > 0 {
		fmt.Fprint(w, "\nCOMMANDS  each runs as it stands here, without a shell of pgchaos's\n", text)
	}
	return p.writeSent(w, x)
}

// plannedSchema stands for the schema of the run, which has its name from the run's id.
const plannedSchema = "SCHEMA"

// writeSent writes what steps send to the servers and to the manager.
func (p *Plan) writeSent(w io.Writer, x cluster.Existing) error {
	text := &strings.Builder{}
	for i := range p.Experiment.Once() {
		s := &p.Experiment.Timeline[i]
		lines, to := []string(nil), strings.Join(s.Nodes(), ", ")
		switch of := s.Parameters().(type) {
		case *fault.ManagerSwitchover:
			var err error
			if lines, err = managerLines(of, x); err != nil {
				return err
			}
			to = "the manager"
		case fault.Statements:
			lines = of.Statements(plannedSchema)
		}
		if len(lines) == 0 || s.Repetition > 1 {
			continue
		}
		fmt.Fprintf(text, "  %s to %s\n", s.FileName(), to)
		for _, line := range lines {
			fmt.Fprintf(text, "    %s\n", strings.ReplaceAll(strings.TrimSpace(line), "\n", "\n    "))
		}
	}
	if text.Len() > 0 {
		fmt.Fprintf(w, "\nSENT  to servers and to the manager; %s stands for the run's own schema\n%s", plannedSchema, text)
	}
	return nil
}

// managerLines are what a switchover sends to the manager.
func managerLines(of *fault.ManagerSwitchover, x cluster.Existing) ([]string, error) {
	candidate := of.To
	if i := slices.IndexFunc(x.Nodes, func(n cluster.ExistingNode) bool { return n.Name == of.To }); i >= 0 {
		candidate = cmp.Or(x.Nodes[i].Standby, of.To)
	}
	if x.Manager.Patroni == "" {
		if of.To == "" {
			return []string{cluster.MonitorFailoverSQL, "$1 is the cluster's system identifier"}, nil
		}
		return []string{cluster.MonitorPromotionSQL, "$1 is the cluster's system identifier, $2 is " + candidate}, nil
	}
	order, err := cluster.SwitchoverOrder("LEADER", candidate)
	lines := []string{"to the first of these agents, and of those that they name, that answers for this cluster; LEADER stands for the leader by its /cluster"}
	for _, agent := range strings.Split(x.Manager.Patroni, ",") {
		u, err := url.Parse(strings.TrimSpace(agent))
		if err != nil {
			continue // doctor says that it is none
		}
		lines = append(lines, "GET "+u.JoinPath("patroni").Redacted()+", /cluster and /config, until it would agree",
			"POST "+u.JoinPath("switchover").Redacted()+" "+string(order))
	}
	return lines, err
}

// unknownDir stands for a data directory that was not asked for.
const unknownDir = "DATA_DIRECTORY"

// writeOwnCommands writes what pgchaos itself runs on each node's machine, whatever the steps are.
func writeOwnCommands(w io.Writer, x cluster.Existing, dirs map[string]string) error {
	if x.Exec == "" {
		return nil
	}
	for _, n := range x.Nodes {
		dir := dirs[n.Name]
		if dirs == nil {
			dir = unknownDir
		}
		commands := []fault.PlannedCommand{{What: "before the run", Argv: cluster.TryCommand().Argv}}
		if dir != "" {
			commands = append(commands, fault.PlannedCommand{What: fmt.Sprintf("before the run, and every %s in it", units.Duration(disksEvery)), Argv: cluster.FreeCommand(dir).Argv})
		}
		fmt.Fprintf(w, "  whatever the steps are, on %s\n", n.Name)
		for _, c := range commands {
			line, err := commandLine(c, x.Exec, n.Host)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "    %s: %s\n", c.What, line)
		}
	}
	if dirs == nil {
		fmt.Fprintf(w, "    %s stands for the server's data_directory: pgchaos doctor asks for it\n", unknownDir)
	}
	return nil
}

// actsOn tells whether a step with these nodes and roles can act on a node: one with a role can on each.
func actsOn(selectors []string, node string, nodes []cluster.ExistingNode) bool {
	named := func(s string) bool {
		return slices.ContainsFunc(nodes, func(n cluster.ExistingNode) bool { return n.Name == s })
	}
	return slices.ContainsFunc(selectors, func(s string) bool { return s == node || !named(s) })
}

func writeCommandsOf(w io.Writer, s *spec.Step, of planned, exec string, n cluster.ExistingNode) error {
	fmt.Fprintf(w, "  %s on %s\n", s.FileName(), n.Name)
	for _, c := range of.Planned(n.Name, n.Host) {
		line, err := commandLine(c, exec, n.Host)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "    %-6s %s\n", c.What, line)
	}
	if h, ok := s.Parameters().(*fault.RunHook); ok && h.UndoAfter > 0 {
		fmt.Fprintf(w, "    %-6s %s stands for the id of the run\n", "with", fault.AnyRun)
	}
	if _, ok := s.Parameters().(*fault.Exec); ok {
		fmt.Fprintf(w, "    %-6s env sets PGHOST, PGPORT, PGUSER, PGDATABASE and variables that begin with PGCHAOS_ before each\n", "with")
	}
	if h, ok := s.Parameters().(*fault.RunHook); ok && h.ProvedBy() != "" {
		fmt.Fprintf(w, "    %-6s %s\n", "proof", map[string]string{
			"down": "the server has ended its sessions and refuses new ones, or was started again", "silent": "the server gives no answer", "moved": "another node is the primary",
		}[h.ProvedBy()])
		switch {
		case h.ProvedBy() == "down" && exec == "":
			fmt.Fprintf(w, "    %-6s where sessions to the node are forwarded: it cannot be looked at from its machine, since cluster.existing has no exec\n", "look")
		case h.ProvedBy() == "down":
			line, err := commandLine(fault.PlannedCommand{Argv: cluster.ListenersCommand()}, exec, n.Host)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "    %-6s where sessions to the node are forwarded: %s\n", "look", line)
			fmt.Fprintf(w, "    %-6s where that cannot run: %s on another node, as above\n", "", cluster.CommandLine(cluster.TryCommand().Argv))
		}
	}
	return nil
}

// commandLine is a command as this machine runs it.
func commandLine(c fault.PlannedCommand, exec, host string) (string, error) {
	if c.Template != "" {
		exec = c.Template
	}
	template, err := cluster.ParseExec(exec)
	if err != nil {
		return "", fmt.Errorf("exec: %w", err)
	}
	return cluster.CommandLine(template.Argv(host, c.Argv)), nil
}

// writeExisting writes how a cluster that was there before is met, and what bounds the run.
func (p *Plan) writeExisting(w io.Writer) error {
	x, err := Existing(p.Experiment, false)
	if err != nil {
		return err
	}
	of := p.Experiment.Cluster.Existing
	for _, n := range x.Nodes {
		fmt.Fprintf(w, "  %s\t%s\n", n.Name, n.DSN.Public())
	}
	if x.Clients != "" {
		fmt.Fprintf(w, "  clients\t%s\n", x.Clients)
	}
	fmt.Fprintf(w, "  tables\tin a schema of the run's own, pgchaos_ and the end of its id, which is dropped at the end\n")
	fmt.Fprintf(w, "  bounds\t%s of the load (max_rate), %s of WAL (max_wal), %s that a standby is behind (max_lag), %s free on disks (min_free, by exec); past WAL, lag and disks the load stops\n", of.MaxRate, of.MaxWAL, of.MaxLag, of.MinFree)
	return nil
}
