package spec

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pgchaos/chaos/fault"
	"pgchaos/internal/longtest"
)

// randomFile is a file with a random schedule of all forms of entries.
const randomFile = `name: x
cluster: {nodes: [a, b, c]}
load: {writes: {kind: insert}}
timeline:
  - {at: 2s, checkpoint: primary}
  - {at: 50s, stop_load: writes}
random:
  begin: 5s
  lasts: 5m
  every: 4s
  for: {min: 1s, max: 3s}
  healthy: 2
  faults:
    - {weight: 6, pause: any}
    - {weight: 3, partition: {between: [any, others]}, targets: [b, c]}
    - {weight: 1, kill: primary, then: [{at: 1s, failover: most_advanced}, {rejoin: former_primary}]}
`

func loadRandom(t *testing.T, text string, o Options) (*Experiment, []byte) {
	t.Helper()
	o.Providers = nil
	e, resolved, err := Load("x.yaml", []byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return e, resolved
}

func TestRandomSameSeedSameSchedule(t *testing.T) {
	one, text := loadRandom(t, randomFile, Options{Seed: 7})
	again, same := loadRandom(t, randomFile, Options{Seed: 7})
	other, _ := loadRandom(t, randomFile, Options{Seed: 8})
	if diff := cmp.Diff(one.Timeline, again.Timeline, sameSteps()); diff != "" || string(text) != string(same) {
		t.Errorf("seed 7 twice:\n%s\n%s\n%s", diff, text, same)
	}
	if cmp.Equal(one.Timeline, other.Timeline, sameSteps()) { // their texts differ anyway: they have the seeds
		t.Errorf("the seeds 7 and 8 have the same timeline:\n%s", text)
	}
	for _, o := range []Options{{ChosenSeed: 7}, {Set: []string{"seed=7"}, ChosenSeed: 9}, {Set: []string{"seed=3"}, Seed: 7}} {
		if e, text := loadRandom(t, randomFile, o); !strings.Contains(string(text), "seed: 7\n") || e.Schedule.Seed != 7 || e.Seed != 7 {
			t.Errorf("%+v: %+v\n%s", o, e.Schedule, text)
		}
	}
	// A seed of its own stays when the seed of the experiment is another one.
	a, _ := loadRandom(t, randomFile, Options{Seed: 8, Set: []string{"random.seed=7"}})
	b, _ := loadRandom(t, randomFile, Options{Seed: 7})
	if diff := cmp.Diff(b.Timeline, a.Timeline, sameSteps()); diff != "" {
		t.Error(diff)
	}
}

// TestRandomResolvedFileIsComplete loads the resolved text again: it is an ordinary file without randomness.
func TestRandomResolvedFileIsComplete(t *testing.T) {
	e, text := loadRandom(t, randomFile, Options{Seed: 7})
	if strings.Contains(string(text), "random:") {
		t.Errorf("random is left:\n%s", text)
	}
	again, _ := loadRandom(t, string(text), Options{Seed: 99, Resolved: true})
	if again.Schedule != nil {
		t.Errorf("a schedule was made again: %+v", again.Schedule)
	}
	if diff := cmp.Diff(e.Timeline, again.Timeline, sameSteps()); diff != "" {
		t.Error(diff)
	}
}

// manySeeds are enough for the shares of faults to be within 20 % of their weights.
const manySeeds = 40

// TestRandomManySeeds looks at the schedules of many seeds: each loads (which finds steps that can never run), keeps within its bounds, and
// all of them together follow the weights.
func TestRandomManySeeds(t *testing.T) {
	counts, gaps, seen := map[string]int{}, time.Duration(0), 0
	for seed := uint64(1); seed <= manySeeds; seed++ {
		e, _ := loadRandom(t, randomFile, Options{Seed: seed})
		incidents := 0
		for i := range e.Timeline {
			s := &e.Timeline[i]
			if !strings.HasPrefix(s.Name, "random-") || s.Name == randomBegin || s.Name == randomHeal {
				continue
			}
			what := chosenFault(t, s)
			if what == "" {
				continue // of a then
			}
			counts[what]++
			if incidents++; incidents > 1 && s.At != nil {
				gaps += time.Duration(*s.At)
			}
			seen++
		}
		if e.Schedule.Faults != incidents || incidents < 5 {
			t.Errorf("seed %d: %d faults, announced %d", seed, incidents, e.Schedule.Faults)
		}
		if last := e.Timeline[len(e.Timeline)-1]; last.Name != randomHeal || !last.Parameters().(*fault.Condition).AllStreaming {
			t.Errorf("seed %d ends with %+v", seed, last)
		}
	}
	pauses, partitions := counts["pause a"]+counts["pause b"]+counts["pause c"], counts["partition b"]+counts["partition c"]
	for name, share := range map[string][2]float64{
		"pause": {float64(pauses), 0.6}, "partition": {float64(partitions), 0.3}, "kill": {float64(counts["kill"]), 0.1},
		"pause a": {float64(counts["pause a"]), 0.2}, "partition b": {float64(counts["partition b"]), 0.15},
	} {
		if got := share[0] / float64(seen); got < 0.8*share[1] || got > 1.2*share[1] {
			t.Errorf("%s: a share of %.3f, not about %.3f, of %d", name, got, share[1], seen)
		}
	}
	if mean := gaps / time.Duration(seen-manySeeds); mean < 3600*time.Millisecond || mean > 4400*time.Millisecond {
		t.Errorf("the mean time between two faults is %s, not about 4s", mean)
	}
}

// chosenFault is what a step of the schedule is; "" for one that only follows another.
func chosenFault(t *testing.T, s *Step) string {
	t.Helper()
	switch p := s.Parameters().(type) {
	case *fault.Pause:
		checkLasts(t, s)
		return "pause " + p.Nodes[0]
	case *fault.Partition:
		checkLasts(t, s)
		if len(p.Between) != 2 || len(p.Between[1]) != 2 || slices.Contains(p.Between[1], p.Between[0][0]) || p.Between[0][0] == "a" {
			t.Errorf("%v", p.Between)
		}
		return "partition " + p.Between[0][0]
	case *fault.Kill:
		if s.For != 0 {
			t.Errorf("a kill with steps that follow has for: %s", s.For)
		}
		return "kill"
	}
	return ""
}

func checkLasts(t *testing.T, s *Step) {
	t.Helper()
	if s.For < Duration(time.Second) || s.For > Duration(3*time.Second) {
		t.Errorf("%s lasts %s, not from 1s to 3s", s.Name, s.For)
	}
}

// TestRandomNoTwoFaultsOverlap: each step comes after the end of the one above it.
func TestRandomNoTwoFaultsOverlap(t *testing.T) {
	e, _ := loadRandom(t, randomFile, Options{Seed: 5})
	end := ""
	for i := range e.Timeline {
		s := &e.Timeline[i]
		if !strings.HasPrefix(s.Name, "random-") {
			continue
		}
		if s.After != end {
			t.Errorf("%s comes after %q, not after %q", s.Name, s.After, end)
		}
		if end = s.Name; s.For > 0 {
			end = s.Reversal()
		}
	}
}

func TestRandomIsSetByFlags(t *testing.T) {
	few, _ := loadRandom(t, randomFile, Options{Seed: 5, Set: []string{"random.every=1m"}})
	many, _ := loadRandom(t, randomFile, Options{Seed: 5, Set: []string{"random.every=1s"}})
	if few.Schedule.Faults >= many.Schedule.Faults {
		t.Errorf("%d faults every minute, and %d every second", few.Schedule.Faults, many.Schedule.Faults)
	}
	none, _ := loadRandom(t, randomFile, Options{Seed: 5, Set: []string{"random.faults[0].weight=0"}})
	for i := range none.Timeline {
		if none.Timeline[i].Action() == "pause" {
			t.Errorf("a fault of weight 0 was chosen: %s", none.Timeline[i].Name)
		}
	}
}

// TestRandomStandsBesideOwnSteps: the beginning stands before the first later step of the file, which its own steps do not wait for.
func TestRandomStandsBesideOwnSteps(t *testing.T) {
	e, _ := loadRandom(t, randomFile, Options{Seed: 5})
	var sequence []string
	for i := range e.Timeline {
		if e.Timeline[i].After == "" {
			sequence = append(sequence, e.Timeline[i].Name)
		}
	}
	if want := []string{"checkpoint-primary", randomBegin, "stop-load-writes"}; !slices.Equal(sequence, want) {
		t.Errorf("%v, not %v", sequence, want)
	}
}

// atOnceFile has a schedule of faults for five nodes, several of which are in force at once.
func atOnceFile(atOnce int, faults string) string {
	head, _, _ := strings.Cut(randomFile, "  healthy: 2\n")
	head = strings.Replace(head, "lasts: 5m", "lasts: 20s", 1) // the time to validate it grows with the square of its steps
	return strings.Replace(head, "[a, b, c]", "[a, b, c, d, e]", 1) + fmt.Sprintf("  healthy: 1\n  at_once: %d\n  faults: [%s]\n", atOnce, faults)
}

// TestRandomAtOnce: no two faults at once have the same node, those on links follow each other, all entries are chosen, and the last
// step comes after all.
func TestRandomAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		atOnce, divisions int // in how many ways seeds divide the nodes, at least
		faults            string
		want              []string // steps that all seeds together have
	}{
		"any": {2, 2, "{pause: any}, {terminate_backends: any, then: [{wait: 100ms}]}", []string{"pause a", "pause e", "terminate_backends a"}},
		"links between all": {2, 2, "{weight: 4, pause: any}, {partition: {between: [any, others]}}, {delay: {between: [any, clients], latency: 5ms}}",
			[]string{"pause a", "partition a b c d e", "delay b"}},
		"names":              {2, 2, "{weight: 4, pause: any}, {kill: b, then: [{start: b}]}", []string{"pause b", "kill b"}},
		"names together":     {3, 1, "{pause: any}, {kill: [b, c], then: [{start: [b, c]}]}", []string{"pause b", "kill b c"}},
		"links of named":     {2, 2, "{weight: 4, pause: any}, {partition: {between: [a, [b, c]]}}", []string{"pause a", "partition a b c"}},
		"only one for links": {2, 1, "{pause: a}, {partition: {between: [any, others]}, targets: [c]}", []string{"pause a", "partition c a b d e"}},
	} {
		t.Run(name, func(t *testing.T) {
			divisions, seen, most := map[string]bool{}, map[string]bool{}, 0
			for seed := uint64(1); seed <= 30; seed++ {
				e, resolved := loadRandom(t, atOnceFile(tc.atOnce, tc.faults), Options{Seed: seed})
				lanes := &lanesSeen{t: t, laneOf: map[string]string{}, laneOfNode: map[string]string{}, starts: map[string]bool{}}
				for i := range e.Timeline {
					lanes.add(&e.Timeline[i], seen)
				}
				if most = max(most, len(lanes.starts)); len(lanes.starts) > tc.atOnce { // fewer, where the first fault of a lane would come too late
					t.Errorf("seed %d: %v", seed, lanes.starts)
				}
				if t.Failed() {
					t.Fatalf("seed %d:\n%s", seed, resolved)
				}
				divisions[lanes.division()] = true
				if last := e.Timeline[len(e.Timeline)-1]; last.Name != randomHeal || last.After != "all" {
					t.Errorf("%+v", last)
				}
			}
			if len(divisions) < tc.divisions || most < tc.atOnce {
				t.Errorf("at most %d at once, and %d divisions of the nodes: %v", most, len(divisions), divisions)
			}
			for _, want := range tc.want {
				if !seen[want] {
					t.Errorf("no seed has %s: %v", want, seen)
				}
			}
		})
	}
}

