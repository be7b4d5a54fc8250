package spec

import (
	"maps"
	"slices"
	"strconv"

	"pgchaos/chaos/fault"
)

// These are the sets of what can be true of a node at one moment of the timeline, as
// far as the file alone can say. A set with one member is certain.
type (
	network uint8
	role    uint8
)

// What the server does.
const (
	absent  = fault.Absent
	running = fault.Running
	paused  = fault.Paused
	stopped = fault.Stopped
)

const (
	connected network = 1 << iota
	disconnected
)

const (
	primary role = 1 << iota
	standby
)

// nodeState is one node at one moment.
type nodeState struct {
	name    string
	process fault.Process
	network network
	role    role
	// upstream is the node that a standby follows; "" if the file does not say.
	upstream string
	// since is the step that changed the process last, networkSince and became those that
	// changed the connection to the network and the role; "" is none.
	since, networkSince, became string
	// listed: pgchaos itself has made it a primary, so that it can be former_primary.
	listed bool
	// undone and reconnected: what the end of a `for` makes of it at some later time.
	undone      fault.Process
	reconnected network
	// held is what a step with a `for` has certainly made of it until that ends; nil: there is none.
	held *hold
	// lasting are the steps that are certainly in force and keep the same from being done to it once more.
	lasting []*Step
	// ends are the steps that certainly end by themselves, and need an answer of the server then.
	ends []*Step
	// cuts are the nodes from which it is certainly cut off for good.
	cuts []cutLink
	// listedBy is the first step by which it may have been listed; nil: it was from the start, or is not.
	listedBy *Step
}

// hold is what a node is until a `for` has ended.
type hold struct {
	step    *Step
	process fault.Process
	network network
}

// serves tells whether the node can be one that answers.
func (n *nodeState) serves() bool { return n.process&running != 0 && n.network&connected != 0 }

// certain tells whether the node answers and has the role, whatever happened.
func (n *nodeState) certain(r role) bool {
	return n.process == running && n.network == connected && n.role == r
}

// timelineStates follows the nodes along the timeline. A role may turn out to be one
// of several nodes, a `for` ends at a time of its own, and an exec or sql step may do
// anything: each makes more states possible. Only a step that cannot succeed in any of
// them is a mistake.
type timelineStates struct {
	v     *validator
	nodes []*nodeState
	// promoted: a step may have promoted a standby. synchronous: there may be
	// synchronous standbys.
	promoted, synchronous bool
	// anythingDone: a command or a statement of the user's may have been run.
	anythingDone bool
	backups      map[string]bool
	circles      []circle
	// promoter is the newest step that may have promoted a node; nil: none, or that node may be a standby again.
	promoter *Step
}

// states finds the steps that can never run.
func (v *validator) states() {
	if slices.ContainsFunc(v.e.Cluster.Nodes, func(n Node) bool { return slices.Contains(Roles, n.Name) }) {
		return // nobody can say whom a step means
	}
	if v.e.Cluster.existing() {
		return // its manager, and who else runs it, can make anything of its nodes at any time
	}
	t := v.firstStates()
	if v.e.Branches() {
		v.statesBeside()
		return
	}
	before := len(v.d.problems)
	for i := range v.e.Timeline {
		if v.e.BeginsCycle(i) && len(v.d.problems) > before {
			break // later cycles have the same mistake
		}
		v.cycle = v.e.Timeline[i].Cycle
		t.step(&v.e.Timeline[i], v.e.stepPath(i))
	}
	v.cycle = 0
	t.neverBuilt()
	t.reportCircles()
}

// firstStates are the nodes at the beginning.
func (v *validator) firstStates() *timelineStates {
	c := v.e.Cluster
	t := &timelineStates{v: v, backups: map[string]bool{}, synchronous: c.Synchronous != nil && c.Synchronous.Standbys != ""}
	for i, n := range c.Nodes {
		s := &nodeState{name: n.Name, process: running, network: connected, role: standby, upstream: c.Nodes[0].Name}
		if i == 0 {
			s.role, s.listed, s.upstream = primary, true, ""
		}
		if n.Absent {
			s.process, s.since = absent, "the start"
		}
		t.nodes = append(t.nodes, s)
	}
	return t
}

// neverBuilt reports the nodes that no step has built.
func (t *timelineStates) neverBuilt() {
	for i, n := range t.nodes {
		if n.process == absent {
			t.v.badKey(t.v.nodePath(i), "the node "+n.name+" is absent, and no step clones it", "add a step {clone: {node: "+n.name+"}}, or leave absent out")
		}
	}
}

