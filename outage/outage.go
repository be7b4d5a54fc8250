// Package outage finds how long a cluster was down, stage by stage, and what its clients and readers
// saw meanwhile: pure functions of what was recorded.
package outage

import (
	"slices"
	"time"

	"pgchaos/record"
)

// minStall is the shortest time without a success that can count as an outage
// where nothing failed.
const minStall = 500 * time.Millisecond

// stallFactor is how many times longer than the longest gap of the healthy time
// a stall must be: a workload of one operation a second has gaps of its own.
const stallFactor = 3

// sustainedFor is how long service must go on without another stall for an outage to be
// over: a stall that begins earlier belongs to it. Less is enough where the load ends, or
// the next fault comes, before that.
const sustainedFor = 10 * time.Second

// Outages measures what each fault did to each workload, in the order of the
// faults. The end is that of the load.
//
// A fault is an event with Fault set that took effect. Its window is from where it
// was issued to where the next fault was, and what failed or stalled in there is
// put to its account. Where the next one came before it could be seen what this one did, both have it. The recovery may come later than that, because an outage
// that a second fault meets halfway is one outage for the client.
//
// A failure in the window that the fault did not cause looks the same and counts, and so
// does a stall in the time in which service must be sustained: the RTO is then too
// long, never too short. Only what was so before the first fault does not count: see
// usual.
func Outages(activity []Activity, events []record.Event, end time.Duration) []Outage {
	faults := faultsOf(events)
	var all []Outage
	for i, m := range faults {
		if m.Effective <= 0 {
			continue
		}
		for _, a := range activity {
			f := clientTimeline{Activity: a, end: end, parts: partsOf(events, m)}
			all = append(all, f.outage(m, f.windowOf(faults, i).until, f.usual(faults[0].Issued, m.Issued)))
		}
	}
	return all
}

// partsOf is when the parts of a step were issued that end a server, or restart it.
func partsOf(events []record.Event, step record.Event) (all []time.Duration) {
	for _, m := range events {
		if does := effects(m); m.PartOf == step.Name && m.Issued >= step.Issued && (does.Ends || does.Restarts) {
			all = append(all, m.Issued)
		}
	}
	slices.Sort(all)
	return all
}

// noticed tells whether a fault has no known moment: nobody issued it, and it was seen
// some time after it had happened.
func noticed(m record.Event) bool { return m.Status == record.EventSeen && m.Issued < m.Effective }

// outage is what a fault whose window reaches up to `until` did.
func (f clientTimeline) outage(m record.Event, until time.Duration, usual usual) Outage {
	o := Outage{Event: m.Name, Workload: f.Workload, Writes: f.Writes, Issued: m.Issued, Effective: m.Effective, Noticed: noticed(m)}
	if o.Loaded = f.activeAt(m.Issued) && f.lastActive() > m.Effective; !o.Loaded {
		return o
	}
	o.LongestGap = f.downtime(m.Issued, until).length()
	if o.NotServed = !usual.served; o.NotServed {
		return o
	}
	o.Since = f.since(m.Issued, until, usual)
	first, last := f.failures(&o, until, usual)
	stalls, worst := f.stalls(m.Issued, until, usual)
	switch {
	case last >= 0:
		o.FirstFail, o.LastFail = max(m.Issued, f.firstError(first)), f.lastError(last)
		back, ok := f.backAfter(last)
		f.sustained(&o, back, ok && !f.failingOn(last), stalls)
	case len(stalls) > 0:
		f.sustained(&o, worst.next, worst.ok, stalls)
	default:
		// From nothing; but a time too short to call it a stall is no recovery if nobody
		// was served again. What was in flight when the load was broken off might have failed: then only
		// a success after the effect proves that the fault did nothing.
		from := m.Issued
		if f.BrokenOff {
			from = m.Effective
		}
		_, o.Recovered = f.successFrom(from)
		if !o.Recovered {
			f.over(&o, 0, false)
		}
	}
	return o
}

// since is when the part of a fault was issued that clients noticed first; 0: the fault as a whole. A step that restarts one server
// after the other may take long, and clients notice nothing of most of it.
func (f clientTimeline) since(issued, until time.Duration, usual usual) time.Duration {
	for i, part := range f.parts {
		before := until
		if i+1 < len(f.parts) {
			before = f.parts[i+1]
		}
		if i == 0 && f.noticedIn(issued, part, usual) {
			break
		}
		if f.noticedIn(part, before, usual) {
			if part < issued+record.SlotLength {
				break
			}
			return part
		}
	}
	return 0
}

// noticedIn tells whether anything failed or stalled in [from, until).
func (f clientTimeline) noticedIn(from, until time.Duration, usual usual) bool {
	first, _ := f.failures(&Outage{Issued: from}, until, usual)
	stalls, _ := f.stalls(from, until, usual)
	return first >= 0 || len(stalls) > 0
}

