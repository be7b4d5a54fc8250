package outage

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
)

// TestAStandbyThatIsStuck: its line says that it streams, which proves nothing while it receives nothing. The fault is at 1 s.
func TestAStandbyThatIsStuck(t *testing.T) {
	type sample struct {
		received record.LSN
		behind   int64 // -1: not known
	}
	series := func(node string, samples ...sample) record.NodeSeries {
		s := record.NodeSeries{Node: node, Step: time.Second}
		for i, one := range samples {
			n := record.NodeSample{At: time.Duration(i+1) * time.Second, Role: record.RoleStandby, Received: one.received}
			if one.behind >= 0 {
				n.LagBytes = &one.behind
			}
			s.Samples = append(s.Samples, n)
		}
		return s
	}
	well := []sample{{100, 0}, {200, 0}, {300, 5}, {400, 0}, {500, 0}}
	stuck := []sample{{100, 0}, {200, 0}, {200, 100}, {200, 200}, {500, 0}}
	one, two := []record.Demand{{Node: "a", Standbys: 1}}, []record.Demand{{Node: "a", Standbys: 2}}
	for _, tt := range []struct {
		name    string
		b, c    []sample
		demands []record.Demand
		want    Stage
		nodes   []string
	}{
		{"both receive", well, well, two, none, nil},
		{"one is stuck", stuck, well, two, Stage{}, []string{"b"}},
		{"one is stuck, and one is demanded", stuck, well, one, none, nil},
		{"both are stuck, and one is demanded", stuck, stuck, one, Stage{}, []string{"b", "c"}},
		{"one is stuck, and none is demanded, but two streamed before", stuck, well, nil, Stage{}, []string{"b"}},
		{"the primary wrote nothing", []sample{{100, 0}, {100, 0}, {100, 0}, {100, 0}}, well, two, none, nil},
		{"it only does not replay", []sample{{100, 0}, {200, 100}, {300, 200}, {400, 300}}, well, two, none, nil},
		{"it waits for the demanded standbys, and so writes no more", []sample{{100, 50}, {100, 50}, {100, 50}, {100, 50}}, well, two, none, nil},
		{"for a second only", []sample{{100, 0}, {200, 0}, {200, 100}, {400, 0}}, well, two, none, nil},
		{"how far it is behind is not known", []sample{{100, -1}, {100, -1}, {100, -1}, {100, -1}}, well, two, none, nil},
	} {
		m := on([]string{"b"}, fault("cut-b", 1000, 1010))
		got := Recoveries(Course{
			Events: []record.Event{m}, States: healthy(), Demands: tt.demands, Series: []record.NodeSeries{series("b", tt.b...), series("c", tt.c...)}, End: 9 * time.Second,
		})[0]
		if got.Redundancy != tt.want || !slices.Equal(got.Stuck, tt.nodes) {
			t.Errorf("%s: %v, %v", tt.name, got.Redundancy, got.Stuck)
		}
	}
}