// lanesSeen are the lanes of one schedule, each by the name of its first step.
type lanesSeen struct {
	t                  *testing.T
	laneOf, laneOfNode map[string]string
	ofLinks            string // the lane of faults between nodes
	starts             map[string]bool
}

func (l *lanesSeen) add(s *Step, seen map[string]bool) {
	lane := l.laneOf[strings.TrimPrefix(s.After, "undo-")]
	if s.After == randomBegin {
		lane, l.starts[s.Name] = s.Name, true
	}
	if l.laneOf[s.Name] = lane; lane == "" {
		return
	}
	seen[s.Action()+" "+strings.Join(s.targets(), " ")] = true
	if _, links := s.Parameters().(fault.OnLinks); links && len(s.targets()) > 1 {
		if l.ofLinks != "" && l.ofLinks != lane {
			l.t.Errorf("%s disturbs links beside the lane %s", s.Name, l.ofLinks)
		}
		l.ofLinks = lane
		return
	}
	for _, node := range s.targets() {
		if other := l.laneOfNode[node]; other != "" && other != lane {
			l.t.Errorf("%s of %s is of two lanes, %s and %s", s.Name, node, lane, other)
		}
		l.laneOfNode[node] = lane
	}
}

// division tells which nodes are in the lane of a.
func (l *lanesSeen) division() (text string) {
	for _, node := range []string{"b", "c", "d", "e"} {
		if l.laneOfNode[node] == l.laneOfNode["a"] {
			text += node
		}
	}
	return text
}

