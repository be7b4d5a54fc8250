package record

import (
	"testing"
	"time"
)

// TestOverOnEveryNode: a pause of two nodes is over when both go on, each at the first moment.
func TestOverOnEveryNode(t *testing.T) {
	pause := Event{Name: "pause", Action: "pause", Nodes: []string{"a", "b"}, Issued: time.Second}
	resume := func(at int, nodes ...string) Event {
		return Event{Name: "resume", Action: "resume", Nodes: nodes, Issued: time.Duration(at) * time.Second}
	}
	undo := Event{Name: "undo-pause", Action: "undo", Reverses: "pause", Issued: 9 * time.Second}
	nowhere := pause
	nowhere.Nodes = nil
	for _, tt := range []struct {
		name   string
		of     Event
		others []Event
		want   int // 0: it is in force
	}{
		{"nothing came", pause, nil, 0},
		{"one goes on", pause, []Event{resume(3, "a")}, 0},
		{"both go on", pause, []Event{resume(3, "a"), resume(5, "b")}, 5},
		{"both go on, the last one first", pause, []Event{resume(5, "a"), resume(3, "b")}, 5},
		{"one goes on twice", pause, []Event{resume(7, "a"), resume(3, "a"), resume(5, "b"), resume(8, "b")}, 5},
		{"both at once", pause, []Event{resume(4, "b", "a")}, 4},
		{"one goes on before", pause, []Event{resume(0, "a"), resume(5, "b")}, 0},
		{"one goes on, and then it is taken back", pause, []Event{resume(3, "a"), undo}, 9},
		{"it has no nodes", nowhere, []Event{resume(3, "a")}, 0},
		{"it has no nodes, and is taken back", nowhere, []Event{undo}, 9},
	} {
		over, ok := tt.of.OverAt(tt.others, func(m Event) (time.Duration, bool) { return m.Issued, true })
		if over != time.Duration(tt.want)*time.Second || ok != (tt.want > 0) {
			t.Errorf("%s: %v, %v", tt.name, over, ok)
		}
	}
	if _, ok := pause.OverAt([]Event{undo}, func(Event) (time.Duration, bool) { return 0, false }); ok {
		t.Error("what did not take effect ended it")
	}
}

// TestWhichActionsTakeNodesAway.
func TestWhichActionsTakeNodesAway(t *testing.T) {
	for _, tt := range []struct {
		what                     string
		is                       Facts
		itself, primary, standby bool // it takes its nodes away, a primary can stop being one, a standby can stop streaming
	}{
		{"kill", Facts{Ends: true, Kills: true}, true, true, true},
		{"pause", Facts{Freezes: true}, true, true, true},
		{"disconnect", Facts{Cuts: true}, true, true, true},
		{"restart", Facts{Restarts: true, Starts: true}, true, true, true},
		{"manager_switchover", Facts{Provokes: true, Moves: true}, true, true, true},
		{"partition", Facts{Links: true, Lasts: true}, false, true, true},
		{"delay of clients", Facts{Links: true, Lasts: true, Keeps: true}, false, false, false},
		{"exec", Facts{Provokes: true}, false, true, true},
		{"fill_disk", Facts{Provokes: true, Lasts: true}, false, true, true},
		{"hold_wal", Facts{Lasts: true}, false, false, true},
		{"rejoin", Facts{Standby: true}, false, false, true},
		{"promote", Facts{Promotes: true}, false, false, true},
		{"follow", Facts{Reloads: true}, false, false, true},
		{"start", Facts{Starts: true}, false, false, false},
		{"terminate_backends", Facts{Sessions: true}, false, false, false},
		{"exhaust_connections", Facts{Sessions: true, Lasts: true, Refuses: true}, false, false, false},
		{"apply_delay", Facts{Lasts: true, Reloads: true, Keeps: true}, false, false, false},
		{"slow_fsync", Facts{Lasts: true, Reloads: true, Sessions: true}, false, false, false},
	} {
		if itself, primary, standby := tt.is.TakesServers(), tt.is.MayTakePrimary(), tt.is.MayTakeStandby(); itself != tt.itself || primary != tt.primary || standby != tt.standby {
			t.Errorf("%s: itself %v, a primary %v, a standby %v", tt.what, itself, primary, standby)
		}
	}
}

// TestWhatEndsAnEffect: a later event on the same node, or what takes it back.
func TestWhatEndsAnEffect(t *testing.T) {
	ends, freezes, cuts, lasts := Facts{Ends: true}, Facts{Freezes: true}, Facts{Cuts: true}, Facts{Lasts: true}
	starts, thaws, connects, lifts := Facts{Starts: true}, Facts{Thaws: true}, Facts{Connects: true}, Facts{Lifts: "pause_replay"}
	for _, tt := range []struct {
		name   string
		action string
		is     Facts
		later  Facts
		want   bool
	}{
		{"a killed server is started", "kill", ends, starts, true},
		{"a killed server is killed again", "kill", ends, ends, false},
		{"a paused server goes on", "pause", freezes, thaws, true},
		{"a paused server is killed", "pause", freezes, ends, true},
		{"a paused server is restarted", "pause", freezes, Facts{Restarts: true}, true},
		{"a paused server is connected", "pause", freezes, connects, false},
		{"a node that is cut off is connected", "disconnect", cuts, connects, true},
		{"the server of a node that is cut off is started", "disconnect", cuts, starts, false},
		{"a paused replay is resumed", "pause_replay", lasts, lifts, true},
		{"another effect stays when a replay is resumed", "hold_wal", lasts, lifts, false},
		{"what does not last is not lifted", "pause_replay", Facts{}, lifts, false},
	} {
		first := Event{Name: "first", Action: tt.action, Nodes: []string{"a"}, Issued: time.Second, Facts: &tt.is}
		later := Event{Name: "later", Action: "later", Nodes: []string{"b", "a"}, Issued: 2 * time.Second, Facts: &tt.later}
		if got := first.EndedOn("a", later); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
		if first.EndedOn("c", later) {
			t.Errorf("%s: on a node that the later event does not name", tt.name)
		}
	}
}
