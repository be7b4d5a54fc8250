package outage

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"pgchaos/record"
)

// ReadWhat is one way in which a read did not see what it might have.
type ReadWhat string

// What readers can see.
const (
	// ReadStale did not see a write that had been acknowledged before it was sent.
	// PostgreSQL promises nothing else on a standby, but for the two that follow.
	ReadStale ReadWhat = "stale"
	// ReadStaleApplied was stale on a standby that remote_apply had waited for.
	ReadStaleApplied ReadWhat = "stale_remote_apply"
	// ReadStalePrimary was stale on the primary that had acknowledged the write itself.
	ReadStalePrimary ReadWhat = "stale_primary"
	// ReadMissedOwn was stale, and of the writer that the client calls its own.
	ReadMissedOwn ReadWhat = "missed_own_write"
	// ReadWentBack was older than what the same connection had seen before.
	ReadWentBack ReadWhat = "went_back"
	// ReadBehind was older than what the same client had seen over another connection,
	// most often on another node.
	ReadBehind ReadWhat = "behind_another_node"
	// ReadHole lacked an acknowledged write that the same server had committed before
	// one that was seen.
	ReadHole ReadWhat = "hole"
	// ReadNever saw a row whose sequence number had not been issued.
	ReadNever ReadWhat = "never_attempted"
)

// Violates tells whether PostgreSQL promises that this does not happen.
func (w ReadWhat) Violates() bool {
	switch w {
	case ReadStaleApplied, ReadStalePrimary, ReadWentBack, ReadHole, ReadNever:
		return true
	case ReadStale, ReadMissedOwn, ReadBehind:
	}
	return false
}

// ReadFinding is what was found of one kind in the reads of a workload.
type ReadFinding struct {
	What ReadWhat `json:"what"`
	// Violation is set where PostgreSQL promises otherwise; else this is information.
	Violation bool          `json:"violation,omitempty"`
	N         int64         `json:"n"`
	AtLeast   bool          `json:"at_least,omitempty"` // there may be more
	Examples  []ReadExample `json:"examples,omitempty"` // by time, at most MaxReadExamples
}

// MaxReadExamples bounds the examples that a finding keeps.
const MaxReadExamples = 100

// ReadExample is one read of a finding. Sequence numbers are those of the writer; 0
// is none, or does not apply.
type ReadExample struct {
	At      time.Duration `json:"at_ns"` // when it was sent
	Client  int           `json:"client"`
	Node    string        `json:"node"` // that answered
	Writer  int           `json:"writer"`
	Seen    int64         `json:"seen"`            // the newest row
	Next    int64         `json:"next,omitempty"`  // the newest row but one; of a hole
	Acked   int64         `json:"acked,omitempty"` // acknowledged, and not seen
	AckedAt time.Duration `json:"acked_at_ns,omitempty"`
	AckedBy string        `json:"acked_by,omitempty"`
	Before  int64         `json:"before,omitempty"` // the newest row seen before
	On      string        `json:"before_on,omitempty"`
	N       int64         `json:"n,omitempty"` // reads alike; 0 stands for 1
}

// ReadEvents are reads of one kind: N in all, of which those are known that the N of
// Kept add up to.
type ReadEvents struct {
	N    int64
	Kept []record.ReadEvent // by time
}

// Unkept is the number of reads of which nothing more is known.
func (e ReadEvents) Unkept() int64 {
	n := e.N
	for _, k := range e.Kept {
		n -= k.N
	}
	return n
}

// ReadsSeen is what the clients of a read workload recorded. Of each of the Stale
// events those that it stands for were sent within the same 100 ms, and its newest
// unseen write was acknowledged last.
type ReadsSeen struct{ Stale, Misses, Gaps, Back, Across, Never ReadEvents }

// Ack is what is known of one write's acknowledgement.
type Ack struct {
	Node     string // that acknowledged it
	Outcome  record.Outcome
	From, To time.Duration // when: not before From, nor after To
	Late     bool          // its client had gone on by then, so that it says nothing of order
}

// Awaited is a parsed synchronous_standby_names.
type Awaited struct {
	Any   bool // ANY; else FIRST
	Num   int  // how many standbys a commit waits for; 0: none
	Names []string
}

