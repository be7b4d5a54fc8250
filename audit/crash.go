package audit

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/record"
)

// crash is a restart of a server that had been a primary, and was one afterwards on
// the same timeline. Whether it had been shut down in good order the readings do not
// say, but the steps may.
type crash struct {
	seen    time.Duration // the first reading afterwards
	redo    record.LSN    // the end of what was recovered; 0: not known
	certain bool          // killed, stopped with mode immediate, or it had restarted its processes by itself
	orderly string        // the step that had shut it down in good order, where nothing else had ended it: no crash at all
	event   lossEvent
}

// words say what happened: "recovered from a crash", or that it was started.
func (c *crash) words() string {
	if c.certain {
		return "recovered from a crash"
	}
	return "was started again"
}

// crashesOf are the restarts of a server as they show in its node's states.
func (w *evidenceReader) crashesOf(of *serverEvidence) (all []crash) {
	server := of.server
	var before record.NodeState // the newest that answered
	var last time.Duration      // when the restart before was seen
	for _, s := range of.states {
		if !s.Reachable {
			continue
		}
		restarted := s.RestartedSince(before)
		if restarted || s.CrashedSince(before) {
			if before.AcceptsWrites() && s.AcceptsWrites() && before.Timeline == server.Timeline && s.Timeline == server.Timeline {
				all = append(all, w.crashOf(server.Node, restarted, before.At, last, s))
			}
			last = s.At
		}
		before = s
	}
	return all
}

// crashOf is a restart that shows in a state. What ended the server took effect when the
// newest reading had found the old one alive, and was issued when the last restart had
// been seen.
func (w *evidenceReader) crashOf(node string, restarted bool, alive, last time.Duration, s record.NodeState) crash {
	c := crash{seen: s.At, redo: s.Redo, certain: !restarted, event: lossEvent{"restart of " + node, s.At}}
	if c.certain {
		c.event.name = "crash of " + node
	}
	befell := func(m record.Event) bool { return befalls(m, node) }
	if m := w.newest(s.At, befell); m != nil {
		c.event = eventAt(m)
	}
	orderly, otherwise := "", false
	for _, m := range w.e.Events {
		switch {
		case !befell(m) || m.Issued > s.At || m.Issued < last || cmp.Or(m.Effective, m.Ended) < alive:
		case m.Effective > 0 && (factsOf(m).Kills || m.Mode == "immediate"):
			c.certain = true
		case m.Status == record.EventDone && (m.Mode == "fast" || m.Mode == "smart"):
			orderly = m.Name
		case !factsOf(m).Freezes && !factsOf(m).Cuts: // these end no server
			otherwise = true
		}
	}
	if !c.certain && !otherwise {
		c.orderly = orderly
	}
	return c
}

// befalls tells whether an event may have ended the server of a node.
func befalls(m record.Event, node string) bool {
	is := factsOf(m)
	return (m.Fault || m.Status == record.EventSeen && (is.Ends || is.Restarts)) && !is.Sessions && slices.Contains(m.Nodes, node)
}

// besides adds that a restart does not explain a loss to why a fork does not; without
// a fork it is all there is to say.
func (c *crash) besides(l *loss, fork, restart string) string {
	switch {
	case !l.evidence.left:
		return restart
	case !c.certain: // the node came back some time, in all probability in good order
		return fork
	}
	return fork + "; and " + restart
}
