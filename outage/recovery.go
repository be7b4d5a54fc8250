package outage

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/record"
)

// StageState says what is known of one stage of a recovery. The zero value is that
// nothing is known.
type StageState string

// What can be known of a stage.
const (
	StageReached StageState = "reached"        // at Stage.At
	StageMissed  StageState = "not_reached"    // not by Stage.At, when the watching ended
	StageNone    StageState = "does_not_apply" // nothing of the kind could come
)

// Stage is one moment of a recovery. At is an offset on the run's clock: when the
// stage was reached, or up to when it had not been; without meaning otherwise. From is set where it can have been reached at any moment
// from then to At, since what would have shown it could not be read. Where From is when the fault was issued, nothing may have been gone at all.
type Stage struct {
	State StageState    `json:"state,omitempty"`
	From  time.Duration `json:"from_ns,omitempty"`
	At    time.Duration `json:"at_ns,omitempty"`
}

// unclear tells whether it is not known whether or when the stage was reached.
func (s Stage) unclear() bool { return s.State == "" || s.From > 0 }

func reached(at time.Duration) Stage { return Stage{State: StageReached, At: at} }
func missed(by time.Duration) Stage  { return Stage{State: StageMissed, At: by} }

// Recovery is one fault and how the cluster came back from it, stage by stage.
type Recovery struct {
	Event string   `json:"event"`           // the step's name
	Nodes []string `json:"nodes,omitempty"` // what the fault befell
	// Primary is the node that accepted writes when the fault was issued; Lost is set
	// when it is among Nodes, and the fault can have taken it away.
	Primary string `json:"primary,omitempty"`
	Lost    bool   `json:"primary_lost,omitempty"`
	// SessionsOnly is set where the fault befell sessions, and took no server away.
	SessionsOnly bool          `json:"sessions_only,omitempty"`
	Issued       time.Duration `json:"issued_ns"`
	Effective    time.Duration `json:"effective_ns"`      // when it was verified to have taken effect
	Noticed      bool          `json:"noticed,omitempty"` // as in Outage
	// Next is the first fault that was issued after this one had taken effect. Client errors and stalls from then on
	// count for that fault. What had not come back by then is unknown for this one.
	Next string `json:"next,omitempty"`

	Promotion Stage `json:"promotion_asked"` // the first promote step issued, before any node was writable
	// Outside is set where no step promoted a node, and another one did: Promotion is then when that was first seen.
	Outside    bool   `json:"promoted_from_outside,omitempty"`
	Writable   Stage  `json:"writable"` // a node accepts writes again
	NewPrimary string `json:"new_primary,omitempty"`
	// Redundancy is that the primary has the synchronous standbys that are demanded of
	// it, or where none are as many standbys as before; it does not apply when these
	// were never missing, and is unknown where none is demanded and none streamed before.
	Redundancy Stage `json:"redundancy"`
	// Rejoined is that all Nodes stream again, or are the primary again.
	Rejoined Stage `json:"rejoined"`
	// Missing are those of Nodes that had to rejoin, or have not; none in an older result.
	Missing []string `json:"missing_nodes,omitempty"`
	// Kept are those of Nodes that were part of the cluster all the time, where others were not.
	Kept []string `json:"kept_nodes,omitempty"`
	// Unread are nodes that pgchaos could not read, so that one of the stages is not known, or only from and to.
	Unread []string `json:"unread_nodes,omitempty"`
	// Stuck are standbys that received nothing for some seconds while the primary had WAL for them, and whose lines in pg_stat_replication said
	// that they streamed: the redundancy is then not known, or only from and to.
	Stuck []string `json:"stuck_nodes,omitempty"`
	// Caveats are what must be known to read the stages: two primaries at once, a moment
	// that nobody knows.
	Caveats   []string           `json:"caveats,omitempty"`
	Workloads []WorkloadRecovery `json:"workloads,omitempty"`
}

// WorkloadRecovery is what one workload's clients saw of a Recovery.
type WorkloadRecovery struct {
	Workload string `json:"workload"`
	Writes   bool   `json:"writes"`
	// Loaded is set when the workload was running at the fault; otherwise nothing was
	// measured, and every stage is unknown.
	Loaded bool `json:"loaded"`
	// Shared are later faults that were issued before it could be seen what this one did to the workload: what its clients saw counts for each
	// of them. Next is then the first fault after these, in place of the recovery's.
	Shared     []string `json:"shared_with,omitempty"`
	Next       string   `json:"next,omitempty"`
	NotServed  bool     `json:"not_served,omitempty"` // as in Outage; nothing was measured either
	FirstError Stage    `json:"first_error"`          // not reached: nothing failed
	// LastOldAck is the last acknowledgement from a node that the fault took away, and
	// FirstNewAck the first from the new primary. They apply to a workload that the node
	// served in the second before the fault, and the last one not to a fault of sessions,
	// which leaves the server where it is.
	LastOldAck  Stage `json:"last_old_ack"`
	FirstNewAck Stage `json:"first_new_ack"`
	// Throughput is the first moment from which 90 % of Before are served again.
	Throughput Stage          `json:"throughput_90"`
	Before     float64        `json:"before_per_second,omitempty"` // acknowledgements, in the up to 10 s before the fault
	Clients    ClientOutages  `json:"clients"`
	Nodes      []NodeRecovery `json:"nodes,omitempty"` // of a workload that is on several nodes at once: those that failed it
}