// TestRandomAtOnceMistakes: what cannot be in force at once is said when the file is loaded, with every seed.
func TestRandomAtOnceMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		atOnce       int
		faults, want string
	}{
		"a role":           {2, "{kill: primary}", "this may meet another fault: primary is a role"},
		"a role in a then": {2, "{kill: any, then: [{failover: most_advanced}]}", "most_advanced is a role"},
		"all others":       {2, "{pause: {node: others}}", "others are all nodes but one"},
		"links alone":      {2, "{partition: {between: [any, others]}}", "at most 1 fault of this schedule can be in force at once, not 2"},
		"few targets":      {3, "{pause: any, targets: [a, b]}", "at most 2 faults of this schedule"},
		"together":         {3, "{kill: [a, b, c, d], then: [{start: [a, b, c, d]}]}, {pause: any}", "at most 2 faults"},
		"too few healthy":  {4, "{kill: [b, c], then: [{start: [b, c]}]}, {pause: any}", "the fault can disturb 5 nodes at once"},
		"any beside names": {2, "{pause: [any, b]}", "any stands beside the name of a node"},
		"more than nodes":  {6, "{pause: any}", "at_once is 6; write a number from 1 to 5"},
		"huge":             {1 << 40, "{pause: any}", "is no whole number of this size"},
	} {
		for seed := range uint64(5) {
			if _, _, err := Load("x.yaml", []byte(atOnceFile(c.atOnce, c.faults)), Options{Seed: seed + 1}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, not %q", name, err, c.want)
			}
		}
	}
}

