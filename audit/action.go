package audit

import (
	"fmt"
	"slices"

	"pgchaos/record"
)

// KnownActions is an error that names the events whose action is not known: what such a
// step may have done, nothing can be concluded of.
func KnownActions(events []record.Event) error {
	for _, m := range events {
		if _, known := m.Effects(); !known {
			return fmt.Errorf("step %s has the unknown action %q, and what that does to a node is not known: use the pgchaos that made the result", m.Name, m.Action)
		}
	}
	return nil
}

// factsOf are the facts of an event's action. All events were looked at by KnownActions.
func factsOf(m record.Event) record.Facts {
	f, _ := m.Effects()
	return f
}

// lifts tells whether an event can end what a fault does to a node.
func lifts(m, fault record.Event, node string) bool {
	if m.Reverses != "" || m.Issued < fault.Issued {
		return m.Issued >= fault.Issued && m.Reverses == fault.Name
	}
	is, was := factsOf(m), factsOf(fault)
	return slices.Contains(m.Nodes, node) && (was.Ends && is.Starts || was.Freezes && is.Thaws || was.Cuts && is.Connects || was.Lasts && is.Lifts == fault.Action)
}
