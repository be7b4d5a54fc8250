package spec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgchaos/chaos/fault"
)

// possible reports a step that can succeed on none of the nodes that a selector can
// mean, or that fails on one that it certainly means.
func (t *timelineStates) possible(s *Step, selector string, nodes []*nodeState, certain bool, path string) bool {
	if len(nodes) == 0 {
		t.v.bad(path, "no node can be "+selector+" at this step", t.holders(selector))
		return false
	}
	var what, right string
	for _, n := range nodes {
		what, right = t.obstacle(s, n)
		if what == "" && !certain {
			return true
		}
		if what != "" && certain {
			break
		}
	}
	if what == "" {
		return true
	}
	if t.node(selector) == nil && !certain {
		what = "this can never " + s.Action() + " " + selector + ": " + what
	}
	t.v.bad(path, what, right)
	return false
}

// holders says when a node has a role.
func (t *timelineStates) holders(role string) string {
	switch role {
	case "former_primary":
		return "promote a standby before, or name a node"
	case "sync_standby":
		if !t.synchronous {
			return "give the cluster synchronous: {standbys: ...}, or name a node"
		}
	}
	return "start one before, or name a node"
}

// obstacle says why an action can never be done to a node; "" if it can.
func (t *timelineStates) obstacle(s *Step, n *nodeState) (what, right string) {
	if h := n.held; h != nil && t.v.e.inForce(h.step, s) {
		still := *n
		still.process, still.network, still.held = h.process, h.network, nil
		if what, _ = t.obstacle(s, &still); what != "" {
			return what + ", for " + h.step.For.String(), "begin it after " + h.step.Reversal()
		}
	}
	if what, right := t.overlap(s, n); what != "" {
		return what, right
	}
	action := s.Action()
	is := func(text string) string { return "the node " + n.name + " " + text + sinceStep(n.since) }
	need := s.Kind().Needs
	switch {
	case n.process == absent && need.Process&absent == 0:
		return "the node " + n.name + " is absent until a step clones it", "clone it before"
	case n.process&need.Process == 0:
		what, right := t.wrongProcess(action, n.process)
		return is(what), right
	case !t.reaches(s.Kind(), n):
		return "the node " + n.name + " " + networkWords(action) + sinceStep(n.networkSince), networkRemedy(action)
	}
	if d, _ := t.v.provider(); action == "exec" && n.process == paused && d.Frozen != "" {
		return is("is paused, and " + d.Frozen), "resume it before"
	}
	if p, ok := s.Parameters().(fault.ForStandbys); ok && p.ForStandbys() && n.role == primary {
		return "the node " + n.name + " is a primary" + sinceStep(n.became), "name a standby"
	}
	if p, ok := s.Parameters().(fault.ForPrimaries); ok && p.ForPrimaries() && n.role == standby {
		return "the node " + n.name + " is a standby" + sinceStep(n.became), "name the primary"
	}
	for _, of := range []func(*Step, *nodeState) (what, right string){t.neverThaws, t.wrongRunbook, t.neverSettles, t.notThere} {
		if what, right := of(s, n); what != "" {
			return what, right
		}
	}
	return t.wrongRole(action, n)
}

// overlap says which step before keeps the action from being done to the node once more; "" if none does.
func (t *timelineStates) overlap(s *Step, n *nodeState) (what, right string) {
	p, ok := s.Parameters().(fault.Exclusive)
	if !ok {
		return "", ""
	}
	for _, before := range n.lasting {
		switch {
		case !p.Excludes(before.Parameters()):
		case before.For == 0:
			return s.Action() + " of the node " + n.name + " is in force already, since " + before.Name, "give " + before.Name + " a for, or leave this one out"
		case t.v.e.inForce(before, s):
			return s.Action() + " of the node " + n.name + " is in force already, since " + before.Name + ", for " + before.For.String(), "begin it after " + before.Reversal()
		}
	}
	return "", ""
}

// neverThaws says which step before could not be taken back, since the node is paused then and stays so; "" if none.
func (t *timelineStates) neverThaws(s *Step, n *nodeState) (what, right string) {
	if !s.Kind().Facts.Freezes || s.For > 0 {
		return "", "" // what ends meanwhile waits for the end of the pause
	}
	for _, before := range n.ends {
		if t.v.e.inForce(before, s) && !t.v.e.actsElsewhen(before, s, n.name) {
			return before.Reversal() + " comes while the node " + n.name + " is paused by this, and needs an answer of it", "give this step a for, or resume " + n.name + " before"
		}
	}
	return "", ""
}

