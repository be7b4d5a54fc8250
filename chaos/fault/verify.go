package fault

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgchaos/chaos"
	"pgchaos/internal/units"
)

// Condition is a statement about the cluster. Everything set in it must hold.
// As a step, `verify: {role: {a: primary}, within: 5s}` waits that long for it;
// as a step's `when`, the step's own `within` bounds the wait, and Within here is 0.
type Condition struct {
	Primary   string            `yaml:"primary" jsonschema_description:"any: one node alone is the primary, whichever it is; or a node's name: that one alone is."`
	Role      map[string]string `yaml:"role" jsonschema_description:"By node: primary, standby or down."`
	SyncState map[string]string `yaml:"sync_state" jsonschema_description:"By node, as pg_stat_replication has it: async, potential, sync or quorum."`
	Streaming NodeList          `yaml:"streaming" jsonschema_description:"Standbys that stream from the node they follow. Of replicas, a node that is down is none: all_streaming wants every node."`
	CaughtUp  NodeList          `yaml:"caught_up" jsonschema_description:"Standbys that have replayed all that the primary had written when asked, and are on its timeline."`
	// AllStreaming is the state of a cluster without a fault.
	AllStreaming bool           `yaml:"all_streaming" jsonschema_description:"true: one node is the primary, and every other node streams from the node that it follows."`
	Within       units.Duration `yaml:"within" jsonschema_description:"How long a verify waits; 10s by default. A when has its within beside it."`
}

// AnyPrimary is a Condition's Primary where one node has to be the primary, whichever it is.
const AnyPrimary = chaos.AnyPrimary

// DefaultWithin is how long a condition is waited for.
const DefaultWithin = units.Duration(10 * time.Second)

func verify() Kind {
	return Kind{
		Name: "verify", Group: Load, Doc: "Waits for a condition, and fails where it does not come to hold.",
		Manual: Manual{
			Does:   "Waits until everything that it states holds at the same reading of the nodes.",
			Effect: "Nothing: it only reads.",
			Verified: "By fresh readings of all nodes. `replicas` are the nodes that are standbys at that reading, and one that is down is none: `all_streaming: true` wants every node. If the condition never holds within `within`, the run fails, and the report says what " +
				"was seen instead.",
			Example: `- {at: 5s, verify: {role: {pgmaster: primary}, streaming: replicas, caught_up: replicas, within: 10s}}`,
		},
		New: func() Parameters { return &Condition{} },
	}
}

// Selectors are none: a condition acts on no node.
func (c *Condition) Selectors() []string { return nil }

// Default is to wait for ten seconds.
func (c *Condition) Default(has func(key string) bool) {
	if !has("within") {
		c.Within = DefaultWithin
	}
}

// Nodes are the nodes and roles that the condition names, each once, by name.
func (c *Condition) Nodes() []string {
	names := slices.Concat(oneNode(c.primaryNode()), slices.Collect(maps.Keys(c.Role)), slices.Collect(maps.Keys(c.SyncState)), c.Streaming, c.CaughtUp)
	slices.Sort(names)
	return slices.Compact(names)
}

// Detail is the condition, and how long it is waited for.
func (c *Condition) Detail() string { return fmt.Sprintf("%s, within %s", c, c.Within) }

// primaryNode is the node that is to be the primary; "": none is named.
func (c *Condition) primaryNode() string {
	if c.Primary == chaos.AnyPrimary {
		return ""
	}
	return c.Primary
}

func (c *Condition) String() string {
	var parts []string
	switch c.Primary {
	case "":
	case chaos.AnyPrimary:
		parts = append(parts, "one node is the primary")
	default:
		parts = append(parts, c.Primary+" alone is the primary")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Role)) {
		parts = append(parts, name+" is "+c.Role[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.SyncState)) {
		parts = append(parts, "sync_state of "+name+" is "+c.SyncState[name])
	}
	for _, name := range c.Streaming {
		parts = append(parts, name+" is streaming")
	}
	for _, name := range c.CaughtUp {
		parts = append(parts, name+" has caught up")
	}
	if c.AllStreaming {
		parts = append(parts, "one node is the primary and all others are streaming")
	}
	return strings.Join(parts, ", ")
}

// Chaos is the condition as the timeline waits for it.
func (c *Condition) Chaos() chaos.Condition {
	return chaos.Condition{Primary: c.Primary, Role: c.Role, SyncState: c.SyncState, Streaming: c.Streaming, CaughtUp: c.CaughtUp, AllStreaming: c.AllStreaming}
}

// Action waits for the condition.
func (c *Condition) Action(env Env) chaos.Action {
	return env.Scene.Verify(c.Chaos(), time.Duration(c.Within))
}
