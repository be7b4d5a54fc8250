package record

import "slices"

// Fork is where the WAL left a timeline: a line of a timeline history file
// (src/backend/access/transam/timeline.c).
type Fork struct {
	Timeline uint32 `json:"timeline"` // the one that was left
	At       LSN    `json:"at"`       // the first position that is no longer on it
}

// Lineage is a timeline and how it came about. Two nodes that were promoted
// independently are on timelines of the same number: their forks tell them apart.
// The zero value is that nobody knows.
type Lineage struct {
	Timeline uint32 `json:"timeline"`
	Forks    []Fork `json:"forks,omitempty"` // oldest first; none on timeline 1
}

// Known tells whether the lineage was read.
func (l Lineage) Known() bool { return l.Timeline > 0 }

// Left is where this lineage left an earlier timeline; ok is false for the present
// timeline, and for one that it does not come from.
func (l Lineage) Left(timeline uint32) (at LSN, ok bool) {
	i := l.index(timeline)
	if i < 0 {
		return 0, false
	}
	return l.Forks[i].At, true
}

// Next is the timeline that came after an earlier one; 0 for any other.
func (l Lineage) Next(timeline uint32) uint32 {
	switch i := l.index(timeline); {
	case i < 0:
		return 0
	case i+1 < len(l.Forks):
		return l.Forks[i+1].Timeline
	}
	return l.Timeline
}

// Timelines are all of this lineage, the oldest first.
func (l Lineage) Timelines() (all []uint32) {
	for _, f := range l.Forks {
		all = append(all, f.Timeline)
	}
	return append(all, l.Timeline)
}

// UpTo is the lineage as it was on a timeline; ok is false for one that it does not
// come from.
func (l Lineage) UpTo(timeline uint32) (then Lineage, ok bool) {
	if timeline > 0 && timeline == l.Timeline {
		return l, true
	}
	i := l.index(timeline)
	if i < 0 {
		return Lineage{}, false
	}
	return Lineage{Timeline: timeline, Forks: l.Forks[:i]}, true
}

func (l Lineage) index(timeline uint32) int {
	return slices.IndexFunc(l.Forks, func(f Fork) bool { return f.Timeline == timeline })
}

// Parted is the first position that two lineages do not have in common; ok is false
// where one is a part of the other.
func (l Lineage) Parted(other Lineage) (at LSN, ok bool) {
	for i := range min(len(l.Forks), len(other.Forks)) {
		if l.Forks[i] != other.Forks[i] {
			return min(l.Forks[i].At, other.Forks[i].At), true
		}
	}
	return 0, false
}
