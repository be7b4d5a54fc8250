package runner

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgchaos/internal/skip"
	"pgchaos/load"
	"pgchaos/load/eventloop"
	"pgchaos/load/pgload"
	"pgchaos/record"
	"pgchaos/record/ledger"
)

// broken is a session with a bug in each of its methods.
type broken struct{}

func (broken) Do(context.Context, *record.Op) time.Duration { panic("a bug in Do") }
func (broken) Settle(*record.Op, bool)                      { panic("a bug in Settle") }
func (broken) Connect(context.Context) error                { panic("a bug in Connect") }
func (broken) Close()                                       {}

// TestAPanicOfAClientEndsTheLoad: the process goes on, the first panic is kept, and the load
// has ended.
func TestAPanicOfAClientEndsTheLoad(t *testing.T) {
	p := newPanics()
	ctx, cancel := p.ends(t.Context())
	defer cancel()
	w := load.New(load.Config{Clients: 2, Clock: record.StartClock(), Panicked: p.keep, Open: func(int) load.Session { return broken{} }})
	_ = w.Connect(t.Context()) // it has no error
	w.Start()
	<-ctx.Done()
	for rec := w.Record(); rec.Total.Outcomes[record.Unknown] == 0; rec = w.Record() {
		time.Sleep(time.Millisecond)
	}
	w.Close()
	rec := w.Record()
	if n := rec.Total.Outcomes[record.Unknown]; n == 0 || rec.Errors[0].Kind != "panic" {
		t.Errorf("%d unknown, errors %+v", n, rec.Errors)
	}
	if err := p.err(); err == nil || !strings.Contains(err.Error(), "a bug in Connect") || !strings.Contains(err.Error(), "panics_test.go") {
		t.Errorf("%v", err)
	}
}

// prompt is a session whose operations take no time.
type prompt struct{ broken }

func (prompt) Do(_ context.Context, op *record.Op) time.Duration { op.Outcome = record.OK; return 0 }
func (prompt) Settle(*record.Op, bool)                           {}

// TestABrokenEngineIsNotWaitedFor: the clients of an event loop that has panicked never end, and what was recorded
// may not be readable.
func TestABrokenEngineIsNotWaitedFor(t *testing.T) {
	p := newPanics()
	loops, err := eventloop.New(1, p.keepBroken)
	if err != nil || loops == nil {
		skip.Test(t, "there are no event loops here: %v", err)
	}
	book, err := ledger.Create(filepath.Join(t.TempDir(), "ledger"), "run")
	if err != nil {
		t.Fatal(err)
	}
	var panics atomic.Int64
	w := load.New(load.Config{
		Clients: 2, Loops: loops, Clock: record.StartClock(), Broken: p.keepBroken,
		Open: func(int) load.Session { return prompt{} }, OnSample: func(int, record.Op) { panics.Add(1); panic("a bug") },
	})
	w.Start()
	for panics.Load() < 2 { // the collector, and the loop, since nobody else empties its clients' samples
		time.Sleep(time.Millisecond)
	}
	set := &loadSet{ledger: book, loops: loops, panics: p, lowerProcs: func() {}, list: []*running{{loop: w, pg: &pgload.Workload{}}}}
	ended := make(chan struct{})
	go func() {
		set.close()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("it is still waited for")
	}
	if rec := set.record(set.list[0]); rec.Total.Outcomes != (load.Record{}).Total.Outcomes {
		t.Errorf("%+v", rec.Total)
	}
}
