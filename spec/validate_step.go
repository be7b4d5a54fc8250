package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func (v *validator) step(i int) {
	s, path := &v.e.Timeline[i], stepPath(i)
	var set []string
	for _, a := range s.actions() {
		if a.set {
			set = append(set, a.name)
		}
	}
	switch {
	case len(set) == 0 && !v.d.brokenUnder(path):
		v.bad(path, "the step has no action", "give it one of "+strings.Join(Actions(), ", "))
	case len(set) > 1:
		v.bad(path, "the step has several actions: "+strings.Join(set, ", "), "make each a step of its own")
	}
	v.stepTime(path, s)
	for _, name := range set {
		v.action(path+"."+name, name, s)
	}
}

// stepTime checks when a step happens, and how long its fault lasts.
func (v *validator) stepTime(path string, s *Step) {
	if s.At != nil && s.When != nil {
		v.badKey(path+".when", "the step has both at and when", "leave one of them out")
	}
	if s.At != nil && *s.At > maxTime {
		v.positive(path+".at", *s.At)
	}
	if v.d.has(path+".within") && s.When == nil && !v.d.brokenUnder(path) {
		v.badKey(path+".within", "within has nothing to wait for", "give the step a when, or write within in its verify")
	}
	v.positive(path+".within", s.Within)
	if v.d.has(path+".for") && s.Stop == nil && s.Kill == nil && s.Pause == nil && s.Disconnect == nil && s.Limit == nil && !v.d.brokenUnder(path) {
		v.badKey(path+".for", "only stop, kill, pause, disconnect and limit can be taken back", "leave for out")
	}
	v.positive(path+".for", s.For)
	if s.When != nil {
		v.condition(path+".when", s.When)
		if v.d.has(path + ".when.within") {
			v.badKey(path+".when.within", "a when has no within of its own", "write within beside when")
		}
	}
}

// action checks what an action needs to be told, whichever others the step has.
func (v *validator) action(path, name string, s *Step) {
	switch name {
	case "stop":
		v.stop(path, s.Stop)
	case "restart":
		v.stop(path, s.Restart)
	case "start", "kill", "pause", "resume":
		v.nodesOf(path, s.onNodes()[name].Nodes)
	case "disconnect", "connect":
		v.nodesOf(path, s.onNodes()[name].Nodes)
		v.needsDocker(path, "run it with provider: docker, or pause the node")
	case "limit", "exec":
		v.container(path, name, s)
	case "promote":
		v.promote(path, s.Promote)
	case "configure":
		v.configure(path, s.Configure)
	case "follow":
		v.nodesOf(path, s.Follow.Nodes)
		v.upstream(path, s.Follow.Upstream, s.Follow.Nodes...)
	case "rejoin":
		v.nodeOf(path, s.Rejoin.Node)
		v.upstream(path, s.Rejoin.Upstream, s.Rejoin.Node)
	case "clone":
		v.nodeOf(path, s.Clone.Node)
		v.upstream(path, s.Clone.Upstream, s.Clone.Node)
	case "backup":
		v.nodeOf(path, s.Backup.Node)
		if s.Backup.Name != "" || !v.d.brokenUnder(path) {
			v.name(path+".name", s.Backup.Name, "a backup")
		}
	case "start_load":
		v.workloads(path, *s.StartLoad)
	case "stop_load":
		v.workloads(path, *s.StopLoad)
	case "wait":
		v.positive(path, *s.Wait)
	case "sql":
		v.sql(path, s.SQL)
	case "verify":
		v.condition(path, s.Verify)
		v.positive(path+".within", s.Verify.Within)
	}
}

// needsDocker finds an action that the local provider cannot do: its nodes are
// processes of one machine, which share its network and its limits.
func (v *validator) needsDocker(path, right string) {
	if v.e.Cluster.Provider == "local" {
		v.badKey(path, "the local provider cannot "+lastKey(path)+" a node: its nodes are processes of one machine", right)
	}
}

// container checks the actions on what is around a server.
func (v *validator) container(path, name string, s *Step) {
	if name == "exec" {
		v.nodesOf(path, s.Exec.Nodes)
		if strings.TrimSpace(s.Exec.Command) == "" && !v.d.brokenUnder(path) {
			v.bad(path, "the step has no command", "write command: LINE OF SHELL")
		}
		v.between(path+".expect", s.Exec.Expect, 0, 255)
		return
	}
	v.nodesOf(path, s.Limit.Nodes)
	if s.Limit.CPUs == 0 && s.Limit.Memory == 0 && !v.d.brokenUnder(path) {
		v.bad(path, "limit changes nothing", "give it cpus or memory")
	}
	if s.Limit.Memory != 0 {
		v.enoughMemory(path+".memory", s.Limit.Memory)
	}
	v.needsDocker(path, "run it with provider: docker")
}

