package cluster

import "time"

// Incident is what befell a node's server without anybody having asked for it.
type Incident struct {
	Node   string
	Kind   IncidentKind
	Detail string // "signal: killed"
	At     time.Time
}

// IncidentKind is a kind of incident.
type IncidentKind string

// The kinds of incident.
const (
	IncidentExit        IncidentKind = "exit"          // the server ended
	IncidentOutOfMemory IncidentKind = "out-of-memory" // the kernel killed one of its processes at its memory limit
)

// Alarming is a Host that hears when the kernel kills one of its processes because
// the node's memory ran out. The channel is closed when the provider is removed.
type Alarming interface {
	OutOfMemory() <-chan time.Time
}

// Incidents tells of every end of the node's server that neither Stop, Kill nor any
// other operation had asked for, and of processes killed for lack of memory. A
// server that ends while it starts is an error of Start instead.
func (n *Node) Incidents() <-chan Incident { return n.incidents }

func (n *Node) report(kind IncidentKind, detail string, at time.Time) {
	select {
	case n.incidents <- Incident{Node: n.Name(), Kind: kind, Detail: detail, At: at}:
	default: // nobody has listened for 64 of them
	}
}

// oneIncident is the time within which the kernel may say many times that there is no
// memory, of one and the same want of it.
const oneIncident = time.Second

// hear passes on what a host says of its memory, until its provider is removed.
func (n *Node) hear(host Host) {
	alarming, ok := host.(Alarming)
	if !ok {
		return
	}
	var newest time.Time
	for at := range alarming.OutOfMemory() {
		again := at.Sub(newest) < oneIncident
		newest = at
		if again {
			continue
		}
		n.report(IncidentOutOfMemory, "memory ran out, and the kernel killed one of its processes", at)
	}
}
