package spell

import "testing"

func TestNearest(t *testing.T) {
	keys := []string{"at", "kill", "pause", "promote", "start_load", "stop_load", "verify", "wait"}
	for _, tc := range []struct{ name, word, want string }{
		{"swapped neighbours are one edit, and at is two away", "wiat", "wait"},
		{"swapped at the beginning", "awit", "wait"},
		{"swapped vowels", "puase", "pause"},
		{"one character too few", "verfy", "verify"},
		{"capitals", "Kill", "kill"},
		{"a long word may have three edits", "satrt_laod", "start_load"},
		{"nothing is near", "frobnicate", ""},
		{"a short word that shares nothing", "xy", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Nearest(tc.word, keys); got != tc.want {
				t.Errorf("Nearest(%q) = %q, want %q", tc.word, got, tc.want)
			}
		})
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"wait", "wait", 0},
		{"wiat", "wait", 1},
		{"wiat", "at", 2},
		{"ca", "abc", 3}, // a swapped pair is not edited again
		{"zürich", "zurich", 1},
		{"provdier", "provider", 1},
	} {
		if got := Distance(tc.a, tc.b); got != tc.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
