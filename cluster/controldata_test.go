package cluster

import (
	"testing"

	"pgchaos/record"
)

// TestControlDataIsCertain: a server is started, to see how far its WAL goes, only where that is not
// known without.
func TestControlDataIsCertain(t *testing.T) {
	for _, tc := range []struct {
		name string
		own  controlData
		want bool
	}{
		{"a primary that has shut down", controlData{state: "shut down", timeline: 1}, true},
		{"a primary that was killed", controlData{state: "in production", timeline: 1}, false},
		{"a primary that was killed as it recovered", controlData{state: "in crash recovery", timeline: 2}, false},
		{"a standby on the timeline", controlData{state: "shut down in recovery", timeline: 2}, true},
		{"a killed standby on the timeline", controlData{state: "in archive recovery", timeline: 2}, true},
		{"a standby that was left behind", controlData{state: "shut down in recovery", timeline: 1}, false},
		{"a killed standby that was left behind", controlData{state: "in archive recovery", timeline: 1}, false},
	} {
		if got := tc.own.certain(record.Lineage{Timeline: 2}); got != tc.want {
			t.Errorf("%s: %t", tc.name, got)
		}
	}
}
