package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Actions are the keys of which a step has exactly one.
func Actions() []string {
	all := Step{}.actions()
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.name
	}
	return names
}

type action struct {
	name  string
	set   bool
	phase bool // it begins a phase, also where the step has no name of its own
}

func (s Step) actions() []action {
	return []action{
		{"stop", s.Stop != nil, true},
		{"start", s.Start != nil, true},
		{"restart", s.Restart != nil, true},
		{"kill", s.Kill != nil, true},
		{"pause", s.Pause != nil, true},
		{"resume", s.Resume != nil, true},
		{"disconnect", s.Disconnect != nil, true},
		{"connect", s.Connect != nil, true},
		{"limit", s.Limit != nil, true},
		{"exec", s.Exec != nil, false},
		{"promote", s.Promote != nil, true},
		{"configure", s.Configure != nil, false},
		{"follow", s.Follow != nil, false},
		{"rejoin", s.Rejoin != nil, false},
		{"clone", s.Clone != nil, false},
		{"backup", s.Backup != nil, false},
		{"start_load", s.StartLoad != nil, false},
		{"stop_load", s.StopLoad != nil, false},
		{"wait", s.Wait != nil, false},
		{"sql", s.SQL != nil, false},
		{"verify", s.Verify != nil, false},
	}
}

// Action is the key of the step's one action, such as "stop" or "start_load".
func (s Step) Action() string {
	for _, a := range s.actions() {
		if a.set {
			return a.name
		}
	}
	return ""
}

// Nodes are the selectors, names or roles, of the nodes that the step acts on, or
// that a verify asks about. Upstreams and a step's `when` are not among them.
func (s Step) Nodes() []string {
	if s.Verify != nil {
		return s.Verify.Nodes()
	}
	return s.targets()
}

// targets are the nodes and roles that the action names.
func (s Step) targets() NodeList {
	one := func(name string) NodeList {
		if name == "" {
			return nil
		}
		return NodeList{name}
	}
	switch {
	case s.Stop != nil:
		return s.Stop.Nodes
	case s.Restart != nil:
		return s.Restart.Nodes
	case s.Configure != nil:
		return s.Configure.Nodes
	case s.Follow != nil:
		return s.Follow.Nodes
	case s.Rejoin != nil:
		return one(s.Rejoin.Node)
	case s.Clone != nil:
		return one(s.Clone.Node)
	case s.Backup != nil:
		return one(s.Backup.Node)
	case s.SQL != nil:
		return s.SQL.Nodes
	case s.Limit != nil:
		return s.Limit.Nodes
	case s.Exec != nil:
		return s.Exec.Nodes
	}
	if on := s.onNodes()[s.Action()]; on != nil {
		return on.Nodes
	}
	return nil
}

// onNodes are the actions that need no more than their nodes.
func (s Step) onNodes() map[string]*OnNodes {
	return map[string]*OnNodes{
		"start": s.Start, "kill": s.Kill, "pause": s.Pause, "resume": s.Resume,
		"disconnect": s.Disconnect, "connect": s.Connect, "promote": s.Promote,
	}
}

// Workloads are the workloads that a start_load or a stop_load names.
func (s Step) Workloads() []string {
	switch {
	case s.StartLoad != nil:
		return *s.StartLoad
	case s.StopLoad != nil:
		return *s.StopLoad
	}
	return nil
}

// Fault tells whether the step takes something away from clients: outages are
// measured from such steps, and write_rto and read_rto can name them.
func (s Step) Fault() bool {
	return s.Stop != nil || s.Restart != nil || s.Kill != nil || s.Pause != nil || s.Disconnect != nil
}

// Reversal is the name of the phase that begins when the step takes itself back; ""
// without a `for`.
func (s Step) Reversal() string {
	if s.For == 0 {
		return ""
	}
	return undoPrefix + s.Name
}

const (
	baseline   = "baseline"
	undoPrefix = "undo-"
)

// Nodes are the nodes and roles that the condition names, each once, by name.
func (c Condition) Nodes() []string {
	names := slices.Concat(slices.Collect(maps.Keys(c.Role)), slices.Collect(maps.Keys(c.SyncState)), c.Streaming, c.CaughtUp)
	slices.Sort(names)
	return slices.Compact(names)
}

// BeginsPhase tells whether a phase begins with the step: with a fault, what takes one
// back, a promotion, and every step to which the file gives a name.
func (s Step) BeginsPhase() bool {
	for _, a := range s.actions() {
		if a.set {
			return a.phase || !s.Unnamed
		}
	}
	return !s.Unnamed
}

// Phases are the names of all phases that the run can have: baseline, then the name of
// each step that begins one, with its reversal's after it.
func (e *Experiment) Phases() []string {
	names := []string{baseline}
	for _, s := range e.Timeline {
		if s.BeginsPhase() {
			names = append(names, s.Name)
		}
		if r := s.Reversal(); r != "" {
			names = append(names, r)
		}
	}
	return names
}

// InitiallyRunning are the workloads that run from the load's beginning: all but
// those whose first mention on the timeline is a start_load.
func (e *Experiment) InitiallyRunning() []string {
	waiting := map[string]bool{}
	for _, s := range e.Timeline {
		for _, name := range s.Workloads() {
			if _, mentioned := waiting[name]; !mentioned {
				waiting[name] = s.StartLoad != nil
			}
		}
	}
	var names []string
	for _, w := range e.Load {
		if !waiting[w.Name] {
			names = append(names, w.Name)
		}
	}
	return names
}

// Workload finds a workload by its name; nil when there is none.
func (e *Experiment) Workload(name string) *Workload {
	for i := range e.Load {
		if e.Load[i].Name == name {
			return &e.Load[i]
		}
	}
	return nil
}

// Names are the nodes' names, in the order of the file.
func (ns Nodes) Names() []string {
	names := make([]string, len(ns))
	for i, n := range ns {
		names[i] = n.Name
	}
	return names
}

// Names are the workloads' names, in the order of the file.
func (ws Workloads) Names() []string {
	names := make([]string, len(ws))
	for i, w := range ws {
		names[i] = w.Name
	}
	return names
}

// nameSteps gives every step without a name one of its own: the action and what it
// acts on, with -2, -3 after it where that is taken. A step without an action, which
// is a mistake, goes by its number.
func nameSteps(steps []Step) {
	taken := map[string]bool{baseline: true}
	for _, s := range steps {
		taken[s.Name] = true
	}
	last := map[string]int{} // the number that was tried last, by name without it
	for i := range steps {
		s := &steps[i]
		if s.Name != "" {
			continue
		}
		s.Unnamed = true
		base := s.defaultName()
		if s.Action() == "" {
			base = fmt.Sprintf("step-%d", i+1)
		}
		s.Name = base
		for n := max(last[base], 1) + 1; taken[s.Name]; n++ {
			s.Name = fmt.Sprintf("%s-%d", base, n)
			last[base] = n
		}
		taken[s.Name] = true
	}
}

func (s Step) defaultName() string {
	parts := []string{strings.ReplaceAll(s.Action(), "_", "-")}
	parts = append(parts, s.targets()...)
	parts = append(parts, s.Workloads()...)
	return strings.Join(parts, "-")
}