// TestRandomHealthyCountsAllStepsOfAnEntry: what a step has disturbed stays so until a later one, or its for, has taken it back.
func TestRandomHealthyCountsAllStepsOfAnEntry(t *testing.T) {
	for entry, disturbed := range map[string]int{
		"{kill: a, then: [{kill: b}, {start: [a, b]}]}":                                                                                             2,
		"{kill: a, then: [{start: a}, {kill: b}, {start: b}]}":                                                                                      1,
		"{pause: a, then: [{kill: b}, {resume: a}, {start: b}]}":                                                                                    2,
		"{pause: a, for: 2s, then: [{kill: b}, {start: b}]}":                                                                                        1,
		"{kill: a, then: [{pause: a, for: 1s}, {start: a}]}":                                                                                        1,
		"{terminate_backends: a, then: [{kill: b}, {start: b}]}":                                                                                    1,
		"{restart: a, then: [{restart: b}]}":                                                                                                        1,
		"{pause: any_replica, meanwhile: [{kill: primary}], then: [{failover: most_advanced}, {rejoin: former_primary}]}":                           2,
		"{pause: b, meanwhile: [{kill: b}, {start: b}], then: [{kill: c}, {start: c}]}":                                                             1,
		"{pause: b, meanwhile: [{terminate_backends: a}], then: [{kill: c}, {start: c}]}":                                                           2,
		"{partition: {between: [any, others]}, meanwhile: [{pause: b, for: 1s}, {pause: c, for: 500ms}], then: [{kill: a}, {start: a}]}":            2,
		"{pause: b, meanwhile: [{terminate_backends: b}], then: [{kill: c}, {start: c}]}":                                                           1,
		"{pause_replay: b, then: [{resume_replay: b}, {kill: c}]}":                                                                                  1,
		"{pause_replay: b, then: [{kill: c}]}":                                                                                                      2,
		"{kill: primary, then: [{failover: most_advanced}, {rejoin: former_primary}, {kill: any_replica}, {start: any}]}":                           1,
		"{partition: {between: [a, [b, c]]}, then: [{kill: b}, {start: b}]}":                                                                        2,
		"{partition: {between: [a, b]}, for: 1s, then: [{kill: b}, {start: b}]}":                                                                    1,
		"{kill: [a, b], then: [{kill: c}, {start: [a, b, c]}]}":                                                                                     3,
		"{hold_wal: b, then: [{resume_replay: b}, {kill: c}]}":                                                                                      2,
		"{pause: a, then: [{kill: a}, {start: a}, {kill: b}, {start: b}]}":                                                                          1,
		"{pause_replay: any_replica, then: [{resume_replay: replicas}, {kill: any_replica}]}":                                                       1,
		"{pause_replay: any_replica, then: [{resume_replay: any_replica}, {kill: any_replica}]}":                                                    2, // any other
		"{kill: any_replica, then: [{start: replicas}, {kill: any_replica}]}":                                                                       2, // which answer
		"{kill: any_replica, then: [{kill: any_replica}, {start: any_replica}, {kill: any_replica}]}":                                               3,
		"{kill: primary, then: [{failover: most_advanced}, {kill: primary}, {rejoin: former_primary}]}":                                             2,
		"{kill: primary, then: [{rejoin: former_primary}, {kill: primary}, {start: former_primary}]}":                                               1,
		"{kill: primary, then: [{kill: primary}, {rejoin: former_primary}, {kill: c}, {start: c}]}":                                                 2,
		"{delay: {between: [a, b], latency: 1ms}, then: [{delay: {between: [b, c], latency: 1ms}}]}":                                                2,
		"{partition: {between: [clients, replicas]}}":                                                                                               2,
		"{burn_cpu: b, then: [{kill: c}, {start: c}]}":                                                                                              2,
		"{kill: primary, then: [{start: former_primary}, {kill: former_primary}, {start: former_primary}, {kill: c}, {start: c}]}":                  1,
		"{kill: any_replica, then: [{kill: any_replica}, {start: replicas}]}":                                                                       2,
		"{kill: primary, then: [{failover: most_advanced}, {pause: any_replica}, {resume: any_replica}, {kill: any_replica}]}":                      3, // the paused one is none of the nodes that answer
		"{kill: primary, then: [{failover: most_advanced}, {pause: any_replica}, {resume: any_replica}, {kill: any_replica}, {kill: any_replica}]}": 3,
	} {
		_, _, err := Load("x.yaml", []byte(randomFile), Options{Set: []string{"random.faults=[" + entry + "]", "random.healthy=2"}, Seed: 1})
		want := fmt.Sprintf("the fault can disturb %d nodes at once", disturbed)
		switch says := err != nil && strings.Contains(err.Error(), "the fault can disturb"); {
		case disturbed == 1 && says, disturbed > 1 && (!says || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %d", entry, err, disturbed)
		}
	}
}

func TestRandomMistakes(t *testing.T) {
	for name, c := range map[string]struct{ set, want string }{
		"no fault":           {"random.faults=[]", "there is no fault to choose"},
		"too few healthy":    {"random.faults[0].pause=replicas", "can disturb 2 nodes at once, and of 3 nodes 2 have to stay healthy"},
		"healthy":            {"random.healthy=3", "write a number from 0 to 2"},
		"never chosen":       {"random.faults=[{pause: any}, {weight: 0, kill: nobody}]", `there is no node "nobody"`},
		"an unknown key":     {"random.faults=[{pause: any}, {kill: {node: any, hard: true}}]", `unknown key "hard" in random.faults[1].kill`},
		"in a then":          {"random.faults=[{pause: any, then: [{wait: 1x}]}]", "random.faults[0].then[0].wait"},
		"a step's own when":  {"random.faults=[{when: streaming of b, pause: any}]", "has no when of its own"},
		"a step's own after": {"random.faults=[{pause: any, after: x}]", "has no after of its own"},
		"a role at once":     {"random.at_once=2", "primary is a role, and which node has it is known only in the run"},
		"too many at once":   {"random={at_once: 2, healthy: 2, faults: [{pause: any}]}", "can disturb 2 nodes at once, and of 3 nodes 2 have to stay healthy"},
		"kills":              {"kills=3", "kills repeats the timeline"},
		"a null entry":       {"random.faults=[null, {pause: any}]", "random.faults[0]"},
		"a then of words":    {"random.faults=[{pause: any, then: [resume]}]", "random.faults[0].then[0] is the single value"},
		"a negative time":    {"random.faults=[{kill: any, then: [{at: -1s, start: any}]}]", `random.faults[0].then[0].at: "-1s" is negative`},
		"a negative weight":  {"random.faults=[{weight: -1, pause: any}, {kill: any}]", "weight is -1"},
		"a negative seed":    {"random.seed=-1", "random.seed: \"-1\" is no number from 0"},
		"a huge seed":        {"random.seed=18446744073709551616", "is no number from 0"},
		"no healthy":         {"random.healthy=-1", "write a number from 0 to 2"},
		"none at once":       {"random.at_once=0", "write a number from 1 to 3"},
		"nothing":            {"random=null", "random has no value"},
		"targets":            {"random.faults=[{pause: any, targets: [d]}]", "targets names \"d\""},
		"no action":          {"random.faults=[{weight: 2}]", "the step has no action"},
		"weights":            {"random.faults=[{pause: any, weight: 0}]", "every weight is 0"},
		"min and max":        {"random.for={min: 3s, max: 1s}", "shorter than the shortest"},
		"too many":           {"random={lasts: 700h, every: 1s, faults: [{terminate_backends: primary}]}", "more than 1000 faults"},
		"no time meanwhile":  {"random.faults=[{pause: any, meanwhile: [{at: 600ms, terminate_backends: primary}, {at: 400ms, checkpoint: primary}]}]", "these steps end 1s after the fault has taken effect, and it can be over after 1s"},
		"a for meanwhile":    {"random.faults=[{pause: any, for: 2s, meanwhile: [{at: 1s, apply_delay: {node: any_replica, delay: 1s}, for: 1s}]}]", "these steps end 2s after"},
		"no fault that ends": {"random.faults=[{terminate_backends: any, meanwhile: [{checkpoint: primary}]}]", "nothing can be done meanwhile: terminate_backends does not last"},
		"a wait meanwhile":   {"random.faults=[{pause: b, meanwhile: [{wait: 4s}, {at: 100ms, kill: b}], then: [{at: 1s, start: b}]}]", "these steps end 4.1s after"},
		"a dead node":        {"random.faults=[{pause: any, meanwhile: [{kill: any}]}]", "nothing takes the kill back, so that one node fewer is healthy each time"},
		"a dead node, then":  {"random.faults=[{pause: any, for: 1s, then: [{kill: any}]}]", "nothing takes the kill back"},
		"a frozen node":      {"random.faults=[{terminate_backends: a, then: [{pause: any_replica}, {resume: any_replica}]}]", "nothing takes the pause back"},
		"a cut network":      {"random.faults=[{partition: {between: [any, others]}, then: [{at: 1s, checkpoint: a}]}]", "nothing takes the partition back, so that one node fewer is healthy each time this is chosen; write a for"},
		"a refusing link":    {"random.faults=[{reject: {between: [a, b]}, then: [{at: 1s, checkpoint: a}]}]", "nothing takes the reject back"},
		"a half-open link":   {"random.faults=[{half_open: {from: any_replica, to: [primary, clients]}, then: [{checkpoint: a}]}]", "nothing takes the half_open back"},
		"a link that flaps":  {"random.faults=[{flap: {between: [a, b], up: 1s, down: 1s}, then: [{checkpoint: a}]}]", "nothing takes the flap back"},
		"a cut, then":        {"random.faults=[{pause: c, for: 2s, then: [{partition: {between: [c, a]}}]}]", "nothing takes the partition back"},
		"a node cut off":     {"random.faults=[{terminate_backends: a, then: [{disconnect: c}]}]", "nothing takes the disconnect back"},
		"in a meanwhile":     {"random.faults=[{pause: any, meanwhile: [{wait: 1x}]}]", "random.faults[0].meanwhile[0].wait"},
		"a then after it":    {"random.faults=[{pause: any, meanwhile: [{checkpoint: primary}], then: [{wait: 1x}]}]", "random.faults[0].then[0].wait"},
		"a then with both":   {"random.faults=[{pause: any, for: 1s, then: [{at: 1s, when: sync_waiters > 3, checkpoint: a}]}]", "the step has both at and when"},
		"an unplugged node":  {"random.faults=[{disconnect: any, then: [{at: 1s, checkpoint: a}]}]", "nothing takes the disconnect back"},
		"a meanwhile's name": {"random.faults=[{pause: any, meanwhile: [{name: x, checkpoint: primary}]}]", "has no name of its own"},
		"a meanwhile, words": {"random.faults=[{pause: any, meanwhile: kill}]", "random.faults[0].meanwhile is the single value"},
		"a misspelt key":     {"random.evry=3s", `unknown key "evry" in random`},
		"no list":            {"random.faults=pause", "random.faults is the single value"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, seed := range []uint64{1, 2} {
				_, _, err := Load("x.yaml", []byte(randomFile), Options{Set: []string{c.set}, Seed: seed})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, not %q", err, c.want)
				}
			}
		})
	}
}

