package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// The proofs of a hook that are words; any other is a command.
const (
	ProofDown   = "down"
	proofSilent = "silent"
	proofMoved  = "moved"
)

// proofTimeout is how long the effect of a hook may take to show, where the file does not say.
const proofTimeout = units.Duration(30 * time.Second)

// RunHook breaks something by a command of the user's, on the machines of nodes. Package spec makes it of a step that is called
// by a word of cluster.existing.hooks.
type RunHook struct {
	OnNodes `yaml:",inline"`

	Name      string         `yaml:"name" jsonschema:"required" jsonschema_description:"The hook's word."`
	Do        string         `yaml:"do" jsonschema:"required" jsonschema_description:"The command that breaks something. No shell runs it: write sh -c '...' where you need one."`
	Undo      string         `yaml:"undo" jsonschema_description:"The command that takes it back."`
	Proof     string         `yaml:"proof" jsonschema:"required" jsonschema_description:"What shows that it took effect: down, silent, moved, or a command that must succeed."`
	UndoAfter units.Duration `yaml:"undo_after" jsonschema_description:"Runs undo on the node's machine after so long, also if pgchaos is gone by then."`
	Timeout   units.Duration `yaml:"timeout" jsonschema_description:"How long do may take; 1m by default."`
	Within    units.Duration `yaml:"within" jsonschema_description:"How long the effect may take to show after that; 30s by default."`
	Exec      string         `yaml:"exec" jsonschema_description:"How the commands run, where not as cluster.existing.exec says."`
}

func hook() Kind {
	return Kind{
		Name: "hook", Group: Runbooks, Doc: "Runs a command of yours that breaks something in a cluster that pgchaos has not built, and proves that it took effect.",
		Manual: Manual{
			Does: "Runs the command of an entry of `cluster.existing.hooks` on the node's machine, by `cluster.existing.exec`. A step calls it by the entry's " +
				"word: `kill: primary`, where the file has `hooks: {kill: {do: ...}}`.",
			Effect: "What the command does. With the proof `down` the server is taken to have ended, as by a kill.",
			Verified: "By `proof`. `down`: the server has ended a session that pgchaos had opened before, and refuses new ones, or it was started after the command " +
				"began. Where that session goes through a forwarded port, a proxy or address translation, which can refuse while the server runs, the node's machine must also " +
				"show that nothing listens at the server's address, or no longer run commands although those of other nodes do. `silent`: it gives no answer within 3 s. " +
				"`moved`: another node is the primary. Anything else is a command that must succeed. What is not so within `within` has not taken effect. A command that has not ended after `timeout` is killed, and the step has failed. " +
				"One that ends with an error, and has taken effect, is a warning of the report.",
			Back: "By `undo`, on the same node. It is in the journal before the command runs, and is written as a script into the result directory, too. " +
				"With `undo_after` the node's own machine runs it after that time, whether pgchaos lives or not. Where the machine cannot be made to wait for that, or waits already to take back this hook for another step or run, the command does not run.",
			Example: `- {at: 20s, hook: {name: hang_agent, node: pgmaster, do: "pkill -STOP -x patroni", undo: "pkill -CONT -x patroni", proof: "pgrep -r T -x patroni"}}
`,
		},
		New:   func() Parameters { return &RunHook{} },
		Facts: record.Facts{Provokes: true}, Outage: true, Phase: true, Undo: hookUndo(), Reversible: true,
		Needs:        Needs{Process: Present},
		Capabilities: []cluster.Capability{cluster.CanCommand},
	}
}

// Short keeps a node from being written without a command.
func (p *RunHook) Short() any { return nil }

// Default is half a minute for the effect, and the time that every command has.
func (p *RunHook) Default(has func(key string) bool) {
	if !has("timeout") {
		p.Timeout = units.Duration(execTimeout)
	}
	if !has("within") {
		p.Within = proofTimeout
	}
}

