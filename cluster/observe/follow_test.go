package observe

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestAFollowerSeesNothingOld: what was read before it began does not count, and each reading wakes it.
func TestAFollowerSeesNothingOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := fake("a", record.RolePrimary, 1), fake("b", record.RoleStandby, 1)
		a.takes, b.takes = 5*time.Millisecond, 5*time.Millisecond
		a.state.Standbys = []record.StandbyState{{Name: "b", State: "streaming", SyncState: "quorum"}}
		b.state.Streaming = true
		w := start(t, a, b)
		time.Sleep(950 * time.Millisecond) // between two readings
		f := w.Follow()
		defer f.End()
		if before := f.Now(); !unseen(&before[0]) || !unseen(&before[1]) {
			t.Errorf("before a reading: %+v", before)
		}
		began := time.Now()
		for all := f.Now(); !all[0].Up || !all[1].Up; all = f.Now() {
			<-f.Ready()
		}
		if took := time.Since(began); took > 2*a.takes {
			t.Errorf("the nodes were not read at once: %s", took)
		}
		all := f.Now()
		if n := all[0]; !n.Writable || n.Sample.Role != record.RolePrimary {
			t.Errorf("the primary: %+v", n)
		}
		if n := all[1]; n.Writable || !n.LineKnown || n.State != "streaming" || n.Sample.SyncState != "quorum" || n.Streaming == nil || !*n.Streaming {
			t.Errorf("its standby: %+v", n)
		}
		b.set(func(n *fakeNode) { n.takes = time.Hour })
		time.Sleep(2 * time.Second)
		if n := f.Now()[1]; n.Up || n.Streaming != nil || !n.LineKnown || n.Sample.SyncState != "quorum" {
			t.Errorf("a standby that answers no longer: %+v", n)
		}
	})
}

// unseen tells whether nothing is known of a node.
func unseen(n *Followed) bool {
	return !n.Up && !n.Writable && !n.LineKnown && n.Streaming == nil && n.Sample.Role == ""
}

// TestAFollowerThatHasEnded is woken no longer.
func TestAFollowerThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, fake("a", record.RolePrimary, 1))
		f := w.Follow()
		<-f.Ready()
		<-f.Ready()
		f.End()
		select {
		case <-f.Ready():
		default:
		}
		time.Sleep(time.Second)
		select {
		case <-f.Ready():
			t.Error("it is woken after its end")
		default:
		}
	})
}

// TestWhetherANodeStreams: both sides must say so, and what was not read is not known.
func TestWhetherANodeStreams(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		own       record.NodeState
		line      string
		lineKnown bool
		want      *bool
	}{
		"both say so":                        {record.NodeState{Reachable: true, Streaming: true}, "streaming", true, &yes},
		"it still catches up":                {record.NodeState{Reachable: true, Streaming: true}, "catchup", true, &no},
		"its receiver does not run":          {record.NodeState{Reachable: true}, "", false, &no},
		"the primary does not list it":       {record.NodeState{Reachable: true, Streaming: true}, "", true, &no},
		"the primary was not read":           {record.NodeState{Reachable: true, Streaming: true}, "", false, nil},
		"it does not run":                    {record.NodeState{Role: record.RoleDown}, "streaming", true, &no},
		"it was not read":                    {record.NodeState{}, "streaming", true, nil},
		"it was not read, nor the other one": {record.NodeState{}, "", false, nil},
	} {
		got := streaming(c.own, c.line, c.lineKnown)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
