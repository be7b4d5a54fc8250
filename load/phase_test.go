package load

import (
	"fmt"
	"testing"
	"time"

	"pgchaos/record"
)

// TestOperationsBelongToThePhaseTheyWereDueIn: also what ends and is counted in the very
// moment in which a phase begins.
func TestOperationsBelongToThePhaseTheyWereDueIn(t *testing.T) {
	clock := record.StartClock()
	var due []time.Duration // of the first workload; its lock guards it
	s := &server{do: func(int, <-chan struct{}) result { return result{Outcome: record.OK} }}
	first := New(Config{Clients: 4, Open: s.open, Clock: clock, OnSample: func(_ int, op record.Op) { due = append(due, op.Due) }})
	second := New(Config{Clients: 1, Open: s.open, Clock: clock})
	first.Start()
	second.Start()
	var begins []time.Duration
	for i := range 100 {
		time.Sleep(time.Millisecond)
		begins = append(begins, BeginPhase(fmt.Sprint(i), clock.Now, first, second))
	}
	first.Stop()
	second.Stop()
	want := make([]int64, len(begins)+1)
	for _, at := range due {
		phase := 0
		for phase < len(begins) && at >= begins[phase] {
			phase++
		}
		want[phase]++
	}
	got := map[string]int64{}
	for _, p := range first.Record().Phases {
		got[p.Name] = p.Samples()
	}
	for i, n := range want {
		name := ""
		if i > 0 {
			name = fmt.Sprint(i - 1)
		}
		if got[name] != n {
			t.Errorf("phase %q: %d operations, want %d", name, got[name], n)
		}
	}
	for i, p := range second.Record().Phases {
		if i > 0 && p.Name == fmt.Sprint(i-1) && p.Start != begins[i-1] {
			t.Errorf("phase %s begins at %v, and for the first workload at %v", p.Name, p.Start, begins[i-1])
		}
	}
}
