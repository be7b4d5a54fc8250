package check

import (
	"fmt"
	"slices"

	"pgchaos/record"
)

// facts are what the audit and the judge must know of an action. They stand here for every
// action by its name until the event itself carries them: see factsOf.
type facts struct {
	ends     bool   // the server of the node is not running when it has taken effect
	kills    bool   // it does so without a shutdown: what was not on the disk is gone
	freezes  bool   // the server does nothing from then on
	cuts     bool   // nobody reaches the node from then on
	restarts bool   // the server is ended, and started again as what it was
	starts   bool   // a server may run again from when it is issued
	thaws    bool   // a frozen server may go on from then on
	connects bool   // a node that was cut off may be reached from then on
	promotes bool   // it makes a primary of a standby
	standby  bool   // it starts the server as a standby and as nothing else
	demands  bool   // it changes the synchronous regime, and has seen the new one when it is done
	reloads  bool   // it can make a running server read its configuration again
	provokes bool   // it can bring about what then happens to the node by itself
	incident string // not a step: what happened, in words
}

// actions are all actions that an event can have.
var actions = map[string]facts{
	"stop":       {ends: true},
	"kill":       {ends: true, kills: true},
	"restart":    {restarts: true, starts: true},
	"pause":      {freezes: true},
	"disconnect": {cuts: true},
	"start":      {starts: true},
	"resume":     {thaws: true},
	"connect":    {connects: true},
	"rejoin":     {starts: true, thaws: true, connects: true, standby: true},
	"clone":      {starts: true, thaws: true, connects: true, standby: true},
	"undo":       {reloads: true},
	"promote":    {promotes: true},
	"follow":     {},
	"backup":     {},
	"configure":  {reloads: true, demands: true},
	"sql":        {reloads: true, provokes: true},
	"exec":       {provokes: true},
	"limit":      {provokes: true},
	"verify":     {},
	"wait":       {},
	"start_load": {},
	"stop_load":  {},

	"exit":          {ends: true, incident: "exited"},
	"crash":         {restarts: true, incident: "recovered from a crash of one of its processes"},
	"restarted":     {restarts: true, starts: true, incident: "was started again by somebody else"},
	"out-of-memory": {restarts: true, incident: "ran out of memory"},
}

// KnownActions is an error that names the events whose action is not known: what such a
// step may have done, nothing can be concluded of.
func KnownActions(events []record.Event) error {
	for _, m := range events {
		if _, known := actions[m.Action]; !known {
			return fmt.Errorf("step %s has the unknown action %q, and what that does to a node is not known: use the pgchaos that made the result", m.Name, m.Action)
		}
	}
	return nil
}

// Incident says in words what happened to a node; "" for an action that is a step.
func Incident(action string) string { return actions[action].incident }

// Provokes tells whether a step can bring about what then happens to its node.
func Provokes(action string) bool { return actions[action].provokes }

// factsOf are the facts of an event's action. All events were looked at by KnownActions.
func factsOf(m record.Event) facts { return actions[m.Action] }

// lifts tells whether an event can end what a fault does to a node.
func lifts(m, fault record.Event, node string) bool {
	if m.Reverses != "" || m.Issued < fault.Issued {
		return m.Issued >= fault.Issued && m.Reverses == fault.Name
	}
	is, was := factsOf(m), factsOf(fault)
	return slices.Contains(m.Nodes, node) && (was.ends && is.starts || was.freezes && is.thaws || was.cuts && is.connects)
}
