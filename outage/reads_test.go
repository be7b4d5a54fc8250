package outage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
)

// primaryUnder is a primary a, with its synchronous regime, at a moment in milliseconds, with the standbys b and c.
func primaryUnder(at int, commit, names, bState string) record.NodeState {
	s := state("a", at, 'p', streams("b", bState), streams("c", "potential"))
	s.SyncCommit, s.SyncNames = commit, names
	s.ServerStarted = time.Unix(1, 0)
	return s
}

// awaited parses what the tests here write: "ANY 1 b c".
func awaited(names string) (w Awaited) {
	words := strings.Fields(names)
	if len(words) < 2 {
		return w
	}
	w.Any, w.Names = words[0] == "ANY", words[2:]
	_, _ = fmt.Sscan(words[1], &w.Num)
	return w
}

// readWorld is acknowledgements of writer 0: a letter a write, as books has it, an x
// for one acknowledged by node b, an l for a late one. Write n was acknowledged at n seconds.
func readWorld(writes string, states ...record.NodeState) ReadCourse {
	return ReadCourse{
		Nodes: []string{"a", "b", "c"}, States: append(states, state("b", 6, 's'), state("c", 7, 's')), Awaited: awaited,
		Ack: func(writer int, seq int64) (Ack, bool) {
			if writer != 0 || seq < 1 || seq > int64(len(writes)) {
				return Ack{}, false
			}
			at := time.Duration(seq) * time.Second
			switch writes[seq-1] {
			case 'o':
				return Ack{Node: "a", Outcome: record.OK, From: at, To: at}, true
			case 'x':
				return Ack{Node: "b", Outcome: record.OK, From: at, To: at}, true
			case 'l':
				return Ack{Node: "a", Outcome: record.OK, From: at, To: at, Late: true}, true
			case 'w':
				return Ack{Node: "a", Outcome: record.Weak, From: at, To: at}, true
			case 'f':
				return Ack{Node: "a", Outcome: record.Failed}, true
			}
			return Ack{}, true
		},
	}
}

// findings are the kinds and their numbers, those that fail in capitals.
func findings(all []ReadFinding) string {
	words := make([]string, 0, len(all))
	for _, f := range all {
		text := string(f.What)
		if f.Violation {
			text = strings.ToUpper(text)
		}
		n := fmt.Sprint(f.N)
		if f.AtLeast {
			n += "+"
		}
		words = append(words, text+" "+n)
	}
	return strings.Join(words, ", ")
}

