// Package fault holds the actions of a timeline. Each action is one file and one entry of
// the table: what an experiment calls it, its parameters, what it does to a server, what it
// needs of a node, how it is done, and how it is taken back. Decoding, validation, the
// schema, the plan, the documentation and the audit read the table.
package fault

import (
	"context"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Kind is one action.
type Kind struct {
	Name  string // its key in an experiment: "stop"
	Group Group
	Doc   string // one sentence, for editors and the documentation
	// Manual is the rest of what the documentation says of it.
	Manual Manual
	// New returns a pointer to the parameters with nothing set. The keys of the experiment
	// file are the `yaml` tags of their fields; `jsonschema_description` documents each.
	New func() Parameters
	// Facts are what the action does to the servers of its nodes.
	Facts record.Facts
	// Outage: the action takes something away from clients. Outages are measured from it.
	Outage bool
	// Phase: a phase begins with the action, also where the step has no name.
	Phase bool
	// Undo is how the action is taken back on each of its nodes; nil: nothing takes it back. What that
	// needs to know beside the node, the parameters say (WithBefore).
	Undo *chaos.ReversalKind
	// Reversible: the key `for` can take the action back.
	Reversible bool
	// One: the action is done to one node, not to several at once.
	One bool
	// Needs are what the action needs of its node.
	Needs Needs
	// Capabilities are what the node must be able to do; none: it is enough that clients can connect to it.
	Capabilities []cluster.Capability
	// Rights are those that a role needs which is no superuser, beyond the rights that every run on a cluster needs that was there before.
	Rights []cluster.Right
	// Instead is what a user can do where the node lacks one: "pause the node"; "": there is nothing like it.
	Instead string
}

// Group is what actions have in common, for the documentation.
type Group string

// The groups, in the order of the documentation.
const (
	Servers     Group = "Servers and processes"
	Networks    Group = "Network"
	Replication Group = "Replication"
	Sessions    Group = "Sessions and locks"
	Maintenance Group = "Maintenance"
	Resources   Group = "Resources"
	Runbooks    Group = "Runbooks"
	Load        Group = "Load and checks"
)

// Groups are all of them, in that order.
func Groups() []Group {
	return []Group{Servers, Networks, Replication, Sessions, Maintenance, Resources, Runbooks, Load}
}

// Process is a set of states of a server.
type Process uint8

// The states. A node is absent until it is cloned.
const (
	Absent Process = 1 << iota
	Running
	Paused
	Stopped
)

// Present is every state of a node that has been built.
const Present = Running | Paused | Stopped

// Needs are what an action needs of its node.
type Needs struct {
	Process   Process // it can be done in these states
	Connected bool    // and, while the server runs, not to a node that is cut off
	// Files: of a server that does not run, only its files are changed, for which the node
	// may be cut off.
	Files bool
}

// KeepOutput keeps all that a command wrote on a node, and returns the file's name; ""
// where there was nothing to keep.
type KeepOutput func(node string, out cluster.Output) (file string, err error)

// Env is what an action is done with.
type Env struct {
	Scene     *chaos.Scene
	StartLoad func(ctx context.Context, workload string) error
	StopLoad  func(ctx context.Context, workload string) error
	// KeepOutput keeps what a command of the step wrote on a node.
	KeepOutput KeepOutput
	// Step is the step's name.
	Step string
}

// Parameters are what an experiment says about one action. Optional methods: Short,
// Words, Check, Default, Detail, Upstream and Workloads, each with an interface below.
type Parameters interface {
	// Selectors are the nodes and roles that the action is done to; none for an action
	// that is done to no node.
	Selectors() []string
	// Action is what the timeline runs.
	Action(env Env) chaos.Action
}

// Shorthand is of parameters that may be written as one value: `kill: primary`.
type Shorthand interface {
	// Short is a pointer to the field that the value is for.
	Short() any
}

// WithWords is of parameters some of which are chosen from a list of words.
type WithWords interface {
	// Words are the allowed words, by key.
	Words() map[string][]string
}

// WithoutKeys is of parameters that share their fields with other actions, and do not take all of them.
type WithoutKeys interface {
	// WithoutKeys are the keys that Check refuses. Of those that are shared, the others are required.
	WithoutKeys() []string
}

// AmongWorkloads is of parameters that choose by a workload.
type AmongWorkloads interface {
	// AmongWorkload is its name; "" chooses none.
	AmongWorkload() string
}

// Mistake is something that the types allow and the action cannot mean.
type Mistake struct {
	Key   string // of the parameters; "": the action as a whole
	What  string // what is wrong
	Right string // what would be right
}

// Checked is of parameters that need more than their types to be right.
type Checked interface{ Check() []Mistake }

// Defaulted is of parameters with defaults.
type Defaulted interface {
	// Default fills in what the file leaves out; has tells whether it has a key.
	Default(has func(key string) bool)
}

// Detailed is of parameters that a plan shows.
type Detailed interface{ Detail() string }

// Reversed is of parameters by which an action is taken back or not, where its kind can be.
type Reversed interface{ Reversed() bool }

// Following is of parameters that point nodes at another one.
type Following interface {
	// Follows is the node or role to follow; never "".
	Follows() string
}

// Promoting is of the parameters of a runbook that can promote a node, in a part of its own.
type Promoting interface {
	// Promoted is the node or role that is promoted; "" where none is.
	Promoted() string
}

// Demanding is of the parameters of a runbook that may say what is demanded of the primary's standbys from then on.
type Demanding interface {
	// Demanded is that, or nil.
	Demanded() *cluster.Synchronous
}

// OnWorkloads is of parameters that name workloads.
type OnWorkloads interface{ Names() []string }

// WithEffects is of parameters on which it depends what the action does to servers.
type WithEffects interface {
	// Effects are the facts of the action with these parameters, made from those of its kind.
	Effects(of record.Facts) record.Facts
}

// ForStandbys is of parameters of an action that may make sense on a standby only.
type ForStandbys interface{ ForStandbys() bool }

// ForPrimaries is of parameters of an action that may make sense on a primary only.
type ForPrimaries interface{ ForPrimaries() bool }

// Ending is of parameters of an action whose effect ends by itself after a time, whatever takes it back.
type Ending interface {
	// Ends is that time, and the key that says it.
	Ends() (after time.Duration, key string)
}

// Exclusive is of parameters of an action that is refused on a node on which it is in force already.
type Exclusive interface {
	// Excludes tells whether it is refused while an action with these parameters is in force.
	Excludes(inForce Parameters) bool
}

// OnLinks is of parameters of an action on the network between two sides.
type OnLinks interface {
	// BothSides are the nodes, roles and Clients on each side.
	BothSides() (one, other []string)
}

// WithBefore is of parameters whose reversal needs to know how a node was before the action.
type WithBefore interface {
	// Before is what the reversal needs to know, as a value that JSON can hold. It holds no secrets.
	Before(ctx context.Context, env Env, n *cluster.Node) (any, error)
}

// With is the action with its parameters.
func (k Kind) With(p Parameters) Kind {
	if e, ok := p.(WithEffects); ok {
		k.Facts = e.Effects(k.Facts)
	}
	return k
}

// Find is the action of that name.
func Find(name string) (k Kind, found bool) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}