// TestRandomMeanwhile: steps of an entry go on while its fault is in force, and those of its then come after its end.
func TestRandomMeanwhile(t *testing.T) {
	entry := "{pause: any_replica, meanwhile: [{at: 500ms, kill: primary}, {wait: 100ms}], then: [{failover: most_advanced}, {rejoin: former_primary}]}"
	e, resolved := loadRandom(t, randomFile, Options{Set: []string{"random.faults=[" + entry + "]", "random.healthy=1"}, Seed: 3})
	if e.Schedule.Faults < 5 {
		t.Fatalf("%d faults\n%s", e.Schedule.Faults, resolved)
	}
	before := randomBegin
	for i := range e.Schedule.Faults {
		name := func(action string) string { return fmt.Sprintf("random-%d-%s", i+1, action) }
		for _, want := range []struct{ name, after, at string }{
			{name("pause"), before, ""},
			{name("kill"), name("pause"), "500ms"},
			{name("wait"), name("kill"), "0s"},
			{name("failover"), fmt.Sprintf("random-%d-*", i+1), "0s"}, // the pause may be over before the steps are, or after them
			{name("rejoin"), name("failover"), "0s"},
		} {
			k := slices.IndexFunc(e.Timeline, func(s Step) bool { return s.Name == want.name })
			if k < 0 {
				t.Fatalf("there is no %s:\n%s", want.name, resolved)
			}
			s := e.Timeline[k]
			at := Duration(0)
			if s.At != nil {
				at = *s.At
			}
			if s.After != want.after || want.at != "" && at.String() != want.at || strings.HasSuffix(s.Name, "-pause") != (s.For >= Duration(time.Second)) {
				t.Errorf("%s begins %s after %s, for %s", s.Name, at, s.After, s.For)
			}
		}
		before = name("rejoin")
	}
}

