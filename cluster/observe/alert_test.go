package observe

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestAlert: every 10 ms from a step on until what is demanded is back, otherwise
// every 100 ms.
func TestAlert(t *testing.T) {
	primary := func(w *Watcher, standbys ...string) {
		s := record.NodeState{Node: "a", Reachable: true, Role: record.RolePrimary}
		for _, name := range []string{"b", "c"} {
			w.last[name] = record.NodeState{Node: name}
		}
		for _, name := range standbys {
			s.Standbys = append(s.Standbys, record.StandbyState{Name: name, State: "streaming", SyncState: "quorum"})
			w.last[name] = record.NodeState{Node: name, Reachable: true, Role: record.RoleStandby, Streaming: true}
		}
		w.last["a"] = s
	}
	stop := record.Event{Name: "stop-b", Action: "stop", Nodes: []string{"b"}, Fault: true}
	tests := []struct {
		name   string
		demand int
		do     func(w *Watcher)
		want   time.Duration
	}{
		{"nothing happens", 1, func(*Watcher) {}, stateEvery},
		{"a step that changes nothing", 1, func(w *Watcher) { w.StepBegins(record.Event{Name: "verify", Action: "verify"}) }, stateEvery},
		{"a step is under way", 1, func(w *Watcher) { w.StepBegins(stop); time.Sleep(time.Hour) }, alertEvery},
		{"it is just over", 1, func(w *Watcher) {
			w.StepBegins(stop)
			w.StepEnds(stop)
			time.Sleep(alertLeast - 1)
		}, alertEvery},
		{"and nothing came of it", 1, func(w *Watcher) {
			w.StepBegins(stop)
			w.StepEnds(stop)
			time.Sleep(alertLeast)
		}, stateEvery},
		{"the demanded standbys are missing, for however long", 2, func(w *Watcher) {
			w.StepBegins(stop)
			primary(w, "c")
			w.StepEnds(stop)
			time.Sleep(time.Hour)
		}, alertEvery},
		{"none is demanded, but there are fewer than before", 0, func(w *Watcher) {
			w.StepBegins(stop)
			primary(w, "c")
			w.StepEnds(stop)
			time.Sleep(time.Hour)
		}, alertEvery},
		{"the node is still away that nothing demands", 1, func(w *Watcher) {
			w.StepBegins(stop)
			primary(w, "c")
			w.StepEnds(stop)
			time.Sleep(alertMost - 1)
		}, alertEvery},
		{"but not for ever", 1, func(w *Watcher) {
			w.StepBegins(stop)
			primary(w, "c")
			w.StepEnds(stop)
			time.Sleep(alertMost)
		}, stateEvery},
		{"a step that asks for less", 2, func(w *Watcher) {
			w.StepBegins(stop)
			primary(w, "c")
			w.StepEnds(stop, record.Demand{At: time.Millisecond, Node: "a", Standbys: 1})
			time.Sleep(alertMost)
		}, stateEvery},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatcher(nil, record.StartClock())
				primary(w, "b", "c")
				w.Demand(record.Demand{Node: "a", Standbys: tt.demand})
				calm, wake := w.pace()
				time.Sleep(time.Second)
				tt.do(w)
				pace, _ := w.pace()
				if calm != stateEvery || pace != tt.want {
					t.Errorf("paces %s and %s, want %s", calm, pace, tt.want)
				}
				if tt.want == alertEvery {
					<-wake // or the bubble is stuck
				}
			})
		})
	}
}

// TestWhatIsAChange: no promise outlives a restart, so it must be on record.
func TestWhatIsAChange(t *testing.T) {
	was := record.NodeState{Node: "a", Reachable: true, Role: record.RolePrimary, ServerStarted: time.Unix(1, 0), CheckpointerStarted: time.Unix(1, 0)}
	for name, change := range map[string]func(s *record.NodeState){
		"restarted":      func(s *record.NodeState) { s.ServerStarted = time.Unix(2, 0) },
		"crashed":        func(s *record.NodeState) { s.CheckpointerStarted = time.Unix(2, 0) },
		"another regime": func(s *record.NodeState) { s.SyncCommit = "remote_apply" },
		"read-only":      func(s *record.NodeState) { s.Writable = true },
	} {
		now := was
		now.LSN++
		if changed(was, now) {
			t.Error("a position is a change")
		}
		if change(&now); !changed(was, now) {
			t.Errorf("%s: no change", name)
		}
	}
}