// NextOf is the fault that ended the time in which what a workload lacked counts for this one; "" where the load did.
func (r *Recovery) NextOf(w *WorkloadRecovery) string {
	if len(w.Shared) > 0 {
		return w.Next
	}
	return r.Next
}

// NodeRecovery is one node's outage, as seen by a workload that uses several nodes. Clients
// may return to a node long after it serves again: RTO ends when one did.
type NodeRecovery struct {
	Node      string        `json:"node"`
	Errors    int64         `json:"errors"`
	Recovered bool          `json:"recovered"`
	RTO       time.Duration `json:"rto_ns"` // as in Outage; at least, where Recovered is false
	// Left is set where nobody is known to have used the node any more, a second and longer
	// before the load ended: whether it would have served is not known, and RTO is until
	// it was used last.
	Left bool `json:"left,omitempty"`
}

// Course is all of a run that Recoveries looks at.
type Course struct {
	Activity []Activity
	Events   []record.Event
	States   []record.NodeState // every change of every node, in any order
	Demands  []record.Demand
	Series   []record.NodeSeries
	End      time.Duration // of the load
}

// Recoveries follows each fault through its aftermath, in the order of the faults.
//
// The aftermath of a fault lasts until the next fault that takes the primary away, or is followed by another primary,
// is issued: what a step brings back after a second standby has failed belongs to
// both faults. Client outages are attributed to a fault as Outages does it:
// failures and stalls up to where any next fault was issued, and a recovery from them
// whenever it comes. Redundancy, and nodes, that were never missing until then are kept as
// far as this fault goes.
func Recoveries(c Course) []Recovery {
	faults := faultsOf(c.Events)
	w := newWatched(c)
	all := make([]Recovery, 0, len(faults))
	for _, m := range faults {
		r := Recovery{Event: m.Name, Nodes: m.Nodes, Issued: m.Issued, Effective: m.Effective, Noticed: noticed(m)}
		r.Primary = w.primaryAt(m.Issued)
		is, known := m.Effects()
		r.Lost, r.SessionsOnly = slices.Contains(m.Nodes, r.Primary) && (!known || is.MayTakePrimary()), is.Sessions
		all = append(all, r)
	}
	took := w.tookPrimary(all, faults)
	for i := range all {
		r, until := &all[i], c.End
		for n := i + 1; n < len(all); n++ {
			if took[n] && afterEffect(faults[n], faults[i]) && w.shows(*r, all[n].Issued) {
				until = min(until, all[n].Issued)
				break
			}
		}
		w.follow(r, w.ownUntil(faults, i), until)
		for _, a := range c.Activity {
			f := clientTimeline{Activity: a, end: c.End, parts: partsOf(c.Events, faults[i])}
			r.Workloads = append(r.Workloads, f.recovered(r, f.windowOf(faults, i), until, faults[0].Issued))
		}
		if n := slices.IndexFunc(faults, func(next record.Event) bool { return afterEffect(next, faults[i]) }); n >= 0 {
			r.Next = faults[n].Name
		}
		r.settleWritable()
		r.Caveats = w.caveats(r, until)
	}
	return slices.DeleteFunc(all, func(r Recovery) bool { return r.Effective <= 0 })
}

// tookPrimary tells of each fault whether it certainly took the primary away, or another one was seen until the next fault that did. What
// can take no primary away is followed by another one only because it lets nobody in, and a manager takes that for an outage.
func (w watched) tookPrimary(all []Recovery, faults []record.Event) []bool {
	took, until := make([]bool, len(all)), w.End
	for i, m := range slices.Backward(faults) {
		is, known := m.Effects()
		switch r := &all[i]; {
		case !slices.Contains(r.Nodes, r.Primary):
		case !known || is.TakesServers():
			took[i] = true
		case is.MayTakePrimary() || is.Refuses:
			stage, _ := w.writable(r, until)
			took[i] = stage.State != StageNone
		}
		if took[i] {
			until = m.Issued
		}
	}
	return took
}

// shows tells whether readings had shown by a moment what a fault took away: something was missing, or nothing although there was time to notice.
func (w watched) shows(r Recovery, by time.Duration) bool {
	if by >= r.Effective+noticedSpan {
		return true
	}
	w.follow(&r, by, by)
	return slices.ContainsFunc([]Stage{r.Writable, r.Redundancy, r.Rejoined}, func(s Stage) bool {
		return s.State == StageReached || s.State == StageMissed
	})
}

// settleWritable lets an acknowledgement prove what the watch saw later.
func (r *Recovery) settleWritable() {
	for _, w := range r.Workloads {
		if w.Writes && w.FirstNewAck.State == StageReached && r.Writable.State == StageReached {
			r.Writable.At = min(r.Writable.At, w.FirstNewAck.At)
		}
	}
	if r.Outside && r.Writable.State == StageReached {
		r.Promotion.At = min(r.Promotion.At, r.Writable.At)
	}
}

