package spec

import (
	"fmt"
	"strings"

	"pgchaos/chaos/fault"
	"pgchaos/expect"
	"pgchaos/record"
)

// Actions are the keys of which a step has exactly one.
func Actions() []string {
	var names []string
	for _, k := range fault.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// NewStep is a step that does one action.
func NewStep(name string, parameters fault.Parameters) Step {
	kind, _ := fault.Find(name)
	return Step{actions: []action{{kind, parameters}}}
}

// Kind is the table's entry of the step's one action, as its parameters make it. It is zero where there is none.
func (s *Step) Kind() fault.Kind {
	if len(s.actions) == 0 {
		return fault.Kind{}
	}
	return s.actions[0].kind.With(s.actions[0].parameters)
}

// entry is the table's entry of the step's one action, without a copy: many steps are asked for it again and again.
func (s *Step) entry() *fault.Kind {
	if len(s.actions) == 0 {
		return &fault.Kind{}
	}
	return &s.actions[0].kind
}

// Parameters are what the file says about the step's action; nil where there is none.
func (s *Step) Parameters() fault.Parameters {
	if len(s.actions) == 0 {
		return nil
	}
	return s.actions[0].parameters
}

// Action is the key of the step's one action, such as "stop" or "start_load".
func (s *Step) Action() string { return s.entry().Name }

// Nodes are the selectors, names or roles, of the nodes that the step acts on, or
// that a verify asks about. Upstreams and a step's `when` are not among them.
func (s *Step) Nodes() []string {
	if c, ok := s.Parameters().(*Condition); ok {
		return c.Nodes()
	}
	return s.targets()
}

// targets are the nodes and roles that the action names.
func (s *Step) targets() []string {
	if p := s.Parameters(); p != nil {
		return p.Selectors()
	}
	return nil
}

// promotes are the nodes and roles one of which the step makes a primary.
func (s *Step) promotes() []string {
	if p, ok := s.Parameters().(fault.Promoting); ok {
		return one(p.Promoted())
	}
	if s.Kind().Facts.Promotes {
		return s.targets()
	}
	return nil
}

func one(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

// Workloads are the workloads that a start_load or a stop_load names.
func (s *Step) Workloads() []string {
	if p, ok := s.Parameters().(fault.OnWorkloads); ok {
		return p.Names()
	}
	return nil
}

// Waits tells whether the step waits for a condition.
func (s *Step) Waits() bool { return s.When != nil || s.Trigger != "" }

// Continues tells whether the timeline goes on where the step fails.
func (s *Step) Continues() bool { return s.OnError == onErrorContinue }

// Condition is the parsed text of the step's `when`, which Load has found to be right; ok is false where it has none.
func (s *Step) Condition() (c expect.Condition, ok bool, err error) {
	if s.Trigger == "" {
		return c, false, nil
	}
	c, err = expect.ParseCondition(s.Trigger)
	return c, true, err
}

// Fault tells whether the step takes something away from clients: outages are
// measured from such steps, and write_rto and read_rto can name them.
func (s *Step) Fault() bool { return s.entry().Outage }

// Reversal is the name of the phase that begins when the step takes itself back; ""
// without a `for`.
func (s *Step) Reversal() string {
	if s.For == 0 {
		return ""
	}
	return record.UndoPrefix + s.Name
}

// BeginsPhase tells whether a phase begins with the step: with a fault, what takes one
// back, a promotion, and every step to which the file gives a name.
func (s *Step) BeginsPhase() bool { return s.entry().Phase || !s.Unnamed }

// Phases are the names of all phases that the run can have: baseline, then the name of
// each step that begins one, with its reversal's after it.
func (e *Experiment) Phases() []string {
	names := []string{record.Baseline}
	for i := range e.Timeline {
		s := &e.Timeline[i]
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
	for i := range e.Timeline {
		s := &e.Timeline[i]
		for _, name := range s.Workloads() {
			if _, mentioned := waiting[name]; !mentioned {
				_, waiting[name] = s.Parameters().(*fault.StartLoad)
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
	taken := map[string]bool{record.Baseline: true}
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

func (s *Step) defaultName() string {
	action := s.Action()
	if h, ok := s.Parameters().(*fault.RunHook); ok && h.Name != "" {
		action = h.Name
	}
	parts := []string{strings.ReplaceAll(action, "_", "-")}
	if on, ok := s.Parameters().(fault.OnLinks); ok {
		one, other := on.BothSides()
		parts = append(append(parts, one...), other...)
	} else {
		parts = append(parts, s.targets()...)
	}
	parts = append(parts, s.Workloads()...)
	return strings.Join(parts, "-")
}