// Check demands commands that can be run.
func (p *RunHook) Check() (wrong []Mistake) {
	if strings.TrimSpace(p.Proof) == "" {
		wrong = append(wrong, Mistake{"", "nothing proves that the hook took effect", "write proof: down, silent, moved, or a command that must succeed"})
	}
	if !cluster.PlainWord(p.Name) || strings.Contains(p.Name, "/") {
		wrong = append(wrong, Mistake{"name", fmt.Sprintf("%q is no name of a hook", p.Name), "write letters, digits, - and _"})
	}
	commands := map[string]string{"do": p.Do, "undo": p.Undo, "proof": p.Proof}
	if p.ProvedBy() != "" {
		delete(commands, "proof")
	}
	for _, key := range []string{"do", "undo", "proof"} {
		line, is := commands[key]
		if !is || line == "" && key != "do" {
			continue
		}
		if _, err := cluster.SplitCommand(line); err != nil {
			wrong = append(wrong, Mistake{key, key + ": " + err.Error(), ""})
		}
	}
	return wrong
}

// ProvedBy is the proof as a word; "": it is a command.
func (p *RunHook) ProvedBy() string {
	switch p.Proof {
	case ProofDown, proofSilent, proofMoved:
		return p.Proof
	}
	return ""
}

// Effects are what the proof shows of the server.
func (p *RunHook) Effects(of record.Facts) record.Facts {
	switch p.Proof {
	case ProofDown:
		of.Ends, of.Kills = true, true
	case proofSilent:
		of.Cuts = true
	case proofMoved:
		of.Moves = true
	}
	return of
}

// Detail is the command.
func (p *RunHook) Detail() string { return p.Name + ": " + p.Do }

// Reversed tells whether anything takes the command back.
func (p *RunHook) Reversed() bool { return p.Undo != "" }

// hookCommand is a command of a hook, for the journal.
type hookCommand struct {
	Exec string   `json:"exec,omitempty"`
	Argv []string `json:"argv"` // of the command alone
	// Disarm keeps the node's machine from running it once more later.
	Disarm []string `json:"disarm,omitempty"`
	// Armed tells whether the machine still waits to run it.
	Armed []string `json:"armed,omitempty"`
}

func (c hookCommand) none() bool { return len(c.Argv) == 0 }

// Before is the command that takes it back.
func (p *RunHook) Before(_ context.Context, _ Env, n *cluster.Node) (any, error) {
	argv, err := commandFor(n, p.Undo)
	return hookCommand{p.Exec, argv, p.disarm(n.Run(), n.Name()), p.stillArmed(n.Run(), n.Name())}, err
}

// commandFor is a command line of the file for a node.
func commandFor(n *cluster.Node, line string) ([]string, error) {
	argv, err := cluster.SplitCommand(line)
	return cluster.ForNode(argv, n.Name(), n.Machine()), err
}

// hookUndoName is the kind of a reversal that runs a hook's undo.
const hookUndoName = "hook_undo"

// hookUndo runs the command that takes a hook back. What that has changed is outside of pgchaos's reach otherwise.
func hookUndo() *chaos.ReversalKind {
	run := func(ctx context.Context, r chaos.Reversal, exec func(context.Context, cluster.Command) (cluster.Output, error)) error {
		c, err := argumentsOf[hookCommand](r)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, execTimeout)
		defer cancel()
		_, err = exec(ctx, cluster.Command{Argv: c.Argv, Template: c.Exec, Keep: cluster.ExecKeeps})
		switch err = undone(cluster.CommandLine(c.Argv), err); {
		case err != nil && len(c.Armed) > 0:
			return fmt.Errorf("%w (the node's machine runs it by itself when undo_after is over, and may have done so)", err)
		case err != nil || len(c.Disarm) == 0:
			return err
		}
		if _, err := exec(ctx, cluster.Command{Argv: c.Disarm, Template: c.Exec, Keep: cluster.ExecKeeps}); err != nil {
			return fmt.Errorf("the undo %q succeeded, and the node's machine may run it once more later: %w", cluster.CommandLine(c.Argv), err)
		}
		return nil
	}
	return &chaos.ReversalKind{
		Name: hookUndoName, Outlives: true, Obeys: true,
		Do: func(ctx context.Context, _ *chaos.Scene, n *cluster.Node, r chaos.Reversal, _ bool) error {
			return run(ctx, r, n.RunBeside)
		},
		Look: switchedAlready,
		Clean: onHost(func(ctx context.Context, h cluster.Executor, r chaos.Reversal) error {
			return run(ctx, r, h.Exec)
		}),
		ByHand: onHost(disarmOnly),
	}
}

