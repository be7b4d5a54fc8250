package audit

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// every50 are acknowledgements of a node, each 50 ms from one second to another.
func every50(node string, timeline uint32, from, to int) (all []ledger.Entry) {
	for at := from * 1000; at <= to*1000; at += 50 {
		all = append(all, ack(node, timeline, record.LSN(at), at))
	}
	return all
}

// TestSplitBrainOrFailBack: two servers that acknowledged by turns are a split brain
// only where the older one had been there all the while.
func TestSplitBrainOrFailBack(t *testing.T) {
	both := slices.Concat[[]ledger.Entry]
	alive := []record.NodeState{primary("a", 5, 1, 1), primary("a", 29000, 1, 1)}
	killed := []record.NodeState{primary("a", 5, 1, 1), primary("a", 4990, 1, 1), state("a", 5005, '-'), state("a", 18000, '-'), primary("a", 18100, 1, 18)}
	unseen := []record.NodeState{primary("a", 5, 1, 1), primary("a", 7000, 1, 1), primary("a", 18100, 1, 18)}
	killEvent := []record.Event{event("kill-a", "kill", "a", 5000, 5020)}
	const split, back = "split", "back"
	tests := []struct {
		name   string
		a, b   []ledger.Entry
		states []record.NodeState
		events []record.Event
		want   string
	}{
		{"killed, and started again on the old timeline", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), killed, killEvent, back},
		{"by the readings alone", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), killed, nil, back},
		{"no reading failed, but another start shows", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), unseen, nil, back},
		{"by the timeline alone, as of a killed run", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), nil,
			[]record.Event{event("kill-a", "kill", "a", 15500, 16000)}, back},
		{"there all the while, and first written to afterwards", every50("a", 1, 20, 30), every50("b", 2, 8, 15), alive, nil, split},
		{"the same, but it had been away in between", every50("a", 1, 20, 30), every50("b", 2, 8, 15), killed, nil, back},
		{"it was there all the while, and merely not written to", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), alive, nil, split},
		{"nobody knows whether it was there", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), nil, nil, split},
		{"another node's kill", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), alive, []record.Event{event("kill-b", "kill", "b", 15000, 16000)}, split},
		{"a kill without effect", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), alive, []record.Event{{Name: "kill-a", Action: "kill", Nodes: []string{"a"}, Fault: true, Issued: 15 * time.Second, Ended: 16 * time.Second}}, split},
		{"a step that is no fault", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), alive, []record.Event{event("configure-a", "configure", "a", 15500, 16000)}, split},
		{"never seen again", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 15), []record.NodeState{primary("a", 5, 1, 1), state("a", 14000, '-')}, nil, back},
		{"the new one was restarted, and it was killed and started again twice", both(every50("a", 1, 1, 5), every50("a", 1, 20, 22), every50("a", 1, 26, 30)), both(every50("b", 2, 8, 10), every50("b", 2, 12, 15), every50("b", 2, 23, 24)),
			killed, []record.Event{event("restart-b", "restart", "b", 11000, 11500), event("kill-b", "kill", "b", 16000, 16010), event("kill-a", "kill", "a", 22500, 22600), event("again", "kill", "a", 25000, 25100)}, back},
		{"one answer between two, of a server whose readings failed", every50("a", 1, 1, 30), []ledger.Entry{ack("b", 2, 1, 8020)}, killed, nil, split},
		{"at the same time", every50("a", 1, 1, 10), every50("b", 2, 8, 15), alive, nil, split},
		{"at the same time for a moment", both(every50("a", 1, 1, 5), every50("a", 1, 14, 30)), every50("b", 2, 8, 15), killed[:3], killEvent, split},
		{"started again while the new one is there still", both(every50("a", 1, 1, 5), every50("a", 1, 20, 30)), every50("b", 2, 8, 25), killed, killEvent, split},
		{"readings that failed, of a server that never paused", every50("a", 1, 1, 30), every50("b", 2, 8, 15), killed, nil, split},
		{"a clean failover", every50("a", 1, 1, 5), every50("b", 2, 8, 15), killed[:3], killEvent, ""},
		{"the old one came back and was not written to", every50("a", 1, 1, 5), every50("b", 2, 8, 15), killed, killEvent, ""},
		{"one late answer over the pause", both(every50("a", 1, 1, 5), []ledger.Entry{{Outcome: record.OK, Server: ledger.Server{Node: "a", Timeline: 1}, Sent: 4900 * msec, Done: 20000 * msec}}),
			every50("b", 2, 8, 15), killed, killEvent, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, order := range []func([]ledger.Entry) []ledger.Entry{slices.Clone[[]ledger.Entry], reversed, shuffled} {
				e := failover()
				e.Events, e.States = tt.events, map[string][]record.NodeState{"a": tt.states}
				book := &fakeBook{}
				for _, entry := range order(slices.Concat(tt.a, tt.b)) { // a writer for each, which come in the order of their numbers
					book = book.write("writes", entry)
				}
				e.Book = book
				a, err := Table(e)
				if err != nil {
					t.Fatal(err)
				}
				got := ""
				for range a.SplitBrain {
					got += split
				}
				for _, f := range a.FailBacks {
					got += back
					if f.Older.Node != "a" || f.Newer.Node != "b" || f.From != 15*time.Second || f.To != 20*time.Second {
						t.Error(f)
					}
				}
				if got != tt.want {
					t.Errorf("%q, want %q: %v %v", got, tt.want, a.SplitBrain, a.FailBacks)
				}
			}
		})
	}
}

