package pgload

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/internal/fakepg"
	"pgchaos/load"
	"pgchaos/record"
)

// sharing makes a workload of more clients than connections.
func sharing(t *testing.T, clients, connections int) *cluster {
	cl := newCluster(t, 1)
	cl.cfg.Clients, cl.cfg.Connections, cl.cfg.MaxAbandoned = clients, connections, clients
	return cl
}

// TestConnectionsAreSharedFairly: nobody waits longer than the others, the time at which
// an operation is sent is when it had a connection, and no more are opened than may be.
func TestConnectionsAreSharedFairly(t *testing.T) {
	cl := sharing(t, 6, 2)
	cl.answers(fakepg.Answer{Delay: 100 * time.Millisecond})
	cl.drive(t, load.Config{Timeout: 10 * time.Second}, func(l *load.Workload) {
		time.Sleep(10*time.Second + 50*time.Millisecond)
		if n := cl.servers[0].Open(); n != 2 || cl.servers[0].Opened() != 2 {
			t.Errorf("%d connections are open, and %d were opened", n, cl.servers[0].Opened())
		}
		l.Stop()
		synctest.Wait()
		if n := cl.servers[0].Open(); n != 0 {
			t.Errorf("%d connections of clients that have stopped", n)
		}
		book := cl.book(t)
		for writer := range 6 { // 200 operations
			if n := book.Writers()[writer].Issued; n < 33 || n > 35 {
				t.Errorf("client %d had a slot %d times", writer, n)
			}
		}
		if n := counts(book); n[record.OK] != n[record.OK]+n[record.Failed]+n[record.Unknown] {
			t.Errorf("ledger: %v", n)
		}
	})
}

func TestSentIsWhenThereIsAConnection(t *testing.T) {
	cl := sharing(t, 2, 1)
	cl.answers(fakepg.Answer{Delay: time.Second})
	cl.bubble(t, func(w *Workload) {
		first, second := w.Open(0), w.Open(1)
		go once(first)
		synctest.Wait()
		if reply := once(second); reply.Outcome != record.OK || reply.Sent != time.Second {
			t.Errorf("%+v", reply)
		}
		synctest.Wait()
		first.Close()
		second.Close()
	})
}

// TestGivenUpWaitingForAConnection: nothing was sent, and the next client gets the slot.
func TestGivenUpWaitingForAConnection(t *testing.T) {
	cl := sharing(t, 3, 1)
	cl.answers(fakepg.Answer{Delay: time.Second})
	cl.bubble(t, func(w *Workload) {
		sessions := []load.Session{w.Open(0), w.Open(1), w.Open(2)}
		go once(sessions[0])
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		impatient := make(chan reply)
		go func() { impatient <- do(ctx, sessions[1]) }()
		synctest.Wait()
		done := make(chan reply)
		go func() { done <- once(sessions[2]) }()
		if reply := <-impatient; reply.Outcome != record.Dropped || reply.Kind != "given up" {
			t.Errorf("%+v", reply)
		}
		if reply := <-done; reply.Outcome != record.OK || reply.Sent != time.Second {
			t.Errorf("%+v", reply)
		}
		for _, s := range sessions {
			s.Close()
		}
	})
}

// TestAbandonedGivesItsPlaceUp: an operation that was given up on keeps its backend, as
// one of the abandoned, and not the place that the others wait for.
func TestAbandonedGivesItsPlaceUp(t *testing.T) {
	cl := sharing(t, 2, 1)
	stuck := true
	cl.servers[0].SetAnswer(func(string, [][]byte) fakepg.Answer {
		if stuck {
			stuck = false
			return fakepg.Answer{Delay: 10 * time.Second}
		}
		return fakepg.Answer{Delay: time.Millisecond}
	})
	cl.bubble(t, func(w *Workload) {
		first, second := w.Open(0), w.Open(1)
		ctx, giveUp := context.WithCancel(context.Background())
		late := make(chan reply)
		go func() { late <- do(ctx, first) }()
		time.Sleep(time.Second)
		giveUp()
		synctest.Wait()
		if reply := once(second); reply.Outcome != record.OK || reply.Sent != time.Second {
			t.Errorf("%+v", reply)
		}
		if n := cl.servers[0].Open(); n != 2 {
			t.Errorf("%d connections, want that of the operation given up on and the place", n)
		}
		if reply := <-late; reply.Outcome != record.OK {
			t.Errorf("late: %+v", reply)
		}
		first.Close()
		synctest.Wait()
		if n := cl.servers[0].Open(); n != 1 {
			t.Errorf("%d connections", n)
		}
		second.Close()
	})
}