// disarmOnly keeps a node's machine from running the undo of a hook that somebody has taken back by hand: it could end a fault of a later run.
func disarmOnly(ctx context.Context, h cluster.Executor, r chaos.Reversal) error {
	c, err := argumentsOf[hookCommand](r)
	if err != nil || len(c.Disarm) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	if _, err := h.Exec(ctx, cluster.Command{Argv: c.Disarm, Template: c.Exec, Keep: cluster.ExecKeeps}); err != nil {
		return fmt.Errorf("the node's machine may still run the undo when undo_after is over; the command %q disarms that: %w", cluster.CommandLine(c.Disarm), err)
	}
	return nil
}

// lookTimeout bounds the look whether a dead man's switch waits: the undo itself comes after it, on the same way.
const lookTimeout = 5 * time.Second

// switchedAlready says that the dead man's switch of a hook waits no more: it has run the undo before pgchaos does, or its machine was started
// anew. "": it waits, or that is not known.
func switchedAlready(ctx context.Context, n *cluster.Node, r chaos.Reversal) string {
	c, err := argumentsOf[hookCommand](r)
	if err != nil || len(c.Armed) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	out, err := n.RunBeside(ctx, cluster.Command{Argv: c.Armed, Template: c.Exec, Keep: cluster.ExecKeeps})
	if err != nil || strings.TrimSpace(out.Stdout) != switchIsOver {
		return ""
	}
	return n.Name() + ": nothing waited on its machine any more to run the undo: it has run it by undo_after, or was started anew"
}

// Action runs the command and waits for its proof.
func (p *RunHook) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		before := n.State(ctx)
		if p.ProvedBy() != "" && p.Proof != proofMoved && !before.Reachable {
			return fmt.Errorf("%s does not answer already, so that %q could not show that it took effect: %s", n.Name(), p.Proof, before.Error)
		}
		show := func(ctx context.Context) error { return p.look(ctx, n) }
		if p.Proof == ProofDown {
			witness, err := n.Witness(ctx)
			if err != nil {
				return err
			}
			defer witness.Close()
			show = witness.Ended
		}
		armed := time.Now()
		if err := p.armUndo(ctx, n); err != nil {
			return err
		}
		out, err := p.run(ctx, n, p.Do, time.Duration(p.Timeout))
		file, keepErr := env.KeepOutput(n.Name(), out)
		noteOutput(act, n.Name(), out.Stdout, file)
		if keepErr != nil {
			return fmt.Errorf("keep what the command wrote on %s: %w", n.Name(), keepErr)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("on %s the command %q had not ended after %s, and was killed; what it has begun may go on there. Write a longer timeout if it needs that", n.Name(), p.Do, p.Timeout)
		}
		// A command that kills what runs it ends with an error, too: the proof decides, and says so where it fails.
		if why := p.proven(ctx, show); why != nil {
			if err != nil {
				return fmt.Errorf("on %s the command %q: %w; and %w", n.Name(), p.Do, err, why)
			}
			return fmt.Errorf("on %s the command %q succeeded, but %w", n.Name(), p.Do, why)
		}
		if err != nil {
			act.Warn("%s: the command ended with an error, and did what it was to do: %v", n.Name(), err)
		}
		if took := time.Since(armed); p.UndoAfter > 0 && took >= time.Duration(p.UndoAfter) {
			return fmt.Errorf("on %s the command %q and its proof took %s, and undo_after is %s: the node's machine has taken it back already", n.Name(), p.Do, took.Round(time.Millisecond), p.UndoAfter)
		}
		return nil
	})
}