func reversed(all []ledger.Entry) []ledger.Entry {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

// shuffled has each seventh first, then those after them, and so on.
func shuffled(all []ledger.Entry) (out []ledger.Entry) {
	for first := range 7 {
		for i := first; i < len(all); i += 7 {
			out = append(out, all[i])
		}
	}
	return out
}

// TestStints: in whatever order the answers come.
func TestStints(t *testing.T) {
	all := slices.Concat(every50("a", 1, 1, 5), every50("a", 1, 8, 9), every50("a", 1, 20, 21))
	for _, order := range []func([]ledger.Entry) []ledger.Entry{slices.Clone[[]ledger.Entry], reversed, shuffled} {
		s := &serverEvidence{away: []window{{2 * time.Second, 3 * time.Second}, {8500 * msec, 19 * time.Second}}}
		for _, e := range order(all) {
			s.serve(&e)
		}
		want := []stint{{time.Second, 9 * time.Second, 8999 * msec}, {20 * time.Second, 21 * time.Second, 20999 * msec}}
		if !slices.Equal(s.stints, want) {
			t.Errorf("%v, want %v", s.stints, want)
		}
	}
}

// TestLossesOfAFailBack: what the newer server alone had is lost, explained, and no
// split brain; the verdict is up to the losses.
func TestLossesOfAFailBack(t *testing.T) {
	e := failover()
	e.Authority, e.Lineage = "a", record.Lineage{Timeline: 1}
	e.Events = append(e.Events, event("kill-b", "kill", "b", 2000, 2020), event("start-a", "start", "a", 2100, 2200))
	e.States = map[string][]record.NodeState{
		"a": {primary("a", 5, 1, 1), state("a", 1010, '-'), primary("a", 2200, 1, 2)},
		"b": {state("b", 6, 's'), primary("b", 1200, 2, 1), state("b", 2010, '-')},
	}
	e.Nodes = []NodeHolding{node("a", row(0, 1), row(0, 3)).in(e.Table)}
	e.Book = (&fakeBook{}).write("writes", ack("a", 1, 10, 900), ack("b", 2, 120, 1500), ack("a", 1, 110, 2500))
	a, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	const words = "a on timeline 1 acknowledged again from 2.500 s on, after b on timeline 2 had until 1.500 s: what that one alone had is not on the older timeline"
	if len(a.FailBacks) != 1 || a.FailBacks[0].String() != words || len(a.SplitBrain) != 0 {
		t.Errorf("%v %v", a.FailBacks, a.SplitBrain)
	}
	if got := lossWords(a); got != "lost 2-2 b/2 foreign promote-b@0" || a.Unexplained != 0 || len(a.Findings()) != 0 {
		t.Errorf("%s; %v", got, a.Findings())
	}
}

// TestSplitBrain: what was sent late to the old server is certain, what was only
// answered late is not.
func TestSplitBrain(t *testing.T) {
	late := ack("a", 1, 10, 1800)
	late.Sent = 990 * msec
	tests := []struct {
		name  string
		old   ledger.Entry
		fresh ledger.Entry
		want  string
	}{
		{"sent to the old one after the new one had answered", ack("a", 1, 10, 1500), ack("b", 2, 20, 1300), "a on timeline 1 acknowledged a write sent at 1.499 s, although b on timeline 2 had acknowledged one by 1.300 s"},
		{"sent before, and merely answered late", late, ack("b", 2, 20, 1300), ""},
		{"sent before the new one had answered", ack("a", 1, 10, 1300), ack("b", 2, 20, 1300), ""},
		{"never answered", silent(1500), ack("b", 2, 20, 1300), ""},
		{"refused", ledgerEntry(ack("a", 1, 0, 1500)).as(record.Failed), ack("b", 2, 20, 1300), ""},
		{"the new one has only refused", ack("a", 1, 10, 1500), ledgerEntry(ack("b", 2, 0, 1300)).as(record.Failed), ""},
		{"on a timeline that nobody knows", ack("c", 0, 10, 1500), ack("b", 2, 20, 1300), ""},
		{"weakly acknowledged", ledgerEntry(ack("a", 1, 10, 1500)).as(record.Weak), ack("b", 2, 20, 1300), "a on timeline 1 acknowledged a write sent at 1.499 s, although b on timeline 2 had acknowledged one by 1.300 s"},
		{"one node is never at odds with itself", ack("b", 1, 10, 1500), ack("b", 2, 20, 1300), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := failover()
			e.States["a"] = e.States["a"][:1] // it was never seen to be away
			e.Book = (&fakeBook{}).write("writes", tt.old).write("writes", tt.fresh)
			e.Nodes = []NodeHolding{node("b", row(0, 1), row(1, 1)).in(e.Table)}
			a, err := Table(e)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, o := range a.SplitBrain {
				got += o.String()
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestSplitBrainAmongWriters: the first acknowledgement is that of any writer.
func TestSplitBrainAmongWriters(t *testing.T) {
	e := failover()
	e.Book = (&fakeBook{}).write("writes", ack("a", 1, 10, 1500)).write("writes", ack("b", 2, 20, 1600)).write("writes", ack("b", 2, 30, 1300), ack("b", 2, 40, 1700))
	e.Nodes = []NodeHolding{node("b", row(0, 1), row(1, 1), row(2, 1), row(2, 2)).in(e.Table)}
	a, err := Table(e)
	if err != nil || len(a.SplitBrain) != 1 || a.SplitBrain[0].From != 1300*msec {
		t.Errorf("%v %v", a.SplitBrain, err)
	}
}

// TestSplitBrainOfOneNumber: both were promoted independently, and b answered first.
func TestSplitBrainOfOneNumber(t *testing.T) {
	e := failover()
	e.Book = (&fakeBook{}).write("writes", ack("c", 2, 9, 1250), ack("c", 2, 10, 1400)).write("writes", ack("b", 2, 20, 1300), ack("b", 2, 30, 1500))
	e.Nodes = []NodeHolding{node("b", rowsOf(1, 2)...).in(e.Table)}
	a, err := Table(e)
	if err != nil || len(a.SplitBrain) != 1 || a.SplitBrain[0].Older.Node != "c" || a.SplitBrain[0].From != 1300*msec || a.SplitBrain[0].To != 1399*msec {
		t.Errorf("%v %v", a.SplitBrain, err)
	}
}

// TestNewerServersByReadings: times in which another node was read to accept writes on a newer timeline, or on another one
// of the same number that came later.
func TestNewerServersByReadings(t *testing.T) {
	both := func(node string, timeline uint32, from, to int) []record.NodeState {
		both := []record.NodeState{primary(node, from, timeline, 1), primary(node, to, timeline, 1)}
		for i := range both {
			both[i].Asked, both[i].Writable = both[i].At, true
		}
		return both
	}
	for name, c := range map[string]struct {
		b    []record.NodeState
		want int
	}{
		"a newer timeline":                   {both("b", 3, 500, 900), 1},
		"an older one":                       {both("b", 1, 2000, 3000), 0},
		"one of this number that came later": {both("b", 2, 1001, 3000), 1},
		"one of this number at that moment":  {both("b", 2, 1000, 3000), 0},
		"one of this number before":          {both("b", 2, 900, 3000), 0},
	} {
		a := append([]record.NodeState{primary("a", 100, 1, 1)}, both("a", 2, 1000, 4000)...)
		a = append(a, both("a", 3, 5000, 6000)...)
		w := newEvidenceReader(&Evidence{States: map[string][]record.NodeState{"a": a, "b": c.b}})
		got := w.newerThan(&serverEvidence{server: ledger.Server{Node: "a", Timeline: 2}, states: a})
		if len(got) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestOverlapByReadings: the newer server is known by node and timeline, and a write that was sent proves more than one that
// was answered after a freeze.
func TestOverlapByReadings(t *testing.T) {
	older, newer := ledger.Server{Node: "a", Timeline: 1}, ledger.Server{Node: "b", Timeline: 2}
	of := func(server ledger.Server, from, sent, answered int) beside {
		return beside{term{server: server, from: time.Duration(from) * msec, to: time.Minute}, time.Duration(sent) * msec, time.Duration(answered) * msec}
	}
	overlap := func(from, to int, resumed bool) *Overlap {
		return &Overlap{Older: older, Newer: newer, From: time.Duration(from) * msec, To: time.Duration(to) * msec, Read: true, Resumed: resumed}
	}
	for name, c := range map[string]struct {
		beside []beside
		want   *Overlap
	}{
		"nothing was acknowledged": {[]beside{of(newer, 1000, 0, 0)}, nil},
		"another node":             {[]beside{of(ledger.Server{Node: "c", Timeline: 2}, 1000, 2000, 0)}, nil},
		"another timeline":         {[]beside{of(ledger.Server{Node: "b", Timeline: 3}, 1000, 2000, 0)}, nil},
		"sent":                     {[]beside{of(newer, 1000, 2000, 0)}, overlap(1000, 2000, false)},
		"answered after a freeze":  {[]beside{of(newer, 1000, 0, 2000)}, overlap(1000, 2000, true)},
		"answered, and then sent":  {[]beside{of(newer, 1000, 0, 2000), of(newer, 3000, 4000, 0)}, overlap(1000, 4000, false)},
		"sent, and then answered":  {[]beside{of(newer, 1000, 2000, 0), of(newer, 3000, 0, 4000)}, overlap(1000, 4000, false)},
	} {
		got := (&serverEvidence{server: older, beside: c.beside}).besides(newer)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
