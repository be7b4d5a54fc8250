package record

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// end is an operation that ended at so many microseconds of a slot.
type end struct {
	outcome Outcome
	at      uint16
}

func slotOf(ends []end) (s Slot) {
	for _, e := range ends {
		s.Add(e.outcome, 3*SlotLength+time.Duration(e.at)*time.Microsecond)
	}
	return s
}

func TestSlot(t *testing.T) {
	for _, c := range []struct {
		name string
		ends []end
		want Slot
	}{
		{"nothing", nil, Slot{}},
		{"what was never sent", []end{{Dropped, 5}}, Slot{}},
		{"the last microsecond", []end{{OK, 9999}}, Slot{OK: 1, FirstOK: 9999, LastOK: 9999}},
		{"a failure, then a success", []end{{Failed, 2000}, {Weak, 2001}}, Slot{OK: 1, Errors: 1, FirstOK: 2001, LastOK: 2001, FirstError: 2000, LastError: 2000, Back: 2001}},
		{"a success, then a failure", []end{{OK, 2000}, {Unknown, 2001}}, Slot{OK: 1, Errors: 1, FirstOK: 2000, LastOK: 2000, FirstError: 2001, LastError: 2001}},
		{"the first of the successes after the last failure", []end{{OK, 1}, {Failed, 3}, {OK, 4}, {Failed, 5}, {OK, 7}, {OK, 9}},
			Slot{OK: 4, Errors: 2, FirstOK: 1, LastOK: 9, FirstError: 3, LastError: 5, Back: 7}},
		{"a failure that is added late", []end{{OK, 7}, {OK, 9}, {Failed, 5}}, Slot{OK: 2, Errors: 1, FirstOK: 7, LastOK: 9, FirstError: 5, LastError: 5, Back: 7}},
		{"a success that is added late", []end{{Failed, 5}, {OK, 9}, {OK, 7}}, Slot{OK: 2, Errors: 1, FirstOK: 7, LastOK: 9, FirstError: 5, LastError: 5, Back: 7}},
	} {
		if got := slotOf(c.ends); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestSlotsInAnyOrder: whatever the order in which operations are added, and however
// they are split among nodes, all but Back is exact, and Back is a success after the last
// failure. In the order of their ends Back is exact, too.
func TestSlotsInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		ends := make([]end, random.IntN(8))
		for i := range ends {
			ends[i] = end{[]Outcome{OK, Failed}[random.IntN(2)], uint16(random.IntN(12))}
		}
		slices.SortFunc(ends, func(a, b end) int { return int(a.at) - int(b.at) })
		inOrder := slotOf(ends)
		after := func(at uint16) bool { return slices.Contains(ends, end{OK, at}) && at > inOrder.LastError }
		if inOrder.Returns() {
			first := slices.IndexFunc(ends, func(e end) bool { return e.outcome == OK && e.at > inOrder.LastError })
			if inOrder.Back != ends[first].at {
				t.Fatalf("%v: back at %d", ends, inOrder.Back)
			}
		}
		random.Shuffle(len(ends), func(i, k int) { ends[i], ends[k] = ends[k], ends[i] })
		cut := random.IntN(len(ends) + 1)
		merged := slotOf(ends[:cut])
		merged.Merge(slotOf(ends[cut:]))
		for _, got := range []Slot{slotOf(ends), merged} {
			if got.Returns() && !after(got.Back) {
				t.Fatalf("%v: back at %d", ends, got.Back)
			}
			if got.Back = inOrder.Back; got != inOrder {
				t.Fatalf("%v: %+v, in order %+v", ends, got, inOrder)
			}
		}
	}
}