func (p *RunHook) run(ctx context.Context, n *cluster.Node, line string, timeout time.Duration) (cluster.Output, error) {
	argv, err := commandFor(n, line)
	if err != nil {
		return cluster.Output{}, err
	}
	return p.runWords(ctx, n, argv, timeout)
}

func (p *RunHook) runWords(ctx context.Context, n *cluster.Node, argv []string, timeout time.Duration) (cluster.Output, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return n.RunBeside(ctx, cluster.Command{Argv: argv, Template: p.Exec, Keep: cluster.ExecKeeps})
}

// armUndo has the node's own machine take the hook back after a time, also where pgchaos is gone.
func (p *RunHook) armUndo(ctx context.Context, n *cluster.Node) error {
	if p.UndoAfter <= 0 || p.Undo == "" {
		return nil
	}
	argv, err := commandFor(n, p.Undo)
	if err != nil {
		return err
	}
	if _, err := p.runWords(ctx, n, p.later(n.Run(), n.Name(), argv), execTimeout); err != nil {
		return fmt.Errorf("on %s: have its machine run the undo after %s: %w", n.Name(), p.UndoAfter, err)
	}
	return nil
}

// later is a command that has another one run after undo_after, and ends at once: with an error where nothing waits to run it. It
// waits in seconds, so that nothing is left of it a second after it was disarmed.
//
// What waits says so, and then lets go of all that it was given: a transport such as ssh waits for the end of the output.
//
// A switch that waits there already is of a fault that nobody has taken back, such as that of a killed run. It would take this one back, too.
func (p *RunHook) later(run, node string, argv []string) []string {
	whole := time.Duration(p.UndoAfter).Truncate(time.Second)
	then := fmt.Sprintf(`echo armed; exec >/dev/null; sleep %.3f; i=0; while test -e "$0" && test $i -lt %.0f; do sleep 1; i=$((i + 1)); done; test -e "$0" && rm -f "$0" && exec %s`,
		(time.Duration(p.UndoAfter) - whole).Seconds(), whole.Seconds(), cluster.CommandLine(argv))
	const waits = "a dead man's switch of this hook waits on this machine already, and would take back this fault, too ($(cat $F)). " +
		"Wait until it has run, or take that fault back yourself and disarm it: rm -f $F"
	return []string{"sh", "-c", fmt.Sprintf(`for F in %s*; do if test -e "$F"; then echo "%s" >&2; exit 1; fi; done; `+
		`T=$(mktemp %sXXXXXX) || exit 1; echo "of the run %s, armed at $(date -u +%%FT%%TZ) for %s" >"$T"; `+
		`A=$(nohup sh -c %s "$T" 2>/dev/null </dev/null &); test "$A" = armed && exit; rm -f "$T"; echo 'nohup sh does not run' >&2; exit 1`,
		p.armed(node), waits, p.armedBy(run, node), plainRun(run), p.UndoAfter, cluster.CommandLine([]string{then}))}
}

// armed begins the names of the files on the node's machine without which a dead man's switch does nothing. Each has its own. Nodes can share a
// machine.
func (p *RunHook) armed(node string) string {
	return "/tmp/pgchaos-undo-" + p.Name + "-on-" + node + "."
}

// armedBy begins the names of those of one run: who takes its hook back on the node removes them, and no other run's.
func (p *RunHook) armedBy(run, node string) string { return p.armed(node) + plainRun(run) + "." }

// plainRun is the id of a run as a word that no shell reads otherwise.
func plainRun(run string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, run)
}

// disarm is the command that removes them; nil: there are none.
func (p *RunHook) disarm(run, node string) []string {
	if p.UndoAfter <= 0 {
		return nil
	}
	return []string{"sh", "-c", "rm -f " + p.armedBy(run, node) + "*"}
}

