package existing

import "testing"

// TestWouldAgree has the lists of members that Patroni 3.0.2 answered with, and what it then said to a switchover.
func TestWouldAgree(t *testing.T) {
	leader, replica, sync := patroniMember{Name: "n1", Role: "leader"}, patroniMember{Name: "n2", Role: "replica"}, patroniMember{Name: "n3", Role: "sync_standby"}
	for name, c := range map[string]struct {
		members     []patroniMember
		to          string
		synchronous bool
		why         string
	}{
		"any replica":                                {members: []patroniMember{leader, replica}},
		"this replica":                               {members: []patroniMember{leader, replica}, to: "n2"},
		"the synchronous standby":                    {members: []patroniMember{leader, replica, sync}, synchronous: true},
		"the quorum of Patroni 4":                    {members: []patroniMember{leader, {Name: "n4", Role: "quorum_standby"}}, synchronous: true},
		"soon after a failover, in synchronous mode": {members: []patroniMember{leader, replica}, synchronous: true, why: "no member is a synchronous standby by its list"},
		"the other one, in synchronous mode":         {members: []patroniMember{leader, replica, sync}, to: "n2", synchronous: true, why: "n2 is not a synchronous standby by its list"},
		"while the leader is gone":                   {members: []patroniMember{replica, sync}, why: "it has no leader"},
		"the leader alone":                           {members: []patroniMember{leader}, why: "it has no other member that could lead"},
	} {
		t.Run(name, func(t *testing.T) {
			why := ""
			if err := wouldAgree(c.members, c.to, c.synchronous); err != nil {
				why = err.Error()
			}
			if why != c.why {
				t.Errorf("it says %q, want %q", why, c.why)
			}
		})
	}
}

// TestSynchronousMode has the values that GET /config can have.
func TestSynchronousMode(t *testing.T) {
	for value, want := range map[any]bool{nil: false, false: false, "off": false, true: true, "on": true, "quorum": true} {
		if got := synchronousMode(value); got != want {
			t.Errorf("%v: %v", value, got)
		}
	}
}
