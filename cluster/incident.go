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
	IncidentRestart     IncidentKind = "restarted"     // somebody else started it again
	IncidentOutOfMemory IncidentKind = "out-of-memory" // the kernel killed one of its processes at its memory limit
)

// Alarming is a Host that hears what befalls its node: that the kernel kills a process
// because the node's memory ran out, or that somebody else starts the server again.
// The channel is closed when the provider is removed.
type Alarming interface {
	Alarms() <-chan Alarm
}

// Alarm is one of the incidents that only the Host can hear of: IncidentOutOfMemory,
// IncidentRestart.
type Alarm struct {
	Kind IncidentKind
	At   time.Time
}

// Incidents tells of every end of the node's server that neither Stop, Kill nor any
// other operation had asked for, and of what an Alarming host hears. A server that ends
// while it starts is an error of Start instead.
func (n *Node) Incidents() <-chan Incident { return n.incidents }

func (n *Node) report(kind IncidentKind, detail string, at time.Time) {
	select {
	case n.incidents <- Incident{Node: n.Name(), Kind: kind, Detail: detail, At: at}:
	default: // nobody has listened for 64 of them
	}
}

// oneWant is the time within which the kernel may say many times that there is no
// memory, of one and the same want of it.
const oneWant = time.Second

// hear passes on what a host hears, until its provider is removed.
func (n *Node) hear(host Host) {
	alarming, ok := host.(Alarming)
	if !ok {
		return
	}
	var newest time.Time
	for a := range alarming.Alarms() {
		switch a.Kind {
		case IncidentOutOfMemory:
			if a.At.Sub(newest) >= oneWant {
				n.report(a.Kind, "memory ran out, and the kernel killed one of its processes", a.At)
			}
			newest = a.At
		case IncidentRestart:
			n.running() // which takes the new life for the server's
			n.report(a.Kind, "somebody else has started the server again: its restart policy, or a person", a.At)
		}
	}
}
