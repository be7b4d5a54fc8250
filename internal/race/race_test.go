package race

import "testing"

// TestTheDetectorIsSeen compares what the program says of itself with what the compiler says.
func TestTheDetectorIsSeen(t *testing.T) {
	want := map[bool]int{false: 100, true: 25}[detector]
	if got := Rounds(100, 4); Enabled() != detector || got != want {
		t.Errorf("the detector is on: %t, want %t; %d rounds, want %d", Enabled(), detector, got, want)
	}
}
