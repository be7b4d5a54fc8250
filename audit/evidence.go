package audit

import (
	"iter"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/rows"
)

// Book is what the database promised; *ledger.Book is one. The Damage of that one
// is part of the evidence: nobody has to hand it over.
type Book interface {
	Writers() []ledger.Account
	Entries(writer int, first, last int64) iter.Seq2[ledger.Entry, error]
}

// Evidence is all that the audit of one table rests on.
type Evidence struct {
	Table     rows.Table
	Book      Book
	Workloads []string // whose writers wrote this table: a key of any other writer is foreign
	// Authority is the one writable node; "": there was not exactly one, and then
	// nothing can be called lost or survived.
	Authority string
	Nodes     []NodeHolding
	Forks     []ForkHolding
	// Lineage is the authority's. Where it is not known no loss can be explained.
	Lineage record.Lineage
	Events  []record.Event
	// Started is the wall time of offset 0. Where it is zero, nobody knows when a server
	// was started that was restarted between two readings.
	Started time.Time
	// States are what the nodes said of themselves, by node in the order of time. Only
	// changes need to be there, as long as each node was read every 100 ms: but a state
	// with another ServerStarted or CheckpointerStarted is a change. The last reading
	// before each change makes it more exact.
	States map[string][]record.NodeState
	// Demands are what synchronous replication the experiment demands, and from when: a
	// step that weakens it on purpose changes the demand.
	Demands []record.Demand
	// Commits are the workloads whose sessions have a synchronous_commit of their own, and
	// its value.
	Commits map[string]string
	// Readers is how many reader clients have read one of these rows; nil where that is
	// not recorded.
	Readers func(writer int, first, last int64) int
}

// NodeHolding is what one node holds. A node that was not read has none, and says why.
type NodeHolding struct {
	Node    string
	Holding *rows.Holding
	Why     string
	// CaughtUp is set on a standby that had replayed all of the authority's WAL, when
	// nobody wrote any more: it must hold the same.
	CaughtUp bool
	// Behind is set on any other standby, unless it is known to have gone another way.
	Behind bool
	// Lineage is the node's own at the end, where it is known: only of one that differs
	// from the authority's anything is concluded.
	Lineage record.Lineage
}

// ForkHolding is what a node held, read before it was rewound or cloned: a former
// primary, or a standby that had gone another way.
type ForkHolding struct {
	Node     string
	Step     string // the one that rewinds or clones it
	Timeline uint32
	Read     time.Duration // when it was read
	Holding  *rows.Holding
	Why      string
	Lineage  record.Lineage // its own then, where it is known
}

func damageOf(b Book) []string {
	if book, ok := b.(*ledger.Book); ok && book != nil {
		return book.Damage
	}
	return nil
}
