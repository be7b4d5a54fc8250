package audit

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// TestAbsences: when a node did not serve.
func TestAbsences(t *testing.T) {
	up := func(at, started int) record.NodeState { return primary("a", at, 1, started) }
	gone := func(at int) record.NodeState { return state("a", at, '-') }
	span := func(from, to int) window {
		return window{time.Duration(from) * msec, time.Duration(to) * msec}
	}
	restart := event("restart-a", "restart", "a", 1000, 1100)
	restart.Ended = 1500 * msec
	failed := event("kill-a", "kill", "a", 1000, 0)
	failed.Ended = 1500 * msec
	type events = []record.Event
	type states = []record.NodeState
	tests := []struct {
		name   string
		events events
		states states
		want   []window
	}{
		{"never", nil, states{up(5, 1), up(5000, 1)}, nil},
		{"a fault, until it was over", events{restart}, nil, []window{span(1000, 1500)}},
		{"a fault without effect", events{failed}, nil, nil},
		{"a step that is no fault", events{event("configure-a", "configure", "a", 1000, 1100)}, nil, nil},
		{"another node's fault", events{event("kill-b", "kill", "b", 1000, 1100)}, nil, nil},
		{"it did not answer for some time", nil, states{up(5, 1), gone(1000), gone(1100), up(2000, 1)}, []window{span(1000, 2000)}},
		{"it never answered again", nil, states{up(5, 1), gone(1000)}, []window{{time.Second, forever}}},
		{"twice", nil, states{gone(5), up(500, 1), gone(1000), up(1500, 1)}, []window{span(5, 500), span(1000, 1500)}},
		{"it was started anew between two readings", nil, states{up(5, 1), up(900, 1), up(1000, 2)}, []window{span(900, 1000)}},
		{"the same start, seen before and after it did not answer", nil, states{up(5, 1), gone(500), up(600, 2), up(700, 2)}, []window{span(500, 600)}},
		{"it was started anew, and did not answer later", nil, states{up(5, 1), up(1000, 2), gone(2000)}, []window{span(5, 1000), {2 * time.Second, forever}}},
		{"when it was started was not known before", nil, states{{Node: "a", Reachable: true}, up(1000, 2)}, nil},
		{"nor is it told by what did not answer", nil, states{up(5, 1), {Node: "a", At: 500 * msec, ServerStarted: time.Unix(8, 0)}, {Node: "a", At: 600 * msec, ServerStarted: time.Unix(9, 0)}, up(700, 1), up(800, 2)}, []window{span(500, 700), span(700, 800)}},
	}
	for _, tt := range tests {
		if got := absences("a", tt.states, tt.events); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestJoinedAnswers: two belong to one stint where the server was not away in between.
func TestJoinedAnswers(t *testing.T) {
	s := &serverEvidence{away: []window{{2 * time.Second, 3 * time.Second}}}
	for _, c := range []struct {
		before, after time.Duration
		joined        bool
	}{
		{time.Second, 2 * time.Second, true}, {time.Second, 2001 * msec, false}, {3 * time.Second, 4 * time.Second, true}, {2999 * msec, 4 * time.Second, false},
		{2500 * msec, 2600 * msec, true}, {2500 * msec, 2601 * msec, false},
	} {
		if got := s.joined(c.before, c.after); got != c.joined {
			t.Errorf("%v and %v: %v", c.before, c.after, got)
		}
	}
}

// TestAgainst: an older server's stints and a newer one's, at the moments that decide.
func TestAgainst(t *testing.T) {
	ms := func(first, sent, last int) stint {
		return stint{first: time.Duration(first) * msec, last: time.Duration(last) * msec, sent: time.Duration(sent) * msec}
	}
	for _, c := range []struct {
		name         string
		older, newer []stint
		overlap      Overlap
		back         FailBack
	}{
		{"its last was sent when the new one answered first", []stint{ms(100, 200, 210)}, []stint{ms(200, 300, 310)}, Overlap{}, FailBack{}},
		{"and later", []stint{ms(100, 201, 210)}, []stint{ms(200, 300, 310)}, Overlap{From: 200 * msec, To: 201 * msec}, FailBack{}},
		{"it answered first when the new one's last was sent", []stint{ms(300, 400, 410)}, []stint{ms(200, 300, 310)}, Overlap{From: 200 * msec, To: 400 * msec}, FailBack{}},
		{"and later", []stint{ms(320, 400, 410)}, []stint{ms(200, 300, 310)}, Overlap{}, FailBack{From: 310 * msec, To: 320 * msec}},
		{"the first moment and the last", []stint{ms(100, 500, 510)}, []stint{ms(200, 300, 310), ms(400, 450, 460)}, Overlap{From: 200 * msec, To: 500 * msec}, FailBack{}},
	} {
		older, newer := &serverEvidence{stints: c.older, away: []window{{299 * msec, 319 * msec}}}, &serverEvidence{stints: c.newer}
		overlap, back := older.against(newer)
		if overlap == nil {
			overlap = &Overlap{}
		}
		if back == nil {
			back = &FailBack{}
		}
		if *overlap != c.overlap || *back != c.back {
			t.Errorf("%s: %v, %v", c.name, *overlap, *back)
		}
	}
}

// TestFreezes: only a pause of the node that took effect froze it, until a step that was issued could end it.
func TestFreezes(t *testing.T) {
	pause := event("pause-a", "pause", "a", 1000, 1100)
	other := event("pause-b", "pause", "b", 1000, 1100)
	failed := pause
	failed.Status = record.EventFailed
	without := pause
	without.Effective = 0
	resume := event("resume-a", "resume", "a", 3000, 3100)
	skipped := resume
	skipped.Status = record.EventSkipped
	for name, c := range map[string]struct {
		events []record.Event
		want   []window
	}{
		"for ever":                   {[]record.Event{pause}, []window{{1100 * msec, forever}}},
		"until it was resumed":       {[]record.Event{pause, resume}, []window{{1100 * msec, 3 * time.Second}}},
		"a resume that did not come": {[]record.Event{pause, skipped}, []window{{1100 * msec, forever}}},
		"another node's":             {[]record.Event{other}, nil},
		"one that failed":            {[]record.Event{failed}, nil},
		"one without effect":         {[]record.Event{without}, nil},
		"a kill freezes nothing":     {[]record.Event{event("kill-a", "kill", "a", 1000, 1100)}, nil},
	} {
		if got := freezes("a", c.events); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestAnswersAfterAFreeze: which answers the server gave after it had been resumed, at the moments that decide.
func TestAnswersAfterAFreeze(t *testing.T) {
	long := window{1000 * msec, 2000 * msec}
	for name, c := range map[string]struct {
		frozen             window
		sent, done, moment int
		want               bool
	}{
		"sent while it was frozen":              {long, 1500, 2100, 1200, true},
		"sent as it froze":                      {window{1000 * msec, 1100 * msec}, 1000, 1200, 1050, true},
		"sent before a short freeze, read late": {window{1000 * msec, 1499 * msec}, 900, 1600, 1200, false},
		"sent before a freeze just long enough": {window{1000 * msec, 1500 * msec}, 900, 1600, 1200, true},
		"resumed at the moment itself":          {long, 1500, 2100, 2000, true},
		"resumed before it":                     {long, 1500, 2100, 2001, false},
		"sent as it was resumed":                {long, 2000, 2100, 1200, false},
		"sent afterwards":                       {long, 2050, 2100, 1200, false},
		"answered as it was resumed":            {long, 1500, 2000, 1200, false},
		"when it was sent is not known":         {long, 0, 2100, 1200, false},
	} {
		s := &serverEvidence{frozen: []window{c.frozen}}
		e := &ledger.Entry{Sent: time.Duration(c.sent) * msec, Done: time.Duration(c.done) * msec}
		if got := s.resumedBefore(e, time.Duration(c.moment)*msec); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestAcknowledgedBesideANewerServer: a write counts that was sent from when the newer one was read to accept writes, and
// answered up to when it was so last.
func TestAcknowledgedBesideANewerServer(t *testing.T) {
	for name, c := range map[string]struct {
		sent, done int
		want       time.Duration
	}{
		"in between":          {1500, 1600, 1500 * msec},
		"sent as it begins":   {1000, 1100, 1000 * msec},
		"sent before":         {999, 1100, 0},
		"answered at its end": {1500, 2000, 1500 * msec},
		"answered after it":   {1500, 2001, 0},
	} {
		s := &serverEvidence{beside: []beside{{newer: term{from: time.Second, to: 2 * time.Second}}}}
		s.serve(&ledger.Entry{Sent: time.Duration(c.sent) * msec, Done: time.Duration(c.done) * msec})
		if got := s.beside[0].sent; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
