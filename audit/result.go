// Package audit finds what was lost, and why: pure functions from what was recorded and read to
// findings. It starts nothing and touches no cluster.
package audit

import (
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// Audit is what was found on all nodes, held against the ledger. A count that
// rests on nodes which could not be read is a lower bound: see Complete.
type Audit struct {
	Table     string `json:"table"`
	Authority string `json:"authority"` // the one writable node, whose rows are the cluster's
	// Complete is set when every node and fork was read to the end and the ledger is
	// whole, so that the counts are exact.
	Complete     bool  `json:"complete"`
	Acknowledged int64 `json:"acknowledged"` // ok and weak
	// Why says why it is not complete, and what is known all the same.
	Why string `json:"why,omitempty"`
	// Weak is nil in results of before losses were explained: they know nothing of
	// Unexplained, Ghosts, SplitBrain and RPO either.
	Weak        *WeakAcks   `json:"weak_acknowledged,omitempty"`
	Lost        Count       `json:"lost"`        // ok, absent on the authority
	WeakLost    Count       `json:"weak_lost"`   // weak, absent on the authority
	Survived    Count       `json:"survived"`    // unknown, present on the authority
	Vanished    Count       `json:"vanished"`    // unknown, absent on the authority: allowed
	Resurrected Count       `json:"resurrected"` // failed, and present on a node or a fork
	Duplicated  Count       `json:"duplicated"`  // present more than once on some node or fork
	Foreign     Count       `json:"foreign"`     // on some node or fork, but never attempted by this run
	Corrupted   Count       `json:"corrupted"`   // the value on some node or fork is not the one that belongs to the key
	Nodes       []NodeAudit `json:"nodes"`
	Forks       []ForkAudit `json:"forks,omitempty"`
	// UnreadForks take nothing from the counts: what is not on the authority is lost, wherever else it was.
	UnreadForks []UnreadFork `json:"unread_forks,omitempty"`
	// Unexplained counts those of Lost and WeakLost that nothing explains.
	Unexplained int64 `json:"unexplained_losses,omitempty"`
	// Ghosts counts the rows that a reader has seen and that are absent on the authority
	// (lost, weakly lost or vanished); nil where it is not recorded what was read.
	Ghosts     *int64    `json:"ghosts,omitempty"`
	SplitBrain []Overlap `json:"split_brain,omitempty"`
	// FailBacks are no split brain, as the two did not serve at the same time.
	FailBacks []FailBack `json:"fail_backs,omitempty"`
	RPO       []RPO      `json:"rpo,omitempty"` // of each event that lost something, earliest loss first
	// Damage says what of the ledger could not be read.
	Damage []string `json:"ledger_damage,omitempty"`
}

// WeakAcks are the acknowledgements that are worth less than was demanded.
type WeakAcks struct {
	Notice int64 `json:"by_notice"` // the server said so: the wait for its standbys had been cancelled
	// Regime: acknowledged while the synchronous regime was weaker than demanded. Those
	// of Transition may have been: the regime was just being changed, or the session may have begun with another one.
	Regime     int64 `json:"by_regime"`
	Transition int64 `json:"in_transition"`
	// Stretches are when servers acknowledged under a weaker regime, by time; none in
	// files of before they were recorded.
	Stretches []WeakStretch `json:"stretches,omitempty"`
}

// Sum is the number of weak acknowledgements.
func (w WeakAcks) Sum() int64 { return w.Notice + w.Regime }

// Count is a number of writes, and where they are: at most MaxRuns runs of them,
// the unexplained ones first.
type Count struct {
	N    int64 `json:"n"`
	Runs []Run `json:"runs,omitempty"`
	More int64 `json:"more_runs,omitempty"` // runs beyond MaxRuns
}

// MaxRuns bounds the runs that a Count keeps.
const MaxRuns = 100

// Run is a stretch of one writer's sequence numbers of which all is the same that
// is said here. The times are when the first and last of them were answered (0
// where they never were).
type Run struct {
	Writer   int           `json:"writer"`
	Workload string        `json:"workload,omitempty"`
	First    int64         `json:"first"`
	Last     int64         `json:"last"`
	N        int64         `json:"n,omitempty"` // 0 in old results: Last - First + 1
	From     time.Duration `json:"from_ns,omitempty"`
	To       time.Duration `json:"to_ns,omitempty"`
	Node     string        `json:"node,omitempty"`     // the node that answered
	Timeline uint32        `json:"timeline,omitempty"` // and the timeline that it was on
	// FirstLSN and LastLSN are those of the inserts; 0 where they are not recorded.
	FirstLSN record.LSN `json:"first_lsn,omitempty"`
	LastLSN  record.LSN `json:"last_lsn,omitempty"`
	Weak     WeakReason `json:"weak,omitempty"`

	// Explained is set for a loss that Cause explains; Why says why another one is not.
	Explained bool       `json:"explained,omitempty"`
	Cause     Cause      `json:"cause,omitempty"`
	LostBy    string     `json:"lost_by,omitempty"`  // the event
	Fork      record.LSN `json:"fork_lsn,omitempty"` // from where on WAL was lost; 0: not known
	Why       string     `json:"why,omitempty"`

	FoundOn   []string `json:"found_on,omitempty"`   // the nodes that hold them
	MissingOn []string `json:"missing_on,omitempty"` // of losses: the nodes that were read and do not
	OnForks   []string `json:"on_forks,omitempty"`   // former primaries whose own forks held them
	Readers   int      `json:"readers,omitempty"`    // reader clients that had read one of them, of what is not there
}

// WeakReason says why an acknowledgement is weak.
type WeakReason string

// The reasons.
const (
	WeakNotice     WeakReason = "notice"     // the server said that the wait had been cancelled
	WeakRegime     WeakReason = "regime"     // under a weaker regime than demanded
	WeakTransition WeakReason = "transition" // perhaps: the regime was being changed, or may have been another one for this session
)

// Cause says what explains a loss.
type Cause string

// The causes.
const (
	CauseFork    Cause = "fork"    // past the point where the primary's WAL left the timeline
	CauseForeign Cause = "foreign" // on a timeline that the primary does not come from
	CauseBeside  Cause = "beside"  // past that point, on a former primary that accepted writes beside the new one
	CauseCrash   Cause = "crash"   // past the WAL recovered after a crash, with synchronous_commit = off
)

// NodeAudit is one node's rows against the authority's.
type NodeAudit struct {
	Node string `json:"node"`
	Read bool   `json:"read"`          // to the end
	Why  string `json:"why,omitempty"` // why not
	Rows int64  `json:"rows"`
	// CaughtUp: a standby that had replayed all of the authority's WAL before it was read.
	CaughtUp bool `json:"caught_up,omitempty"`
	// Behind: a standby that may not have replayed all of the authority's WAL when it was
	// read, and that is not known to have gone another way. What it lacks may still come.
	Behind bool `json:"behind,omitempty"`
	// Equal: the same keys with the same values as the authority. False where that is
	// not known.
	Equal      bool  `json:"equal"`
	Missing    int64 `json:"missing"`   // on the authority, not here
	Extra      int64 `json:"extra"`     // here, not on the authority
	Different  int64 `json:"different"` // at least: of a serial table's int_values only groups of rows are compared
	Corrupted  int64 `json:"corrupted"`
	Duplicated int64 `json:"duplicated"`
}

// LagsBehind tells whether all that a node's rows lack may be in WAL that it had not
// replayed. A row that the authority does not have, or another value, is not explained so.
func (n NodeAudit) LagsBehind() bool {
	return n.Behind && n.Missing > 0 && n.Extra == 0 && n.Different == 0
}

// Differs tells whether a node's rows are others than the authority's, and not because it
// is behind.
func (n NodeAudit) Differs() bool {
	return n.Missing+n.Extra+n.Different > 0 && !n.LagsBehind()
}

// ForkAudit is what a former primary, or a standby that had gone another way, had when
// it was read before its own fork was thrown away.
type ForkAudit struct {
	Node     string        `json:"node"`
	Step     string        `json:"step"` // the one that threw it away
	Timeline uint32        `json:"timeline,omitempty"`
	At       time.Duration `json:"read_ns,omitempty"` // when it was read
	Read     bool          `json:"read"`
	Why      string        `json:"why,omitempty"` // why not
	Rows     int64         `json:"rows"`
}

// Overlap is two servers that acknowledged at the same time: Older, of the older
// timeline or of a foreign one, acknowledged what was sent to it up to To, although
// Newer had acknowledged a write by From.
type Overlap struct {
	Older ledger.Server `json:"older"`
	Newer ledger.Server `json:"newer"`
	From  time.Duration `json:"from_ns"` // when the first acknowledgement of Newer had come
	To    time.Duration `json:"to_ns"`   // when the last acknowledged write was sent to Older
	// Read is set where readings prove that Newer accepted writes then, from From on,
	// whether it acknowledged any or not.
	Read bool `json:"read,omitempty"`
	// Resumed is set where Older answered at To what was sent before: it had been frozen, and
	// was resumed beside Newer.
	Resumed bool `json:"resumed,omitempty"`
}

// FailBack is an older server that acknowledged again after a newer one had, and had
// been away meanwhile: killed, say, and started again as the primary that it had been.
// The newer one's own writes are no part of its timeline, and are lost where it stays.
type FailBack struct {
	Older ledger.Server `json:"older"`
	Newer ledger.Server `json:"newer"`
	From  time.Duration `json:"from_ns"` // the last acknowledgement of Newer before
	To    time.Duration `json:"to_ns"`   // the first one of Older after it
}

// RPO is what one event lost.
type RPO struct {
	Event    string `json:"event"`
	Cause    Cause  `json:"cause"`
	Lost     int64  `json:"lost"`
	WeakLost int64  `json:"weak_lost,omitempty"`
	// From is the earliest acknowledgement of Lost, To is when the event took effect,
	// or the latest such acknowledgement where that came later.
	From time.Duration `json:"from_ns"`
	To   time.Duration `json:"to_ns"`
	Fork record.LSN    `json:"fork_lsn,omitempty"`
	// Bytes are from Fork to the highest LSN of Lost; nil where one of them is not known.
	Bytes *int64 `json:"bytes,omitempty"`
}

// Span is the time whose writes were lost.
func (r RPO) Span() time.Duration { return max(0, r.To-r.From) }

// SpanOf is the time whose writes one event lost, in whatever ways it lost them.
func (a *Audit) SpanOf(event string) time.Duration {
	all := RPO{From: 1<<63 - 1}
	for _, r := range a.RPO {
		if r.Event == event && r.Lost > 0 {
			all.From, all.To = min(all.From, r.From), max(all.To, r.To)
		}
	}
	return all.Span()
}
