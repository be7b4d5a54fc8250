package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// execTimeout bounds a command.
const execTimeout = 60 * time.Second

// Exec runs a line of shell on nodes as the server's user, notes the first line that it
// wrote, and keeps all of it. An exit status other than the expected one is a
// chaos.ErrNotSo; a command that could not be run, or not to its end, is another error.
type Exec struct {
	OnNodes `yaml:",inline"`

	Command string `yaml:"command" jsonschema:"required" jsonschema_description:"A line of shell."`
	Expect  int    `yaml:"expect" jsonschema_description:"The exit status that it has to end with; 0 by default."`
}

func exec() Kind {
	return Kind{
		Name: "exec", Group: Runbooks, Doc: "Runs a line of shell on a node; its first line of output is shown on the timeline.",
		Manual: Manual{
			Does: "Runs a line of shell on the node as the server's user, within a minute. PGHOST, PGPORT, PGUSER, PGDATABASE and " +
				"PGPASSFILE lead to the node's own server as the superuser, and PGDATA names its data directory. Its first line of " +
				"output is shown on the timeline; all of it is kept in the result directory.",
			Effect: "Whatever the command does. Since pgchaos cannot know it, an incident on that node afterwards does not make the run " +
				"inconclusive.",
			Verified: "The exit status is compared with `expect`. Another one fails the run; a command that could not run, or that a signal " +
				"ended, makes it inconclusive.",
			Back:    "Nothing takes it back: write a second step that does.",
			Example: `- {at: 5s, exec: {node: pgslave, command: "psql -Atc 'select pg_is_in_recovery()'"}}`,
		},
		New:          func() Parameters { return &Exec{} },
		Facts:        record.Facts{Provokes: true},
		Needs:        Needs{Process: Present},
		Capabilities: []cluster.Capability{cluster.CanReachFiles},
	}
}

// Short keeps a node from being written without a command.
func (p *Exec) Short() any { return nil }

// Check demands a command, and an exit status that there can be.
func (p *Exec) Check() (wrong []Mistake) {
	if strings.TrimSpace(p.Command) == "" {
		wrong = append(wrong, Mistake{"", "the step has no command", "write command: LINE OF SHELL"})
	}
	if p.Expect < 0 || p.Expect > 255 {
		wrong = append(wrong, Mistake{"expect", fmt.Sprintf("expect is %d", p.Expect), "write a number from 0 to 255"})
	}
	return wrong
}

// Action runs the command.
func (p *Exec) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		ctx, cancel := context.WithTimeout(ctx, execTimeout)
		defer cancel()
		out, err := n.Exec(ctx, p.Command)
		file, keepErr := env.KeepOutput(n.Name(), out)
		noteOutput(act, n.Name(), out.Stdout, file)
		if keepErr != nil {
			return fmt.Errorf("keep what the command wrote on %s: %w", n.Name(), keepErr)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("on %s the command %q had not ended after %s, and was killed", n.Name(), p.Command, execTimeout)
		}
		if err := judgeExit(err, p.Expect); err != nil {
			return fmt.Errorf("on %s: %w", n.Name(), err)
		}
		return nil
	})
}

// noteOutput notes the first line of an output, and the file if that has more.
func noteOutput(act *chaos.Act, node, out, file string) {
	first, rest, _ := strings.Cut(strings.TrimSpace(out), "\n")
	switch {
	case first == "":
	case rest != "" && file != "":
		act.Note("%s: %s (all of it: %s)", node, first, file)
	default:
		act.Note("%s: %s", node, first)
	}
}

// The exit statuses that a shell has for itself: a command that it cannot run, one that
// it cannot find, and those that a signal has ended.
const (
	cannotRun   = 126
	cannotFind  = 127
	endedBySign = 128
	lastSignal  = 64
)

// judgeExit holds how a command ended against the expected exit status.
func judgeExit(err error, expect int) error {
	var exit *cluster.ExitError
	code, status, complaint := 0, "exit status 0", ""
	switch {
	case errors.As(err, &exit):
		code, status = exit.Code, exit.Status
		if exit.Stderr != "" {
			complaint = ": " + exit.Stderr
		}
	case err != nil:
		return err
	}
	switch {
	case code == expect:
		return nil
	case code == cannotRun || code == cannotFind:
		return fmt.Errorf("the shell cannot run the command: %s%s", status, complaint)
	case code > endedBySign && code <= endedBySign+lastSignal:
		return fmt.Errorf("a signal ended the command: %s%s", status, complaint)
	}
	return fmt.Errorf("%w: the command ended with %s, expected exit status %d%s", chaos.ErrNotSo, status, expect, complaint)
}
