package cluster

import "testing"

// TestLastComplaints: what a server repeats is shown once.
func TestLastComplaints(t *testing.T) {
	for name, tc := range map[string]struct{ log, want string }{
		"nothing":      {"", ""},
		"no complaint": {"10:00 LOG:  started\n10:01 LOG:  ready\n", "; its log says: 10:00 LOG: started / 10:01 LOG: ready"},
		"repeated": {
			"10:00 FATAL:  no slot\n10:01 LOG:  waiting\n10:02 ERROR:  other\n10:03 FATAL:  no slot\n10:04 FATAL:  no slot\n",
			"; its log says: ERROR: other / FATAL: no slot",
		},
		"the last four":     {"ERROR: 1\nERROR: 2\nERROR: 3\nERROR: 4\nERROR: 5\n", "; its log says: ERROR: 2 / ERROR: 3 / ERROR: 4 / ERROR: 5"},
		"pgchaos's own try": {"FATAL:  the database system is starting up\n", ""},
	} {
		if got := lastComplaints(tc.log); got != tc.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