// failures counts what failed in the window, and returns its first and last
// slot; -1 for none.
func (f clientTimeline) failures(o *Outage, until time.Duration, usual usual) (first, last int) {
	first, last = -1, -1
	for i := slot(o.Issued); i < len(f.Slots) && start(i) < until; i++ {
		// A slot with failures of before and after the next fault is that one's: it would
		// otherwise prolong this outage up to there.
		if f.Slots[i].Errors == 0 || !f.activeDuring(i) || f.lastError(i) < o.Issued.Truncate(time.Microsecond) || f.lastError(i) >= until || !f.unusual(i, usual) {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
		o.Errors += int64(f.Slots[i].Errors)
	}
	return first, last
}

// stalls are the times without a success in the window that count, and the longest of
// them.
func (f clientTimeline) stalls(issued, until time.Duration, usual usual) (all []gap, worst gap) {
	for g := range f.gaps(issued, until) {
		// What comes after the next fault is that one's doing, unless service had
		// been away for long enough before.
		g.to = min(g.to, until)
		if g.length() < minStall || g.length() <= stallFactor*usual.gap {
			continue
		}
		all = append(all, g)
		if g.length() > worst.length() {
			worst = g
		}
	}
	return all, worst
}

// sustained ends an outage where service came back to stay. A success that is followed
// by another stall is no recovery: where commits wait for a standby that is gone, some
// clients may still get their answers before all of them hang, and nothing more fails.
func (f clientTimeline) sustained(o *Outage, back time.Duration, ok bool, stalls []gap) {
	span := sustainedFor
	if f.part {
		span = minStall
	}
	for _, s := range stalls {
		if ok && s.from >= back && s.from < back+span {
			back, ok = s.next, s.ok
		}
	}
	f.over(o, back, ok)
}

// failingOn tells whether a client that failed last, shortly before the load ended, was
// not served again: that others were in that moment is no recovery.
func (f clientTimeline) failingOn(last int) bool {
	if f.lastError(last) < f.lastActive()-minStall {
		return false
	}
	for _, c := range f.Clients {
		for _, e := range c.Outages {
			if e.FirstOK == 0 && slot(e.LastError) == last {
				return true
			}
		}
	}
	return false
}

// over notes when the outage ended, or that it did not as long as the load ran.
func (f clientTimeline) over(o *Outage, back time.Duration, recovered bool) {
	if !recovered {
		back = f.lastActive()
	}
	o.Recovered, o.RTO = recovered, back-max(o.Issued, o.Since)
	if o.Noticed {
		o.RTO = max(0, back-o.Effective)
		if recovered {
			o.Most = back - o.Issued
		}
	}
}

// Outage is what one fault did to one workload. Times are offsets on the run's clock.
type Outage struct {
	Event    string        `json:"event"` // the step's name
	Workload string        `json:"workload"`
	Writes   bool          `json:"writes"`
	Issued   time.Duration `json:"issued_ns"`
	// Effective is when the fault was verified to have taken effect.
	Effective time.Duration `json:"effective_ns"`
	// Noticed is set where nobody issued the fault, and it is only known that it happened
	// after Issued, when all was last known to be well, and before Effective, when it was
	// noticed. RTO is then the least that it can be, from Effective, and Most the most, from Issued.
	Noticed bool `json:"noticed,omitempty"`
	// Since is when the part of a step was issued that the clients noticed first, where it does several things one after the other, each of
	// which can be an outage: RTO counts from then. 0: RTO counts from Issued.
	Since time.Duration `json:"since_ns,omitempty"`
	Most  time.Duration `json:"rto_most_ns,omitempty"`
	// Loaded is set when the workload was running at the fault; otherwise nothing was measured.
	Loaded bool `json:"loaded"`
	// NotServed is set when the workload was not served when the fault was issued, and no
	// earlier fault accounts for that: what the fault did to it cannot be known.
	NotServed bool `json:"not_served,omitempty"`
	// Errors that ended between this fault and the next one. Where some operations failed
	// before the first fault already, only those that come where far more fail.
	Errors    int64         `json:"errors"`
	FirstFail time.Duration `json:"first_error_ns,omitempty"`
	LastFail  time.Duration `json:"last_error_ns,omitempty"`
	// Recovered is set when a success followed the last failure (or the stall).
	Recovered bool `json:"recovered"`
	// RTO is from when the fault, or the part of it that Since is of, was issued to the first success after the last failure
	// that it caused, or to the end of the longest stall where nothing failed, and on to
	// the end of a stall that begins before service has been sustained for 10 s.
	// Where Recovered is false it is the least it can be: until the load ended.
	RTO time.Duration `json:"rto_ns"`
	// LongestGap is the longest time without any success between this fault and the next
	// one. One that began before, or goes on after the next fault, is taken whole if 500 ms
	// of it lie in between.
	LongestGap time.Duration `json:"longest_gap_ns"`
}
