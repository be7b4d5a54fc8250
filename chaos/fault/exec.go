package fault

import (
	"context"
	"encoding/json"
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
// chaos.ErrNotSo, and a proof that fails a chaos.ErrNoEffect; a command that could not be run, or not to its end, is another error.
type Exec struct {
	OnNodes `yaml:",inline"`

	Command string `yaml:"command" jsonschema:"required" jsonschema_description:"A line of shell."`
	Expect  int    `yaml:"expect" jsonschema_description:"The exit status that it has to end with; 0 by default."`
	Proof   string `yaml:"proof" jsonschema_description:"A line of shell that has to succeed afterwards: it proves that the command has taken effect."`
	Undo    string `yaml:"undo" jsonschema_description:"A line of shell that takes the command back. It is run when for is over, at the end of the run, or by pgchaos clean, also where the command failed."`
}

func exec() Kind {
	return Kind{
		Name: "exec", Group: Runbooks, Doc: "Runs a line of shell on a node; its first line of output is shown on the timeline.",
		Manual: Manual{
			Does: "Runs /bin/sh -c COMMAND as the server's user, for a minute at most. libpq's variables (PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSFILE) and PGDATA lead to the node's own " +
				"server. PGCHAOS_RUN, PGCHAOS_STEP, PGCHAOS_NODE, PGCHAOS_HOST and PGCHAOS_PORT say where it runs, and PGCHAOS_PRIMARY names the primary. " +
				"A process that the command leaves in the background goes on. Redirect its output, as in `sleep 60 >/dev/null 2>&1 &`: else pgchaos waits some seconds for more of it.",
			Effect: "What the command does. pgchaos assumes nothing about the node afterwards.",
			Verified: "The exit status is the expected one: another one fails the run. The `proof` succeeds: else the command has not taken effect, and the run is " +
				"inconclusive. A command that cannot be run, or that a signal ends, proves nothing.",
			Back: "By `undo`, a line of shell that has to be right also where the command failed, or was never run. It is in the journal before the command is run, so it may hold no secrets. " +
				"Without `undo` nothing takes the command back.",
			Example: `- {at: 5s, for: 2s, exec: {node: pgslave, command: "touch $PGDATA/mark", proof: "test -e $PGDATA/mark", undo: "rm -f $PGDATA/mark"}}
`,
		},
		New:   func() Parameters { return &Exec{} },
		Facts: record.Facts{Provokes: true}, Undo: execUndo(), Reversible: true,
		Needs:        Needs{Process: Present},
		Capabilities: []cluster.Capability{cluster.CanCommand},
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

// Reversed tells whether anything takes the command back.
func (p *Exec) Reversed() bool { return p.Undo != "" }

// Before is the command that takes it back, and the environment that it needs.
func (p *Exec) Before(ctx context.Context, env Env, n *cluster.Node) (any, error) {
	on, err := n.ExecEnvironment(ctx)
	return undoCommand{p.Undo, append(on, facts(env)...)}, err
}

// Planned are the commands, in the order in which they run: the same on every node. In a run they have variables of the run, too.
func (p *Exec) Planned(_, _ string) (all []PlannedCommand) {
	for _, c := range [][2]string{{"do", p.Command}, {"proof", p.Proof}, {"undo", p.Undo}} {
		if c[1] != "" {
			all = append(all, PlannedCommand{What: c[0], Argv: cluster.ExecCommand(c[1], nil).Argv})
		}
	}
	return all
}

// facts are the variables that tell a command of the run.
func facts(env Env) []string {
	all := []string{"PGCHAOS_STEP=" + env.Step}
	if primaries := env.Scene.Watch.Primaries(); len(primaries) > 0 {
		all = append(all, "PGCHAOS_PRIMARY="+primaries[len(primaries)-1])
	}
	return all
}

// undoCommand takes a command back.
type undoCommand struct {
	Command     string   `json:"command"`
	Environment []string `json:"environment"`
}

func (u undoCommand) none() bool { return u.Command == "" }

// execUndoName is the kind of a reversal that runs an exec's undo.
const execUndoName = "exec_undo"

// execUndo runs the command that takes another one back. What that has changed can be outside of the node.
func execUndo() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: execUndoName, Outlives: true, Obeys: true,
		Says: func(r chaos.Reversal) string {
			u, err := argumentsOf[undoCommand](r)
			if err != nil {
				return ""
			}
			return fmt.Sprintf("the undo %q on %s", u.Command, r.Node)
		},
		Do: func(ctx context.Context, _ *chaos.Scene, n *cluster.Node, r chaos.Reversal, _ bool) error {
			u, err := argumentsOf[undoCommand](r)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, execTimeout)
			defer cancel()
			_, err = n.Exec(ctx, u.Command, u.Environment...)
			return undone(u.Command, err)
		},
		Clean: onHost(func(ctx context.Context, h cluster.Executor, r chaos.Reversal) error {
			u, err := argumentsOf[undoCommand](r)
			if err != nil {
				return err
			}
			_, err = h.Exec(ctx, cluster.ExecCommand(u.Command, u.Environment))
			return undone(u.Command, err)
		}),
	}
}

