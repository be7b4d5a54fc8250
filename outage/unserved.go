package outage

import "time"

// Unserved is the longest time in [from, to] in which no workload that writes had a success although one was active, if that is longer than
// was usual before the first fault; 0: there is none.
func Unserved(activity []Activity, from, to, firstFault, end time.Duration) (longest time.Duration) {
	var writers []clientTimeline
	for _, a := range activity {
		if a.Writes {
			writers = append(writers, clientTimeline{Activity: a, end: end})
		}
	}
	for _, f := range writers {
		usual := f.usual(min(firstFault, from), from)
		for g := range f.gaps(from, to) {
			g.to = min(g.to, to)
			if g.length() > max(longest, minStall, stallFactor*usual.gap) && !servedIn(writers, g) {
				longest = g.length()
			}
		}
	}
	return longest
}

// servedIn tells whether a workload had a success within a gap of one of them.
func servedIn(all []clientTimeline, g gap) bool {
	for _, f := range all {
		if at, ok := f.successFrom(g.from + 1); ok && at < g.to {
			return true
		}
	}
	return false
}
