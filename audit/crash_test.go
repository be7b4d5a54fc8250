package audit

import (
	"strings"
	"testing"

	"pgchaos/record"
)

// TestHowAServerWasStopped: an immediate stop is a crash. A fast stop is none, unless
// something else ended the server as well.
func TestHowAServerWasStopped(t *testing.T) {
	const excused, lost = "lost 1-1 a/1 crash ", "lost 1-1 a/1 ?"
	stop := func(action, mode string, issued, effective int) record.Event {
		m := event(action+"-a", action, "a", issued, effective)
		m.Mode = mode
		return m
	}
	seen := event("exit-a", "exit", "a", 1100, 1100)
	seen.Status = record.EventSeen
	gaveUp := stop("stop", "fast", 1000, 0)
	gaveUp.Status, gaveUp.Ended = record.EventFailed, 1010*msec
	perhaps := event("kill-a", "kill", "a", 1020, 0)
	perhaps.Status, perhaps.Ended = record.EventFailed, 1030*msec
	immediately := gaveUp
	immediately.Mode = "immediate"
	disconnected := event("disconnect-a", "disconnect", "a", 1020, 1030)
	disconnected.Fault = true
	other := stop("stop", "fast", 1000, 1010)
	other.Nodes = []string{"b"}
	tests := []struct {
		name   string
		commit string
		events []record.Event
		want   string
		why    string
	}{
		{"fast", "off", []record.Event{stop("stop", "fast", 1000, 1010)}, lost, "a was started again by 1.500 s, but stop-a had shut it down in good order"},
		{"smart", "off", []record.Event{stop("restart", "smart", 1000, 1400)}, lost, "but restart-a had shut it down in good order"},
		{"immediate", "off", []record.Event{stop("restart", "immediate", 1000, 1400)}, excused + "restart-a@50", ""},
		{"immediate, with synchronous_commit on", "on", []record.Event{stop("stop", "immediate", 1000, 1010)}, lost, "a recovered from a crash by 1.500 s, but synchronous_commit was not off"},
		{"immediate, which was given up", "on", []record.Event{immediately}, lost, "a was started again by"},
		{"nobody knows how", "off", []record.Event{stop("stop", "", 1000, 1010)}, excused + "stop-a@50", ""},
		{"nobody knows how, with synchronous_commit on", "on", []record.Event{stop("stop", "", 1000, 1010)}, lost, "a was started again by 1.500 s, but synchronous_commit was not off"},
		{"fast, and killed after a start", "off", []record.Event{stop("stop", "fast", 1000, 1010), event("kill-a", "kill", "a", 1200, 1210)}, excused + "kill-a@50", ""},
		{"killed, and fast after a start", "on", []record.Event{event("kill-a", "kill", "a", 1000, 1010), stop("stop", "fast", 1200, 1210)}, lost, "a recovered from a crash by"},
		{"fast, and it ended by itself", "off", []record.Event{stop("stop", "fast", 1000, 1010), seen}, excused + "exit-a@50", ""},
		{"fast, which was given up", "off", []record.Event{gaveUp}, excused + "stop-a@50", ""},
		{"fast, and perhaps killed", "off", []record.Event{stop("stop", "fast", 1000, 1010), perhaps}, excused + "kill-a@50", ""},
		{"fast, when it was thawed", "off", []record.Event{event("pause-a", "pause", "a", 900, 910), stop("stop", "fast", 1000, 1010)}, lost, "but stop-a had shut it down in good order"},
		{"fast, while nobody reached it", "off", []record.Event{stop("stop", "fast", 1000, 1010), disconnected}, lost, "but stop-a had shut it down in good order"},
		{"fast, another node", "off", []record.Event{other}, excused + "restart of a@50", ""},
		{"fast, long ago", "off", []record.Event{stop("stop", "fast", 100, 110)}, excused + "stop-a@50", ""},
		{"fast, afterwards", "off", []record.Event{stop("stop", "fast", 1501, 1510)}, excused + "restart of a@50", ""},
		{"a step that is no fault", "off", []record.Event{event("configure-a", "configure", "a", 1000, 1010)}, excused + "restart of a@50", ""},
		{"fast, and it was over when it was last read alive", "off", []record.Event{stop("stop", "fast", 100, 500)}, lost, "but stop-a had shut it down in good order"},
		{"fast, of the moment when it was back", "off", []record.Event{stop("stop", "fast", 1500, 1510)}, lost, "but stop-a had shut it down in good order"},
		{"immediate, long ago", "on", []record.Event{stop("stop", "immediate", 100, 110)}, lost, "a was started again by"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := failover()
			crashed(&e, tt.commit, redo(primary("a", 1500, 1, 2)))
			e.States["a"][0].At = 500 * msec
			e.Events = tt.events
			e.Book = (&fakeBook{}).write("writes", ack("a", 1, 60, 900))
			e.Nodes = []NodeHolding{node("a").in(e.Table)}
			a, err := Table(e)
			if err != nil {
				t.Fatal(err)
			}
			if got := lossWords(a); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if why := a.Lost.Runs[0].Why; !strings.Contains(why, tt.why) || strings.Contains(why, "lose no WAL") {
				t.Errorf("because %q, want %q in it", why, tt.why)
			}
		})
	}
}

// TestAStopExplainsOneRestart: the crash after it is not in good order for its sake,
// though the step had not yet been over when the server was back.
func TestAStopExplainsOneRestart(t *testing.T) {
	for issued, unexplained := range map[int]int64{500: 0, 600: 1} { // it was seen to be back at 600
		a := audited(t, nil, func(e *Evidence) {
			crashed(e, "off", redo(primary("a", 1500, 1, 3)))
			restart := event("restart-a", "restart", "a", issued, 610)
			restart.Mode = "fast"
			e.Events = []record.Event{restart}
			back := sync(primary("a", 600, 1, 2), "off", "")
			e.States["a"] = append([]record.NodeState{e.States["a"][0], back}, e.States["a"][1:]...)
		}, ack("a", 1, 60, 900))
		if a.Lost.N != 1 || a.Unexplained != unexplained {
			t.Errorf("issued at %d ms: %s, because %s", issued, lossWords(a), a.Lost.Runs[0].Why)
		}
	}
}
