package cluster

import (
	"testing"

	"pgchaos/record"
)

// TestStandbyOf: which node a line of pg_stat_replication stands for.
func TestStandbyOf(t *testing.T) {
	// n1 was the primary when the cluster was met, and has been asked for its name since it is a standby.
	var met *standbyNames
	for _, node := range []struct{ name, called, at string }{{"n1", "n1", "10.0.0.1"}, {"n2", "walreceiver", "10.0.0.2"}, {"n3", "third", "10.0.0.3"}} {
		met = met.with(node.called, node.name, []string{node.at})
	}
	exchanged := met.with("walreceiver", "n1", []string{"10.0.0.1"})
	line := func(name, address string) record.StandbyState {
		return record.StandbyState{Name: name, Address: address}
	}
	for name, c := range map[string]struct {
		names *standbyNames
		on    string
		line  record.StandbyState
		want  string
		ok    bool
	}{
		"a name of its own":                      {met, "n1", line("third", ""), "n3", true},
		"the only walreceiver":                   {met, "n1", line("walreceiver", "192.0.2.1"), "n2", true},
		"none of the cluster's":                  {met, "n1", line("pg_receivewal", "10.0.0.2"), "pg_receivewal", false},
		"a node is never its own standby":        {exchanged, "n2", line("walreceiver", "192.0.2.1"), "n1", true},
		"and back":                               {exchanged, "n1", line("walreceiver", "192.0.2.1"), "n2", true},
		"two of a name, by address":              {exchanged, "n3", line("walreceiver", "10.0.0.2"), "n2", true},
		"and the other":                          {exchanged, "n3", line("walreceiver", "10.0.0.1"), "n1", true},
		"two of a name behind another address":   {exchanged, "n3", line("walreceiver", "192.0.2.1"), "walreceiver (n1 or n2)", false},
		"the name that it was met by is no more": {exchanged, "n3", line("n1", ""), "n1", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := c.names.of(c.on, c.line); got != c.want || ok != c.ok {
				t.Errorf("%q, %v, want %q, %v", got, ok, c.want, c.ok)
			}
		})
	}
	for _, second := range []struct {
		address string
		refused bool
	}{{"10.0.0.1", false}, {"10.0.0.2", true}, {"192.0.2.1", true}} {
		state := record.NodeState{Node: "n3", Standbys: []record.StandbyState{line("walreceiver", "10.0.0.2"), line("walreceiver", second.address)}}
		if err := exchanged.apart(state); (err != nil) != second.refused {
			t.Errorf("from %s: %v", second.address, err)
		}
	}
}
