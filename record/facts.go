package record

import (
	"slices"
	"time"
)

// Facts are what an action does to the server of each of its nodes. They travel with the
// event, so that whatever reads a timeline later needs no list of names.
type Facts struct {
	Ends     bool `json:"ends,omitempty"`     // the server is not running when it has taken effect
	Kills    bool `json:"kills,omitempty"`    // it does so without a shutdown: what was not on the disk is gone
	Freezes  bool `json:"freezes,omitempty"`  // the server does nothing from then on
	Cuts     bool `json:"cuts,omitempty"`     // nothing reaches the node from then on
	Restarts bool `json:"restarts,omitempty"` // the server is ended, and started again as what it was
	Starts   bool `json:"starts,omitempty"`   // a server may run again from when it is issued
	Thaws    bool `json:"thaws,omitempty"`    // a frozen server may go on from then on
	Connects bool `json:"connects,omitempty"` // a node that was cut off may be reached from then on
	Promotes bool `json:"promotes,omitempty"` // it makes a primary of a standby
	Standby  bool `json:"standby,omitempty"`  // it starts the server as a standby and as nothing else
	Demands  bool `json:"demands,omitempty"`  // it changes the synchronous regime, and has seen the new one when it is done
	Reloads  bool `json:"reloads,omitempty"`  // it can make a running server read its configuration again
	Sessions bool `json:"sessions,omitempty"` // it ends, blocks, slows or adds sessions, and takes no server away
	Refuses  bool `json:"refuses,omitempty"`  // the server lets nobody in who is not there already, so that a manager can take it for gone
	Moves    bool `json:"moves,omitempty"`    // it has another node become the primary
	Provokes bool `json:"provokes,omitempty"` // it can bring about what then happens to the node by itself
	Keeps    bool `json:"keeps,omitempty"`    // it disturbs something else than servers: each primary goes on to accept writes, and each standby to stream
	Lasts    bool `json:"lasts,omitempty"`    // what it does to a part of a server, or to links, stays until it is taken back
	// Lifts is the action whose effect it ends on its nodes, where that lasts: resume_replay lifts pause_replay.
	Lifts string `json:"lifts,omitempty"`
	Links bool   `json:"links,omitempty"` // it disturbs connections between its nodes, or of clients to them
	// Incident says what happened, in words, where no step did it: "exited".
	Incident string `json:"incident,omitempty"`
}

// Effects are the facts of the event's action. They are not known of an action that
// the result does not describe and that no earlier pgchaos had.
func (e Event) Effects() (f Facts, known bool) {
	if e.Facts != nil {
		return *e.Facts, true
	}
	f, known = factsByName()[e.Action]
	return f, known
}

// OnlyMay tells whether all that is known of an action is that its command can do anything.
func (f Facts) OnlyMay() bool {
	return f.Provokes && !f.Ends && !f.Freezes && !f.Cuts && !f.Links && !f.Restarts && !f.Moves
}

// SparesServers tells whether nobody has a reason to start a server again, or to replace it, because of an action: it befalls sessions alone.
func (f Facts) SparesServers() bool { return f.Sessions && !f.Refuses }

// TakesServers tells whether the action itself takes its nodes away, whatever they are.
func (f Facts) TakesServers() bool { return f.Ends || f.Freezes || f.Cuts || f.Restarts || f.Moves }

// TakesNone tells whether no node can be missing because of the action.
func (f Facts) TakesNone() bool { return f.Sessions || f.Keeps }

// Momentary tells whether nothing has to end what the action does to its nodes, but for a start of what it has ended.
func (f Facts) Momentary() bool { return !f.Lasts && !f.Freezes && !f.Cuts }

// MayTakePrimary tells whether a primary can stop being one because of the action.
func (f Facts) MayTakePrimary() bool {
	return !f.TakesNone() && (f.TakesServers() || f.Links || f.Provokes)
}

// MayTakeStandby tells whether a standby can stop streaming because of the action.
func (f Facts) MayTakeStandby() bool {
	return f.MayTakePrimary() || !f.TakesNone() && (f.Lasts || f.Standby || f.Promotes || f.Reloads)
}

// EndedOn tells whether a later event ended what this one does to one of its nodes.
func (e Event) EndedOn(node string, back Event) bool {
	if back.Reverses == e.Name {
		return true
	}
	f, _ := e.Effects()
	is, _ := back.Effects()
	return f.EndedBy(is, e.Action) && back.Issued > e.Issued && slices.Contains(back.Nodes, node)
}

// EndedBy tells whether a later action on the same node ends what the action of that name, of which these are the facts, does to it. A frozen
// server that is ended is frozen no more; a node that is cut off stays so, whatever its server does.
func (f Facts) EndedBy(later Facts, action string) bool {
	return f.Ends && later.Starts || f.Freezes && (later.Thaws || later.Ends || later.Restarts) || f.Cuts && later.Connects ||
		f.Lasts && later.Lifts == action
}

// OverAt is when what this event does was over on all of its nodes, where each of others took effect at the moment that at tells; ok is false
// as long as one of the nodes has it. One that has no nodes is over when it was taken back.
func (e Event) OverAt(others []Event, at func(Event) (moment time.Duration, ok bool)) (over time.Duration, ok bool) {
	nodes := e.Nodes
	if len(nodes) == 0 {
		nodes = []string{""}
	}
	for _, node := range nodes {
		first, ended := time.Duration(0), false
		for _, back := range others {
			if moment, did := at(back); did && e.EndedOn(node, back) && (!ended || moment < first) {
				first, ended = moment, true
			}
		}
		if !ended {
			return 0, false
		}
		over = max(over, first)
	}
	return over, true
}

// factsByName are the facts of the actions that there were before results carried them, and
// of the events that no step makes. New actions do not belong here.
func factsByName() map[string]Facts {
	return map[string]Facts{
		"stop":       {Ends: true},
		"kill":       {Ends: true, Kills: true},
		"restart":    {Restarts: true, Starts: true},
		"pause":      {Freezes: true},
		"disconnect": {Cuts: true},
		"start":      {Starts: true},
		"resume":     {Thaws: true},
		"connect":    {Connects: true},
		"rejoin":     {Starts: true, Thaws: true, Connects: true, Standby: true},
		"clone":      {Starts: true, Thaws: true, Connects: true, Standby: true},
		"undo":       {Reloads: true},
		"promote":    {Promotes: true},
		"follow":     {Reloads: true},
		"backup":     {},
		"configure":  {Reloads: true, Demands: true},
		"sql":        {Reloads: true, Provokes: true},
		"exec":       {Provokes: true},
		"limit":      {Provokes: true, Lasts: true},
		"verify":     {},
		"wait":       {},
		"start_load": {},
		"stop_load":  {},

		"exit":          {Ends: true, Incident: "exited"},
		"crash":         {Restarts: true, Incident: "recovered from a crash of one of its processes"},
		"restarted":     {Restarts: true, Starts: true, Incident: "was started again by somebody else"},
		"promoted":      {Promotes: true, Incident: "was promoted from outside pgchaos"},
		"weakened":      {Incident: "had its synchronous replication weakened from outside pgchaos"},
		"unreachable":   {Sessions: true, Refuses: true, Incident: "could not be reached"}, // nothing shows that a server was taken away
		"out-of-memory": {Restarts: true, Incident: "ran out of memory"},
	}
}