// ReadCourse is what reads are judged by.
type ReadCourse struct {
	Nodes  []string           // by number, 1 first
	States []record.NodeState // every change of every node, in any order
	// Ack looks a write up; issued is false for one that was never used.
	Ack func(writer int, seq int64) (a Ack, issued bool)
	// Awaited parses a synchronous_standby_names.
	Awaited func(names string) Awaited
}

// readBand is how far from any change of a node's state a promise must have held to
// be judged by: what was read of a node is up to 100 ms old, a change of its regime
// takes milliseconds to reach every backend, and a connection between two nodes can
// come and go between two readings.
const readBand = 500 * time.Millisecond

// firstStates is by when every node that was there from the beginning has been read
// once. What a node was then it was before, for it was verified before the load.
const firstStates = time.Second

// Reads judges what the clients of a read workload saw by what was promised. Kinds
// that did not occur are left out.
func Reads(seen ReadsSeen, c ReadCourse) []ReadFinding {
	j := readJudge{ReadCourse: c, states: map[string][]record.NodeState{}}
	for _, s := range c.States {
		j.states[s.Node] = append(j.states[s.Node], s)
	}
	for _, states := range j.states {
		slices.SortStableFunc(states, func(a, b record.NodeState) int { return cmp.Compare(a.At, b.At) })
	}
	applied, primary := j.promised(seen.Stale)
	all := []ReadFinding{
		j.finding(ReadStale, seen.Stale), applied, primary, j.finding(ReadMissedOwn, seen.Misses),
		j.finding(ReadWentBack, seen.Back), j.finding(ReadBehind, seen.Across), j.holes(seen.Gaps), j.finding(ReadNever, seen.Never),
	}
	return slices.DeleteFunc(all, func(f ReadFinding) bool { return f.N == 0 })
}

type readJudge struct {
	ReadCourse
	states map[string][]record.NodeState // by time
}

func (j *readJudge) node(number int) string {
	if number < 1 || number > len(j.Nodes) {
		return ""
	}
	return j.Nodes[number-1]
}

// example puts an event into words.
func (j *readJudge) example(e record.ReadEvent) ReadExample {
	x := ReadExample{
		At: e.At, Client: e.Client, Node: j.node(e.Node), Writer: e.Writer, Seen: e.Seen, Acked: e.Acked, AckedAt: e.AckedAt,
		Before: e.Before, On: j.node(e.BeforeNode),
	}
	if e.N > 1 {
		x.N = e.N
	}
	if e.Acked > 0 {
		a, _ := j.Ack(e.Writer, e.Acked)
		x.AckedBy = a.Node
	}
	return x
}

// finding is one whose kind is certain without more.
func (j *readJudge) finding(what ReadWhat, events ReadEvents) ReadFinding {
	f := ReadFinding{What: what, Violation: what.Violates(), N: events.N}
	for _, e := range events.Kept[:min(len(events.Kept), MaxReadExamples)] {
		x := j.example(e)
		if what != ReadStale && what != ReadMissedOwn {
			x.Acked, x.AckedAt, x.AckedBy = 0, 0, ""
		}
		f.Examples = append(f.Examples, x)
	}
	return f
}

func (f *ReadFinding) add(x ReadExample, n int64) {
	f.N += n
	if len(f.Examples) < MaxReadExamples {
		f.Examples = append(f.Examples, x)
	}
}

// promised finds the stale reads that were promised not to be. Of reads that one
// event stands for only that one is certain, so the count can be too low.
func (j *readJudge) promised(stale ReadEvents) (applied, primary ReadFinding) {
	applied = ReadFinding{What: ReadStaleApplied, Violation: true, AtLeast: stale.Unkept() > 0}
	primary = ReadFinding{What: ReadStalePrimary, Violation: true, AtLeast: stale.Unkept() > 0}
	for _, e := range stale.Kept {
		a, issued := j.Ack(e.Writer, e.Acked)
		node := j.node(e.Node)
		into := &applied
		switch {
		case !issued || a.Late || node == "" || a.Node == "":
			continue
		case a.Node == node:
			if into = &primary; !a.Outcome.Acknowledged() || !j.steadyPrimary(node, e.AckedAt, e.At) {
				continue
			}
		case a.Outcome != record.OK || !j.applies(a.Node, node, e.AckedAt, e.At):
			continue // a weak acknowledgement waited for nobody
		}
		into.add(j.example(e), 1)
		into.AtLeast = into.AtLeast || e.N > 1
	}
	return applied, primary
}