func (t *timelineStates) node(name string) *nodeState {
	for _, n := range t.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// step checks one step, and then takes it to have succeeded or, where the timeline goes on after its error, perhaps not.
func (t *timelineStates) step(s *Step, path string) {
	if s.Continues() {
		was := t.snapshot()
		defer func() {
			t.mayHaveFailed(s)
			t.orElse(was)
		}()
	}
	if s.Action() == "stop_load" { // which frees connections
		for _, n := range t.nodes {
			n.lasting = slices.DeleteFunc(slices.Clone(n.lasting), func(before *Step) bool { _, taken := before.Parameters().(*fault.ExhaustConnections); return taken })
		}
	}
	if s.When != nil {
		t.condition(s.When, path+".when")
	}
	t.trigger(s, path+".when")
	path += "." + s.Action()
	if c, ok := s.Parameters().(*Condition); ok {
		t.condition(c, path)
		return
	}
	targets := s.targets()
	if len(targets) == 0 {
		return
	}
	if s.Kind().One && (len(targets) > 1 || targets[0] == "replicas") {
		return // which is reported already
	}
	t.act(s, targets, path)
}

// act checks an action on nodes, and then takes it to have succeeded.
func (t *timelineStates) act(s *Step, targets []string, path string) {
	if t.onBothSides(s, path) {
		return
	}
	t.leaveCircles(s)
	var all []*nodeState
	sure := map[*nodeState]bool{} // those that are certainly acted on
	right := true
	for i, selector := range targets {
		nodes, certain := t.meant(selector)
		if nodes == nil && !slices.Contains(Roles, selector) {
			return // an unknown node, which is reported already
		}
		right = t.possible(s, selector, nodes, certain, t.targetPath(path, selector, i)) && right
		for _, n := range nodes {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
			sure[n] = sure[n] || certain
		}
	}
	var upstream string
	if right {
		upstream = t.upstream(s, all, path)
		t.throughACut(s, targets, path)
		t.cut(s)
	}
	t.parameters(s, all, right, path)
	for _, n := range all {
		was := *n
		t.become(s, n, upstream, sure[n])
		if !right {
			t.pretend(s, n, was)
		}
	}
	if right {
		t.led(s, all, sure)
	}
	for _, n := range all {
		if _, follows := s.Parameters().(*fault.Follow); follows && sure[n] {
			t.findCircle(n, path)
		}
	}
}

// parameters checks what the action is given beside its nodes. Right is set where it can be done to all of these.
func (t *timelineStates) parameters(s *Step, nodes []*nodeState, right bool, path string) {
	switch p := s.Parameters().(type) {
	case *fault.Clone:
		if p.Backup != "" && !t.backups[p.Backup] {
			t.v.bad(path+".backup", "no step before makes the backup "+shown(p.Backup),
				suggest(p.Backup, slices.Sorted(maps.Keys(t.backups)), "the backups made before are"))
		}
	case *fault.Backup:
		t.backup(p, path)
	case *fault.Configure:
		if right {
			t.smallerStandby(p.Settings, nodes, path)
		}
	}
}

// pretend makes of a node that a mistaken step acted on what the step was meant to find:
// one mistake is reported once.
func (t *timelineStates) pretend(s *Step, n *nodeState, was nodeState) {
	if was.process == absent && s.Kind().Needs.Process&absent == 0 {
		*n = was
		return
	}
	n.role, n.became, n.upstream, n.listed = was.role, was.became, was.upstream, was.listed
}

// targetPath is where the step names a node or role, the one of that number.
func (t *timelineStates) targetPath(path, selector string, i int) string {
	if t.v.d.has(path + ".node") {
		path += ".node"
	}
	if one := path + "[" + strconv.Itoa(i) + "]"; t.v.d.has(one) {
		return one
	}
	return t.v.placeOf(path, selector)
}

// meant are the nodes that a selector may turn out to be, and whether it is certainly
// all of them.
func (t *timelineStates) meant(selector string) (nodes []*nodeState, certain bool) {
	if n := t.node(selector); n != nil {
		return []*nodeState{n}, true
	}
	holds := func(r role) {
		certain = true
		for _, n := range t.nodes {
			if n.serves() && n.role&r != 0 {
				nodes, certain = append(nodes, n), certain && n.certain(r)
			}
		}
	}
	switch selector {
	case "primary":
		holds(primary)
		certain = certain && len(nodes) == 1 // of several, the one on the newest timeline
	case "replicas":
		holds(standby)
	case "any_replica", "laggard", "most_advanced":
		holds(standby)
		certain = certain && len(nodes) == 1
	case "sync_standby":
		if t.synchronous {
			holds(standby)
		}
		certain = false
	case "former_primary":
		now, only := t.meant("primary")
		for _, n := range t.nodes {
			// The node that is the primary now is not a former one.
			if n.listed && (!only || now[0] != n) {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, certain
}
