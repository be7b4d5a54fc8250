package pgload

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/internal/fakepg"
	"pgchaos/load"
	"pgchaos/record"
)

// drive runs a load.Workload on a cluster inside a bubble.
func (c *cluster) drive(t *testing.T, cfg load.Config, test func(l *load.Workload)) {
	t.Helper()
	c.bubble(t, func(w *Workload) {
		cfg.Clients, cfg.MaxAbandoned, cfg.Open, cfg.Clock = c.cfg.Clients, c.cfg.MaxAbandoned, w.Open, c.cfg.Clock
		l := load.New(cfg)
		l.Start()
		test(l)
		l.Close()
	})
}

// TestAbandonedKeepsItsBackend: the write that was given up on is not cancelled,
// its connection stays, its late answer is for the ledger alone, and the client goes on.
func TestAbandonedKeepsItsBackend(t *testing.T) {
	cl := newCluster(t, 1)
	cl.cfg.Progress = NewWriterProgress()
	cl.cfg.Clients, cl.cfg.MaxAbandoned = 2, 3
	cl.answers(fakepg.Answer{Delay: 3500 * time.Millisecond})
	cl.drive(t, load.Config{Timeout: time.Second}, func(l *load.Workload) {
		time.Sleep(2500 * time.Millisecond)
		if open, live := cl.servers[0].Open(), l.Live(); open != 5 || live.Abandoned != 4 || live.InFlight != 1 {
			t.Errorf("%d connections, %+v: want 2 clients and 3 abandoned, and one client waiting", open, live)
		}
		l.Stop()
		time.Sleep(10 * time.Second)
		rec := l.Record()
		if rec.Late != 5 || rec.Abandoned != 0 || rec.Total.Outcomes[record.Unknown] != 5 || rec.Total.Samples() != 5 {
			t.Errorf("late %d, abandoned %d, %v", rec.Late, rec.Abandoned, rec.Total.Outcomes)
		}
		if n := cl.servers[0].Open(); n != 0 {
			t.Errorf("%d connections are open after the late answers", n)
		}
		// What the client never learnt, the ledger has: each number was issued once, and
		// answered at last.
		book := cl.book(t)
		if n := counts(book); n[record.Unknown] != 0 || n[record.OK] != 5 {
			t.Errorf("ledger: %v", n)
		}
		for writer := range 2 {
			if acked, _ := cl.cfg.Progress.Acked(writer); acked != 0 || cl.cfg.Progress.Issued(writer) == 0 {
				t.Errorf("readers are told that writer %d issued %d, and that %d was acknowledged", writer, cl.cfg.Progress.Issued(writer), acked)
			}
			for _, e := range entries(t, book, writer) {
				if took := e.Done - e.Sent; !e.Late || e.Server.Node != "a" || took != 3500*time.Millisecond {
					t.Errorf("ledger: %+v, after %v", e, took)
				}
			}
		}
	})
}

// TestCloseWithASwallowedWrite: Close breaks what never ends, and says nothing to
// the server.
func TestCloseWithASwallowedWrite(t *testing.T) {
	cl := newCluster(t, 1)
	cl.cfg.Clients, cl.cfg.MaxAbandoned = 2, 2
	cl.answers(fakepg.Answer{Swallow: true})
	cl.drive(t, load.Config{Timeout: time.Second}, func(l *load.Workload) {
		time.Sleep(1500 * time.Millisecond)
		began := time.Now()
		l.Close()
		if time.Since(began) != 0 {
			t.Errorf("Close took %v", time.Since(began))
		}
		if n := counts(cl.book(t)); n[record.Unknown] != 4 {
			t.Errorf("ledger: %v", n)
		}
	})
}

// TestGivenUpWhileConnecting: nothing may be sent on behalf of a client that has
// gone, not even when the server comes back.
func TestGivenUpWhileConnecting(t *testing.T) {
	for why, hold := range map[string]func(s *fakepg.Server){
		"black hole":         func(s *fakepg.Server) { s.SetSilent(true) },
		"no answer":          func(s *fakepg.Server) { s.SetStartup(&fakepg.Answer{Delay: time.Hour}) },
		"prepare unanswered": func(s *fakepg.Server) { s.SetParse(func(string) fakepg.Answer { return fakepg.Answer{Swallow: true} }) },
	} {
		t.Run(why, func(t *testing.T) {
			cl := newCluster(t, 1)
			cl.cfg.ConnectTimeout = time.Minute
			hold(cl.servers[0])
			cl.bubble(t, func(w *Workload) {
				s := w.Open(0)
				ctx, giveUp := context.WithCancel(context.Background())
				done := make(chan reply)
				go func() { done <- do(ctx, s) }()
				time.Sleep(time.Second)
				giveUp()
				if reply := <-done; reply.Outcome != record.Dropped {
					t.Errorf("%+v", reply)
				}
				s.Close()
				synctest.Wait()
				if n := w.nodes[0].pool.Stat().TotalConns(); n != 0 {
					t.Errorf("%d connections are still being made", n)
				}
				if n := cl.book(t).Writers()[0].Issued; n != 0 || len(cl.servers[0].Executed()) != 0 {
					t.Errorf("%d sequence numbers, executed %v", n, cl.servers[0].Executed())
				}
				cl.servers[0].SetStartup(nil)
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestLongOutage: the failures are counted, the clients back off, nothing piles up.
func TestLongOutage(t *testing.T) {
	cl := newCluster(t, 2)
	cl.cfg.Clients, cl.cfg.MaxAbandoned = 4, 4
	cl.drive(t, load.Config{Timeout: time.Second}, func(l *load.Workload) {
		cl.answers(fakepg.Answer{Delay: 10 * time.Millisecond})
		time.Sleep(time.Second)
		cl.servers[0].SetRefuse(true)
		cl.servers[0].Kill()
		time.Sleep(time.Minute)
		before := l.Record()
		failed := before.Total.Outcomes[record.Failed]
		// Four clients, a minute, a pause of 375 ms on average.
		if failed < 550 || failed > 750 {
			t.Errorf("%d failed operations in a minute of outage", failed)
		}
		cl.servers[0].SetRefuse(false)
		time.Sleep(time.Second)
		if n := cl.servers[0].Open(); n != 4 {
			t.Errorf("%d connections", n)
		}
		l.Stop()
		synctest.Wait() // until the server has seen them go
		if n := cl.servers[0].Open(); n != 0 {
			t.Errorf("%d connections of clients that have stopped", n)
		}
		if after := l.Record(); after.Total.Outcomes[record.OK] < before.Total.Outcomes[record.OK]+150 {
			t.Errorf("outcomes before %v, after %v", before.Total.Outcomes, after.Total.Outcomes)
		}
	})
}

// TestTerminateBelongsToNoOperation: pgx writes it by itself after an error, and
// it must not make an operation look as if it had been sent.
func TestTerminateBelongsToNoOperation(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	c := &netConn{Conn: ours, unwatch: func() bool { return true }}
	for _, step := range []struct {
		message string
		want    int64
	}{{"X\x00\x00\x00\x04", 0}, {"S\x00\x00\x00\x04", 5}, {"X\x00\x00\x00\x04more", 14}} {
		if _, err := c.Write([]byte(step.message)); err != nil || c.written.Load() != step.want {
			t.Errorf("after %q: %d bytes, %v", step.message, c.written.Load(), err)
		}
	}
	_ = c.Close()
	if _, err := c.Write([]byte("lost")); err == nil || c.written.Load() != 14 {
		t.Errorf("bytes that could not be written count: %d, %v", c.written.Load(), err)
	}
}
