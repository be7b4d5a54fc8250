package outage

import (
	"time"

	"pgchaos/record"
)

// Downtime is the longest time for which a workload had no acknowledgement: in the whole
// run, in a phase, or from a fault to the next one.
type Downtime struct {
	Workload string `json:"workload"`
	During   string `json:"during,omitempty"` // the phase, or the step that broke something; "": the whole run
	// Loaded is set when the workload was running at some moment of it; otherwise nothing
	// was measured.
	Loaded bool          `json:"loaded"`
	From   time.Duration `json:"from_ns"`
	To     time.Duration `json:"to_ns"`
	// Open is set where there was no acknowledgement any more when the load ended, for
	// longer than was usual, so that it can have lasted longer.
	Open bool `json:"open,omitempty"`
}

// Length is how long it lasted, as far as is known.
func (d Downtime) Length() time.Duration { return d.To - d.From }

// Downtimes measures each workload in the whole run, in each phase, and after each fault
// that took effect. That is not its phase alone: clients can see the effect of a fault after
// the next step has begun. So it counts up to the next fault, as an Outage does.
func Downtimes(activity []Activity, events []record.Event, phases []record.Phase, end time.Duration) (all []Downtime) {
	faults := faultsOf(events)
	numbers := map[string]int{}
	for i, m := range faults {
		if m.Effective > 0 {
			numbers[m.Name] = i
		}
	}
	firstFault := end
	if len(faults) > 0 {
		firstFault = faults[0].Issued
	}
	for _, a := range activity {
		f := clientTimeline{Activity: a, end: end}
		usual := f.usual(firstFault, end)
		all = append(all, f.downtimeIn(record.Phase{End: end + record.SlotLength}, usual))
		for _, p := range phases {
			if i, ok := numbers[p.Name]; ok {
				p = record.Phase{Name: p.Name, Start: faults[i].Issued, End: f.windowOf(faults, i).until}
			}
			all = append(all, f.downtimeIn(p, usual))
		}
	}
	return all
}

// downtimeIn is the Downtime of one stretch.
func (f clientTimeline) downtimeIn(p record.Phase, usual usual) Downtime {
	d := Downtime{Workload: f.Workload, During: p.Name, Loaded: f.activeIn(p.Start, p.End)}
	g := f.downtime(p.Start, p.End) // of no length where it was not running
	d.From, d.To = g.from, g.to
	d.Open = !g.ok && g.length() >= minStall && g.length() > stallFactor*usual.gap
	return d
}
