package cluster

import (
	"maps"
	"testing"
)

func TestDifferenceOfSnapshots(t *testing.T) {
	built := []snapshotLine{{"role a", "1"}, {"role b", "1"}}
	for _, tc := range []struct {
		name string
		now  []snapshotLine
		want string
	}{
		{"nothing has changed", built, ""},
		{"something was added", append([]snapshotLine{{"replication slot s", "physical"}}, built...), "there is a replication slot s, which was not there when the cluster was built"},
		{"something is otherwise", []snapshotLine{{"role a", "1"}, {"role b", "2"}}, "the role b is not as it was when the cluster was built"},
		{"something is gone", built[:1], "the role b is gone, which was there when the cluster was built"},
	} {
		if got := difference(built, tc.now); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestStandbyIsNeverBehindItsPrimary: in the settings of which it may have no less.
func TestStandbyIsNeverBehindItsPrimary(t *testing.T) {
	next := map[string]string{"max_connections": "120", "work_mem": "4MB"}
	for _, tc := range []struct {
		name         string
		before, want map[string]string
	}{
		{"it will have more", map[string]string{"max_connections": "100"}, next},
		{"it will have less", map[string]string{"max_connections": "200", "work_mem": "8MB"}, map[string]string{"max_connections": "200", "work_mem": "4MB"}},
		{"it will have the default, which is less", map[string]string{"max_connections": "120", "max_worker_processes": "20"},
			map[string]string{"max_connections": "120", "work_mem": "4MB", "max_worker_processes": "20"}},
		{"it had less than the default", map[string]string{"max_worker_processes": "4"}, next},
	} {
		if got := atLeast(next, tc.before); !maps.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