// switchIsOver is what stillArmed writes where no switch is left.
const switchIsOver = "over"

// stillArmed is the command that tells whether they are there; nil: there are none.
func (p *RunHook) stillArmed(run, node string) []string {
	if p.UndoAfter <= 0 {
		return nil
	}
	return []string{"sh", "-c", "set -- " + p.armedBy(run, node) + `*; test -e "$1" || echo ` + switchIsOver}
}

// AnyRun stands in planned commands for the id of the run, which is not known before it.
const AnyRun = "RUN"

// PlannedCommand is a command that a step runs on the machines of its nodes.
type PlannedCommand struct {
	What     string   // "do"
	Argv     []string // of the command alone
	Template string   // how it gets there, where not as cluster.existing.exec says
}

// Planned are the commands of the hook on a node, whose machine is host, in the order in which they run.
func (p *RunHook) Planned(node, host string) (all []PlannedCommand) {
	add := func(what, line string, change func([]string) []string) {
		if argv, err := cluster.SplitCommand(line); err == nil { // Check says what cannot be read
			all = append(all, PlannedCommand{what, change(cluster.ForNode(argv, node, host)), p.Exec})
		}
	}
	same := func(argv []string) []string { return argv }
	if p.UndoAfter > 0 {
		add("before", p.Undo, func(argv []string) []string { return p.later(AnyRun, node, argv) })
	}
	add("do", p.Do, same)
	if p.ProvedBy() == "" {
		add("proof", p.Proof, same)
	}
	if a := p.stillArmed(AnyRun, node); a != nil {
		all = append(all, PlannedCommand{"look", a, p.Exec})
	}
	add("undo", p.Undo, same)
	if d := p.disarm(AnyRun, node); d != nil {
		all = append(all, PlannedCommand{"after", d, p.Exec})
	}
	return all
}

// UndoOf are the commands by which a reversal of a hook or of an exec is done, each after the one before has succeeded; none where it is of
// another kind.
func UndoOf(r chaos.Reversal) (all []PlannedCommand, err error) {
	switch r.Kind {
	case hookUndoName:
		h, err := argumentsOf[hookCommand](r)
		all = append(all, PlannedCommand{"undo", h.Argv, h.Exec})
		if len(h.Disarm) > 0 {
			all = append(all, PlannedCommand{"after", h.Disarm, h.Exec})
		}
		return all, err
	case execUndoName:
		u, err := argumentsOf[undoCommand](r)
		return []PlannedCommand{{What: "undo", Argv: cluster.ExecCommand(u.Command, u.Environment).WithEnv()}}, err
	}
	return nil, nil
}

// proofEvery is how often it is looked for the effect.
const proofEvery = 50 * time.Millisecond

// proven waits for the effect. The error says what is there instead.
func (p *RunHook) proven(ctx context.Context, show func(context.Context) error) error {
	// A look that has begun is finished: one cut short would say that the node does not answer.
	waiting, cancel := context.WithTimeout(ctx, time.Duration(p.Within))
	defer cancel()
	for {
		why := show(ctx)
		if why == nil {
			return nil
		}
		if wait.For(waiting, proofEvery) != nil {
			return fmt.Errorf("its proof, %s, does not hold after %s: %w: %w", p.Proof, p.Within, chaos.ErrNoEffect, why)
		}
	}
}

// look is nil where the effect is there. What has ended a server is seen by a Witness.
func (p *RunHook) look(ctx context.Context, n *cluster.Node) error {
	switch p.Proof {
	case proofSilent:
		return n.Silent(ctx)
	case proofMoved:
		if now := n.State(ctx); now.Reachable && now.Role == record.RolePrimary {
			return errors.New("it is still the primary")
		}
		return n.AnotherPrimary(ctx)
	}
	_, err := p.run(ctx, n, p.Proof, execTimeout)
	return err
}
