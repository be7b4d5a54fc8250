package spec

import (
	"slices"

	"pgchaos/chaos/fault"
	"pgchaos/record"
)

// become is what a step that succeeded has made of a node.
func (t *timelineStates) become(s *Step, n *nodeState, upstream string, sure bool) {
	was := *n
	defer func() {
		if n.process != was.process {
			n.since = s.Name
		}
		if n.network != was.network {
			n.networkSince = s.Name
		}
		if n.role != was.role {
			n.became = s.Name
		}
	}()
	t.done(s, n, upstream)
	if n.listed && !was.listed {
		n.listedBy = s
	}
	switch _, runbook := s.Parameters().(fault.Promoting); {
	case s.Kind().Facts.Promotes, runbook:
		t.promoter = s
	case s.Kind().Facts.Standby, isAnything(s.Parameters()):
		t.promoter = nil
	}
	t.last(s, n, sure)
	if k := s.Kind(); s.For > 0 && sure && k.Undo != nil && k.Undo.Asks {
		n.ends = append(slices.Clone(n.ends), s)
	}
	if n.process != was.process || n.network != was.network {
		n.held = nil
		if s.For > 0 && sure {
			n.held = &hold{s, n.process, n.network}
		}
	}
	if s.For > 0 {
		n.endsItself(s.Kind().Facts)
	}
	n.process |= n.undone
	n.network |= n.reconnected
	if !sure {
		n.orElse(was)
	}
}

// done is what the action itself makes of the node.
func (t *timelineStates) done(s *Step, n *nodeState, upstream string) {
	is := s.Kind().Facts
	switch {
	case is.Standby:
		n.role, n.process, n.upstream = standby, running, upstream
	case is.Promotes:
		t.promoted = t.promoted || n.role != primary
		n.role, n.process, n.listed = primary, running, true
	case is.Ends:
		n.process = stopped
		if t.restartsItself() {
			n.process |= running
		}
	case is.Freezes:
		n.process = paused
	case is.Cuts:
		n.network = disconnected
	case is.Connects:
		n.network = connected
	case is.Starts, is.Restarts, is.Thaws:
		n.process = running
	}
	t.changed(s, n, upstream)
}

// changed is what the parameters of the action make of the node beside its facts.
func (t *timelineStates) changed(s *Step, n *nodeState, upstream string) {
	switch p := s.Parameters().(type) {
	case *fault.Limit, *fault.FillDisk:
		if n.process&running != 0 {
			n.process |= stopped // a server that needs more may end
		}
	case *fault.Exec:
		n.process |= running | stopped
		n.role |= standby
		t.anything(n)
	case *fault.SQL:
		t.anything(n)
	case *fault.Configure:
		t.synchronous = t.synchronous || p.Synchronous != nil
		if _, cut := p.Settings["primary_conninfo"]; cut {
			n.upstream = ""
		}
	case *fault.HoldWAL:
		n.upstream = ""
	case *fault.SplitBrain:
		t.promoted = t.promoted || n.role != primary
		n.role, n.upstream = primary, ""
	case *fault.Follow:
		n.upstream = upstream
	case *fault.Failover, *fault.Switchover:
		t.promoted = true
		n.role, n.listed, n.upstream = primary, true, ""
	case *fault.RollingRestart:
		if p.Promoted() != "" { // one of the standbys, and the primary then follows it
			t.promoted = true
			n.role, n.listed, n.upstream = primary|standby, true, ""
		}
	}
}

// led is what a failover or a switchover makes of the nodes that are not promoted: they follow the one that is.
func (t *timelineStates) led(s *Step, promoted []*nodeState, sure map[*nodeState]bool) {
	_, fails := s.Parameters().(*fault.Failover)
	_, exchanges := s.Parameters().(*fault.Switchover)
	if !fails && !exchanges {
		return
	}
	var to *nodeState
	if len(promoted) == 1 && sure[promoted[0]] {
		to = promoted[0]
	}
	for _, n := range t.nodes {
		switch {
		case n == to || n.process&running == 0:
		case to == nil:
			n.upstream = ""
			if exchanges && n.role&primary != 0 {
				n.role |= standby
			}
		case exchanges && n.role&primary != 0:
			n.role, n.became, n.upstream = standby, s.Name, to.name
		case n.role == standby:
			n.upstream = to.name
		}
	}
}

