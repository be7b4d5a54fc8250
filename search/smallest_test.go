package search

import (
	"errors"
	"slices"
	"testing"
)

func TestSmallest(t *testing.T) {
	for name, tc := range map[string]struct {
		n     int
		needs []int
		most  int // runs
	}{
		"one of one":          {1, []int{0}, 0},
		"one of many":         {16, []int{11}, 10},
		"two far apart":       {16, []int{1, 14}, 45},
		"three":               {12, []int{0, 5, 11}, 60},
		"all are needed":      {4, []int{0, 1, 2, 3}, 14},
		"every one fails too": {9, nil, 4},
	} {
		t.Run(name, func(t *testing.T) {
			runs := 0
			kept, err := Smallest(tc.n, func(kept []int) (bool, error) {
				runs++
				for _, need := range tc.needs {
					if !slices.Contains(kept, need) {
						return false, nil
					}
				}
				return true, nil
			})
			want := tc.needs
			if want == nil {
				want = []int{0}
			}
			if err != nil || !slices.Equal(kept, want) {
				t.Errorf("%v %v, want %v", kept, err, want)
			}
			if runs > tc.most {
				t.Errorf("%d runs, more than %d", runs, tc.most)
			}
		})
	}
}

// TestSmallestThatDoesNotRepeat: where no smaller set fails, all units are what is known to fail.
func TestSmallestThatDoesNotRepeat(t *testing.T) {
	kept, err := Smallest(5, func([]int) (bool, error) { return false, nil })
	if err != nil || len(kept) != 5 {
		t.Errorf("%v %v", kept, err)
	}
}

func TestSmallestEndsEarly(t *testing.T) {
	enough := errors.New("enough")
	runs := 0
	kept, err := Smallest(8, func(kept []int) (bool, error) {
		if runs++; runs > 2 {
			return false, enough
		}
		return slices.Contains(kept, 5), nil
	})
	if !errors.Is(err, enough) || !slices.Equal(kept, []int{4, 5, 6, 7}) {
		t.Errorf("%v %v", kept, err)
	}
}
