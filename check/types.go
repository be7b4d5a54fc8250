// Package check is the audit: pure functions from what was recorded and read to
// verdicts. It starts nothing and touches no cluster.
package check

import (
	"iter"
	"time"

	"pgchaos/history"
)

// Verdict is the answer to one question. The zero value is Inconclusive: absence
// of evidence never passes.
type Verdict uint8

// The verdicts.
const (
	Inconclusive Verdict = iota
	Pass
	Fail
)

// Row is one row of the audited table on one node.
type Row struct {
	Key   history.Key // what the row says it is; 0 when its value carries no tag and its key is no packed one
	Int   int64       // int_value as it stands
	Value []byte      // char_value; valid until the iterator's next step
}

// NodeRows is what one node holds: its rows ordered by Key (duplicates side by
// side, rows with Key 0 first). A node that could not be read has Rows nil and
// says why.
type NodeRows struct {
	Node string
	Rows iter.Seq2[Row, error]
	Why  string
}

// Table says how the audited table's rows are made.
type Table struct {
	Name    string
	Serial  bool // int_value comes from the sequence; the tag in char_value tells the key
	Payload int  // bytes of char_value
}

// Audit is what was found on all nodes, held against the ledger. A count that
// rests on nodes which could not be read is a lower bound: see Complete.
type Audit struct {
	Table     string `json:"table"`
	Authority string `json:"authority"` // the one writable node, whose rows are the cluster's
	// Complete is set when every node was read to the end, so that the counts are exact.
	Complete     bool        `json:"complete"`
	Why          string      `json:"why,omitempty"` // why not
	Acknowledged int64       `json:"acknowledged"`  // ok and weak
	Lost         Count       `json:"lost"`          // ok, absent on the authority
	WeakLost     Count       `json:"weak_lost"`     // weak, absent on the authority
	Survived     Count       `json:"survived"`      // unknown, present on the authority
	Vanished     Count       `json:"vanished"`      // unknown, absent on the authority: allowed
	Resurrected  Count       `json:"resurrected"`   // failed, present on the authority
	Duplicated   Count       `json:"duplicated"`    // present more than once on some node
	Foreign      Count       `json:"foreign"`       // on some node, but never attempted by this run
	Corrupted    Count       `json:"corrupted"`     // the value on some node is not the one that belongs to the key
	Nodes        []NodeAudit `json:"nodes"`
}

// Count is a number of writes, and where they are: at most MaxRuns runs of them.
type Count struct {
	N    int64 `json:"n"`
	Runs []Run `json:"runs,omitempty"`
	More int64 `json:"more_runs,omitempty"` // runs beyond MaxRuns
}

// MaxRuns bounds the runs that a Count keeps.
const MaxRuns = 100

// Run is a stretch of one writer's sequence numbers. The times are when the
// first and last of them were answered (0 where they never were).
type Run struct {
	Writer   int           `json:"writer"`
	Workload string        `json:"workload,omitempty"`
	First    int64         `json:"first"`
	Last     int64         `json:"last"`
	From     time.Duration `json:"from_ns,omitempty"`
	To       time.Duration `json:"to_ns,omitempty"`
	Node     string        `json:"node,omitempty"`     // the node that answered
	FoundOn  []string      `json:"found_on,omitempty"` // the nodes that hold them
}

// NodeAudit is one node's rows against the authority's.
type NodeAudit struct {
	Node       string `json:"node"`
	Read       bool   `json:"read"`          // to the end
	Why        string `json:"why,omitempty"` // why not
	Rows       int64  `json:"rows"`
	Equal      bool   `json:"equal"`   // the same keys with the same values as the authority; meaningless unless Read
	Missing    int64  `json:"missing"` // on the authority, not here
	Extra      int64  `json:"extra"`   // here, not on the authority
	Different  int64  `json:"different"`
	Corrupted  int64  `json:"corrupted"`
	Duplicated int64  `json:"duplicated"`
}

// Bucket is the resolution of Activity: an outage is known to this accuracy.
const Bucket = 10 * time.Millisecond

// Activity is what a workload's clients felt, in buckets of the run's clock.
type Activity struct {
	Workload string
	Writes   bool // it writes: its outages count for write_rto; otherwise for read_rto
	// OK and Errors count the operations that ended in bucket i, which spans
	// [i*Bucket, (i+1)*Bucket). Both have the same length.
	OK, Errors []uint32
	// Active tells when the workload was running.
	Active []struct{ From, To time.Duration }
	// Spread is set when the workload is on several nodes at once, each of which can
	// then have an outage of its own.
	Spread bool
	// Nodes are the parts of OK and Errors whose node is known. The number of a node in
	// an episode is 1 + its index here.
	Nodes   []NodeActivity
	Clients []ClientActivity
}

// NodeActivity is the part of one node in an Activity.
type NodeActivity struct {
	Node       string
	OK, Errors []uint32
}

// Outage is what one fault did to one workload. Times are offsets on the run's clock.
type Outage struct {
	Event    string        `json:"event"` // the step's name
	Workload string        `json:"workload"`
	Writes   bool          `json:"writes"`
	Issued   time.Duration `json:"issued_ns"`
	// Effective is when the fault was verified to have taken effect.
	Effective time.Duration `json:"effective_ns"`
	// Loaded is set when the workload was running at the fault; otherwise nothing was measured.
	Loaded bool `json:"loaded"`
	// Errors that ended between this fault and the next one.
	Errors    int64         `json:"errors"`
	FirstFail time.Duration `json:"first_error_ns,omitempty"`
	LastFail  time.Duration `json:"last_error_ns,omitempty"`
	// Recovered is set when a success followed the last failure (or the stall).
	Recovered bool `json:"recovered"`
	// RTO is from the fault taking effect to the first success after the last
	// failure it caused, or to the end of the longest stall where nothing failed;
	// where Recovered is false it is the least it can be: until the load ended.
	RTO time.Duration `json:"rto_ns"`
	// LongestGap is the longest time without any success after the fault was issued.
	LongestGap time.Duration `json:"longest_gap_ns"`
}

// Judgement is one expectation and what became of it.
type Judgement struct {
	Text     string  `json:"text"` // as written in the experiment
	Verdict  Verdict `json:"verdict"`
	Observed string  `json:"observed,omitempty"` // the value, with its unit; "" without one
	Why      string  `json:"why,omitempty"`      // why it is inconclusive
}
