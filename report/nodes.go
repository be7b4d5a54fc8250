package report

import (
	"slices"

	"pgchaos/audit"
	"pgchaos/record"
)

// NodeRows is one node at the end: its role, and its rows of all tables against those of the primary.
type NodeRows struct {
	Node     string
	State    record.NodeState
	Rows     int64
	AtLeast  bool // not all rows were read
	Missing  int64
	Extra    int64
	Wrong    int64 // different, corrupted or duplicated rows
	Compared bool  // Missing and Extra mean something
	Content  Content
	Why      string // of a node that was not read
	tables   int    // that it was audited for
}

// Content says how a node's rows compare with the primary's. The zero value is that nothing is known.
type Content int

// What is known of the rows of a node.
const (
	ContentUnknown   Content = iota
	ContentReference         // it is the primary
	ContentEqual
	ContentNotCompared // the primary was not read
	ContentBehind      // a standby that has not replayed all
	ContentUnread
	ContentDiffers
)

// byBadness are the contents, the worst last.
var byBadness = []Content{ContentReference, ContentEqual, ContentUnknown, ContentNotCompared, ContentBehind, ContentUnread, ContentDiffers}

func worseContent(a, b Content) Content {
	if slices.Index(byBadness, a) < slices.Index(byBadness, b) {
		return b
	}
	return a
}

// ContentOf compares one node of an audit with the one that counts.
func ContentOf(a *audit.Audit, n audit.NodeAudit) Content {
	switch {
	case n.Differs() && n.Node != a.Authority:
		return ContentDiffers
	case n.LagsBehind():
		return ContentBehind
	case !n.Read:
		return ContentUnread
	case n.Node == a.Authority:
		return ContentReference
	case !AuthorityRead(a):
		return ContentNotCompared
	case n.Equal:
		return ContentEqual
	}
	return ContentUnknown
}

// AuthorityRead tells whether the node that counts was read to its end.
func AuthorityRead(a *audit.Audit) bool {
	i := slices.IndexFunc(a.Nodes, func(n audit.NodeAudit) bool { return n.Node == a.Authority })
	return i >= 0 && a.Nodes[i].Read
}

// FinalState is a node's state at the audit; the zero value where it is not known.
func (r *Result) FinalState(node string) record.NodeState {
	i := slices.IndexFunc(r.States, func(h NodeHistory) bool { return h.Node == node })
	if i < 0 {
		return record.NodeState{}
	}
	return r.States[i].Final
}

// NodesAtEnd are all nodes that were audited or read, each with its rows of all tables together.
func (r *Result) NodesAtEnd() (all []NodeRows) {
	find := func(node string) *NodeRows {
		i := slices.IndexFunc(all, func(n NodeRows) bool { return n.Node == node })
		if i < 0 {
			i = len(all)
			all = append(all, NodeRows{Node: node, State: r.FinalState(node), Compared: true})
		}
		return &all[i]
	}
	for i := range r.Audits {
		a := &r.Audits[i]
		for _, n := range a.Nodes {
			row := find(n.Node)
			row.Rows += n.Rows
			row.AtLeast = row.AtLeast || !n.Read
			row.Missing += n.Missing
			row.Extra += n.Extra
			row.Wrong += n.Different + n.Corrupted + n.Duplicated
			row.Compared = row.Compared && AuthorityRead(a) && (n.Read || n.Rows > 0)
			if !n.Read && row.Why == "" {
				row.Why = n.Why
			}
			if row.tables++; row.tables == 1 {
				row.Content = ContentOf(a, n)
			}
			row.Content = worseContent(row.Content, ContentOf(a, n))
		}
	}
	if len(r.Audits) > 0 {
		return all
	}
	for _, n := range r.States {
		find(n.Node).Compared = false
	}
	return all
}
