// Package record holds the types of what happened, which all packages share: what was
// attempted (Op), what was done to the cluster (Event), what its nodes reported
// (NodeState, ResourceSample), and the clock of all times.
//
// Nothing here talks to PostgreSQL, and nothing here imports another package of
// this module.
package record

import (
	"fmt"
	"strings"
	"time"
)

// Clock gives offsets from one monotonic reading. Every time in a result is such
// an offset, so that a step of the wall clock cannot bend a measurement.
type Clock struct{ zero time.Time }

// StartClock returns a Clock whose zero is now.
func StartClock() Clock { return Clock{zero: time.Now()} }

// Now is the offset of this moment.
func (c Clock) Now() time.Duration { return time.Since(c.zero) }

// Offset converts a reading of time.Now into an offset on the clock.
func (c Clock) Offset(t time.Time) time.Duration { return t.Sub(c.zero) }

// Zero is the wall time of offset 0, for the header of a result.
func (c Clock) Zero() time.Time { return c.zero }

// Outcome says how one operation ended. The zero value means unknown: an operation
// without a record was sent and never answered.
type Outcome uint8

// The outcomes, from the least to the most that is known.
const (
	Unknown Outcome = iota // sent, and no answer that proves anything
	OK                     // acknowledged by the server
	Weak                   // acknowledged, but the wait for the synchronous standbys had been cancelled
	Failed                 // certainly not committed
	Dropped                // due, but never sent
)

// Outcomes is the number of different outcomes, for arrays indexed by Outcome.
const Outcomes = 5

var outcomeNames = [Outcomes]string{"unknown", "ok", "weak", "failed", "dropped"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Acknowledged tells whether the server said yes, be it weakly.
func (o Outcome) Acknowledged() bool { return o == OK || o == Weak }

// MarshalText writes the outcome as its word.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the word that MarshalText wrote.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("outcome %q: not one of %v", text, outcomeNames)
}

// Op is the outcome of one arrival. All times are offsets on the run's clock.
type Op struct {
	Due     time.Duration // when it should have been sent; equals Sent in a closed loop
	Sent    time.Duration // when it was sent; meaningless for Dropped
	Done    time.Duration // when the answer, the error or the time-out came
	Outcome Outcome
	// Kind is "" for OK; otherwise an SQLSTATE ("25006") or a word for what the
	// connection did ("timeout", "connection refused", "reset", "eof", "dropped").
	Kind string
	// Err is the error as it came, for the one example kept for each Kind; nil for OK.
	Err error
	// Node is the number of the node that answered, counted from 1 in the order of the
	// workload's nodes; 0: nobody did, or nobody knows who.
	Node int
	// Part is the number of the part of a mix that was performed, counted from 0; 0 where
	// the workload is no mix.
	Part int
	// Retries counts how often the transaction was begun again after 40001 or 40P01.
	Retries int
	// Out and In are the bytes that were written to and read from the connection for it.
	Out, In int64
}

// Response is the time from due to done, in which waiting for a free client counts.
func (o Op) Response() time.Duration { return o.Done - o.Due }

// OtherKinds stands for kinds of errors that are not counted one by one, because there are too many.
const OtherKinds = "other kinds"

// KindOverflow is the Kind of an arrival that was dropped because it found every client busy and was not to wait.
const KindOverflow = "overflow"

// HasResponse tells whether the operation has a response time. A dropped arrival has one, the time that it waited. One of KindOverflow
// has none: the short while until a client noticed it would make the server look fast.
func (o *Op) HasResponse() bool { return o.Outcome != Dropped || o.Kind != KindOverflow }

// Service is the time from sent to done: what the server and the network took.
func (o Op) Service() time.Duration { return o.Done - o.Sent }

// EventStatus says how a step of the timeline ended. The zero value means that it
// was never known to end.
type EventStatus string

// How a step can end.
const (
	EventDone    EventStatus = "done"    // acted, and the effect was verified
	EventFailed  EventStatus = "failed"  // the action or its verification returned an error
	EventSkipped EventStatus = "skipped" // not begun: the run ended, or a step before it failed
	EventSeen    EventStatus = "seen"    // not a step of ours: something that happened, such as a node's unexpected exit
)

// The ways to make a standby of a node.
const (
	WayRestart = "plain restart"
	WayRewind  = "pg_rewind"
	WayBackup  = "base backup"
)

