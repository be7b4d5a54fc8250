package local

import (
	"testing"
	"time"
)

func TestUsagePercent(t *testing.T) {
	var u usage
	start := time.Unix(1000, 0)
	first, second := &mainProcess{identity: identity{1, 1}}, &mainProcess{identity: identity{1, 2}}
	for _, step := range []struct {
		name    string
		main    *mainProcess
		cpu     time.Duration
		seconds int
		want    float64
	}{
		{"the first call has nothing to count from", first, 5 * time.Second, 0, 0},
		{"half a core", first, 6 * time.Second, 2, 50},
		{"two cores", first, 8 * time.Second, 3, 200},
		{"time that is out of sight is not negative", first, 7 * time.Second, 4, 0},
		{"and does not count twice when it comes back", first, 9 * time.Second, 5, 100},
		{"a new life begins at nothing", second, time.Second, 7, 50},
		{"no time passed", second, 2 * time.Second, 7, 0},
	} {
		u.follow(step.main)
		if got := u.percent(step.cpu, start.Add(time.Duration(step.seconds)*time.Second)); got != step.want {
			t.Errorf("%s: %v%%, want %v%%", step.name, got, step.want)
		}
	}
}

func TestTotalNeverFalls(t *testing.T) {
	var sum total
	for i, step := range []struct {
		reading   uint64
		restarted bool
		want      uint64
	}{{10, true, 10}, {30, false, 30}, {20, false, 30}, {35, false, 35}, {5, true, 40}, {0, true, 40}, {7, false, 47}} {
		if got := sum.next(step.reading, step.restarted); got != step.want {
			t.Errorf("step %d: %d, want %d", i, got, step.want)
		}
	}
}

func TestFootprintsTogether(t *testing.T) {
	got := footprint{1, 100, 10}.with(footprint{2, 120, 5})
	if want := (footprint{3, 120, 10}); got != want || got.bytes() != 133 {
		t.Errorf("got %v, %d bytes", got, got.bytes())
	}
}
