package check

import (
	"slices"
	"time"

	"pgchaos/history"
	"pgchaos/history/ledger"
)

// crash is a restart of a server that had been a primary, and was one afterwards on
// the same timeline. Whether it had been shut down in good order the readings do not
// say: it is certain to have crashed only where it was killed, or had restarted its
// processes by itself.
type crash struct {
	seen    time.Duration // the first reading afterwards
	redo    history.LSN   // the end of what was recovered; 0: not known
	certain bool
	event   event
}

// words say what happened: "recovered from a crash", or that it was started.
func (c *crash) words() string {
	if c.certain {
		return "recovered from a crash"
	}
	return "was started again"
}

// crashesOf are the restarts of a server as they show in its node's states.
func (w *witness) crashesOf(server ledger.Server) (all []crash) {
	var before history.NodeState // the newest that answered
	for _, s := range w.e.States[server.Node] {
		if !s.Reachable {
			continue
		}
		restarted := !before.ServerStarted.IsZero() && !s.ServerStarted.IsZero() && !s.ServerStarted.Equal(before.ServerStarted)
		if (restarted || s.CrashedSince(before)) && accepts(before) && accepts(s) && before.Timeline == server.Timeline && s.Timeline == server.Timeline {
			c := crash{seen: s.At, redo: s.Redo, certain: !restarted, event: event{"restart of " + server.Node, s.At}}
			if c.certain {
				c.event.name = "crash of " + server.Node
			}
			if m := w.newest(s.At, func(m history.Mark) bool {
				return (m.Fault || m.Status == history.MarkSeen) && slices.Contains(m.Nodes, server.Node)
			}); m != nil {
				c.event = eventAt(m)
				c.certain = c.certain || m.Action == "kill" && m.Effective >= before.At
			}
			all = append(all, c)
		}
		before = s
	}
	return all
}

// besides adds that a restart does not explain a loss to why a fork does not; without
// a fork it is all there is to say.
func (c *crash) besides(l *loss, fork, restart string) string {
	switch {
	case !l.story.left:
		return restart
	case !c.certain: // the node came back some time, in all probability in good order
		return fork
	}
	return fork + "; and " + restart
}
