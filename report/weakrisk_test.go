package report

import "testing"

// TestWeakRisk: of weak acknowledgements that were lost nothing says that a second failure would have lost them.
func TestWeakRisk(t *testing.T) {
	for _, tc := range []struct {
		n, sum, lost int64
		want         string
	}{
		{1, 1, 0, "a second failure would have lost it"},
		{8, 20, 0, "a second failure would have lost them"},
		{8, 8, 8, "they were lost"},
		{1, 1, 1, "it was lost"},
		{4, 4, 3, "3 were lost, and a second failure would have lost the others"},
		{4, 4, 1, "1 was lost, and a second failure would have lost the others"},
		{4, 10, 3, "3 of all 10 weak writes were lost"},
	} {
		if got := WeakRiskOf(tc.n, tc.sum, tc.lost); got != tc.want {
			t.Errorf("%d of %d, lost %d: %q, want %q", tc.n, tc.sum, tc.lost, got, tc.want)
		}
	}
}
