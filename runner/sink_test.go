package runner

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/internal/redact"
	"pgchaos/record"
)

func noted(n int) Event { return Noted{strings.Repeat("x", n)} }

// A sink that panics or does not return delays neither the run nor another sink.
func TestSinkThatPanicsOrIsSlowDelaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var good, bad []Event
		unblock := make(chan struct{})
		s := startSinks(redact.New(), []Sink{
			func(e Event) { bad = append(bad, e); panic("a bug") },
			func(Event) { <-unblock },
			func(e Event) { good = append(good, e) },
		})
		begun := time.Now()
		for n := range 5 {
			s.send(noted(n))
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("sending took %s", took)
		}
		synctest.Wait()
		if len(good) != 5 || len(bad) != 1 {
			t.Errorf("the good sink got %v, the bad one %v", good, bad)
		}
		err := s.end()
		if err == nil || strings.Count(err.Error(), "a bug") != 1 {
			t.Errorf("error %v", err)
		}
		if took := time.Since(begun); took != sinkWait {
			t.Errorf("the end took %s, want %s", took, sinkWait)
		}
		close(unblock)
	})
}

// A sink that is behind gets every event but the older ones of several statuses in a row.
func TestSlowSinkGetsTheNewestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Event
		var mu sync.Mutex // the sink may be busy with an event when end has returned
		s := startSinks(redact.New(), []Sink{func(e Event) {
			time.Sleep(900 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			got = append(got, e)
		}})
		tick := func(n int) Event { return Ticked{Status{Elapsed: time.Duration(n)}} }
		s.send(noted(1))
		synctest.Wait() // it is busy with that
		for n := range 9 {
			s.send(tick(n))
		}
		for _, e := range []Event{noted(2), tick(10), ImageLoaded{"a", 1, 2}, ImageLoaded{"a", 2, 2}, ImageLoaded{"b", 1, 2}, noted(3)} {
			s.send(e)
		}
		if err := s.end(); err != nil { // which is not long enough for the last two
			t.Error(err)
		}
		var text []string
		mu.Lock()
		for _, e := range got {
			switch e := e.(type) {
			case Noted:
				text = append(text, e.Text)
			case Ticked:
				text = append(text, e.Status.Elapsed.String())
			case ImageLoaded:
				text = append(text, e.Image)
			}
		}
		mu.Unlock()
		if got := strings.Join(text, " "); got != "x 8ns xx 10ns a" {
			t.Errorf("it got %q", got)
		}
		s.send(noted(4))
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if n := len(got); n != 6 {
			t.Errorf("it got %d events, want those that it had begun with before the end", n)
		}
	})
}

// No event hands a secret on.
func TestEventsWithoutSecrets(t *testing.T) {
	secrets := redact.New("hunter2")
	for _, e := range []Event{
		StageBegan{"with hunter2"}, Noted{"with hunter2"}, Logged{"with hunter2"},
		StepBegan{stepWith("hunter2")}, StepEnded{stepWith("hunter2")},
		RunBegan{Experiment: "with hunter2"},
	} {
		var got string
		switch e := hide(secrets, e).(type) {
		case StageBegan:
			got = e.Text
		case Noted:
			got = e.Text
		case Logged:
			got = e.Text
		case RunBegan:
			got = e.Experiment
		case StepBegan:
			got = e.Step.Detail
		case StepEnded:
			got = e.Step.Detail
		}
		if got == "" || strings.Contains(got, "hunter2") {
			t.Errorf("%T: %q", e, got)
		}
	}
}

func stepWith(text string) record.Event { return record.Event{Name: "exec-a", Detail: "with " + text} }
