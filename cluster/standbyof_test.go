package cluster

import (
	"strings"
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
		"the name that it was met by is no more": {exchanged, "n3", line("n1", ""), "n1 (another)", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.names.of(c.on, []record.StandbyState{c.line})[0]; got.name != c.want || got.known != c.ok {
				t.Errorf("%+v, want %q, %v", got, c.want, c.ok)
			}
		})
	}
	for _, second := range []struct {
		address string
		refused bool
	}{{"10.0.0.1", false}, {"10.0.0.2", true}, {"192.0.2.1", true}} {
		state := record.NodeState{Node: "n3", Standbys: []record.StandbyState{line("walreceiver", "10.0.0.2"), line("walreceiver", second.address)}}
		if _, err := exchanged.met(state); (err != nil) != second.refused {
			t.Errorf("from %s: %v", second.address, err)
		}
	}
}

// TestStandbysThatTheFileDoesNotName: one of them can have the name of a node. What it does is not what the node does.
func TestStandbysThatTheFileDoesNotName(t *testing.T) {
	var names *standbyNames
	names = names.with("n1", "n1", []string{"10.0.0.1"}).with("walreceiver", "n2", []string{"10.0.0.2"})
	from := func(addresses ...string) (state record.NodeState) {
		state.Node = "n1"
		for _, a := range addresses {
			state.Standbys = append(state.Standbys, record.StandbyState{Name: "walreceiver", Address: a})
		}
		return state
	}
	const unsure = "walreceiver (n2 or another)"
	for name, c := range map[string]struct {
		met, then []string // where they connect from
		refused   bool
		want      []string
		sync      string // what ANY 1 (walreceiver) means
	}{
		"by another address, as through NAT":                {met: []string{"172.17.0.1"}, then: []string{"172.17.0.1"}, want: []string{"n2"}, sync: "ANY 1 (n2)"},
		"that address changes":                              {met: []string{"172.17.0.1"}, then: []string{"172.17.0.9"}, want: []string{"n2"}, sync: "ANY 1 (n2)"},
		"by a socket":                                       {met: []string{""}, then: []string{""}, want: []string{"n2"}, sync: "ANY 1 (n2)"},
		"a line is left of a connection that broke":         {met: []string{"10.0.0.2"}, then: []string{"10.0.0.2", "10.0.0.2"}, want: []string{"n2", "n2"}, sync: "ANY 1 (n2)"},
		"and by another address":                            {met: []string{"172.17.0.1"}, then: []string{"172.17.0.1", "172.17.0.1"}, want: []string{"n2", "n2"}, sync: "ANY 1 (n2)"},
		"another one comes later":                           {met: []string{"10.0.0.2"}, then: []string{"10.0.0.3", "10.0.0.2"}, want: []string{"walreceiver", "n2"}, sync: "ANY 1 (n2)"},
		"another one comes later, and n2 has moved":         {met: []string{"10.0.0.2"}, then: []string{"10.0.0.3", "172.17.0.1"}, want: []string{unsure, unsure}, sync: "ANY 1 (n2)"},
		"another one is there":                              {met: []string{"10.0.0.2", "10.0.0.3"}, then: []string{"10.0.0.3", "10.0.0.2"}, want: []string{"walreceiver", "n2"}, sync: "ANY 1 (walreceiver)"},
		"another one is there, and n2 goes":                 {met: []string{"10.0.0.2", "10.0.0.3"}, then: []string{"10.0.0.3"}, want: []string{unsure}, sync: "ANY 1 (walreceiver)"},
		"another one is there, and goes":                    {met: []string{"10.0.0.2", "10.0.0.3"}, then: []string{"10.0.0.2"}, want: []string{"n2"}, sync: "ANY 1 (walreceiver)"},
		"another one is there, and neither address is n2's": {met: []string{"172.17.0.1", "172.17.0.2"}, refused: true},
		"another one is there, on the machine of n2":        {met: []string{"10.0.0.2", "10.0.0.2"}, refused: true},
		"both by sockets":                                   {met: []string{"", ""}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			met, err := names.met(from(c.met...))
			if (err != nil) != c.refused {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			state := from(c.then...)
			state.SyncNames = "ANY 1 (walreceiver)"
			one := &Cluster{}
			one.standbyNames.Store(met)
			one.named(&state)
			for i, s := range state.Standbys {
				if s.Name != c.want[i] {
					t.Errorf("from %q: %q, want %q", s.Address, s.Name, c.want[i])
				}
			}
			if state.SyncNames != c.sync {
				t.Errorf("%q, want %q", state.SyncNames, c.sync)
			}
		})
	}
}

// TestHiddenAddresses: a role without pg_monitor sees the names of standbys, and not where they connect from.
func TestHiddenAddresses(t *testing.T) {
	for address, want := range map[string]bool{"": true, "10.0.0.9": false} {
		var names *standbyNames
		names = names.with("n1", "n1", nil).with("walreceiver", "n2", nil).with("walreceiver", "n3", nil)
		line := record.StandbyState{Name: "walreceiver", Address: address}
		_, err := names.met(record.NodeState{Node: "n1", Standbys: []record.StandbyState{line, line}})
		if err == nil || strings.Contains(err.Error(), "grant it to the role") != want {
			t.Errorf("%q: %v", address, err)
		}
	}
}
