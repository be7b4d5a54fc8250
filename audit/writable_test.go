package audit

import (
	"testing"
	"time"

	"pgchaos/record"
)

// TestTwoWritable: which readings prove that two nodes accepted writes at one moment.
func TestTwoWritable(t *testing.T) {
	reading := func(node string, at int, timeline uint32, started int) record.NodeState {
		s := primary(node, at, timeline, started)
		s.Asked, s.Writable, s.SystemID = s.At-2*msec, true, "1"
		return s
	}
	a := func(at int) record.NodeState { return reading("a", at, 1, 1) }
	b := func(at int) record.NodeState { return reading("b", at, 2, 1) }
	gone := func(node string, at int) record.NodeState { return state(node, at, '-') }
	refused := func(at int) record.NodeState { s := gone("a", at); s.Role = record.RoleDown; return s }
	readOnly := func(s record.NodeState) record.NodeState { s.Writable = false; return s }
	unasked := func(s record.NodeState) record.NodeState { s.Asked = 0; return s }
	crashed := func(s record.NodeState) record.NodeState {
		s.CheckpointerStarted = time.Unix(9, 0)
		return s
	}
	unstarted := func(s record.NodeState) record.NodeState { s.ServerStarted = time.Time{}; return s }
	long := func(s record.NodeState) record.NodeState { s.Asked -= 900 * msec; return s }
	type states = []record.NodeState
	const both = "a on timeline 1 and b on timeline 2 both accepted writes from "
	tests := []struct {
		name string
		a, b states
		want string
	}{
		{"the standby is promoted while the primary lives on", states{a(5), a(3000)}, states{state("b", 6, 's'), b(1200), b(2000)}, both + "1.200 s to 1.998 s"},
		{"the primary is stopped some time later", states{a(5), a(1500), gone("a", 1510)}, states{b(1200), b(4000)}, both + "1.200 s to 1.498 s"},
		{"a clean failover", states{a(5), a(1000), gone("a", 1010)}, states{state("b", 6, 's'), b(1200), b(4000)}, ""},
		{"so soon that one reading decides", states{a(5), a(1000), gone("a", 1010)}, states{b(1001), b(4000)}, ""},
		{"an answer that was read late, of a server that was killed meanwhile", states{a(5), long(a(1500)), gone("a", 1510)}, states{b(1200), b(4000)}, ""},
		{"one reading of a promoted one is none", states{a(5), a(3000)}, states{b(1200), gone("b", 1300)}, ""},
		{"when it was asked is not known", states{unasked(a(5)), unasked(a(3000))}, states{b(1200), b(2000)}, ""},
		{"started again beside the new one", states{a(5), gone("a", 1010), reading("a", 3000, 1, 3), reading("a", 3500, 1, 3)}, states{b(1200), b(4000)}, both + "3.000 s to 3.498 s"},
		{"a restart is no proof of the time before", states{a(5), reading("a", 3000, 1, 3)}, states{b(1200), b(2000)}, ""},
		{"nor is one of its processes", states{a(5), crashed(a(3000))}, states{b(1200), b(2000)}, ""},
		{"when it was started is not known", states{unstarted(a(5)), unstarted(a(3000))}, states{b(1200), b(2000)}, ""},
		{"out of reach while the other one was primary", states{a(5), gone("a", 1000), a(3000), a(3500)}, states{b(1200), b(2000)}, ""},
		{"and back in reach beside it", states{a(5), gone("a", 1000), a(3000), a(3500)}, states{b(1200), b(4000)}, both + "3.000 s to 3.498 s"},
		{"refused who asked, and was the same server afterwards", states{a(5), a(1000), refused(1010), refused(1500), a(3000), a(3500)}, states{b(1200), b(2000)}, both + "1.200 s to 1.998 s"},
		{"refused, and was started anew", states{a(5), a(1000), refused(1010), reading("a", 3000, 1, 3), reading("a", 3500, 1, 3)}, states{b(1200), b(2000)}, ""},
		{"read-only", states{a(5), a(1000), readOnly(a(1010)), readOnly(a(3000))}, states{b(1200), b(2000)}, ""},
		{"no longer read-only", states{a(5), readOnly(a(1010)), a(3000), a(3500)}, states{b(1200), b(4000)}, both + "3.000 s to 3.498 s"},
		{"a standby", states{a(5), a(3000)}, states{state("b", 6, 's'), state("b", 3000, 's')}, ""},
		{"twice is told once", states{a(5), a(1500), gone("a", 1600), a(3000), a(3500)}, states{b(1200), b(4000)}, both + "1.200 s to 1.498 s"},
		{"of one timeline number", states{a(5), a(3000)}, states{reading("b", 1200, 1, 1), reading("b", 2000, 1, 1)}, "a on timeline 1 and b on timeline 1 both accepted writes from 1.200 s to 1.998 s"},
		{"one node is never at odds with itself", states{a(5), a(3000), reading("a", 3001, 2, 3), reading("a", 3500, 2, 3)}, nil, ""},
		{"at one moment", states{a(5), a(1500), gone("a", 1510)}, states{b(1498), b(4000)}, both + "1.498 s to 1.498 s"},
		{"how long it was so before it was read-only is not known", states{a(5), a(1000), readOnly(a(1500))}, states{b(1200), b(2000)}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, r := range TwoWritable(map[string][]record.NodeState{"a": tt.a, "b": tt.b, "c": nil}) {
				got += r.String()
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	// Each pair has its own line, in the order of time.
	c := states{reading("c", 1100, 3, 1), reading("c", 2000, 3, 1)}
	all := TwoWritable(map[string][]record.NodeState{"a": {a(5), a(3000)}, "b": {b(1200), b(2000)}, "c": c})
	if len(all) != 3 || all[0].Other.Node != "c" || all[1].Other.Node != "b" || all[2].One.Node != "b" {
		t.Errorf("%v", all)
	}
}
