package cluster

import (
	"context"

	"pgchaos/cluster/link"
)

// Filtered has the kernel filter and shape the packets of the node, in the node's own network namespace.
type Filtered interface {
	// Filter puts rules in force for what passes between the node and others, under a name, until Unfilter. It tries a new
	// connection, and counts packets, of each in turn. Where the server does not run, the rules begin with its next start.
	// Rules that the kernel cannot have are an error.
	Filter(ctx context.Context, name string, rules []Traffic) ([]Verified, error)
	// Unfilter ends the rules of a name, and returns when none is left. It is idempotent.
	Unfilter(ctx context.Context, name string) error
	// Blocks are the names of rules in force that let something not pass between the node and a peer, the newest last. Those that come and
	// go are none of them.
	Blocks(peer Vantage) []string
	// Reset resets the open connections between the node and others.
	Reset(ctx context.Context, peers []Vantage) (Resets, error)
}

// Resets are the open connections of a node that were to be reset.
type Resets struct {
	Reset int // so many were
	Left  int // so many are still open
}

// Traffic is a rule for what passes between a node and a peer: link.Forward is what the node receives, and link.Back
// what it sends.
type Traffic struct {
	Peer Vantage
	Rule link.Rule
}

// Verified is what the rules for one peer do.
type Verified struct {
	Down     bool  // the server does not run, or the peer has no container: there was nothing to try
	AtPeer   bool  // the peer, which is a node, does it by the same rule of its own
	Answered bool  // a new connection got an answer
	Packets  int64 // that the rules have counted
	Resets         // of a rule that rejects
}

// Filter is the kernel's filter of the node's packets; nil where its provider has none.
func (n *Node) Filter() Filtered {
	host, err := n.machine()
	if err != nil {
		return nil
	}
	filter, _ := host.(Filtered)
	return filter
}
