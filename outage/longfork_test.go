package outage

import (
	"fmt"
	"testing"
	"time"
)

// reading is a reading of the writers' progress on a node: its name, "p" or "s", and the timeline.
func reading(node, role string, timeline uint32, newest ...int64) ProgressReading {
	return ProgressReading{Node: node, Standby: role == "s", Timeline: timeline, Newest: newest}
}

// again is a reading over a new connection.
func again(v ProgressReading) ProgressReading { v.Conn++; return v }

func TestForks(t *testing.T) {
	for _, tt := range []struct {
		name     string
		readings []ProgressReading
		want     string // went back, between standbys, with the primary
	}{
		{"nothing", nil, "0 0 0"},
		{"in order", []ProgressReading{reading("a", "p", 1, 1, 1), reading("b", "s", 1, 0, 1), reading("a", "p", 1, 2, 1), reading("b", "s", 1, 1, 1)}, "0 0 0"},
		{"one node goes back", []ProgressReading{reading("b", "s", 1, 2, 1), reading("b", "s", 1, 1, 5)}, "1 0 0"},
		{"it goes back for good, and is said once", []ProgressReading{reading("b", "s", 1, 2, 1), reading("b", "s", 1, 1, 1), reading("b", "s", 1, 1, 1)}, "1 0 0"},
		{"it was rewound", []ProgressReading{reading("b", "s", 1, 2, 1), again(reading("b", "s", 1, 1, 1))}, "0 0 0"},
		{"it follows another timeline", []ProgressReading{reading("b", "s", 1, 2, 1), reading("b", "s", 2, 1, 1)}, "0 0 0"},
		{"two standbys fork", []ProgressReading{reading("b", "s", 1, 2, 1), reading("c", "s", 1, 1, 2)}, "0 1 0"},
		{"two standbys fork among many readings", []ProgressReading{
			reading("b", "s", 1, 1, 1), reading("b", "s", 1, 2, 1), reading("b", "s", 1, 9, 9),
			reading("c", "s", 1, 0, 1), reading("c", "s", 1, 1, 2), reading("c", "s", 1, 9, 9),
		}, "0 1 0"},
		{"equal sums, different progress", []ProgressReading{reading("b", "s", 1, 3, 3), reading("c", "s", 1, 2, 4), reading("c", "s", 1, 3, 4)}, "0 1 0"},
		{"two standbys on two timelines", []ProgressReading{reading("b", "s", 1, 2, 1), reading("c", "s", 2, 1, 2)}, "0 0 0"},
		{"nobody knows the timelines", []ProgressReading{reading("b", "s", 0, 2, 1), reading("c", "s", 0, 1, 2)}, "0 0 0"},
		{"one that was promoted counts as what it was then", []ProgressReading{reading("b", "s", 1, 1, 1), again(reading("b", "p", 1, 2, 1)), reading("c", "s", 1, 1, 2)}, "0 0 1"},
		{"two standbys on the newer of two timelines", []ProgressReading{reading("b", "s", 1, 1, 1), reading("b", "s", 2, 2, 1), reading("c", "s", 2, 1, 2)}, "0 1 0"},
		{"one reading forks with two of another", []ProgressReading{reading("b", "s", 1, 2, 1), reading("c", "s", 1, 1, 2), reading("c", "s", 1, 1, 3)}, "0 1 0"},
		{"a standby and the primary", []ProgressReading{reading("a", "p", 1, 2, 1), reading("c", "s", 1, 1, 2)}, "0 0 1"},
		{"the primary first or last", []ProgressReading{reading("b", "s", 1, 1, 2), reading("c", "p", 1, 2, 1)}, "0 0 1"},
		{"two primaries", []ProgressReading{reading("a", "p", 1, 2, 1), reading("c", "p", 1, 1, 2)}, "0 0 0"},
		{"a node against its own past, in which it was a standby", []ProgressReading{reading("b", "s", 1, 2, 1), again(reading("b", "p", 1, 1, 2))}, "0 0 0"},
		{"a standby that was promoted, and its own past", []ProgressReading{reading("b", "s", 1, 2, 1), reading("b", "p", 2, 2, 2)}, "0 0 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewChain("t", []int{4, 7}, 2)
			for _, v := range tt.readings {
				c.Add(v)
			}
			f := c.Forks()
			if got := fmt.Sprint(f.WentBack.N, f.Standbys.N, f.Primary.N); got != tt.want || f.Readings != int64(len(tt.readings)) {
				t.Errorf("%s of %d, want %s", got, f.Readings, tt.want)
			}
		})
	}
}

func TestAForkSaysWho(t *testing.T) {
	c := NewChain("t", []int{4, 7}, 2)
	b, other := reading("b", "s", 1, 2, 1), reading("c", "s", 1, 1, 3)
	b.After, other.After = time.Second, 2*time.Second
	c.Add(b)
	c.Add(other)
	want := Fork{Node: "b", At: time.Second, Other: "c", OtherAt: 2 * time.Second, Ahead: Lead{7, 1, 3}, Behind: Lead{4, 2, 1}}
	if got := c.Forks().Standbys.Examples[0]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestWindows: what a Chain holds is bounded, and every fork within a window is
// counted once, also where windows meet.
func TestWindows(t *testing.T) {
	const n = 50_000
	c := NewChain("t", []int{0, 1}, 2)
	for i := range int64(n) {
		c.Add(reading("b", "s", 1, 2*i, 2*i))
		head := reading("c", "s", 1, 2*i, 2*i)
		if i%10 == 0 {
			head.Newest = []int64{2*i - 1, 2*i + 1}
		}
		c.Add(head)
		if len(c.window) >= chainReadings {
			t.Fatalf("%d readings are held", len(c.window))
		}
	}
	if f := c.Forks(); f.Standbys.N < n/10-10 || f.Standbys.N > n/10 || len(f.Standbys.Examples) != maxForkExamples || f.WentBack.N != 0 {
		t.Errorf("%d forks of %d, %d went back", f.Standbys.N, n/10, f.WentBack.N)
	}
	if wide := NewChain("t", make([]int, 1<<10), 1<<10); wide.limit*(1<<10) > chainNumbers {
		t.Errorf("%d readings of 1024 writers", wide.limit)
	}
}

// TestWindowsMeet: the newest readings of each node are looked at again with the next
// window, and what was found with them is not found again.
func TestWindowsMeet(t *testing.T) {
	c := NewChain("t", []int{0, 1}, 2)
	c.limit = 32 // so that two readings of each node are kept
	c.Add(reading("c", "s", 1, 0, 0))
	for i := range int64(29) {
		c.Add(reading("b", "s", 1, i, i))
	}
	c.Add(reading("b", "s", 1, 40, 40))
	c.Add(reading("b", "s", 1, 39, 41)) // goes back, and the window ends
	if len(c.window) != 3 || c.window[0].Node != "c" || c.window[1].Newest[0] != 40 || c.window[2].Newest[0] != 39 {
		t.Fatalf("%d readings are kept: %v", len(c.window), c.window)
	}
	c.Add(reading("c", "s", 1, 41, 39)) // forks with what is kept
	if f := c.Forks(); f.WentBack.N != 1 || f.Standbys.N != 1 || f.Readings != 33 {
		t.Errorf("%+v", f)
	}
}
