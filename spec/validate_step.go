package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/redact"
	"pgchaos/record"
)

func (v *validator) step(i int) {
	s, path := &v.e.Timeline[i], v.e.stepPath(i)
	var set []string
	for _, a := range s.actions {
		set = append(set, a.kind.Name)
	}
	switch {
	case len(set) == 0 && !v.d.brokenUnder(path):
		v.bad(path, "the step has no action", "give it one of "+strings.Join(Actions(), ", "))
	case len(set) > 1:
		v.bad(path, "the step has several actions: "+strings.Join(set, ", "), "make each a step of its own")
	}
	v.stepTime(path, s)
	v.undoAfter(i)
	for _, a := range s.actions {
		v.action(path+"."+a.kind.Name, a)
	}
}

// stepTime checks when a step happens, and how long its fault lasts.
func (v *validator) stepTime(path string, s *Step) {
	if s.At != nil && s.Waits() {
		v.badKey(path+".when", "the step has both at and when", "leave one of them out")
	}
	if s.At != nil && *s.At > maxTime {
		v.positive(path+".at", *s.At)
	}
	if v.d.has(path+".within") && !s.Waits() && !v.d.brokenUnder(path) {
		v.badKey(path+".within", "within has nothing to wait for", "give the step a when, or write within in its verify")
	}
	v.positive(path+".within", s.Within)
	reversible := func(a action) bool {
		maybe, ok := a.parameters.(fault.Reversed)
		return a.kind.Reversible && (!ok || maybe.Reversed())
	}
	if v.d.has(path+".for") && !slices.ContainsFunc(s.actions, reversible) && !v.d.brokenUnder(path) {
		v.notTakenBack(path+".for", s)
	}
	v.positive(path+".for", s.For)
	if p, ok := s.Parameters().(fault.Ending); ok {
		if after, key := p.Ends(); s.For > Duration(after) && after > 0 {
			v.badKey(path+".for", "for is "+s.For.String()+", and the effect ends by itself after "+Duration(after).String()+" ("+key+")", "write a longer "+key+", or a shorter for")
		}
	}
	v.repetitions(path, s)
	if v.d.has(path + ".on_error") {
		v.oneOf(path+".on_error", s.OnError, onErrors()...)
	}
	v.trigger(path+".when", s)
	if s.When != nil {
		v.condition(path+".when", s.When)
		if v.d.has(path + ".when.within") {
			v.badKey(path+".when.within", "a when has no within of its own", "write within beside when")
		}
	}
}

// notTakenBack says why the action of a step with a for cannot be taken back.
func (v *validator) notTakenBack(path string, s *Step) {
	switch p := s.Parameters().(type) {
	case *fault.Exec:
		v.badKey(path, "without an undo nothing takes the exec back", "give the exec an undo, or leave for out")
	case *fault.RunHook:
		v.badKey(path, "without an undo nothing takes the hook "+p.Name+" back", "give the hook an undo, or leave for out")
	default:
		v.badKey(path, "only "+reversibleActions()+" can be taken back", "leave for out")
	}
}

