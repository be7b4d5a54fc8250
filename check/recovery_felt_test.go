package check

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/history"
)

// TestSilenceOfTheNextFaultIsItsOwn: the longest silence that begins before the next
// fault, and is that one's, does not say when this one began to be felt.
func TestSilenceOfTheNextFaultIsItsOwn(t *testing.T) {
	f := felt{end: 3 * time.Second}
	f.OK = make([]uint32, bucket(3*time.Second))
	served := func(from, to time.Duration) {
		for i := bucket(from); i < bucket(to); i++ {
			f.OK[i] = 1
		}
	}
	// Silent for 200 ms after the fault at 1 s, and for 600 ms after the next one at 2 s.
	served(0, 1000*msec)
	served(1200*msec, 2000*msec)
	served(2600*msec, 3000*msec)
	f.Active = []struct{ From, To time.Duration }{{0, 3 * time.Second}}
	if got, want := f.beforeSilence(time.Second, 2*time.Second), bucket(990*msec); got != want {
		t.Errorf("the silence began after %s, not after %s", start(got), start(want))
	}
}

// TestStagesEndWithTheNextPrimary: what nodes acknowledged after the next fault that
// took a primary away says nothing of the one before.
func TestStagesEndWithTheNextPrimary(t *testing.T) {
	type stages struct{ LastOld, FirstNew Stage }
	killA := on([]string{"a"}, fault("kill-a", 1000, 1010))
	failover := append(healthy(), state("a", 1010, '-'), state("b", 1200, 'p'))
	tests := []struct {
		name            string
		picture, byNode string
		next            string // the node of the next fault, at 2 s
		states          []history.NodeState
		want            stages
	}{
		{"the old primary is the third one too", "..........xx........xx.........", "aaaaaaaaaa??bbbbbbbb??aaaaaaaaa", "b",
			append(failover, state("b", 2010, '-'), state("a", 2200, 'p')), stages{hit(990), hit(1200)}},
		{"the same node again, and away for longer the next time", "..........xx........xxxxxx.....", "aaaaaaaaaa??aaaaaaaa??????aaaaa", "a",
			append(healthy(), state("a", 1010, '-'), state("a", 1200, 'p'), state("a", 2010, '-')), stages{hit(990), hit(1200)}},
		{"no new primary before the next fault", "..........xxxxxxxxxxxx.........", "aaaaaaaaaa????????????bbbbbbbbb", "a",
			append(healthy(), state("a", 1010, '-'), state("b", 2200, 'p')), stages{hit(990), not(2000)}},
		{"nobody found the new primary before the next fault", "..........xxxxxxxxxxxx.........", "aaaaaaaaaa????????????bbbbbbbbb", "b",
			append(failover, state("b", 2010, '-'), state("b", 2200, 'p')), stages{hit(990), not(2000)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := byNode(drawn(tt.picture), tt.byNode)
			marks := []history.Mark{killA, on([]string{tt.next}, fault("next", 2000, 2010))}
			w := Recoveries(Course{Activity: []Activity{a}, Marks: marks, States: tt.states, End: 3100 * msec})[0].Workloads[0]
			if diff := cmp.Diff(tt.want, stages{w.LastOldAck, w.FirstNewAck}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
