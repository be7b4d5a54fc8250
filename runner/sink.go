package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"pgchaos/internal/redact"
	"pgchaos/record"
	"pgchaos/report"
)

// Sink takes the events of one run, one after the other, in a goroutine of its own. The run
// does not wait for it. A sink that panics gets no more events; the run goes on, and
// returns the panic as an error at its end.
type Sink func(Event)

// Event is something that happens in a run, for those who follow it. The types below are all
// that there are. A sink ignores those that it has no use for. No event contains a secret.
type Event interface{ event() }

type (
	// StageBegan says what the run is busy with from now on: "building the cluster".
	StageBegan struct{ Text string }
	// Noted says something beside the stage, such as a warning.
	Noted struct{ Text string }
	// Logged says in detail what is done to the nodes.
	Logged struct{ Text string }
	// ImageLoaded says how many bytes of an image have been downloaded.
	ImageLoaded struct {
		Image       string
		Done, Total int64
	}
	// RunBegan says what the run is, as soon as it is certain that there will be one. Stages and downloads can come before it.
	RunBegan struct {
		Run, Experiment, Provider string
		Tool                      string // pgchaos's version
		Seed                      uint64
		Variant                   *report.Variant // of a series; nil: it is a single run
		Workloads                 []string        // in the order of the file
	}
	// LoadStarted says when the clock of the run began: offset 0 of all its times.
	LoadStarted struct{ At time.Time }
	// LoadEnded says when the load and the timeline had ended.
	LoadEnded struct{ At time.Duration }
	// StepBegan comes when a step of the timeline or a reversal has been issued.
	StepBegan struct{ Step record.Event }
	// StepEnded comes when it is over, and after an incident that no step has caused.
	StepEnded struct{ Step record.Event }
	// Ticked comes some times a second while there is load.
	Ticked struct{ Status Status }
)

func (StageBegan) event()  {}
func (Noted) event()       {}
func (Logged) event()      {}
func (ImageLoaded) event() {}
func (RunBegan) event()    {}
func (LoadStarted) event() {}
func (LoadEnded) event()   {}
func (StepBegan) event()   {}
func (StepEnded) event()   {}
func (Ticked) event()      {}

// hide is an event without the secrets.
func hide(secrets *redact.Redactor, e Event) Event {
	switch e := e.(type) {
	case StageBegan:
		return StageBegan{redact.Short(secrets.Text(e.Text))}
	case Noted:
		return Noted{redact.Short(secrets.Text(e.Text))}
	case Logged:
		return Logged{redact.Short(secrets.Text(e.Text))}
	case RunBegan:
		return redact.Of(secrets, e)
	case StepBegan:
		return StepBegan{redact.Of(secrets, e.Step)}
	case StepEnded:
		return StepEnded{redact.Of(secrets, e.Step)}
	case Ticked:
		return Ticked{redact.Of(secrets, e.Status)}
	}
	return e
}

// sinkWait is how long the end of a run waits for sinks that are behind. What a sink has not
// taken by then is dropped: a terminal that is stopped by Ctrl-S must not keep a run from ending.
const sinkWait = 5 * time.Second

// sinks hands events to all the sinks of a run.
type sinks struct {
	secrets *redact.Redactor
	queues  []*queue
}

func startSinks(secrets *redact.Redactor, to []Sink) *sinks {
	s := &sinks{secrets: secrets}
	for _, sink := range to {
		q := &queue{sink: sink, wake: make(chan struct{}, 1), done: make(chan struct{})}
		go q.deliver()
		s.queues = append(s.queues, q)
	}
	return s
}

// send never waits for a sink.
func (s *sinks) send(e Event) {
	e = hide(s.secrets, e)
	for _, q := range s.queues {
		q.put(e)
	}
}

func (s *sinks) stage(text string) { s.send(StageBegan{text}) }
func (s *sinks) say(text string)   { s.send(Noted{text}) }

func (s *sinks) logf(format string, args ...any) { s.send(Logged{fmt.Sprintf(format, args...)}) }

// end waits until the sinks have taken everything, but no longer than sinkWait, and
// returns their panics. No sink gets anything after that.
func (s *sinks) end() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), sinkWait)
	defer cancel()
	for _, q := range s.queues {
		q.close(false)
	}
	for _, q := range s.queues {
		err = errors.Join(err, q.wait(ctx))
	}
	return err
}

// queue holds what one sink has yet to take.
type queue struct {
	sink Sink
	wake chan struct{} // something was put, or it was closed
	done chan struct{} // closed when the sink gets nothing more

	mu     sync.Mutex
	events []Event
	closed bool // nothing is put any more
	err    error
}

// put adds an event. Of two statuses in a row, only the newer one counts: a sink that is
// slow is then not ever further behind.
func (q *queue) put(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if n := len(q.events); n > 0 && replaces(e, q.events[n-1]) {
		q.events[n-1] = e
	} else {
		q.events = append(q.events, e)
	}
	q.signal()
}

// replaces tells whether nobody needs the event before, once e has happened.
func replaces(e, before Event) bool {
	switch e := e.(type) {
	case Ticked:
		_, ok := before.(Ticked)
		return ok
	case ImageLoaded:
		b, ok := before.(ImageLoaded)
		return ok && b.Image == e.Image
	}
	return false
}

// close ends the queue; with drop, at once.
func (q *queue) close(drop bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if drop {
		q.events = nil
	}
	q.signal()
}

// wait waits until the sink has taken everything, drops the rest where ctx ends, and returns
// the sink's panic.
func (q *queue) wait(ctx context.Context) error {
	select {
	case <-q.done: // also where ctx has ended
	default:
		select {
		case <-q.done:
		case <-ctx.Done():
			q.close(true)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // it is awake
	}
}

// next takes the oldest event; over is that there will be none.
func (q *queue) next() (e Event, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) == 0 {
		return nil, q.closed
	}
	e = q.events[0]
	q.events = q.events[1:]
	return e, false
}

// deliver calls the sink until the queue is closed and empty, or the sink panics.
func (q *queue) deliver() {
	defer close(q.done)
	defer func() {
		if p := recover(); p != nil {
			q.close(true)
			q.mu.Lock()
			q.err = fmt.Errorf("a sink of the run's events: panic: %v\n%s", p, debug.Stack())
			q.mu.Unlock()
		}
	}()
	for {
		e, over := q.next()
		switch {
		case over:
			return
		case e == nil:
			<-q.wake
		default:
			q.sink(e)
		}
	}
}