// reversibleActions names the actions that `for` can take back.
func reversibleActions() string {
	var names []string
	for _, k := range fault.Kinds() {
		if k.Reversible {
			names = append(names, k.Name)
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// action checks one action, whichever others the step has.
func (v *validator) action(path string, a action) {
	p := a.parameters
	if what, right := v.lacksInExisting(a); what != "" {
		v.badKey(path, what, right)
		return
	}
	if a.kind.Needs.Process != 0 {
		v.actedOn(path, a)
	}
	v.capable(path, a.kind)
	if words, ok := p.(fault.WithWords); ok {
		v.words(path, p, words.Words())
	}
	v.durations(path, p)
	if checked, ok := p.(fault.Checked); ok {
		for _, m := range checked.Check() {
			switch {
			case m.Key != "":
				v.bad(path+"."+m.Key, m.What, m.Right)
			case !v.d.brokenUnder(path): // else what is missing may be a key that was misspelt
				v.bad(path, m.What, m.Right)
			}
		}
	}
	if loads, ok := p.(fault.OnWorkloads); ok {
		v.workloads(path, loads.Names())
	}
	if w, ok := p.(fault.AmongWorkloads); ok && w.AmongWorkload() != "" {
		v.workloads(path+".workload", []string{w.AmongWorkload()})
	}
	if r, ok := p.(fault.Demanding); ok {
		v.synchronous(path+".synchronous", r.Demanded())
	}
	if _, ok := p.(fault.Following); ok {
		v.upstream(path, p)
	}
	v.inFile(path, p)
}

// inFile checks what needs more of the file than the action itself.
func (v *validator) inFile(path string, p fault.Parameters) {
	switch p := p.(type) {
	case *fault.Backup:
		if p.Name != "" || !v.d.brokenUnder(path) {
			v.name(path+".name", p.Name, "a backup")
		}
	case *fault.Configure:
		v.settings(path, p.Settings, p.Synchronous != nil)
		v.synchronous(path+".synchronous", p.Synchronous)
	case *fault.KillProcess:
		v.standbyOf(path, p.OfProcess)
	case *fault.PauseProcess:
		v.standbyOf(path, p.OfProcess)
	case *fault.Condition:
		v.condition(path, p)
	case *fault.FillDisk:
		docker := v.e.Cluster.Docker
		if d, _ := v.provider(); d.Can(cluster.CanFill) && (docker == nil || docker.Disk == 0) {
			v.bad(path, "the file system of the nodes is not their own", "write cluster: {docker: {disk: 512MB}}")
		}
	case *fault.RunHook:
		v.undo(path, p.Undo)
		if x := v.e.Cluster.Existing; x == nil || !slices.ContainsFunc(x.Hooks, func(h Hook) bool { return h.Name == p.Name }) { // else it is said of the hook
			v.placeholders(path, p.Do, p.Undo, p.Proof)
		}
	case *fault.Exec:
		v.undo(path, p.Undo)
	}
}

// undo refuses a secret in the command that takes a step back.
func (v *validator) undo(path, command string) {
	if redact.New(v.d.secrets...).Text(command) != command {
		v.bad(path+".undo", "undo holds a secret, and the journal would keep it", "have the command read it from a file of the node")
	}
}

// standbyOf checks the standby whose walsender is meant.
func (v *validator) standbyOf(path string, p fault.OfProcess) {
	if p.Standby != "" {
		v.node(path+".standby", p.Standby, "")
	}
}

// actedOn checks the nodes that an action is done to.
func (v *validator) actedOn(path string, a action) {
	selectors := a.parameters.Selectors()
	if _, links := a.parameters.(fault.OnLinks); links && len(selectors) == 0 {
		return // their Check says which side is missing
	}
	if !a.kind.One || len(selectors) == 0 {
		v.nodesOf(path, selectors)
		return
	}
	if len(selectors) > 1 {
		v.bad(path, fmt.Sprintf("%s takes one node, and here are %d", a.kind.Name, len(selectors)), "write a step for each")
	}
	for _, name := range selectors {
		v.nodeOf(path, name)
	}
}

// words checks the parameters that are chosen from a list.
func (v *validator) words(path string, p fault.Parameters, words map[string][]string) {
	eachField(p, func(key string, field reflect.Value) {
		if of := words[key]; of != nil {
			v.oneOf(path+"."+key, field.String(), of...)
		}
	})
}

// durations checks that each duration is more than 0 where the file has it.
func (v *validator) durations(path string, p fault.Parameters) {
	eachField(p, func(key string, field reflect.Value) {
		d, ok := field.Interface().(Duration)
		switch {
		case !ok:
		case key == "": // it has no key: it is the whole
			v.positive(path, d)
		default:
			v.positive(path+"."+key, d)
		}
	})
}

// eachField calls a function for each parameter and its key; "" for one that is written
// without a key.
func eachField(p fault.Parameters, call func(key string, field reflect.Value)) {
	v := reflect.ValueOf(p).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if !f.Anonymous {
			call(strings.TrimPrefix(f.Tag.Get("yaml"), "-"), v.FieldByIndex(f.Index))
		}
	}
}

// nodeOf checks the one node of an action, which stands in the action or is it.
func (v *validator) nodeOf(path, name string) {
	if v.d.has(path + ".node") {
		path += ".node"
	}
	v.node(path, name, "one")
}

// nodesOf checks the nodes and roles that an action acts on.
func (v *validator) nodesOf(path string, names []string) {
	if len(names) == 0 && !v.d.brokenUnder(path) {
		v.bad(path, "this names no node", "write one of "+strings.Join(v.e.Cluster.Nodes.Names(), ", "))
	}
	if v.d.has(path + ".node") {
		path += ".node"
	}
	seen := map[string]bool{}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !v.d.has(at) {
			at = v.placeOf(path, name)
		}
		if seen[name] {
			v.bad(at, "the node "+shown(name)+" is named twice", "name it once")
		}
		seen[name] = true
		v.node(at, name, "any")
	}
}

// placeOf is where below a path a name stands; the path itself, if it stands nowhere there.
func (v *validator) placeOf(path, name string) string {
	if v.places == nil {
		v.places = map[string][]string{}
		for place, n := range v.d.nodes {
			if len(n.Content) == 0 {
				v.places[n.Value] = append(v.places[n.Value], place)
			}
		}
	}
	found, below := path, path+"."
	for _, place := range v.places[name] {
		if strings.HasPrefix(place, below) && (found == path || place < found) {
			found = place
		}
	}
	return found
}

// upstream checks the node that others are pointed at.
func (v *validator) upstream(path string, p fault.Parameters) {
	if !v.d.has(path + ".upstream") {
		return
	}
	var upstream string
	eachField(p, func(key string, field reflect.Value) {
		if key == "upstream" {
			upstream = field.String()
		}
	})
	if slices.Contains(p.Selectors(), upstream) {
		v.bad(path+".upstream", upstream+" cannot follow itself", "write another node, or leave upstream out for the primary")
		return
	}
	v.node(path+".upstream", upstream, "one")
}

func (v *validator) workloads(path string, names []string) {
	known := v.e.Load.Names()
	if len(names) == 0 {
		v.bad(path, "this names no workload", suggest("", known, "write one of"))
	}
	seen := map[string]bool{}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case seen[name]:
			v.bad(at, "the workload "+shown(name)+" is named twice", "name it once")
		case !slices.Contains(known, name) && !v.d.brokenOver("load"):
			v.bad(at, "there is no workload "+shown(name), suggest(name, known, "the workloads are"))
		}
		seen[name] = true
	}
}

