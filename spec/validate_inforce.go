package spec

import (
	"slices"
	"strconv"
	"strings"

	"pgchaos/chaos/fault"
)

// These are the steps that fail because of a fault that is in force, or because what they are aimed at is not there.

// standing tells whether a step before is certainly in force when another one begins. For good: until the end of the run.
func (t *timelineStates) standing(before, s *Step) (stands, forGood bool) {
	forGood = before.For == 0
	return forGood || before.For > 0 && t.v.e.inForce(before, s), forGood
}

// forHow says for how long a step is in force, and how another one evades it.
func forHow(before *Step, forGood bool) (long, right string) {
	if forGood {
		return "", "give " + before.Name + " a for, or leave this one out"
	}
	return ", for " + before.For.String(), "begin it after " + before.Reversal()
}

// neverSettles says which step before keeps standbys from streaming, for which a rolling restart waits, and which a switchover demands; "" if
// none does.
func (t *timelineStates) neverSettles(s *Step, n *nodeState) (what, right string) {
	_, rolls := s.Parameters().(*fault.RollingRestart)
	_, exchanges := s.Parameters().(*fault.Switchover)
	if !rolls && !exchanges {
		return "", ""
	}
	demand := ", and " + s.Action() + " waits until "
	for _, before := range n.lasting {
		stands, forGood := t.standing(before, s)
		if !stands || rolls && !forGood { // what ends meanwhile is waited for
			continue
		}
		long, right := forHow(before, forGood)
		_, heldBack := before.Parameters().(*fault.HoldWAL)
		_, dropped := before.Parameters().(*fault.DropSlot)
		_, refused := before.Parameters().(*fault.DisconnectStandbys)
		switch {
		case exchanges && (heldBack || dropped):
			return "the standby " + n.name + " does not stream" + sinceStep(before.Name) + long + ", and a switchover demands that it does", right
		case rolls && (heldBack || dropped):
			return "the standby " + n.name + " does not stream" + sinceStep(before.Name) + demand + "it does", right
		case rolls && refused && n.certain(primary):
			return "no standby streams from the node " + n.name + sinceStep(before.Name) + demand + "they do", right
		}
	}
	if exchanges {
		return t.switchRefused(s, n)
	}
	return "", ""
}

// switchRefused says why the primary does not let the standby of a switchover stream; "" if it does.
func (t *timelineStates) switchRefused(s *Step, n *nodeState) (what, right string) {
	olds, certain := t.meant("primary")
	if !certain {
		return "", ""
	}
	old := olds[0]
	if before, long, right := t.refusing(s, old, true); before != nil {
		return "no standby streams from the primary " + old.name + sinceStep(before.Name) + long + ", and a switchover demands that " + n.name + " does", right
	}
	if by := t.cutBetween(n, old); by != nil {
		return "nothing passes between the node " + n.name + " and the primary " + old.name + sinceStep(by.Name) + ", and a switchover needs all WAL of it on " + n.name, "give " + by.Name + " a for, or leave this one out"
	}
	return "", ""
}

// refusing is the step by which a node lets no standby in while another step begins, or for good; nil: none certainly does.
func (t *timelineStates) refusing(s *Step, up *nodeState, atOnce bool) (before *Step, long, right string) {
	for _, before := range up.lasting {
		_, refuses := before.Parameters().(*fault.DisconnectStandbys)
		if stands, forGood := t.standing(before, s); refuses && stands && (atOnce || forGood) {
			long, right = forHow(before, forGood)
			return before, long, right
		}
	}
	return nil, "", ""
}

// refused says that an upstream lets no standby in, which a copy notices at once, and what only follows it, where that is for good; "" if it does.
func (t *timelineStates) refused(s *Step, up *nodeState) string {
	p, copies := s.Parameters().(*fault.Clone)
	before, long, _ := t.refusing(s, up, copies && p.Backup == "")
	if before == nil {
		return ""
	}
	return "the upstream " + up.name + " lets no standby in" + sinceStep(before.Name) + long
}

// notThere says which process or slot the action is aimed at that the node certainly does not have; "" if it can have it.
func (t *timelineStates) notThere(s *Step, n *nodeState) (what, right string) {
	if t.anythingDone { // a command or a statement of the user's may have made it
		return "", ""
	}
	switch p := s.Parameters().(type) {
	case *fault.KillProcess:
		return t.noProcess(&p.OfProcess, n)
	case *fault.PauseProcess:
		return t.noProcess(&p.OfProcess, n)
	case *fault.DropSlot:
		if len(t.v.e.configured("primary_slot_name")) == 0 && !t.setupNames("primary_slot_name") {
			return "the standby " + n.name + " uses no replication slot: nothing in this file sets its primary_slot_name", "make a slot by an sql step, and set primary_slot_name by a configure step before"
		}
	}
	return "", ""
}

// setupNames tells whether a statement of the setup names a setting.
func (t *timelineStates) setupNames(setting string) bool {
	return slices.ContainsFunc(t.v.e.Setup, func(statement string) bool { return strings.Contains(strings.ToLower(statement), setting) })
}

// noProcess says why a node has no such process.
func (t *timelineStates) noProcess(p *fault.OfProcess, n *nodeState) (what, right string) {
	switch {
	case p.Process == fault.Archiver && !t.archives(n):
		if n.role == standby {
			return "the standby " + n.name + " has no archiver: its archive_mode is not always", "set archive_mode: always, or name the primary"
		}
		return "the node " + n.name + " has no archiver: its archive_mode is off", "set archive_mode: on"
	case p.Process != fault.WALSender || t.v.e.Branches(): // beside it a base backup or a clone can go on
		return "", ""
	}
	for _, other := range t.nodes {
		if other == n || p.Standby != "" && other.name != p.Standby {
			continue
		}
		if other.process != absent && other.role&standby != 0 && (other.upstream == n.name || other.upstream == "") {
			return "", ""
		}
	}
	if p.Standby != "" {
		if t.node(p.Standby) == nil {
			return "", ""
		}
		return "the node " + n.name + " has no walsender for " + p.Standby + ": that does not stream from it", "name another node or standby"
	}
	return "the node " + n.name + " has no walsender: no standby streams from it", "name a node that standbys follow"
}

// archives tells whether a node can have an archiver.
func (t *timelineStates) archives(n *nodeState) bool {
	all := t.v.e.configured("archive_mode")
	if s, ok := t.v.e.setting(slices.Index(t.v.e.Cluster.Nodes.Names(), n.name), "archive_mode"); ok {
		all = append(all, s.Value)
	}
	return t.setupNames("archive_mode") || slices.ContainsFunc(all, func(value string) bool {
		value = strings.ToLower(strings.TrimSpace(value))
		off, err := strconv.ParseBool(value)
		switch {
		case err == nil && !off, value == "off", value == "no", value == "":
			return false
		}
		return n.role != standby || value == "always"
	})
}
