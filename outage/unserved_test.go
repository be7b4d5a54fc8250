package outage

import (
	"testing"
	"time"
)

// TestUnserved: each character is 100 ms. A dot is served, _ is silence, and x fails.
func TestUnserved(t *testing.T) {
	for _, tt := range []struct {
		name                       string
		pictures                   []string
		reads                      bool
		from, to, want, firstFault int // ms
	}{
		{"it went on", []string{".............................."}, false, 1000, 2500, 0, 3000},
		{"silence", []string{"..........____________........"}, false, 950, 2250, 1250, 3000},
		{"failures", []string{"..........xxxxxxxxxxxx........"}, false, 950, 2250, 1250, 3000},
		{"silence that goes on", []string{"..........____________........"}, false, 950, 1550, 550, 3000},
		{"less than half a second", []string{"..........____................"}, false, 950, 2250, 0, 3000},
		{"no longer than was usual", []string{".____.____.____.__________...."}, false, 1450, 2900, 0, 3000},
		{"an earlier outage is not usual", []string{"..________......______________"}, false, 1450, 2900, 1350, 150},
		{"another workload was served", []string{"..........____________........", ".............................."}, false, 950, 2250, 0, 3000},
		{"another workload was not served either", []string{"..........____________........", "..........xxxxxxxxxxxx........"}, false, 950, 2250, 1250, 3000},
		{"another workload's last success came a little later", []string{"..........____________........", "...........____________......."}, false, 950, 2350, 1100, 3000},
		{"another workload was served in between", []string{"....._________________________", "...............____________..."}, false, 450, 2750, 1200, 3000},
		{"another workload began", []string{"....._________________________", "|__________|......____........"}, false, 450, 1450, 510, 3000},
		{"it only reads", []string{"..........____________........"}, true, 950, 2250, 0, 3000},
		{"it did not run", []string{"..........|__________|........"}, false, 950, 2250, 0, 3000},
	} {
		var all []Activity
		for _, picture := range tt.pictures {
			a := timelineOf(picture).Activity
			a.Writes = !tt.reads
			all = append(all, a)
		}
		ms := func(n int) time.Duration { return time.Duration(n) * msec }
		if got := Unserved(all, ms(tt.from), ms(tt.to), ms(tt.firstFault), ms(3000)); got < ms(tt.want-100) || got > ms(tt.want+100) {
			t.Errorf("%s: %v, want about %d ms", tt.name, got, tt.want)
		}
	}
}
