package trend

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHistoryIsWhatWasJudged: each night of a history says what Judge says of that night.
func TestHistoryIsWhatWasJudged(t *testing.T) {
	for name, values := range map[string][]float64{
		"too few":            around(1, 7),
		"a regression":       join(around(1, 25), around(1.3, 12)),
		"gone again":         join(around(1, 20), around(1.2, 5), around(1, 9)),
		"a suspicion":        join(around(1, 20), around(1.2, 3), around(1, 9)),
		"better, then worse": join(around(1, 20), around(0.8, 30), around(1, 5)),
	} {
		t.Run(name, func(t *testing.T) {
			runs := history(p99, values...)
			runs[3].Figures[0].Known, runs[3].Figures[0].Why = false, "too few"
			runs[5].NotComparable = []string{"the run was interrupted"}
			points := History(p99, runs)
			if len(points) != len(runs) {
				t.Fatalf("%d nights of %d", len(points), len(runs))
			}
			for i, p := range points {
				want := Judge(p99, runs[:i+1], NightOf(runs[i].Run))
				if diff := cmp.Diff(want, p.Finding); diff != "" {
					t.Errorf("night %d: %s", i+1, diff)
				}
			}
		})
	}
}

// TestHistoryBeginsAnewWhereItWasAccepted: what was found before stays as it was, and what comes after has another reference.
func TestHistoryBeginsAnewWhereItWasAccepted(t *testing.T) {
	runs := history(p99, join(around(1, 25), around(1.3, 35))...)
	runs[32].Accepted = true
	points := History(p99, runs)
	if of := points[31].Finding; of.State != Regression {
		t.Errorf("the night before it was accepted: %s", of.State)
	}
	if of := points[32].Finding; of.State != NotYet || of.Nights != 1 {
		t.Errorf("the night that was accepted: %s, %d nights", of.State, of.Nights)
	}
	if of := points[len(points)-1].Finding; of.State != Steady {
		t.Errorf("the last night: %s", of.State)
	}
	if last := Judge(p99, runs, NightOf(runs[len(runs)-1].Run)); !cmp.Equal(last, points[len(points)-1].Finding) {
		t.Errorf("Judge says of the last night: %+v", last)
	}
}

func TestHistoryOfNoMetric(t *testing.T) {
	if points := History("p99x of writes", history("p99x of writes", 1, 2)); points != nil {
		t.Errorf("%d points", len(points))
	}
}