// actsElsewhen tells whether another step than these two can do anything to a node once the second one has begun.
func (e *Experiment) actsElsewhen(before, s *Step, node string) bool {
	begun := false
	for i := range e.Timeline {
		o := &e.Timeline[i]
		if o == s {
			begun = true
			continue
		}
		if o == before || !begun && o.After == "" {
			continue
		}
		if isAnything(o.Parameters()) || slices.ContainsFunc(o.targets(), func(name string) bool { return name == node || slices.Contains(Roles, name) }) {
			return true
		}
	}
	return false
}

// onBothSides reports a node that is certainly on both sides of a network.
func (t *timelineStates) onBothSides(s *Step, path string) bool {
	on, ok := s.Parameters().(fault.OnLinks)
	if !ok {
		return false
	}
	certainly := func(side []string) map[*nodeState]string {
		all := map[*nodeState]string{}
		for _, selector := range side {
			if nodes, certain := t.meant(selector); certain {
				for _, n := range nodes {
					all[n] = selector
				}
			}
		}
		return all
	}
	one, other := on.BothSides()
	first, second := certainly(one), certainly(other)
	for _, n := range t.nodes {
		if first[n] != "" && second[n] != "" {
			t.v.bad(path, "the node "+n.name+" is on both sides of the network: as "+first[n]+" and as "+second[n], "name another node or role on one side")
			return true
		}
	}
	return false
}

// wrongRunbook says why a runbook cannot make a primary of a node; "" if it can, and for any other action.
func (t *timelineStates) wrongRunbook(s *Step, n *nodeState) (what, right string) {
	_, fails := s.Parameters().(*fault.Failover)
	_, exchanges := s.Parameters().(*fault.Switchover)
	if !fails && !exchanges {
		return "", ""
	}
	if n.role == primary && (t.promoted || !n.listed || exchanges) {
		return "the node " + n.name + " is the primary already" + sinceStep(n.became), "name a standby"
	}
	old, certain := t.meant("primary")
	switch {
	case fails && certain && old[0] != n:
		return "the primary " + old[0].name + " runs, and a failover would make a second one beside it", "stop or kill it before, or write switchover"
	case fails && n.role == primary:
		return "the node " + n.name + " is the primary: no step before has promoted another", "name a standby"
	case exchanges && len(old) == 0:
		return "no node can be primary at this step, so that there is nothing to exchange", "write failover"
	}
	return "", ""
}

// reaches tells whether the node's network can be as the action needs it.
func (t *timelineStates) reaches(k fault.Kind, n *nodeState) bool {
	switch {
	case k.Facts.Cuts:
		return n.network != disconnected
	case k.Facts.Connects && !k.Facts.Standby:
		return n.network != connected
	case !k.Needs.Connected || n.network != disconnected:
		return true
	}
	return k.Needs.Files && n.process != running
}

func networkWords(action string) string {
	switch action {
	case "disconnect":
		return "is disconnected already"
	case "connect":
		return "is not disconnected"
	}
	return "is disconnected from the network"
}

func networkRemedy(action string) string {
	if action == "connect" {
		return "disconnect it before"
	}
	return "connect it before"
}

// wrongRole says why an action cannot be done to a node because it is a primary.
func (t *timelineStates) wrongRole(action string, n *nodeState) (what, right string) {
	switch {
	case n.role != primary:
	case action == "promote" && (t.promoted || !n.listed):
		return "the node " + n.name + " is a primary already" + sinceStep(n.became), "name a standby"
	case action == "follow" && n.process == running && t.promoted:
		return "the node " + n.name + " is a primary" + sinceStep(n.became), "write rejoin, which makes a standby of it"
	case !t.promoted:
		right, ok := map[string]string{
			"promote": "name a standby", "follow": "name a standby", "clone": "clone a standby", "rejoin": "promote a standby before",
			"split_brain": "promote a standby before",
		}[action]
		if ok {
			return "the node " + n.name + " is the primary: no step before has promoted another", right
		}
	}
	return "", ""
}

func sinceStep(step string) string {
	if step == "" {
		return ""
	}
	return ", since " + step
}

// wrongProcess says what the server of a node does that keeps an action from it.
func (t *timelineStates) wrongProcess(action string, p fault.Process) (what, right string) {
	starts := action == "start" || action == "split_brain"
	switch {
	case starts && p == running:
		return "already runs", "stop or kill it before"
	case starts && p == paused:
		return "is paused, not stopped", "resume it"
	case starts:
		return "runs or is paused", "stop it before"
	case action == "resume":
		return "is not paused", "pause it before"
	case action == "pause" && p == paused:
		return "is paused already", "resume it before"
	case action == "stop" && p == stopped, action == "kill":
		return "is already stopped", "start it before"
	case action == "stop" && p == paused:
		return "is paused, and cannot shut down", "resume it before, or kill it"
	case p == paused:
		return "is paused", "resume it before"
	case p == stopped:
		return "does not run", "start it before"
	}
	return "does not run", "start or resume it before"
}