func (v *validator) condition(path string, c *Condition) {
	if c.Primary != "" && c.Primary != fault.AnyPrimary {
		v.node(path+".primary", c.Primary, "")
	}
	if c.Primary == "" && len(c.Role)+len(c.SyncState)+len(c.Streaming)+len(c.CaughtUp) == 0 && !c.AllStreaming && !v.d.brokenUnder(path) {
		v.bad(path, "nothing is asked for", "write role, sync_state, streaming, caught_up or all_streaming")
	}
	for node, role := range c.Role {
		at := path + ".role." + node
		v.node(at, node, "")
		v.oneOf(at, role, roleWords()...)
	}
	for node, state := range c.SyncState {
		at := path + ".sync_state." + node
		v.node(at, node, "")
		v.oneOf(at, state, syncStates()...)
	}
	for i, node := range c.Streaming {
		v.node(fmt.Sprintf("%s.streaming[%d]", path, i), node, "any")
	}
	for i, node := range c.CaughtUp {
		v.node(fmt.Sprintf("%s.caught_up[%d]", path, i), node, "any")
	}
}

// times checks that no step is due before one that stands above it.
func (v *validator) times() {
	var last Duration
	var by string
	for i := range v.e.Once() {
		s := &v.e.Timeline[i]
		if s.At == nil || s.After != "" {
			continue
		}
		if *s.At < last {
			v.bad(v.e.stepPath(i)+".at", fmt.Sprintf("at %s is before the %s of %s, which stands above", *s.At, last, by),
				"put the steps in the order of their times")
			continue
		}
		last, by = *s.At, s.Name
	}
}

// stepNames checks the names that phases and expectations go by.
func (v *validator) stepNames() {
	seen := map[string]bool{}
	for i, s := range v.e.Once() {
		path := v.e.stepPath(i) + ".name"
		if !v.d.has(path) || s.Repetition > 1 {
			continue // made by nameSteps, or looked at already
		}
		name := s.FileName()
		v.name(path, name, "a step")
		switch {
		case name == record.Baseline || strings.HasPrefix(name, record.UndoPrefix):
			v.bad(path, "a step cannot be called "+name, "choose another name: baseline and undo-... are phases of pgchaos")
		case name == record.AfterAll:
			v.bad(path, "a step cannot be called "+name, "choose another name: after: "+name+" means all steps above")
		case seen[name]:
			v.bad(path, "there are two steps "+shown(name), "give each its own name")
		}
		seen[name] = true
	}
}