// faultsOf are the faults among the events, by when they were issued.
func faultsOf(events []record.Event) []record.Event {
	faults := slices.DeleteFunc(slices.Clone(events), func(m record.Event) bool { return !m.Fault })
	slices.SortStableFunc(faults, func(a, b record.Event) int { return cmp.Compare(a.Issued, b.Issued) })
	return faults
}

// watched is what the nodes said of themselves, by time.
type watched struct {
	Course
	changes []record.NodeState // by At
	stuck   []stuckSpan
	doubted []record.NodeState // the changes, without what standbys say that were stuck
}

func newWatched(c Course) watched {
	w := watched{Course: c, changes: withoutLost(Silenced(c.States, c.Events), c.Events), stuck: stuckIn(c.Series)}
	w.doubted = doubted(w.changes, w.stuck)
	return w
}

func byTime(a, b record.NodeState) int { return cmp.Compare(a.At, b.At) }

// primaryAt is the node that accepted writes at a moment, or last before it; "" where
// nobody knows.
func (w watched) primaryAt(at time.Duration) (primary string) {
	view := record.View{}
	for _, s := range w.changes {
		if s.At > at {
			break
		}
		view[s.Node] = s
		if p := view.Writable(); p != "" {
			primary = p
		}
	}
	return primary
}

// viewAt is what was last known of every node at a moment.
func (w watched) viewAt(at time.Duration) record.View {
	view := record.View{}
	for _, s := range w.changes {
		if s.At <= at {
			view[s.Node] = s
		}
	}
	return view
}

// follow finds the stages that events and states tell. What is first missing at own or later is another fault's doing.
func (w watched) follow(r *Recovery, own, until time.Duration) {
	r.Promotion, r.Writable = Stage{State: StageNone}, Stage{State: StageNone}
	if slices.Contains(r.Nodes, r.Primary) {
		r.Writable, r.NewPrimary = w.writable(r, until)
		r.Promotion = w.promotion(r, until)
	}
	before := w.viewAt(r.Issued)
	if r.Primary == "" {
		return // nobody knows what there was to lose
	}
	if streaming, ok := w.redundant(before, r); ok {
		w.redundancy(r, own, until, streaming)
	}
	w.rejoined(r, own, until)
	if r.Writable.unclear() || r.Redundancy.unclear() || r.Rejoined.unclear() {
		r.Unread = w.unread(r.Issued, until)
	}
}

// redundant tells whether there was anything that this fault could take, or that could come back: standbys that are demanded
// of the primary, or those that streamed from it. Where none streamed and none is demanded, any primary would have as many.
func (w watched) redundant(before record.View, r *Recovery) (streaming record.Count, ok bool) {
	streaming, _ = before.StandbysOf(r.Primary)
	return streaming, streaming.Most > 0 || record.Demanded(w.Demands, r.Primary, r.Issued).Standbys > 0
}

// promotion is the first promote step of an aftermath. One that was issued when a node
// was writable again is not what brought that one back.
func (w watched) promotion(r *Recovery, until time.Duration) Stage {
	m := w.promoted(r.Issued, until)
	if m == nil || r.Writable.State == StageReached && m.Issued > r.Writable.At {
		return Stage{State: StageNone}
	}
	if r.Outside = m.Status == record.EventSeen; r.Outside {
		return reached(m.Effective)
	}
	return reached(m.Issued)
}

// promoted is the first promote step issued in [from, to), or nil.
func (w watched) promoted(from, to time.Duration) (first *record.Event) {
	for i, m := range w.Events {
		at := m.Issued
		if m.Status == record.EventSeen {
			at = m.Effective // it is not known when anybody asked for it
		}
		if effects(m).Promotes && m.Status != record.EventSkipped && at >= from && at < to &&
			(first == nil || m.Issued < first.Issued) {
			first = &w.Events[i]
		}
	}
	return first
}

// writable is when a node that was not the primary became it, or the primary became
// it again; it does not apply when the primary was never seen to be anything else.
func (w watched) writable(r *Recovery, until time.Duration) (stage Stage, primary string) {
	gone, unclear := false, false
	already := w.viewAt(r.Issued)
	for _, s := range w.changes {
		if s.At < r.Issued || s.At >= until {
			continue
		}
		now := s.AcceptsWrites()
		if s.Node == r.Primary {
			old := already[s.Node]
			unclear = s.Unread()
			gone = gone || !now && !unclear || s.RestartedSince(old) || s.CrashedSince(old)
			now = now && gone
		} else {
			now = now && !already[s.Node].AcceptsWrites()
		}
		if now {
			return reached(s.At), s.Node
		}
	}
	switch {
	case gone && !unclear:
		return missed(until), ""
	case gone || unclear:
		return Stage{}, ""
	}
	return Stage{State: StageNone}, ""
}

// effects are the facts of an event's action; none where it is not known.
func effects(m record.Event) record.Facts {
	f, _ := m.Effects()
	return f
}
