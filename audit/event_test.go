package audit

import (
	"testing"
	"time"

	"pgchaos/record"
)

// TestLostBy: which step a loss is put down to that is past a fork. A was killed at 1 s,
// and b promoted at 1.1 s and seen as a primary at 1.2 s.
func TestLostBy(t *testing.T) {
	type events = []record.Event
	kill, promote := event("kill-a", "kill", "a", 1000, 1020), event("promote-b", "promote", "b", 1100, 1200)
	outside := event("promoted-b", "promoted", "b", 1100, 1200)
	outside.Status = record.EventSeen
	of := func(m record.Event, nodes ...string) record.Event { m.Nodes = nodes; return m }
	skipped := event("promote-b-again", "promote", "b", 1150, 0)
	skipped.Status = record.EventSkipped
	undo := func(of string, effective int) record.Event {
		m := event("undo", "undo", "a", 1050, effective)
		m.Reverses = of
		return m
	}
	restart := func(down, ended int) record.Event {
		m := event("restart-a", "restart", "a", 1000, down)
		m.Ended = time.Duration(ended) * msec
		return m
	}
	// later has c promoted at 2.1 s, so that timeline 2 is one that was left, too.
	later := func(e *Evidence) {
		e.Authority, e.Lineage = "c", record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
		standby := state("c", 1150, 's')
		standby.Timeline = 2
		e.States["c"] = []record.NodeState{standby, primary("c", 2200, 3, 1)}
		e.Events = append(e.Events, event("promote-c", "promote", "c", 2100, 2200))
	}
	locked := event("lock-table-a", "lock_table", "a", 1050, 1060)
	locked.Fault, locked.Facts = true, &record.Facts{Sessions: true}
	tests := []struct {
		name   string
		events events
		change func(*Evidence)
		want   string
	}{
		{"the fault before the promotion", events{kill, promote}, nil, "kill-a"},
		{"the promotion, where there was none", events{promote}, nil, "promote-b"},
		{"a fault on sessions takes no server away", events{locked, promote}, nil, "promote-b"},
		{"nor beside one that does", events{kill, locked, promote}, nil, "kill-a"},
		{"no step", nil, nil, "the promotion to timeline 2"},
		{"a step that is no fault takes nothing away", events{promote, event("configure-a", "configure", "a", 1050, 1060)}, nil, "promote-b"},
		{"a fault of another node", events{event("kill-c", "kill", "c", 1000, 1020), promote}, nil, "promote-b"},
		{"of two at one moment the later step", events{kill, event("stop-a", "stop", "a", 1000, 1020), promote}, nil, "stop-a"},
		{"a fault of the moment of the promotion", events{promote, event("kill-a", "kill", "a", 1100, 1120)}, nil, "kill-a"},
		{"a fault after the promotion was asked for", events{promote, event("kill-a", "kill", "a", 1101, 1120)}, nil, "promote-b"},
		{"another step of the new primary is no promotion", events{promote, event("configure-b", "configure", "b", 1150, 1160), event("kill-a", "kill", "a", 1140, 1145)}, nil, "promote-b"},
		{"nor is one that was not begun", events{promote, skipped, event("kill-a", "kill", "a", 1140, 1145)}, nil, "promote-b"},
		{"promoted by no step: what came before it was seen", events{kill, event("kill-a-again", "kill", "a", 1300, 1310)}, nil, "kill-a"},
		{"promoted by no step, and seen again later", events{kill, event("kill-a-again", "kill", "a", 1300, 1310)}, func(e *Evidence) {
			e.States["b"] = append(e.States["b"], primary("b", 1500, 2, 1))
		}, "kill-a"},
		{"promoted by no step, to a later timeline as well", events{kill, event("kill-a-again", "kill", "a", 1300, 1310)}, later, "kill-a"},
		{"never seen as a primary", events{promote}, func(e *Evidence) {
			later(e)
			delete(e.States, "b")
			e.Events = e.Events[:1]
		}, "promote-b"},
		{"a standby of the new primary was not promoted", events{promote}, later, "promote-b"},
		{"another one was promoted to the same number before", events{event("promote-c", "promote", "c", 1040, 1050), promote}, func(e *Evidence) {
			e.States["c"] = []record.NodeState{primary("c", 1050, 2, 1)}
		}, "promote-b"},

		{"promoted from outside", events{kill, outside}, nil, "kill-a"},
		{"promoted from outside, and the fault came after the last reading of a standby", events{outside, event("kill-a", "kill", "a", 1150, 1160)}, nil, "kill-a"},
		{"promoted from outside, without a fault", events{outside}, nil, "promoted-b"},
		{"promoted from outside, and the fault came later", events{outside, event("kill-a", "kill", "a", 1201, 1210)}, nil, "promoted-b"},

		{"taken back", events{kill, undo("kill-a", 1060), promote}, nil, "promote-b"},
		{"something else was taken back", events{kill, undo("slow-c", 1060), promote}, nil, "kill-a"},
		{"started again", events{kill, event("start-a", "start", "a", 1050, 1060), promote}, nil, "promote-b"},
		{"started again at that very moment", events{kill, event("start-a", "start", "a", 1000, 1060), promote}, nil, "promote-b"},
		{"up again when the promotion was asked for", events{kill, event("start-a", "start", "a", 1050, 1100), promote}, nil, "promote-b"},
		{"up again only afterwards", events{kill, event("start-a", "start", "a", 1050, 1101), promote}, nil, "kill-a"},
		{"a start that had no effect", events{kill, event("start-a", "start", "a", 1050, 0), promote}, nil, "kill-a"},
		{"a start before", events{event("start-a", "start", "a", 500, 510), kill, promote}, nil, "kill-a"},
		{"another node was started", events{kill, event("start-c", "start", "c", 1050, 1060), promote}, nil, "kill-a"},
		{"another one of the same fault was started", events{of(kill, "a", "c"), event("start-c", "start", "c", 1050, 1060), promote}, nil, "kill-a"},
		{"a step that brings nothing back", events{kill, event("configure-a", "configure", "a", 1050, 1060), promote}, nil, "kill-a"},
		{"restarted before", events{restart(1010, 1100), promote}, nil, "promote-b"},
		{"still down of a restart", events{restart(1010, 1400), promote}, nil, "restart-a"},
		{"a restart of which nobody knows the end", events{restart(1010, 0), promote}, nil, "restart-a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := audited(t, nil, func(e *Evidence) {
				e.Events = append(events{}, tt.events...)
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
	promote := event("promote-c", "promote", "c", 1250, 1260)
	skipped, other, late, soon := promote, promote, promote, promote
	skipped.Status, other.Nodes, late.Issued, soon.Issued = record.EventSkipped, []string{"d"}, 1301*msec, 1300*msec
	for name, c := range map[string]struct {
		event record.Event
		want  string
	}{
		"promoted": {promote, "promote-c"}, "not begun": {skipped, "split brain"}, "another node": {other, "split brain"}, "later": {late, "split brain"}, "when it was answered": {soon, "promote-c"},
	} {
		a := audited(t, nil, func(e *Evidence) { e.Events = append(e.Events, c.event) }, ack("c", 3, 10, 1300))
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
		w := newEvidenceReader(&Evidence{Lineage: tt.ours, Forks: tt.forks, Nodes: tt.nodes})
		e := ack("c", 2, 10, 900)
		if got := w.parted(w.of(&e)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