// upstream checks the node that a follow, rejoin or clone step points its nodes at, and
// returns its name, "" if the file does not say which it is.
func (t *timelineStates) upstream(s *Step, nodes []*nodeState, path string) string {
	following, ok := s.Parameters().(fault.Following)
	if !ok {
		return ""
	}
	selector := following.Follows()
	if t.v.d.has(path + ".upstream") {
		path += ".upstream"
	}
	ups, certain := t.meant(selector)
	if ups == nil && !slices.Contains(Roles, selector) {
		return "" // an unknown node, which is reported already
	}
	// A node that does not run only has its upstream set.
	asked := !s.Kind().Needs.Files || slices.ContainsFunc(nodes, func(n *nodeState) bool { return n.process == running })
	var what, right string
	for _, up := range ups {
		if len(nodes) == 1 && up == nodes[0] {
			what, right = up.name+" cannot follow itself", "promote another node before, or name an upstream"
			continue
		}
		if what, right = t.unfit(s, up, asked); what == "" {
			if certain && len(ups) == 1 {
				return up.name
			}
			return ""
		}
	}
	if len(ups) == 0 {
		what, right = "no node can be "+selector+" at this step", t.holders(selector)
	}
	t.v.bad(path, what, right)
	if certain && len(ups) == 1 {
		return ups[0].name
	}
	return ""
}

// unfit says why no node can follow this one; "" if one can. Asked: it has to answer.
func (t *timelineStates) unfit(s *Step, up *nodeState, asked bool) (what, right string) {
	since := sinceStep(up.since)
	switch {
	case up.process == absent:
		return "the node " + up.name + " is absent until a step clones it", "clone it before"
	case !asked:
	case up.process == paused:
		return "the upstream " + up.name + " is paused" + since, "resume it before, or name another"
	case up.process&running == 0:
		return "the upstream " + up.name + " does not run" + since, "start it before, or name another"
	case up.network == disconnected:
		return "the upstream " + up.name + " is disconnected from the network" + sinceStep(up.networkSince), "connect it before, or name another"
	case t.refused(s, up) != "":
		_, _, right = t.refusing(s, up, true)
		return t.refused(s, up), right
	case isRejoin(s) && up.role == standby:
		return "the upstream " + up.name + " is a standby, and a former primary can only rejoin a primary", "promote it before, or rejoin the primary and follow " + up.name + " then"
	}
	return "", ""
}

func isRejoin(s *Step) bool {
	_, ok := s.Parameters().(*fault.Rejoin)
	return ok
}

// condition finds what can never hold.
func (t *timelineStates) condition(c *Condition, path string) {
	var missing []string
	for _, name := range c.Nodes() {
		if n := t.node(name); n != nil && n.process == absent {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		t.v.bad(path, strings.Join(missing, ", ")+" is absent until a step clones it", "clone it before")
		return
	}
	never := func(key, what, step string, n *nodeState) {
		t.v.bad(path+key, "this can never hold: the node "+n.name+" "+what+sinceStep(step), "ask for it after a step that changes that")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Role)) {
		n, key := t.node(name), ".role."+name
		if n == nil || c.Role[name] == "down" {
			continue // any server may end by itself
		}
		switch {
		case !n.serves():
			never(key, "does not answer", cmp.Or(n.since, n.networkSince), n)
		case c.Role[name] == "primary" && n.role == standby:
			never(key, "is a standby", n.became, n)
		case c.Role[name] == "standby" && n.role == primary:
			never(key, "is a primary", n.became, n)
		}
	}
	for key, names := range map[string]NodeList{".streaming": c.Streaming, ".caught_up": c.CaughtUp} {
		for i, name := range names {
			at := key
			if t.v.d.has(path + key + "[0]") {
				at = fmt.Sprintf("%s[%d]", key, i)
			}
			if n := t.node(name); n != nil && !n.serves() {
				never(at, "does not answer", cmp.Or(n.since, n.networkSince), n)
			} else if holders, _ := t.meant(name); n == nil && len(holders) == 0 {
				t.v.bad(path+at, "this can never hold: no node can be "+name+" at this step", t.holders(name))
			}
		}
	}
}