// Event is one thing done to the cluster, or seen to happen to it. A fault is an
// interval, not an instant: acknowledgements still arrive between Issued and
// Effective. What was seen happened at some moment from Issued, when all was last known
// to be well, to Effective, when it was noticed.
type Event struct {
	Name   string   `json:"name"`            // the step's name; phases carry it
	Action string   `json:"action"`          // "kill", "promote", ...; "undo" for a reversal; of an event that was seen: "exit", "crash", "out-of-memory", "restarted", "promoted", "weakened", "unreachable"
	Nodes  []string `json:"nodes,omitempty"` // the nodes acted on, roles resolved
	// Mode is how a stop or a restart shut its servers down: "fast" and "smart"
	// lose nothing, "immediate" is a crash. "" for any other action, and where it is not known.
	Mode string `json:"mode,omitempty"`
	// Way is how a rejoin made a standby of its node: one of the above; "" for any other action, and where it is not known. Tried counts the ways
	// that did not work before.
	Way   string `json:"way,omitempty"`
	Tried int    `json:"ways_tried,omitempty"`
	// After names the step after whose end this one came, or stands for several (AfterSeveral), beside those that follow it; "": it followed the
	// step above it.
	After string `json:"after,omitempty"`
	// At is the `at` of the step in the file, which counts from the beginning of its cycle or, with After, from the end of that step;
	// nil when the step had none, and in a result of an earlier pgchaos.
	At *time.Duration `json:"at_ns,omitempty"`
	// Planned is when that was due; nil when the step had no `at`, and where its cycle was not reached.
	Planned   *time.Duration `json:"planned_ns,omitempty"`
	Issued    time.Duration  `json:"issued_ns"`
	Effective time.Duration  `json:"effective_ns"` // when the effect had been verified; 0 when it never was
	// Ended is when the step was over: effective, failed, or given up.
	Ended  time.Duration `json:"ended_ns"`
	Status EventStatus   `json:"status"`
	// NotSo is set for a failed step that asked something and was answered, and what it
	// expects is not so. Without it the step could not be done, or is a fault that did not take effect: it proves nothing.
	NotSo bool `json:"not_so,omitempty"`
	// Continued is set for a failed step after which the timeline went on.
	Continued bool `json:"continued,omitempty"`
	// Fault is set for what takes something away from clients (stop, kill, pause,
	// restart): outages are measured from these.
	Fault bool `json:"fault,omitempty"`
	// Facts are what the action does to its nodes; nil in a result of an earlier pgchaos.
	Facts *Facts `json:"facts,omitempty"`
	// SamePhase is set for a step with which no phase begins.
	SamePhase bool `json:"same_phase,omitempty"`
	// PartOf names the step that this event is a part of: a runbook does several things, each with an event of its own.
	PartOf string `json:"part_of,omitempty"`
	// Demanded is what the commits of the nodes wait for from the event's effect on, where a runbook chose it.
	Demanded *SyncDemand `json:"demanded,omitempty"`
	// Reverses names the step that this event takes back.
	Reverses string `json:"reverses,omitempty"`
	Detail   string `json:"detail,omitempty"` // what a person wants to know: "by pg_rewind in 1.2s"
	Error    string `json:"error,omitempty"`
	// Warnings are what the user has to know of a step that did what it was to do, a sentence each. Detail has them, too.
	Warnings []string `json:"warnings,omitempty"`
	// Numbers are what the statement of a sql step answered, by node, where that is a number.
	Numbers map[string]int64 `json:"numbers,omitempty"`
	// Promotion is set for a promotion that no step made, and that was seen.
	Promotion *Promotion `json:"promotion,omitempty"`
	// Weakening is set where a primary's synchronous replication became weaker than demanded, and no step did it.
	Weakening *Weakening `json:"weakening,omitempty"`
}

// Promotion is a switch to a newer timeline that nobody asked pgchaos for.
type Promotion struct {
	From uint32 `json:"from_timeline,omitempty"` // 0: not known
	To   uint32 `json:"to_timeline"`
	Fork LSN    `json:"fork_lsn,omitempty"` // where To left From; 0: not known
}

// SyncDemand is a demand on synchronous replication, in PostgreSQL's words.
type SyncDemand struct {
	Commit   string `json:"synchronous_commit"`
	Standbys string `json:"synchronous_standby_names"` // "": asynchronous
}

// Names of phases that pgchaos gives.
const (
	Baseline   = "baseline" // the phase before the first step
	UndoPrefix = "undo-"    // and the name of a step: its reversal, and the phase that begins with that
	// AfterAll, as what a step comes after, stands for all steps above it and their reversals.
	AfterAll = "all"
)

// AfterSeveral tells whether what a step comes after stands for several steps above it and their reversals: AfterAll, or the beginning of
// their names and a star, such as "flap-*".
func AfterSeveral(after string) bool { return after == AfterAll || strings.HasSuffix(after, "*") }

// AfterIncludes tells whether a step of that name is one of these several, if it stands above.
func AfterIncludes(after, name string) bool {
	return after == AfterAll || AfterSeveral(after) && strings.HasPrefix(name, strings.TrimSuffix(after, "*"))
}

// Phase is a stretch of the run: `baseline` until the first step that begins a phase,
// then the name of each such step until the next. Of several steps in force at once, the phase is that of the
// step that was issued last. An operation belongs to the phase it was due in.
type Phase struct {
	Name  string        `json:"name"`
	Start time.Duration `json:"start_ns"`
	End   time.Duration `json:"end_ns"`
}
