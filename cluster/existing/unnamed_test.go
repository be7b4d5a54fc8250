package existing

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestNobodyIsPromotedUnread: nobody is to promote a node as long as one could not be read, for that one may be the primary.
func TestNobodyIsPromotedUnread(t *testing.T) {
	e := Examination{Nodes: []Seen{{Name: "n1", Error: errors.New("wrong password")}, {Name: "n2", Standby: true, Receives: true}}}
	e.health()
	if len(e.Findings) != 1 || !strings.Contains(e.Findings[0].String(), "wrong password") {
		t.Errorf("%v", e.Findings)
	}
}

// TestAPrimaryAlone: of one node it is not said that others stream.
func TestAPrimaryAlone(t *testing.T) {
	for _, tt := range []struct {
		nodes []Seen
		want  string
	}{
		{[]Seen{{Name: "n1"}}, "n1: it is the primary"},
		{[]Seen{{Name: "n1"}, {Name: "n2", Standby: true, Receives: true}}, "n1: it is the primary, and all other nodes stream"},
	} {
		e := Examination{Nodes: tt.nodes}
		if e.health(); len(e.Findings) != 1 || e.Findings[0].String() != tt.want {
			t.Errorf("%v, want %q", e.Findings, tt.want)
		}
	}
}

// TestUnnamed: which lines of pg_stat_replication are standbys that the file does not name.
func TestUnnamed(t *testing.T) {
	const (
		n2      = `{"name": "n2", "client_addr": "10.0.0.2", "standby": true}`
		third   = `{"name": "walreceiver", "client_addr": "10.0.0.3", "standby": true}`
		hidden  = `{"name": "other", "client_addr": "", "standby": true}`
		archive = `{"name": "pg_receivewal", "client_addr": "10.0.0.9", "standby": false}`
		n4      = `{"name": "n4", "client_addr": "10.0.0.4", "standby": true}`
	)
	n4Unread := []cluster.ExistingNode{{Name: "n4"}}
	called := []cluster.ExistingNode{{Name: "n4", Standby: "walreceiver"}}
	for name, tt := range map[string]struct {
		lines  string
		unread []cluster.ExistingNode // that the file names without a dsn
		error  error                  // of n2
		want   string
	}{
		"none":                       {lines: n2},
		"an archive is none":         {lines: n2 + "," + archive},
		"one":                        {lines: n2 + "," + third, want: "1 standby streams from n1 that the file does not name: walreceiver (10.0.0.3); name it among the nodes: a run reads these alone"},
		"several":                    {lines: third + "," + n2 + "," + hidden, want: "2 standbys stream from n1 that the file does not name: walreceiver (10.0.0.3), other; name them among the nodes: a run reads these alone"},
		"it may be the unread one":   {lines: n2 + "," + third, unread: n4Unread},
		"it is the unread one":       {lines: n2 + "," + n4, unread: n4Unread},
		"another than the unread":    {lines: third + "," + n4, unread: n4Unread, want: "1 standby streams from n1 that the file does not name: walreceiver (10.0.0.3)"},
		"one of them may be":         {lines: third + "," + hidden, unread: n4Unread, want: "2 standbys stream from n1 that the file does not name: walreceiver (10.0.0.3), other (n4 can be among them); name"},
		"the unread one by its name": {lines: n2 + "," + third, unread: called},
		"another than that":          {lines: n2 + "," + hidden, unread: called, want: "1 standby streams from n1 that the file does not name: other; name it"},
		"it may be who was not read": {lines: third, error: errors.New("wrong password")},
	} {
		t.Run(name, func(t *testing.T) {
			e := Examination{Nodes: []Seen{{Name: "n1"}, {Name: "n2", Standby: true, Receives: true, Rights: []bool{true}, Error: tt.error, Streams: cluster.MetStandby{Name: "n2"}}}}
			if err := e.Nodes[0].readStandbys("[" + tt.lines + "]"); err != nil {
				t.Fatal(err)
			}
			e.distinguished(t.Context(), cluster.Existing{Nodes: []cluster.ExistingNode{{Name: "n1"}, {Name: "n2"}}, Unread: tt.unread})
			found := slices.ContainsFunc(e.Findings, func(f Finding) bool { return f.Weight == Unknown && strings.HasPrefix(f.String(), tt.want) })
			if len(e.Findings) != len(e.Warnings) || (len(e.Unnamed) > 0) != (tt.want != "") || (tt.want != "") != (len(e.Findings) == 1) || tt.want != "" && !found {
				t.Errorf("%v, %q", e.Findings, e.Warnings)
			}
		})
	}
}
