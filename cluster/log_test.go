package cluster

import (
	"errors"
	"fmt"
	"testing"
)

// TestBriefly: what a program of PostgreSQL's complained about stands in one line, with its name once.
func TestBriefly(t *testing.T) {
	err := briefly(fmt.Errorf("c: %w", &ExitError{
		Argv: []string{"/usr/lib/postgresql/15/bin/pg_basebackup", "-d", "x"}, Status: "exit status 1", Code: 1,
		Stderr: "pg_basebackup: error: could not receive data from WAL stream: gone\npg_basebackup: removing contents of data directory\n",
	}))
	if err.Error() != "pg_basebackup: exit status 1: could not receive data from WAL stream: gone; removing contents of data directory" {
		t.Error(err)
	}
	if other := errors.New("another"); !errors.Is(briefly(other), other) || briefly(nil) != nil {
		t.Error("another error is not kept")
	}
}

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
