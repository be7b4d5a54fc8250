package cluster

import (
	"slices"

	"pgchaos/record"
)

// Description is what a provider says about itself, before anything of it is made.
type Description struct {
	// Name is what cluster.provider and --provider call it.
	Name string
	// Summary is one clause on what its nodes are: "processes of this machine".
	Summary string
	// Capabilities are what its nodes can do.
	Capabilities []Capability
	// Lacks is why its nodes cannot do the rest: "its nodes are processes of one machine".
	Lacks string
	// Depends is what of Capabilities not every machine allows, and where it does.
	Depends map[Capability]string
	// Unable is what this machine does not allow of Capabilities, and why; nil: nothing.
	Unable map[Capability]Unable
	// Frozen is why no program runs on a node that is frozen; "": one does.
	Frozen string
	// Postgres is which versions of PostgreSQL its nodes can be, and where they come from.
	Postgres string
	// ChecksSettings: the server's program reads the settings before a cluster is built.
	ChecksSettings bool
	// Disks are the directories of this machine that the servers write to; they need not
	// exist yet. None: the provider knows of none.
	Disks []string
	// UsageNotes are what the figures of its nodes' use of resources mean.
	UsageNotes record.UsageNotes
}

// Unable is why a machine does not let a provider's nodes do something, and what would do.
type Unable struct{ Why, Instead string }

// Can tells whether its nodes have a capability.
func (d Description) Can(c Capability) bool { return slices.Contains(d.Capabilities, c) }
