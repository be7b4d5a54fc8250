package outage

import (
	"time"

	"pgchaos/record"
)

// Unserved is the longest time in [from, to] in which no workload that writes had a success although one was active, if that is longer than
// was usual for that one before the first fault; 0: there is none.
func Unserved(activity []Activity, from, to, firstFault, end time.Duration) (longest time.Duration) {
	var merged []record.Slot // of all workloads that write
	for _, a := range activity {
		if !a.Writes {
			continue
		}
		merged = append(merged, make([]record.Slot, max(0, len(a.Slots)-len(merged)))...)
		for i, s := range a.Slots {
			merged[i].Merge(s)
		}
	}
	for _, a := range activity {
		if !a.Writes {
			continue
		}
		f := clientTimeline{Activity: a, end: end}
		usual := f.usual(min(firstFault, from), from)
		f.Slots = merged
		for g := range f.gaps(from, to) {
			g.to = min(g.to, to)
			if g.length() > max(longest, minStall, stallFactor*usual.gap) {
				longest = g.length()
			}
		}
	}
	return longest
}