// nodeOf checks the one node of an action, which stands in the action or is it.
func (v *validator) nodeOf(path, name string) {
	if name == "" && v.d.brokenUnder(path) {
		return // a misspelt node: key
	}
	if v.d.has(path + ".node") {
		path += ".node"
	}
	v.node(path, name, "one")
}

// nodesOf checks the nodes and roles that an action acts on.
func (v *validator) nodesOf(path string, names NodeList) {
	if len(names) == 0 && !v.d.brokenUnder(path) {
		v.bad(path, "this names no node", "write one of "+strings.Join(v.e.Cluster.Nodes.Names(), ", "))
	}
	if v.d.has(path + ".node") {
		path += ".node"
	}
	seen := map[string]bool{}
	for i, name := range names {
		at := path
		if v.d.has(fmt.Sprintf("%s[%d]", path, i)) {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		if seen[name] {
			v.bad(at, "the node "+shown(name)+" is named twice", "name it once")
		}
		seen[name] = true
		v.node(at, name, "any")
	}
}

func (v *validator) upstream(path, upstream string, nodes ...string) {
	if !v.d.has(path + ".upstream") {
		return
	}
	if slices.Contains(nodes, upstream) {
		v.bad(path+".upstream", upstream+" cannot follow itself", "write another node, or leave upstream out for the primary")
		return
	}
	v.node(path+".upstream", upstream, "one")
}

func (v *validator) promote(path string, p *OnNodes) {
	switch len(p.Nodes) {
	case 0:
		v.nodesOf(path, nil)
	case 1:
	default:
		v.bad(path, "promote takes one node, and here are "+strconv.Itoa(len(p.Nodes)), "write a step for each")
	}
	for _, node := range p.Nodes {
		v.nodeOf(path, node)
	}
}

func (v *validator) stop(path string, s *Stop) {
	v.nodesOf(path, s.Nodes)
	v.oneOf(path+".mode", s.Mode, stopModes()...)
	v.positive(path+".timeout", s.Timeout)
}

func (v *validator) configure(path string, c *Configure) {
	v.nodesOf(path, c.Nodes)
	if len(c.Settings) == 0 && c.Synchronous == nil && !v.d.brokenUnder(path) {
		v.bad(path, "configure changes nothing", "give it settings or synchronous")
	}
	v.settings(path, c.Settings, c.Synchronous != nil)
	v.synchronous(path+".synchronous", c.Synchronous)
}

func (v *validator) sql(path string, s *SQL) {
	v.nodesOf(path, s.Nodes)
	if strings.TrimSpace(s.Query) == "" && !v.d.brokenUnder(path) {
		v.bad(path, "the step has no statement", "write query: STATEMENT")
	}
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
	if len(c.Role)+len(c.SyncState)+len(c.Streaming)+len(c.CaughtUp) == 0 && !v.d.brokenUnder(path) {
		v.bad(path, "nothing is asked for", "write role, sync_state, streaming or caught_up")
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
	for i, s := range v.e.Timeline {
		if s.At == nil {
			continue
		}
		if *s.At < last {
			v.bad(stepPath(i)+".at", fmt.Sprintf("at %s is before the %s of %s, which stands above", *s.At, last, by),
				"put the steps in the order of their times")
			continue
		}
		last, by = *s.At, s.Name
	}
}

// stepNames checks the names that phases and expectations go by.
func (v *validator) stepNames() {
	seen := map[string]bool{}
	for i, s := range v.e.Timeline {
		path := stepPath(i) + ".name"
		if !v.d.has(path) {
			continue // made by nameSteps
		}
		v.name(path, s.Name, "a step")
		switch {
		case s.Name == baseline || strings.HasPrefix(s.Name, undoPrefix):
			v.bad(path, "a step cannot be called "+s.Name, "choose another name: baseline and undo-... are phases of pgchaos")
		case seen[s.Name]:
			v.bad(path, "there are two steps "+shown(s.Name), "give each its own name")
		}
		seen[s.Name] = true
	}
}
