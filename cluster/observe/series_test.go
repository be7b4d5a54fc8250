package observe

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestSeriesHasASteadyPace: a sample a second of every node, also of one that hangs, which is unknown then.
func TestSeriesHasASteadyPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := fake("a", record.RolePrimary, 1), fake("b", record.RoleStandby, 1)
		w := start(t, a, b)
		time.Sleep(3500 * time.Millisecond)
		b.set(func(n *fakeNode) { n.takes = time.Hour })
		time.Sleep(6600 * time.Millisecond)
		w.End()
		all := w.Series()
		if len(all) != 2 || all[0].Node != "a" || all[1].Node != "b" {
			t.Fatalf("series: %+v", all)
		}
		for _, s := range all {
			if len(s.Samples) != 10 || s.Step != time.Second {
				t.Fatalf("%s: %d samples, one each %s", s.Node, len(s.Samples), s.Step)
			}
			for i, one := range s.Samples {
				hangs := s.Node == "b" && i >= 4
				if one.At != time.Duration(i+1)*time.Second || (one.Role == "") != hangs {
					t.Errorf("%s: %+v", s.Node, one)
				}
			}
		}
	})
}

// TestSeriesIsBounded: a day has no more samples than an hour, and hides no short lag.
func TestSeriesIsBounded(t *testing.T) {
	s := &record.NodeSeries{Step: sampleEvery}
	for i := 1; i <= 24*3600; i++ {
		lag := int64(1)
		if i == 5000 {
			lag = 77
		}
		add(s, record.NodeSample{At: time.Duration(i) * time.Second, Connections: i % 10, LagBytes: &lag, LSN: record.LSN(i)})
	}
	greatest := int64(0)
	for i, one := range s.Samples {
		greatest = max(greatest, *one.LagBytes)
		if one.Connections != 9 {
			t.Fatalf("%d connections at %s, want the greatest number of the step", one.Connections, one.At)
		}
		if want := time.Duration(i+1) * s.Step; one.At != want || one.LSN != record.LSN(want/time.Second) {
			t.Fatalf("sample %d is of %s, want %s: %+v", i, one.At, want, one)
		}
	}
	if s.Step != 32*time.Second || len(s.Samples) != 24*3600/32 || greatest != 77 {
		t.Errorf("%d samples, one each %s, greatest lag %d", len(s.Samples), s.Step, greatest)
	}
}

// TestLag: in bytes, and for how long.
func TestLag(t *testing.T) {
	const now = 10 * time.Second
	line := func(replay record.LSN, lag time.Duration) []record.StandbyState {
		return []record.StandbyState{{Name: "b", State: "streaming", SyncState: "quorum", Replay: replay, ReplayLag: lag}}
	}
	standby := record.NodeState{Node: "b", At: now, Reachable: true, Role: record.RoleStandby, Timeline: 2, LSN: 400}
	for _, c := range []struct {
		name    string
		primary []record.StandbyState // what it says of its standbys
		standby record.NodeState
		state   string
		bytes   int64 // -1: not known
		lag     time.Duration
	}{
		{"as the primary says, which has both positions of one moment", line(300, 0), standby, "quorum", 300, 7 * time.Second},
		{"a standby that does not answer", line(300, 0), record.NodeState{Node: "b", At: now}, "quorum", 300, 7 * time.Second},
		{"the server knows of a longer time", line(300, 9*time.Second), standby, "quorum", 300, 9 * time.Second},
		{"it has all, and the server still shows its last lag", line(600, time.Second), standby, "quorum", 0, 0},
		{"it is not connected", nil, standby, "", 200, 6 * time.Second},
		{"it is not connected, and on another timeline", nil, record.NodeState{Node: "b", At: now, Reachable: true, Role: record.RoleStandby, Timeline: 1, LSN: 400}, "", -1, 0},
		{"it is not connected, and does not answer", nil, record.NodeState{Node: "b", At: now}, "", -1, 0},
		{"it has not reported a position yet, and does not answer", line(0, 0), record.NodeState{Node: "b", At: now}, "quorum", -1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWatcher([]Node{fake("a", "", 0), fake("b", "", 0)}, record.StartClock())
			for i, lsn := range []record.LSN{100, 200, 300, 301, 500, 600} {
				w.keep(record.NodeState{Node: "a", At: time.Duration(i) * time.Second, Reachable: true, Role: record.RolePrimary, Timeline: 2, LSN: lsn})
			}
			w.keep(record.NodeState{Node: "a", At: now, Reachable: true, Role: record.RolePrimary, Timeline: 2, LSN: 600, Standbys: c.primary})
			w.keep(c.standby)
			got := w.sampleOf("b", now)
			switch {
			case got.SyncState != c.state:
				t.Errorf("%s: sync state %q", c.name, got.SyncState)
			case c.bytes < 0 && (got.LagBytes != nil || got.Lag != nil):
				t.Errorf("%s: a lag of %d bytes", c.name, *got.LagBytes)
			case c.bytes >= 0 && (got.LagBytes == nil || *got.LagBytes != c.bytes || *got.Lag != c.lag):
				t.Errorf("%s: %+v", c.name, got)
			}
			if of := w.sampleOf("a", now); of.LagBytes != nil || of.LSN != 600 {
				t.Errorf("the primary: %+v", of)
			}
		})
	}
}

// TestPositionsAreBounded: what is dropped makes a long lag a little shorter.
func TestPositionsAreBounded(t *testing.T) {
	var p positions
	const n = 1_000_000
	for i := 1; i <= n; i++ {
		p.add(record.NodeState{Node: "a", Timeline: 1, At: time.Duration(i) * time.Second, LSN: record.LSN(i)})
	}
	if len(p.list) > mostPositions {
		t.Errorf("%d positions", len(p.list))
	}
	for _, seconds := range []int{0, 1, 100, 10_000, 900_000} {
		exact := time.Duration(seconds) * time.Second
		if got := p.behind(record.LSN(n-seconds-1), n*time.Second); got > exact || got < exact*98/100 {
			t.Errorf("behind since %s: %s", exact, got)
		}
	}
	if got := p.behind(n, n*time.Second); got != 0 {
		t.Errorf("with all replayed: %s", got)
	}
}
