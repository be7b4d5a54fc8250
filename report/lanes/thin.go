package lanes

import (
	"cmp"
	"slices"
)

// mostValues bounds the values of all lanes together, and so the size of the page: an hour at 100 ms with five lines is
// below it.
const mostValues = 250_000

// thin leaves points out where there are more than a page can hold. The largest lanes are thinned to one size; smaller ones
// are kept whole.
func thin(run *Run) {
	bySize := make([]*Lane, 0, len(run.Lanes))
	for i := range run.Lanes {
		bySize = append(bySize, &run.Lanes[i])
	}
	slices.SortStableFunc(bySize, func(a, b *Lane) int { return cmp.Compare(a.values(), b.values()) })
	left := mostValues
	for i, l := range bySize {
		if share := left / (len(bySize) - i); l.values() > share {
			l.thin(share / (1 + len(l.Series)))
		}
		left -= l.values()
	}
}

func (l *Lane) values() int { return len(l.Times) * (1 + len(l.Series)) }

// thin keeps at most so many points, but enough for one stretch of time. Of each stretch it keeps the first and the last point,
// and of each series the least and the greatest value and one that is not known: what is left was measured, and no spike and
// no gap is lost. A mean would hide both.
func (l *Lane) thin(most int) {
	n := len(l.Times)
	if n <= most {
		return
	}
	keep, left := l.thinned(n / 2)
	for stretches := n / 2; left > most && stretches > 1; {
		stretches = max(1, min(stretches-1, int(float64(stretches)*float64(most)/float64(left))))
		keep, left = l.thinned(stretches)
	}
	l.Times = kept(l.Times, keep)
	for i := range l.Series {
		l.Series[i].Values = kept(l.Series[i].Values, keep)
	}
}

// thinned are the points to keep of so many stretches, and how many they are.
func (l *Lane) thinned(stretches int) (keep []bool, left int) {
	n := len(l.Times)
	keep = make([]bool, n)
	for s := range stretches {
		from, to := s*n/stretches, (s+1)*n/stretches
		if from == to {
			continue
		}
		keep[from], keep[to-1] = true, true
		for i := range l.Series {
			mark(keep, l.Series[i].Values, from, to)
		}
	}
	for _, k := range keep {
		if k {
			left++
		}
	}
	return keep, left
}

// mark keeps the least and the greatest of some values, and the first that is not known.
func mark(keep []bool, values []*float64, from, to int) {
	least, greatest, gap := -1, -1, -1
	for i := from; i < to; i++ {
		v := values[i]
		if v == nil {
			if gap < 0 {
				gap = i
			}
			continue
		}
		if least < 0 || *v < *values[least] {
			least = i
		}
		if greatest < 0 || *v > *values[greatest] {
			greatest = i
		}
	}
	for _, i := range []int{least, greatest, gap} {
		if i >= 0 {
			keep[i] = true
		}
	}
}

// kept are the elements to keep.
func kept[T any](all []T, keep []bool) []T {
	i := -1
	return slices.DeleteFunc(slices.Clone(all), func(T) bool { i++; return !keep[i] })
}
