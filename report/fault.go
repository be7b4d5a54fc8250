package report

import (
	"slices"
	"time"

	"pgchaos/outage"
)

// Fault is one fault and what it cost: of several workloads the worst.
type Fault struct {
	Event  string
	Action string // of its step
	Nodes  []string
	Issued time.Duration
	// Write and Read are the longest outages of workloads that write and of those that read;
	// nil where there is no such workload.
	Write, Read *outage.Outage
	// Redundancy is when the primary had its standbys back; with the zero State it is not known.
	Redundancy outage.Stage
	Caveats    []string
}

// Faults are all of them, by when they were issued.
func (r *Result) Faults() (all []Fault) {
	find := func(event string, issued time.Duration) *Fault {
		i := slices.IndexFunc(all, func(f Fault) bool { return f.Event == event && f.Issued == issued })
		if i < 0 {
			i = len(all)
			all = append(all, Fault{Event: event, Issued: issued})
		}
		return &all[i]
	}
	for i := range r.Outages {
		o := &r.Outages[i]
		f := find(o.Event, o.Issued)
		worst := &f.Read
		if o.Writes {
			worst = &f.Write
		}
		if *worst == nil || worse(o, *worst) {
			*worst = o
		}
	}
	for _, rec := range r.Recoveries {
		f := find(rec.Event, rec.Issued)
		f.Redundancy, f.Caveats, f.Nodes = rec.Redundancy, rec.Caveats, rec.Nodes
	}
	for _, m := range r.faults() {
		f := find(m.Name, m.Issued)
		f.Nodes, f.Action = m.Nodes, m.Action
	}
	slices.SortStableFunc(all, func(a, b Fault) int { return int(a.Issued - b.Issued) })
	return all
}

// worse tells whether an outage is longer than another one. One that was not measured is
// shorter than any other.
func worse(o, than *outage.Outage) bool {
	measured := func(o *outage.Outage) bool { return o.Loaded && !o.NotServed }
	switch {
	case measured(o) != measured(than):
		return measured(o)
	case o.Recovered != than.Recovered:
		return !o.Recovered
	}
	return max(o.RTO, o.Most) > max(than.RTO, than.Most)
}
