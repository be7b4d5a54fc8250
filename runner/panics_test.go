package runner

import (
	"context"
	"strings"
	"testing"
	"time"

	"pgchaos/load"
	"pgchaos/record"
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
	var p panics
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