// TestRandomLeavesNothing: what an entry brings back, or a manager may, is no mistake, and not what leaves a node there.
func TestRandomLeavesNothing(t *testing.T) {
	for _, entry := range []string{
		"{pause: any}", "{kill: any}", "{partition: {between: [any, others]}}", "{kill: any, then: [{start: any}]}", "{kill: primary, then: [{failover: most_advanced}, {rejoin: former_primary}]}",
		"{partition: {between: [any, others]}, for: 2s, then: [{checkpoint: a}]}", "{partition: {between: [any, others]}, meanwhile: [{checkpoint: a}], then: [{checkpoint: a}]}",
		"{partition: {between: [clients, c]}, then: [{checkpoint: a}]}", "{reject: {between: [c, clients]}, then: [{checkpoint: a}]}", "{delay: {between: [any, others], latency: 10ms}, then: [{checkpoint: a}]}",
		"{pause: b, meanwhile: [{kill: b}], then: [{start: b}]}", "{pause_replay: any_replica, then: [{checkpoint: primary}]}", "{kill: c, then: [{clone: c}]}",
	} {
		if _, _, err := Load("x.yaml", []byte(randomFile), Options{Set: []string{"random.faults=[" + entry + "]", "random.healthy=1"}, Seed: 1}); err != nil {
			t.Errorf("%s: %v", entry, err)
		}
	}
	frozen := "random.faults=[{pause: any_replica, then: [{wait: 1s}]}]"
	if _, _, err := Load("x.yaml", []byte(randomFile), Options{Set: []string{frozen, "random.healthy=0"}, Seed: 1}); err != nil {
		t.Error(err)
	}
	existing := strings.Replace(randomFile, "nodes: [a, b, c]", "provider: existing, existing: {nodes: {a: {dsn: x}, b: {dsn: y}, c: {dsn: z}}}", 1)
	if _, _, err := Load("x.yaml", []byte(existing), Options{Set: []string{frozen}, Seed: 1}); err != nil && strings.Contains(err.Error(), "nothing takes") {
		t.Error(err)
	}
}