// mostMissing bounds the sequence numbers that one gap is looked through for.
const mostMissing = 10_000

// holes finds the gaps in which an acknowledged write is missing. That is no hole
// where the write was lost before the one that was seen was made: by a failover, or by
// a crash of its server.
func (j *readJudge) holes(gaps ReadEvents) ReadFinding {
	f := ReadFinding{What: ReadHole, Violation: true, AtLeast: gaps.Unkept() > 0}
	for _, e := range gaps.Kept {
		top, _ := j.Ack(e.Writer, e.Seen)
		for seq := e.Seen - 1; seq > max(e.Next, e.Seen-1-mostMissing); seq-- {
			a, issued := j.Ack(e.Writer, seq)
			if !issued || a.Late || !a.Outcome.Acknowledged() || !j.sameServer(a, top, e.At) {
				continue
			}
			x := j.example(e)
			x.Next, x.Acked, x.AckedAt, x.AckedBy = e.Next, seq, a.To, a.Node
			f.add(x, e.N)
			break
		}
	}
	return f
}

// sameServer tells whether one write and the one seen above it were certainly made by
// the same server, without a restart between them. Of one that was never
// acknowledged it is known only that it was there when it was read.
func (j *readJudge) sameServer(below, top Ack, read time.Duration) bool {
	until := read
	if top.Outcome.Acknowledged() && !top.Late {
		if top.Node != below.Node {
			return false
		}
		until = top.To
	}
	return j.steadyPrimary(below.Node, below.From, until)
}

// steadyPrimary tells whether a node was the same primary, and the same server
// process, through all of a time.
func (j *readJudge) steadyPrimary(node string, from, to time.Duration) bool {
	return j.steady(node, from, to, func(s record.NodeState) bool { return s.Role == record.RolePrimary })
}

// applies tells whether commits of a primary waited until a standby had applied them,
// through all of a time.
func (j *readJudge) applies(primary, standby string, from, to time.Duration) bool {
	regime := func(s record.NodeState) bool {
		return s.Role == record.RolePrimary && s.SyncCommit == "remote_apply" && waitsFor(j.Awaited(s.SyncNames), s, standby)
	}
	return j.steady(primary, from, to, regime) &&
		j.steady(standby, from, to, func(s record.NodeState) bool { return s.Role == record.RoleStandby })
}

// waitsFor tells whether no commit of a primary is acknowledged without a standby:
// all that are named are waited for, or it is among the first of them and connected.
// One that is not connected is passed over for the next in the list.
func waitsFor(w Awaited, primary record.NodeState, standby string) bool {
	rank := slices.IndexFunc(w.Names, func(name string) bool { return strings.EqualFold(name, standby) })
	switch {
	case rank < 0 || slices.Contains(w.Names, "*"):
		return false
	case len(w.Names) == w.Num:
		return true
	case w.Any || rank >= w.Num:
		return false
	}
	return slices.ContainsFunc(primary.Standbys, func(s record.StandbyState) bool {
		return strings.EqualFold(s.Name, standby) && s.State == "streaming" && s.SyncState == "sync"
	})
}

// steady tells whether a node is known to have been the same server on the same
// timeline, and as it should be, from readBand before a time to readBand after it.
func (j *readJudge) steady(node string, from, to time.Duration, fine func(record.NodeState) bool) bool {
	states := j.states[node]
	last := -1 // the state that was in force when the time began
	for i, s := range states {
		if s.At <= from-readBand || i == 0 && s.At < firstStates {
			last = i
		}
	}
	if last < 0 {
		return false
	}
	first := states[last]
	for i, s := range states[last:] {
		if i > 0 && s.At > to+readBand { // the first one holds for all of the time, also where it was read later
			break
		}
		if !s.Reachable || !fine(s) || s.Timeline != first.Timeline ||
			!s.ServerStarted.Equal(first.ServerStarted) || !s.CheckpointerStarted.Equal(first.CheckpointerStarted) {
			return false
		}
	}
	return true
}