// TestLostConnectionsOfManyClients: the places are not lost with the connections.
func TestLostConnectionsOfManyClients(t *testing.T) {
	cl := sharing(t, 20, 3)
	cl.answers(fakepg.Answer{Delay: time.Millisecond})
	cl.drive(t, load.Config{Timeout: 5 * time.Second}, func(l *load.Workload) {
		for range 5 {
			time.Sleep(time.Second)
			cl.servers[0].SetRefuse(true)
			cl.servers[0].Kill()
			time.Sleep(time.Second)
			cl.servers[0].SetRefuse(false)
		}
		time.Sleep(time.Second)
		if n := cl.servers[0].Open(); n != 3 {
			t.Errorf("%d connections", n)
		}
		l.Stop()
		if ok := l.Record().Total.Outcomes[record.OK]; ok < 10_000 {
			t.Errorf("%d operations", ok)
		}
	})
}

// TestRetryIsForTheLiving: a client that has gone begins nothing again, and numbers are
// never used twice.
func TestRetryIsForTheLiving(t *testing.T) {
	cl := newCluster(t, 1)
	cl.cfg.Retry = 5
	tries, giveUp := 0, func() {}
	cl.servers[0].SetAnswer(func(string, [][]byte) fakepg.Answer {
		if tries++; tries == 3 {
			giveUp()
		}
		return fakepg.Answer{Code: "40P01"}
	})
	cl.bubble(t, func(w *Workload) {
		var ctx context.Context
		ctx, giveUp = context.WithCancel(context.Background())
		s := w.Open(0)
		reply := do(ctx, s)
		s.Settle(&record.Op{Outcome: reply.Outcome, Done: time.Second}, true)
		if reply.Outcome != record.Failed || reply.Retries != 2 || tries != 3 {
			t.Errorf("%+v after %d tries", reply, tries)
		}
		s.Close()
		all := entries(t, cl.book(t), 0)
		if len(all) != 3 {
			t.Errorf("ledger: %+v", all)
		}
		for _, e := range all {
			if e.Outcome != record.Failed || e.Server.Node != "a" {
				t.Errorf("ledger: %+v", e)
			}
		}
	})
}

// TestBytes are those of the operation alone.
func TestBytes(t *testing.T) {
	cl := newCluster(t, 1)
	cl.bubble(t, func(w *Workload) {
		s := w.Open(0)
		first := once(s)
		second := once(s)
		if first.Out != second.Out || first.In != second.In || second.Out < 60 || second.Out > 90 || second.In < 20 || second.In > 40 {
			t.Errorf("out %d and %d, in %d and %d", first.Out, second.Out, first.In, second.In)
		}
		s.Close()
	})
}

// TestMixByWeight, in which every part is what it would be alone.
func TestMixByWeight(t *testing.T) {
	cl := newCluster(t, 1)
	cl.cfg.Kind = Mix
	cl.cfg.Mix = []Part{
		{Name: "a", Weight: 3, Work: Work{Kind: SQL, SQL: []string{"select 1"}}}, {Name: "b", Work: Work{Kind: SQL, SQL: []string{"delete from t"}}},
		{Name: "c", Work: Work{Kind: Insert}},
	}
	cl.bubble(t, func(w *Workload) {
		if !w.Writes() {
			t.Error("it writes")
		}
		s := w.Open(0)
		var n [3]int
		for range 1000 {
			reply := once(s)
			if reply.Outcome != record.OK {
				t.Fatalf("%+v", reply)
			}
			n[reply.Part]++
		}
		if n[0] < 550 || n[0] > 650 || n[1] < 160 || n[1] > 240 {
			t.Errorf("parts %v", n)
		}
		s.Close()
		if writer := cl.book(t).Writers()[0]; writer.Issued != int64(n[2]) || writer.Workload != "writes/c" {
			t.Errorf("%d inserts of %s for %d operations", writer.Issued, writer.Workload, n[2])
		}
	})
}

