package fault

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
)

// TestSwitchesOfNodesThatShareAMachine: who takes a hook back on one node does not disarm it for another one.
func TestSwitchesOfNodesThatShareAMachine(t *testing.T) {
	p := &RunHook{Name: "cut_link", Do: "cut", Undo: "mend {node}", Proof: "down", UndoAfter: units.Duration(time.Minute)}
	line := func(node, what string) string {
		for _, c := range p.Planned(node, "db1") {
			if c.What == what {
				return strings.Join(c.Argv, " ")
			}
		}
		t.Fatalf("%s: no command %s", node, what)
		return ""
	}
	if !strings.Contains(line("n1", "before"), "mktemp /tmp/pgchaos-undo-cut_link-on-n1.RUN.") {
		t.Error(line("n1", "before"))
	}
	if line("n1", "after") != "sh -c rm -f /tmp/pgchaos-undo-cut_link-on-n1.RUN.*" || strings.Contains(line("n2", "after"), "n1") {
		t.Errorf("%s; %s", line("n1", "after"), line("n2", "after"))
	}
}

// silentMachine is a host that no command gets to.
type silentMachine struct{}

func (silentMachine) Exec(context.Context, cluster.Command) (cluster.Output, error) {
	return cluster.Output{}, context.DeadlineExceeded
}

// TestAHookThatCannotBeTakenBack: the error has the words that ran, for who has to do it by hand, and tells of the dead man's switch.
func TestAHookThatCannotBeTakenBack(t *testing.T) {
	for _, after := range []units.Duration{0, units.Duration(time.Minute)} {
		p := &RunHook{Name: "cut_link", Undo: "mend 'the link' {node}", UndoAfter: after}
		argv, err := cluster.SplitCommand("mend 'the link' n1")
		if err != nil {
			t.Fatal(err)
		}
		arguments, err := json.Marshal(hookCommand{"", argv, p.disarm("met-1", "n1"), p.stillArmed("met-1", "n1")})
		if err != nil {
			t.Fatal(err)
		}
		err = hookUndo().Clean(t.Context(), silentMachine{}, chaos.Reversal{Kind: hookUndoName, Node: "n1", Arguments: arguments})
		if err == nil || !strings.Contains(err.Error(), "mend 'the link' n1") || strings.Contains(err.Error(), "undo_after") != (after > 0) {
			t.Errorf("undo_after %s: %v", after, err)
		}
	}
}

// notingMachine is a host that notes the commands that get to it.
type notingMachine struct{ ran []string }

func (m *notingMachine) Exec(_ context.Context, cmd cluster.Command) (cluster.Output, error) {
	m.ran = append(m.ran, cluster.CommandLine(cmd.Argv))
	return cluster.Output{}, nil
}

// TestAHookTakenBackByHand: its machine no longer waits to run the undo, which could end a fault of a later run. Where it cannot be disarmed, the
// error has the command.
func TestAHookTakenBackByHand(t *testing.T) {
	for _, after := range []units.Duration{0, units.Duration(time.Minute)} {
		p := &RunHook{Name: "cut_link", Undo: "mend n1", UndoAfter: after}
		arguments, err := json.Marshal(hookCommand{"", []string{"mend", "n1"}, p.disarm("met-1", "n1"), p.stillArmed("met-1", "n1")})
		if err != nil {
			t.Fatal(err)
		}
		r, m := chaos.Reversal{Kind: hookUndoName, Node: "n1", Arguments: arguments}, &notingMachine{}
		want := map[bool]string{true: "sh -c 'rm -f /tmp/pgchaos-undo-cut_link-on-n1.met-1.*'"}[after > 0]
		if err := hookUndo().ByHand(t.Context(), m, r); err != nil || strings.Join(m.ran, "\n") != want {
			t.Errorf("undo_after %s: %v, %q", after, err, m.ran)
		}
		if err := hookUndo().ByHand(t.Context(), silentMachine{}, r); (err != nil) != (after > 0) || err != nil && !strings.Contains(err.Error(), "rm -f /tmp/pgchaos-undo-cut_link-on-n1.met-1.*") {
			t.Errorf("undo_after %s: %v", after, err)
		}
		all, err := UndoOf(r)
		if err != nil || len(all) != 1+len(m.ran) {
			t.Errorf("undo_after %s: %v, %v", after, err, all)
		}
	}
}

// TestNamesOfHooks are words of a command line.
func TestNamesOfHooks(t *testing.T) {
	for name, good := range map[string]bool{"kill": true, "cut_link-2": true, "x /etc/y": false, "../x": false, "$(reboot)": false, "": false} {
		p := &RunHook{Name: name, Do: "true", Proof: "down"}
		wrong := slices.ContainsFunc(p.Check(), func(m Mistake) bool { return strings.Contains(m.What, "is no name of a hook") })
		if wrong == good {
			t.Errorf("%q: %v", name, p.Check())
		}
	}
}
