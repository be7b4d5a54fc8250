package search

import (
	"fmt"
	"slices"
)

// Smallest looks for the fewest of n units that still fail, by delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating
// Failure-Inducing Input", 2002): it tries ever smaller parts of what fails, and what is left without each part. All n are known to fail.
// An error of fails ends the search; the result is then the smallest known so far. No set is tried twice.
func Smallest(n int, fails func(kept []int) (bool, error)) (kept []int, err error) {
	for i := range n {
		kept = append(kept, i)
	}
	tried := map[string]bool{}
	for parts := 2; len(kept) > 1; {
		smaller, found, err := firstThatFails(candidates(kept, parts), tried, fails)
		switch {
		case err != nil:
			return kept, err
		case found:
			if parts = max(parts-1, 2); len(smaller)*2 <= len(kept) {
				parts = 2 // it is one of the parts
			}
			kept = smaller
		case parts >= len(kept):
			return kept, nil
		default:
			parts = min(2*parts, len(kept))
		}
	}
	return kept, nil
}

// candidates are the parts of a set, and then what is left without each.
func candidates(of []int, parts int) (all [][]int) {
	var without [][]int
	for p := range parts {
		from, to := p*len(of)/parts, (p+1)*len(of)/parts
		all = append(all, of[from:to])
		without = append(without, slices.Concat(of[:from], of[to:]))
	}
	return append(all, without...)
}

// firstThatFails tries sets that have not been tried.
func firstThatFails(sets [][]int, tried map[string]bool, fails func([]int) (bool, error)) (set []int, found bool, err error) {
	for _, set := range sets {
		key := fmt.Sprint(set)
		if tried[key] || len(set) == 0 {
			continue
		}
		tried[key] = true
		failed, err := fails(set)
		if err != nil || failed {
			return set, failed, err
		}
	}
	return nil, false, nil
}