// TestRandomSeedOfTheFile: one that is no seed is a mistake, and not left for another one.
func TestRandomSeedOfTheFile(t *testing.T) {
	for seed, want := range map[string]string{"-5": "is no number from 0", "x": "seed", "1.5": "seed"} {
		_, _, err := Load("x.yaml", []byte(randomFile+"seed: "+seed+"\n"), Options{ChosenSeed: 7})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", seed, err)
		}
	}
}

// TestRandomMistakesPointAtTheEntry: a mistake is reported once, where the file has it, though several steps are made of the entry.
func TestRandomMistakesPointAtTheEntry(t *testing.T) {
	text := strings.Replace(randomFile, "{weight: 6, pause: any}", "{weight: 6, pause: pgslave}", 1)
	_, _, err := Load("x.yaml", []byte(text), Options{Seed: 1})
	before, _, _ := strings.Cut(text, "pause: pgslave")
	line := 1 + strings.Count(before, "\n")
	if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("x.yaml:%d:", line)) || strings.Contains(err.Error(), "\n") {
		t.Errorf("not one mistake in line %d: %v", line, err)
	}
}

func TestRandomVariables(t *testing.T) {
	text := strings.Replace(randomFile, "every: 4s", "every: ${EVERY}", 1)
	e, _ := loadRandom(t, text, Options{Seed: 5, Getenv: func(string) (string, bool) { return "4s", true }})
	want, _ := loadRandom(t, randomFile, Options{Seed: 5})
	if diff := cmp.Diff(want.Timeline, e.Timeline, sameSteps()); diff != "" {
		t.Error(diff)
	}
}

