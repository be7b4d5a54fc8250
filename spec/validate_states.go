package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// state is a set of what a node can be at one place of the timeline. A set with
// one member is certain.
type state uint8

const (
	absent state = 1 << iota
	running
	paused
	stopped
)

// nodeStates follows the nodes along the timeline, as far as the file alone can
// tell. A role may turn out to be any node, and a `for` ends at a time of its own:
// both widen what is possible, and only what is impossible is a mistake.
type nodeStates struct {
	v *validator
	// by node
	can     map[string]state
	primary map[string]bool // it may be, or have been, the primary
	since   map[string]string
	// promoted is set once any step may have promoted a standby.
	promoted bool
	backups  map[string]bool
}

// states finds the steps that can never run.
func (v *validator) states() {
	t := &nodeStates{v: v, can: map[string]state{}, primary: map[string]bool{}, since: map[string]string{}, backups: map[string]bool{}}
	for i, n := range v.e.Cluster.Nodes {
		t.can[n.Name] = running
		if n.Absent {
			t.can[n.Name] = absent
			t.since[n.Name] = "the start"
		}
		t.primary[n.Name] = i == 0
	}
	for i := range v.e.Timeline {
		t.step(&v.e.Timeline[i], stepPath(i))
	}
	for i, n := range v.e.Cluster.Nodes {
		if t.can[n.Name] == absent {
			v.badKey(v.nodePath(i), "the node "+n.Name+" is absent, and no step clones it", "add a step {clone: {node: "+n.Name+"}}, or leave absent out")
		}
	}
}

func (t *nodeStates) step(s *Step, path string) {
	if s.When != nil {
		t.asked(s.When, path+".when")
	}
	path += "." + s.Action()
	switch s.Action() {
	case "clone":
		t.clone(s, path)
		return
	case "verify":
		t.asked(s.Verify, path)
		return
	}
	node := s.selector()
	t.follows(s, path)
	if node == "" {
		return
	}
	if t.can[node] == absent {
		t.v.bad(path, "the node "+node+" is absent until a step clones it", "clone it before")
		return
	}
	t.impossible(s, node, path)
	if s.Promote != nil && !t.solePrimary(node) {
		t.promoted = true
	}
	if s.Backup != nil {
		t.backup(s, path)
	}
	t.become(s, node)
}

// ruling is a state in which an action cannot be done.
type ruling struct {
	in          state
	what, right string // what follows "the node NAME ", and what would be right
}

func rulings(action string) []ruling {
	stoppedAlready := []ruling{{stopped, "is already stopped", "start it before"}}
	cannotAnswer := []ruling{{stopped | paused, "does not run", "start or resume it before"}}
	switch action {
	case "start":
		return []ruling{{running, "already runs", "stop or kill it before"}, {paused, "is paused, not stopped", "resume it"}}
	case "resume":
		return []ruling{{running | stopped, "is not paused", "pause it before"}}
	case "stop", "kill":
		return stoppedAlready
	case "disconnect":
		return stoppedAlready
	case "pause", "promote", "backup", "sql":
		return cannotAnswer
	}
	return nil
}

// impossible finds an action that the node's state certainly rules out.
func (t *nodeStates) impossible(s *Step, node, path string) {
	can, known := t.can[node]
	if !known {
		return // a role, or an unknown node
	}
	since := ""
	if by := t.since[node]; by != "" {
		since = ", since " + by
	}
	for _, r := range rulings(s.Action()) {
		if can&^r.in == 0 {
			t.v.bad(path, "the node "+node+" "+r.what+since, r.right)
			return
		}
	}
	if !t.solePrimary(node) {
		return
	}
	right, ok := map[string]string{
		"promote": "name a standby", "follow": "name a standby", "clone": "clone a standby", "rejoin": "promote a standby before",
	}[s.Action()]
	if ok {
		t.v.bad(path, "the node "+node+" is the primary: no step before has promoted another", right)
	}
}

// solePrimary tells whether the node is certainly the only one that accepts writes.
func (t *nodeStates) solePrimary(node string) bool { return t.primary[node] && !t.promoted }

// become is what the action makes of its node, or of every node that a role may mean.
func (t *nodeStates) become(s *Step, node string) {
	next := map[string]state{
		"stop": stopped, "kill": stopped, "pause": paused, "start": running, "restart": running,
		"resume": running, "promote": running, "rejoin": running,
	}[s.Action()]
	if next == 0 {
		return
	}
	for _, name := range t.meant(node) {
		if name != node || s.For > 0 {
			t.can[name] |= next
		} else {
			t.can[name] = next
		}
		t.since[name] = s.Name
		if s.Promote != nil {
			t.primary[name] = true
		}
	}
}

// meant are the nodes that a selector may turn out to be.
func (t *nodeStates) meant(selector string) []string {
	if _, ok := t.can[selector]; ok {
		return []string{selector}
	}
	if !slices.Contains(Roles, selector) {
		return nil
	}
	var names []string
	for name, can := range t.can {
		if can != absent {
			names = append(names, name)
		}
	}
	return names
}

func (t *nodeStates) clone(s *Step, path string) {
	node := s.Clone.Node
	t.follows(s, path)
	t.impossible(s, node, path)
	if b := s.Clone.Backup; b != "" && !t.backups[b] {
		t.v.bad(path+".backup", "no step before makes the backup "+shown(b),
			suggest(b, slices.Sorted(maps.Keys(t.backups)), "the backups made before are"))
	}
	for _, name := range t.meant(node) {
		t.can[name], t.since[name] = running, s.Name
	}
}

func (t *nodeStates) backup(s *Step, path string) {
	if t.backups[s.Backup.Name] {
		t.v.bad(path+".name", "there are two backups "+shown(s.Backup.Name), "give each its own name")
	}
	if s.Backup.Name != "" {
		t.backups[s.Backup.Name] = true
	}
}

// follows checks the node that a standby is pointed at.
func (t *nodeStates) follows(s *Step, path string) {
	upstream := ""
	switch {
	case s.Follow != nil:
		upstream = s.Follow.Upstream
	case s.Rejoin != nil:
		upstream = s.Rejoin.Upstream
	case s.Clone != nil:
		upstream = s.Clone.Upstream
	}
	if t.can[upstream] == absent {
		t.v.bad(path+".upstream", "the node "+upstream+" is absent until a step clones it", "clone it before")
	}
}

// asked finds the absent nodes that a condition asks about.
func (t *nodeStates) asked(c *Condition, path string) {
	var names []string
	for _, name := range c.Nodes() {
		if t.can[name] == absent {
			names = append(names, name)
		}
	}
	if names != nil {
		t.v.bad(path, fmt.Sprintf("%s is absent until a step clones it", strings.Join(names, ", ")), "clone it before")
	}
}