// TestStaleReadsByWhatWasPromised: which stale reads are a failure.
func TestStaleReadsByWhatWasPromised(t *testing.T) {
	const a, b, c = 1, 2, 3
	// stale is a read of a node at 12 s, which does not see write 10 of 10 s.
	stale := func(node int) record.ReadEvent {
		return record.ReadEvent{At: 12 * time.Second, Node: node, Seen: 9, Next: 8, Acked: 10, AckedAt: 10 * time.Second, N: 1}
	}
	const ten = "oooooooooo"
	later := func(at int, commit, names, b string) []record.NodeState {
		return []record.NodeState{primaryUnder(5, "remote_apply", "FIRST 1 b c", "sync"), primaryUnder(at, commit, names, b)}
	}
	first := []record.NodeState{primaryUnder(5, "remote_apply", "FIRST 1 b c", "sync")}
	restarted := primaryUnder(11000, "on", "", "async")
	restarted.ServerStarted = time.Unix(11, 0)
	promoted := state("a", 11000, 's')
	silent := state("b", 11000, '-')
	silent.Role = record.RoleStandby
	demoted := primaryUnder(11000, "remote_apply", "FIRST 1 b c", "sync")
	demoted.Role = record.RoleStandby
	catching := primaryUnder(5, "remote_apply", "FIRST 1 b c", "sync")
	catching.Standbys[0].State = "catchup"
	passedOver := primaryUnder(5, "remote_apply", "FIRST 1 b c", "async")
	passedOver.Standbys[1].SyncState = "sync"
	weakened := primaryUnder(900, "remote_apply", "FIRST 1 b c", "sync")
	newer := primaryUnder(11000, "remote_apply", "FIRST 1 b c", "sync")
	newer.Timeline = 2
	for _, tt := range []struct {
		name   string
		writes string
		states []record.NodeState
		node   int
		want   string
	}{
		{"asynchronous", ten, []record.NodeState{primaryUnder(5, "on", "", "async")}, b, "stale 1"},
		{"synchronous, but not applied", ten, []record.NodeState{primaryUnder(5, "on", "FIRST 1 b c", "sync")}, b, "stale 1"},
		{"applied by the first", ten, first, b, "stale 1, STALE_REMOTE_APPLY 1"},
		{"the first is not connected, so that the next is waited for", ten, []record.NodeState{primaryUnder(5, "remote_apply", "FIRST 1 b c", "async")}, b, "stale 1"},
		{"the second of FIRST 1", ten, first, c, "stale 1"},
		{"the second of FIRST 2", ten, []record.NodeState{primaryUnder(5, "remote_apply", "FIRST 2 b c", "sync")}, c, "stale 1, STALE_REMOTE_APPLY 1"},
		{"one of ANY 1", ten, []record.NodeState{primaryUnder(5, "remote_apply", "ANY 1 b c", "quorum")}, b, "stale 1"},
		{"one of ANY 1, just now the one of FIRST 1", ten, []record.NodeState{primaryUnder(5, "remote_apply", "ANY 1 b c", "sync")}, b, "stale 1"},
		{"both of ANY 2", ten, []record.NodeState{primaryUnder(5, "remote_apply", "ANY 2 b c", "quorum")}, b, "stale 1, STALE_REMOTE_APPLY 1"},
		{"the second of FIRST 1, just now the first", ten, []record.NodeState{primaryUnder(5, "remote_apply", "FIRST 1 c b", "sync")}, b, "stale 1"},
		{"not named", ten, []record.NodeState{primaryUnder(5, "remote_apply", "FIRST 1 b", "sync")}, c, "stale 1"},
		{"any name", ten, []record.NodeState{primaryUnder(5, "remote_apply", "FIRST 1 *", "sync")}, b, "stale 1"},
		{"named, and not connected, where any name counts", ten, []record.NodeState{primaryUnder(5, "remote_apply", "FIRST 2 b *", "async")}, b, "stale 1"},
		{"the first is passed over, and the next one is waited for", ten, []record.NodeState{passedOver}, b, "stale 1"},
		{"the first is only catching up", ten, []record.NodeState{catching}, b, "stale 1"},
		{"the primary had become a standby", ten, append(first, demoted), b, "stale 1"},
		{"not in force at first, and then long enough", ten, []record.NodeState{primaryUnder(5, "on", "", "async"), primaryUnder(9500, "remote_apply", "FIRST 1 b c", "sync")}, b, "stale 1, STALE_REMOTE_APPLY 1"},
		{"about to change, at the end of the band", ten, later(12500, "on", "", "async"), b, "stale 1"},
		{"known soon after the beginning", "o", []record.NodeState{weakened}, b, "stale 1, STALE_REMOTE_APPLY 1"},
		{"known too late after the beginning", "o", []record.NodeState{primaryUnder(1000, "remote_apply", "FIRST 1 b c", "sync")}, b, "stale 1"},
		{"known at the beginning, and not in force until soon after", "o", []record.NodeState{primaryUnder(5, "on", "", "async"), weakened}, b, "stale 1"},
		{"what failed was not promised", "ooooooooof", []record.NodeState{primaryUnder(5, "on", "", "async")}, a, "stale 1"},
		{"names without case", ten, []record.NodeState{primaryUnder(5, "remote_apply", "FIRST 1 B", "sync")}, b, "stale 1, STALE_REMOTE_APPLY 1"},
		{"weakly acknowledged", "ooooooooow", first, b, "stale 1"},
		{"a late answer", "oooooooool", first, b, "stale 1"},
		{"acknowledged by nobody known", "ooooooooou", first, b, "stale 1"},
		{"in force since before, just long enough", ten, later(9499, "remote_apply", "FIRST 1 b", "sync"), b, "stale 1, STALE_REMOTE_APPLY 1"},
		{"in force too late", ten, []record.NodeState{primaryUnder(5, "on", "", "async"), primaryUnder(9501, "remote_apply", "FIRST 1 b c", "sync")}, b, "stale 1"},
		{"no longer in force", ten, later(11000, "on", "FIRST 1 b c", "sync"), b, "stale 1"},
		{"about to change", ten, later(12499, "on", "", "async"), b, "stale 1"},
		{"changed long after", ten, later(12501, "on", "", "async"), b, "stale 1, STALE_REMOTE_APPLY 1"},
		{"the standby came and went", ten, later(11000, "remote_apply", "FIRST 1 b c", "async"), b, "stale 1"},
		{"another timeline", ten, append(first, newer), b, "stale 1"},
		{"the standby was away", ten, append(first, state("b", 11000, '-')), b, "stale 1"},
		{"the standby did not answer, and was one before", ten, append(first, silent), b, "stale 1"},
		{"the primary's state is not known", ten, nil, b, "stale 1"},
		{"the primary's state is known too late", ten, []record.NodeState{primaryUnder(9900, "remote_apply", "FIRST 1 b c", "sync")}, b, "stale 1"},
		{"the primary itself", ten, []record.NodeState{primaryUnder(5, "off", "", "async")}, a, "stale 1, STALE_PRIMARY 1"},
		{"the primary itself, weakly", "ooooooooow", []record.NodeState{primaryUnder(5, "on", "", "async")}, a, "stale 1, STALE_PRIMARY 1"},
		{"the primary after a restart", ten, []record.NodeState{primaryUnder(5, "off", "", "async"), restarted}, a, "stale 1"},
		{"the primary that is one no more", ten, []record.NodeState{primaryUnder(5, "off", "", "async"), promoted}, a, "stale 1"},
		{"the new primary, of what the old one acknowledged", ten, []record.NodeState{primaryUnder(5, "on", "", "async"), state("b", 8000, 'p')}, b, "stale 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := stale(tt.node)
			if tt.writes == "o" { // write 1, at 1 s
				e = record.ReadEvent{At: 2 * time.Second, Node: tt.node, Acked: 1, AckedAt: time.Second, N: 1}
			}
			seen := ReadsSeen{Stale: ReadEvents{1, []record.ReadEvent{e}}}
			if got := findings(Reads(seen, readWorld(tt.writes, tt.states...))); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	t.Run("one of many", func(t *testing.T) {
		e := stale(b)
		e.N = 40
		seen := ReadsSeen{Stale: ReadEvents{100, []record.ReadEvent{e}}}
		if got, want := findings(Reads(seen, readWorld(ten, first...))), "stale 100, STALE_REMOTE_APPLY 1+"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// TestStaleReadsBeforeTheNodesWereRead: on a busy machine the first reading of a node comes late. It tells what the node was before, too: a stale
// read that is over by then was promised by nobody who is asynchronous in that reading.
func TestStaleReadsBeforeTheNodesWereRead(t *testing.T) {
	stale := ReadsSeen{Stale: ReadEvents{N: 1, Kept: []record.ReadEvent{
		{At: 200 * time.Millisecond, Node: 2, Acked: 1, AckedAt: 100 * time.Millisecond, N: 1},
	}}}
	for want, first := range map[string]record.NodeState{
		"stale 1":                       primaryUnder(900, "on", "", "async"),
		"stale 1, STALE_REMOTE_APPLY 1": primaryUnder(900, "remote_apply", "FIRST 1 b c", "sync"),
	} {
		if got := findings(Reads(stale, readWorld("o", first))); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestPromisedReadsInNumbers: of an event that stands for many only one read is certain
// to have been promised otherwise, and of the events so many are kept as examples.
func TestPromisedReadsInNumbers(t *testing.T) {
	course := readWorld("oooooooooo", primaryUnder(5, "remote_apply", "FIRST 1 b c", "sync"))
	of := func(n ...int64) (e ReadEvents) {
		for _, n := range n {
			e.N += n
			e.Kept = append(e.Kept, record.ReadEvent{At: 12 * time.Second, Node: 2, Seen: 9, Next: 8, Acked: 10, AckedAt: 10 * time.Second, N: n})
		}
		return e
	}
	for want, stale := range map[string]ReadEvents{
		"stale 40, STALE_REMOTE_APPLY 1+": of(40),
		"stale 41, STALE_REMOTE_APPLY 2+": of(40, 1),
		"stale 2, STALE_REMOTE_APPLY 2":   of(1, 1),
	} {
		if got := findings(Reads(ReadsSeen{Stale: stale}, course)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	many := ReadEvents{}
	for range MaxReadExamples + 2 {
		many.N++
		many.Kept = append(many.Kept, of(1).Kept...)
	}
	if f := Reads(ReadsSeen{Stale: many}, course)[1]; f.N != MaxReadExamples+2 || len(f.Examples) != MaxReadExamples {
		t.Errorf("%d examples of %d", len(f.Examples), f.N)
	}
}

// TestReadExamples: what was not seen, and who had acknowledged it, stands beside the
// reads that it says something of.
func TestReadExamples(t *testing.T) {
	e := ReadEvents{3, []record.ReadEvent{{At: 3 * time.Second, Node: 9, Client: 3, Seen: 1, Acked: 2, AckedAt: 2 * time.Second, N: 3}}}
	all := Reads(ReadsSeen{Stale: e, Misses: e, Back: e, Across: e}, readWorld("oo"))
	with := ReadExample{At: 3 * time.Second, Client: 3, Seen: 1, Acked: 2, AckedAt: 2 * time.Second, AckedBy: "a", N: 3}
	without := ReadExample{At: 3 * time.Second, Client: 3, Seen: 1, N: 3}
	want := map[ReadWhat]ReadExample{ReadStale: with, ReadMissedOwn: with, ReadWentBack: without, ReadBehind: without}
	if len(all) != len(want) {
		t.Errorf("%s", findings(all))
	}
	for _, f := range all {
		if f.Examples[0] != want[f.What] {
			t.Errorf("%s: %+v, want %+v", f.What, f.Examples[0], want[f.What])
		}
	}
}

// TestHoles: a gap is a hole where the same server acknowledged what is not there.
func TestHoles(t *testing.T) {
	calm := []record.NodeState{primaryUnder(5, "on", "", "async")}
	crashed := primaryUnder(5500, "on", "", "async")
	crashed.CheckpointerStarted = time.Unix(5, 0)
	lateCrash := primaryUnder(6550, "on", "", "async")
	lateCrash.CheckpointerStarted = time.Unix(6, 0)
	for _, tt := range []struct {
		name, writes string
		states       []record.NodeState
		seen, next   int64
		want         string
	}{
		{"an acknowledged write is missing", "oooooo", calm, 6, 4, "HOLE 3"},
		{"one of several is", "oofofo", calm, 6, 2, "HOLE 3"},
		{"a weakly acknowledged one is", "oooowo", calm, 6, 4, "HOLE 3"},
		{"the first is", "oo", calm, 2, 0, "HOLE 3"},
		{"it failed", "ooffoo", calm, 5, 2, ""},
		{"nobody knows of it", "oooouo", calm, 6, 4, ""},
		{"its answer was late", "oooolo", calm, 6, 4, ""},
		{"it was lost in a failover", "ooooox", []record.NodeState{primaryUnder(5, "on", "", "async"), state("b", 5500, 'p')}, 6, 4, ""},
		{"it was lost in a failover, and the next is not known", "ooooou", []record.NodeState{primaryUnder(5, "on", "", "async"), state("a", 5500, '-')}, 6, 4, ""},
		{"what follows is not known, but nothing changed", "ooooou", calm, 6, 4, "HOLE 3"},
		{"what follows was answered late, and before the next reading came a restart", "oooool", append(calm, lateCrash), 6, 4, ""},
		{"it was lost in a crash", "oooooo", append(calm, crashed), 6, 4, ""},
		{"the state is not known", "oooooo", nil, 6, 4, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := record.ReadEvent{At: 6100 * msec, Node: 2, Seen: tt.seen, Next: tt.next, N: 3}
			seen := ReadsSeen{Gaps: ReadEvents{3, []record.ReadEvent{e}}}
			if got := findings(Reads(seen, readWorld(tt.writes, tt.states...))); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestOtherReads need no judgement: their kind says what they are.
func TestOtherReads(t *testing.T) {
	one := ReadEvents{1, []record.ReadEvent{{At: time.Second, Node: 2, Client: 3, Seen: 1, Before: 2, BeforeNode: 3, N: 1}}}
	all := Reads(ReadsSeen{Misses: one, Back: one, Across: one, Never: ReadEvents{N: 7}}, readWorld("oo"))
	if got, want := findings(all), "missed_own_write 1, WENT_BACK 1, behind_another_node 1, NEVER_ATTEMPTED 7"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	want := ReadExample{At: time.Second, Client: 3, Node: "b", Seen: 1, Before: 2, On: "c"}
	if got := all[1].Examples[0]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if len(Reads(ReadsSeen{}, readWorld(""))) != 0 {
		t.Error("findings of nothing")
	}
	many := ReadEvents{N: 5000, Kept: make([]record.ReadEvent, 5000)}
	if f := Reads(ReadsSeen{Across: many}, readWorld(""))[0]; f.N != 5000 || len(f.Examples) != MaxReadExamples {
		t.Errorf("%d examples of %d", len(f.Examples), f.N)
	}
}