// endsItself notes what the end of a `for` will make of the node.
func (n *nodeState) endsItself(is record.Facts) {
	if is.Ends || is.Freezes {
		n.undone = running
	}
	if is.Starts && !is.Restarts {
		n.undone = stopped
	}
	if is.Cuts {
		n.reconnected = connected
	}
}

// orElse adds what the node can be where the step acted on another.
func (n *nodeState) orElse(was nodeState) {
	n.process |= was.process
	n.network |= was.network
	n.role |= was.role
	n.listed = n.listed || was.listed
	if n.upstream != was.upstream {
		n.upstream = ""
	}
	both := func(now, before []*Step) []*Step {
		return slices.DeleteFunc(slices.Clone(now), func(s *Step) bool { return !slices.Contains(before, s) })
	}
	n.cuts = slices.DeleteFunc(slices.Clone(n.cuts), func(c cutLink) bool { return !slices.Contains(was.cuts, c) })
	n.lasting, n.ends = both(n.lasting, was.lasting), both(n.ends, was.ends)
}

// mayHaveFailed adds what a step can have left that broke off: of a restart a server that does not run, and of a runbook any part.
func (t *timelineStates) mayHaveFailed(s *Step) {
	is := s.Kind().Facts
	p, runbook := s.Parameters().(fault.Promoting)
	runbook = runbook && p.Promoted() != ""
	for _, n := range t.nodes {
		if n.process&running == 0 || !runbook && (!is.Restarts && !is.Standby || !slices.ContainsFunc(s.targets(), func(selector string) bool {
			nodes, _ := t.meant(selector)
			return slices.Contains(nodes, n)
		})) {
			continue
		}
		n.process |= stopped
		if runbook {
			n.role |= primary | standby
			n.upstream, n.lasting = "", nil
			t.promoted = true
		}
	}
}

// last keeps the steps that are in force on the node. Any other step that acts on it may end them, and a command or a new primary
// those of all nodes.
func (t *timelineStates) last(s *Step, n *nodeState, sure bool) {
	_, exclusive := s.Parameters().(fault.Exclusive)
	_, links := s.Parameters().(fault.OnLinks)
	switch is := s.Kind().Facts; {
	case exclusive && sure:
		n.lasting = append(slices.Clone(n.lasting), s)
	case s.Parameters() == nil, exclusive, links:
	case is.Promotes, isAnything(s.Parameters()), len(s.promotes()) > 0:
		for _, each := range t.nodes {
			each.lasting = nil
		}
	default:
		n.lasting = nil
	}
}

// isAnything tells whether a step is a user's own command or statement.
func isAnything(p fault.Parameters) bool {
	switch p.(type) {
	case *fault.Exec, *fault.SQL:
		return true
	}
	return false
}

// restartsItself tells whether the engine starts a server again that has ended.
func (t *timelineStates) restartsItself() bool {
	d := t.v.e.Cluster.Docker
	return d != nil && d.Restart != "" && d.Restart != "no"
}

// anything is what a user's own command or statement may have done: it may have
// promoted the node, or changed its regime.
func (t *timelineStates) anything(n *nodeState) {
	n.role |= primary
	n.upstream = ""
	t.promoted, t.synchronous, t.anythingDone = true, true, true
}

func (t *timelineStates) backup(p *fault.Backup, path string) {
	if t.backups[p.Name] {
		t.v.bad(path+".name", "there are two backups "+shown(p.Name), "give each its own name")
	}
	if p.Name != "" {
		t.backups[p.Name] = true
	}
}
