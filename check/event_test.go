package check

import (
	"testing"
	"time"

	"pgchaos/record"
)

// TestLostBy: which step a loss is put down to that is past a fork. A was killed at 1 s,
// and b promoted at 1.1 s and seen as a primary at 1.2 s.
func TestLostBy(t *testing.T) {
	type marks = []record.Mark
	kill, promote := mark("kill-a", "kill", "a", 1000, 1020), mark("promote-b", "promote", "b", 1100, 1200)
	of := func(m record.Mark, nodes ...string) record.Mark { m.Nodes = nodes; return m }
	skipped := mark("promote-b-again", "promote", "b", 1150, 0)
	skipped.Status = record.MarkSkipped
	undo := func(of string, effective int) record.Mark {
		m := mark("undo", "undo", "a", 1050, effective)
		m.Reverses = of
		return m
	}
	restart := func(down, ended int) record.Mark {
		m := mark("restart-a", "restart", "a", 1000, down)
		m.Ended = time.Duration(ended) * msec
		return m
	}
	// later has c promoted at 2.1 s, so that timeline 2 is one that was left, too.
	later := func(e *Evidence) {
		e.Authority, e.Lineage = "c", record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
		standby := state("c", 1150, 's')
		standby.Timeline = 2
		e.States["c"] = []record.NodeState{standby, primary("c", 2200, 3, 1)}
		e.Marks = append(e.Marks, mark("promote-c", "promote", "c", 2100, 2200))
	}
	tests := []struct {
		name   string
		marks  marks
		change func(*Evidence)
		want   string
	}{
		{"the fault before the promotion", marks{kill, promote}, nil, "kill-a"},
		{"the promotion, where there was none", marks{promote}, nil, "promote-b"},
		{"no step", nil, nil, "the promotion to timeline 2"},
		{"a step that is no fault takes nothing away", marks{promote, mark("configure-a", "configure", "a", 1050, 1060)}, nil, "promote-b"},
		{"a fault of another node", marks{mark("kill-c", "kill", "c", 1000, 1020), promote}, nil, "promote-b"},
		{"of two at one moment the later step", marks{kill, mark("stop-a", "stop", "a", 1000, 1020), promote}, nil, "stop-a"},
		{"a fault of the moment of the promotion", marks{promote, mark("kill-a", "kill", "a", 1100, 1120)}, nil, "kill-a"},
		{"a fault after the promotion was asked for", marks{promote, mark("kill-a", "kill", "a", 1101, 1120)}, nil, "promote-b"},
		{"another step of the new primary is no promotion", marks{promote, mark("configure-b", "configure", "b", 1150, 1160), mark("kill-a", "kill", "a", 1140, 1145)}, nil, "promote-b"},
		{"nor is one that was not begun", marks{promote, skipped, mark("kill-a", "kill", "a", 1140, 1145)}, nil, "promote-b"},
		{"promoted by no step: what came before it was seen", marks{kill, mark("kill-a-again", "kill", "a", 1300, 1310)}, nil, "kill-a"},
		{"promoted by no step, and seen again later", marks{kill, mark("kill-a-again", "kill", "a", 1300, 1310)}, func(e *Evidence) {
			e.States["b"] = append(e.States["b"], primary("b", 1500, 2, 1))
		}, "kill-a"},
		{"promoted by no step, to a later timeline as well", marks{kill, mark("kill-a-again", "kill", "a", 1300, 1310)}, later, "kill-a"},
		{"never seen as a primary", marks{promote}, func(e *Evidence) {
			later(e)
			delete(e.States, "b")
			e.Marks = e.Marks[:1]
		}, "promote-b"},
		{"a standby of the new primary was not promoted", marks{promote}, later, "promote-b"},
		{"another one was promoted to the same number before", marks{mark("promote-c", "promote", "c", 1040, 1050), promote}, func(e *Evidence) {
			e.States["c"] = []record.NodeState{primary("c", 1050, 2, 1)}
		}, "promote-b"},

		{"taken back", marks{kill, undo("kill-a", 1060), promote}, nil, "promote-b"},
		{"something else was taken back", marks{kill, undo("slow-c", 1060), promote}, nil, "kill-a"},
		{"started again", marks{kill, mark("start-a", "start", "a", 1050, 1060), promote}, nil, "promote-b"},
		{"started again at that very moment", marks{kill, mark("start-a", "start", "a", 1000, 1060), promote}, nil, "promote-b"},
		{"up again when the promotion was asked for", marks{kill, mark("start-a", "start", "a", 1050, 1100), promote}, nil, "promote-b"},
		{"up again only afterwards", marks{kill, mark("start-a", "start", "a", 1050, 1101), promote}, nil, "kill-a"},
		{"a start that had no effect", marks{kill, mark("start-a", "start", "a", 1050, 0), promote}, nil, "kill-a"},
		{"a start before", marks{mark("start-a", "start", "a", 500, 510), kill, promote}, nil, "kill-a"},
		{"another node was started", marks{kill, mark("start-c", "start", "c", 1050, 1060), promote}, nil, "kill-a"},
		{"another one of the same fault was started", marks{of(kill, "a", "c"), mark("start-c", "start", "c", 1050, 1060), promote}, nil, "kill-a"},
		{"a step that brings nothing back", marks{kill, mark("configure-a", "configure", "a", 1050, 1060), promote}, nil, "kill-a"},
		{"restarted before", marks{restart(1010, 1100), promote}, nil, "promote-b"},
		{"still down of a restart", marks{restart(1010, 1400), promote}, nil, "restart-a"},
		{"a restart of which nobody knows the end", marks{restart(1010, 0), promote}, nil, "restart-a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := audited(t, nil, func(e *Evidence) {
				e.Marks = append(marks{}, tt.marks...)
				if tt.change != nil {
					tt.change(e)
				}
			}, ack("a", 1, 120, 900))
			if got := a.Lost.Runs[0].LostBy; got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestSplitBrainIsPutDownToThePromotion of the foreign server that came before the write.
func TestSplitBrainIsPutDownToThePromotion(t *testing.T) {
	promote := mark("promote-c", "promote", "c", 1250, 1260)
	skipped, other, late, soon := promote, promote, promote, promote
	skipped.Status, other.Nodes, late.Issued, soon.Issued = record.MarkSkipped, []string{"d"}, 1301*msec, 1300*msec
	for name, c := range map[string]struct {
		mark record.Mark
		want string
	}{
		"promoted": {promote, "promote-c"}, "not begun": {skipped, "split brain"}, "another node": {other, "split brain"}, "later": {late, "split brain"}, "when it was answered": {soon, "promote-c"},
	} {
		a := audited(t, nil, func(e *Evidence) { e.Marks = append(e.Marks, c.mark) }, ack("c", 3, 10, 1300))
		if got := a.Lost.Runs[0].LostBy; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestWhereALineageParted: what is known of the WAL of a server that is foreign.
func TestWhereALineageParted(t *testing.T) {
	lineage := func(timeline uint32, forks ...record.Fork) record.Lineage {
		return record.Lineage{Timeline: timeline, Forks: forks}
	}
	from := func(at record.LSN) record.Fork { return record.Fork{Timeline: 1, At: at} }
	fork := func(node string, l record.Lineage) ForkHolding { return ForkHolding{Node: node, Lineage: l} }
	earlier := func(f ForkHolding) ForkHolding { f.Read = 500 * msec; return f }
	at := func(node string, l record.Lineage) NodeHolding {
		return NodeHolding{Node: node, Why: "gone", Lineage: l}
	}
	tests := []struct {
		name  string
		ours  record.Lineage
		forks []ForkHolding
		nodes []NodeHolding
		want  record.LSN
	}{
		{"nobody has read its lineage", lineage(2, from(100)), nil, nil, 0},
		{"its own", lineage(2, from(100)), []ForkHolding{fork("c", lineage(2, from(70)))}, nil, 70},
		{"not another node's", lineage(2, from(100)), []ForkHolding{fork("d", lineage(2, from(40))), fork("c", lineage(2, from(70)))}, nil, 70},
		{"not that of another time", lineage(2, from(100)), []ForkHolding{earlier(fork("c", lineage(2, from(60)))), fork("c", lineage(2, from(70)))}, nil, 70},
		{"nor of another timeline", lineage(2, from(100)), []ForkHolding{fork("c", lineage(3, from(60)))}, nil, 0},
		{"as it is at the end", lineage(2, from(100)), nil, []NodeHolding{at("d", lineage(2, from(40))), at("c", lineage(2, from(70)))}, 70},
		{"not as another one is at the end", lineage(2, from(100)), nil, []NodeHolding{at("d", lineage(2, from(40)))}, 0},
		{"the authority lives on where it was promoted", lineage(1), []ForkHolding{fork("c", lineage(2, from(100)))}, nil, 100},
	}
	for _, tt := range tests {
		w := newWitness(&Evidence{Lineage: tt.ours, Forks: tt.forks, Nodes: tt.nodes})
		e := ack("c", 2, 10, 900)
		if got := w.parted(w.of(&e)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