// TestPlaceGivenBackTooLate: a connection that comes back when every session has closed
// is closed as well.
func TestPlaceGivenBackTooLate(t *testing.T) {
	cl := sharing(t, 2, 1)
	cl.bubble(t, func(w *Workload) {
		s := w.Open(0)
		once(s)
		c := w.slots[0].acquire(context.Background())
		s.Close()
		w.slots[0].release(c)
		synctest.Wait()
		if n := cl.servers[0].Open(); n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestWrongWorks: what cannot be meant is an error, before anything begins.
func TestWrongWorks(t *testing.T) {
	for name, c := range map[string]struct {
		work   Work
		simple bool
		says   string
	}{
		"a list that commits":      {Work{Kind: SQL, SQL: []string{"select 1", "/* now */ commit"}}, false, "statement 2: commit"},
		"a list that rolls back":   {Work{Kind: SQL, SQL: []string{"select 1", "rollback"}}, false, "rollback"},
		"an empty statement":       {Work{Kind: SQL, SQL: []string{" "}}, false, "empty"},
		"several in one":           {Work{Kind: SQL, SQL: []string{"delete from t; commit;"}}, true, "semicolon"},
		"no generator":             {Work{Kind: SQL, SQL: []string{"select :n"}}, false, ":n"},
		"no such generator":        {Work{Kind: SQL, SQL: []string{"select 1"}, Params: []Param{{Name: "n", Kind: "dice"}}}, false, "dice"},
		"a range of nothing":       {Work{Kind: SQL, SQL: []string{"select 1"}, Params: []Param{{Name: "n", Kind: "uniform", Min: 2, Max: 1}}}, false, "params n"},
		"a pipeline of lists":      {Work{Kind: SQL, SQL: []string{"select 1", "select 2"}, Pipeline: 2}, false, "pipeline"},
		"a simple pipeline":        {Work{Kind: Update, Pipeline: 2}, true, "pipeline"},
		"a pipeline of scripts":    {Work{Kind: TPCB, Pipeline: 2}, false, "pipeline"},
		"statements in a pipeline": {Work{Kind: Insert, Statements: 2, Pipeline: 2}, false, "both"},
		"too many rows":            {Work{Kind: Insert, Rows: 100_000}, false, "at most"},
		"no such read":             {Work{Kind: Read, Reads: map[string]int{"everything": 1}}, false, "everything"},
		"no share":                 {Work{Kind: Read, Reads: map[string]int{Point: 0}}, false, "0"},
		"a script with an error":   {Work{Kind: Script, ScriptName: "x.sql", Script: "\\shell ls"}, false, "x.sql:1"},
		"a pipeline in simple":     {Work{Kind: Script, ScriptName: "x.sql", Script: "\\startpipeline\nselect 1;\n\\endpipeline"}, true, "x.sql:1"},
		"an empty mix":             {Work{Kind: Mix}, false, "no part"},
	} {
		cl := newCluster(t, 1)
		cl.cfg.Work = c.work
		if c.simple {
			cl.cfg.Protocol = Simple
		}
		if _, err := New(cl.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q in it", name, err, c.says)
		}
	}
	cl := newCluster(t, 1)
	cl.cfg.Kind, cl.cfg.Mix = Mix, []Part{{Name: "one", Work: Work{Kind: Mix}}}
	if _, err := New(cl.cfg); err == nil || !strings.Contains(err.Error(), "part one") {
		t.Errorf("a mix of a mix: %v", err)
	}
}

// TestConnectionsOfEach: the bound is a node's, and where it binds nobody each client
// keeps a connection of its own.
func TestConnectionsOfEach(t *testing.T) {
	for connections, want := range map[int]int{1: 1, 2: 2, 3: 2} {
		cl := newCluster(t, 2)
		cl.cfg.Work, cl.cfg.Target = Work{Kind: SQL, SQL: []string{"select 1"}}, Each
		cl.cfg.Clients, cl.cfg.Connections = 4, connections
		for _, s := range cl.servers {
			s.SetAnswer(func(string, [][]byte) fakepg.Answer { return fakepg.Answer{Delay: 10 * time.Millisecond} })
		}
		cl.drive(t, load.Config{}, func(*load.Workload) {
			time.Sleep(time.Second)
			for i, s := range cl.servers {
				if n := s.Open(); n != want {
					t.Errorf("%d connections a node: node %d has %d, want %d", connections, i, n, want)
				}
			}
		})
	}
}