func TestRandomInTheSchema(t *testing.T) {
	s, _ := compileSchema(t)
	if err := s.Validate(asJSON(t, []byte(randomFile))); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"evry: 4s", "every: 4s\n  more: 1", "every: 4s\n  seed: some"} {
		if err := s.Validate(asJSON(t, []byte(strings.Replace(randomFile, "every: 4s", wrong, 1)))); err == nil {
			t.Errorf("the schema accepts %s", wrong)
		}
	}
}

// TestRandomWithoutSome leaves faults out: what is left comes after what is left, each fault with all of its steps.
func TestRandomWithoutSome(t *testing.T) {
	whole, _ := loadRandom(t, randomFile, Options{Seed: 5})
	units := whole.Units()
	if own := units[len(units)-2:]; len(units) != whole.Schedule.Faults+2 || own[0][0] != "checkpoint-primary" || own[1][0] != "stop-load-writes" {
		t.Fatalf("%d faults: %v", whole.Schedule.Faults, units)
	}
	for i, unit := range units {
		if i%3 != 0 && !longtest.Enabled {
			continue
		}
		for _, keep := range []bool{false, true} {
			var without []string
			for k, names := range units {
				if (k == i) != keep {
					without = append(without, names...)
				}
			}
			e, text := loadRandom(t, randomFile, Options{Seed: 5, Without: without})
			if keep && len(e.Timeline) != len(unit)+2 || !keep && len(e.Timeline) != len(whole.Timeline)-len(unit) {
				t.Errorf("%v, kept: %v:\n%s", unit, keep, text)
			}
			for k := range e.Timeline {
				if slices.Contains(without, e.Timeline[k].Name) {
					t.Errorf("%s was not left out", e.Timeline[k].Name)
				}
			}
		}
	}
}

// TestWithout leaves single steps out of a file without random.
func TestWithout(t *testing.T) {
	const head = "name: x\ncluster: {nodes: [a, b, c]}\nload: {writes: {kind: insert}}\nduration: 9s\ntimeline:\n"
	const file = head + `  - {at: 1s, name: first, pause: b, for: 1s}
  - {at: 2s, name: second, wait: 1s}
  - {after: undo-first, name: third, at: 1s, wait: 1s}
  - {after: third, name: fourth, wait: 2s}
`
	const several = file + `  - {after: fourth, name: k-1, wait: 2s}
  - {after: k-1, name: k-2, wait: 2s}
  - {after: k-*, name: fifth, wait: 2s}
`
	for name, c := range map[string]struct{ without, want string }{
		"one of a branch": {"third", `  - {at: 1s, name: first, pause: b, for: 1s}
  - {at: 2s, name: second, wait: 1s}
  - {after: undo-first, name: fourth, wait: 2s}
`},
		"what others come after": {"first", "  - {at: 2s, name: second, wait: 1s}\n"},
		"several":                {"first second", "  []\n"},
		"one of several that a step comes after": {"k-1", `  - {at: 1s, name: first, pause: b, for: 1s}
  - {at: 2s, name: second, wait: 1s}
  - {after: undo-first, name: third, at: 1s, wait: 1s}
  - {after: third, name: fourth, wait: 2s}
  - {after: fourth, name: k-2, wait: 2s}
  - {after: k-*, name: fifth, wait: 2s}
`},
		"all that a step comes after": {"k-1 k-2", `  - {at: 1s, name: first, pause: b, for: 1s}
  - {at: 2s, name: second, wait: 1s}
  - {after: undo-first, name: third, at: 1s, wait: 1s}
  - {after: third, name: fourth, wait: 2s}
  - {after: fourth, name: fifth, wait: 2s}
`},
		"the last": {"fourth", strings.Replace(strings.TrimPrefix(file, head), "  - {after: third, name: fourth, wait: 2s}\n", "", 1)},
	} {
		whole := file
		if strings.Contains(c.without, "k-1") {
			whole = several
		}
		e, text := loadRandom(t, whole, Options{Without: strings.Fields(c.without)})
		want, _ := loadRandom(t, strings.Replace(head, "timeline:\n", "timeline: ", 1)+"\n"+c.want, Options{})
		if diff := cmp.Diff(want.Timeline, e.Timeline, sameSteps(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s\n%s", name, diff, text)
		}
	}
}