// argumentsOf is the command that the journal has for a reversal.
func argumentsOf[T interface{ none() bool }](r chaos.Reversal) (command T, err error) {
	if err := json.Unmarshal(r.Arguments, &command); err != nil {
		return command, fmt.Errorf("read the command: %w", err)
	}
	if command.none() {
		return command, errors.New("the journal has no command")
	}
	return command, nil
}

// undone says how an undo failed, and what to do.
func undone(command string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the undo %q did not succeed, do by hand what it should do: %w", command, err)
}

// Action runs the command.
func (p *Exec) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		ctx, cancel := context.WithTimeout(ctx, execTimeout)
		defer cancel()
		out, err := n.Exec(ctx, p.Command, facts(env)...)
		file, keepErr := env.KeepOutput(n.Name(), out)
		noteOutput(act, n.Name(), out.Stdout, file)
		if out.Held {
			act.Note("%s: the command has ended, and a process that it left in the background held its output, so that the step took seconds longer: redirect the output of that, as by >/dev/null 2>&1 &", n.Name())
		}
		if keepErr != nil {
			return fmt.Errorf("keep what the command wrote on %s: %w", n.Name(), keepErr)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("on %s the command %q had not ended after %s, and was killed", n.Name(), p.Command, execTimeout)
		}
		if err := judgeExit(err, p.Expect, chaos.ErrNotSo, fmt.Sprintf("the command %q", p.Command)); err != nil {
			return fmt.Errorf("on %s: %w", n.Name(), err)
		}
		if p.Proof == "" {
			return nil
		}
		_, err = n.Exec(ctx, p.Proof, facts(env)...)
		if err := p.judgeProof(err); err != nil {
			return fmt.Errorf("on %s %w", n.Name(), err)
		}
		return nil
	})
}

// judgeProof says what the end of the proof shows.
func (p *Exec) judgeProof(err error) error {
	switch err := judgeExit(err, 0, chaos.ErrNoEffect, fmt.Sprintf("its proof %q", p.Proof)); {
	case err == nil:
		return nil
	case errors.Is(err, chaos.ErrNoEffect):
		return chaos.Marked(chaos.ErrNoEffect, "the command %q took no effect: %v", p.Command, err)
	default:
		return fmt.Errorf("the command %q succeeded, and it is not known whether it took effect: %w", p.Command, err)
	}
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

// judgeExit holds how a command ended against the expected exit status. Another one is the error other: it fails the run where the file
// states the status, and is no effect where the command is the proof of one. What names the command: "the command \"true\"".
func judgeExit(err error, expect int, other error, what string) error {
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
		return fmt.Errorf("the shell cannot run %s: %s%s", what, status, complaint)
	case code > endedBySign && code <= endedBySign+lastSignal:
		return fmt.Errorf("a signal ended %s: %s%s", what, status, complaint)
	}
	return chaos.Marked(other, "%s ended with %s, expected exit status %d%s", what, status, expect, complaint)
}
