package jepsen_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgchaos/internal/race"
	"pgchaos/record"
	"pgchaos/record/jepsen"
	"pgchaos/record/ledger"
)

// line is a line as a stranger reads it.
type line struct {
	Process any             `json:"process"`
	Type    string          `json:"type"`
	F       string          `json:"f"`
	Value   json.RawMessage `json:"value"`
	Time    int64           `json:"time"`
	Late    bool            `json:"late"`
	Weak    bool            `json:"weak"`
	Node    string          `json:"node"`
	Error   string          `json:"error"`
}

func lines(t *testing.T, text []byte) (all []line) {
	t.Helper()
	for in := bufio.NewScanner(bytes.NewReader(text)); in.Scan(); {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", in.Bytes(), err)
		}
		all = append(all, l)
	}
	return all
}

// written makes a ledger of writers that meet everything, one of a thousand operations
// each, and opens it.
func written(t *testing.T, rng *rand.Rand, writers int) *ledger.Book {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ledger.bin")
	l, err := ledger.Create(file, "run-1")
	if err != nil {
		t.Fatal(err)
	}
	server := l.AddServer(ledger.Server{Node: "a", Timeline: 1})
	outcomes := []record.Outcome{record.OK, record.OK, record.OK, record.Weak, record.Failed, record.Unknown}
	for range writers {
		w, err := l.AddWriter("writes")
		if err != nil {
			t.Fatal(err)
		}
		type debt struct {
			seq int64
			at  time.Duration
		}
		var owed []debt
		now := time.Duration(rng.IntN(1000)) * time.Microsecond
		for range 1000 {
			for len(owed) > 0 && owed[0].at <= now {
				w.Record(owed[0].seq, outcomes[rng.IntN(len(outcomes))], server, 0x3000028, owed[0].at)
				owed = owed[1:]
			}
			seq := w.Next(now)
			now += time.Duration(1+rng.IntN(2000)) * time.Microsecond
			switch outcome := outcomes[rng.IntN(len(outcomes))]; {
			case outcome != record.Unknown:
				w.Record(seq, outcome, server, 0x3000028, now)
			case rng.IntN(2) == 0:
				w.Record(seq, outcome, 0, 0, now)
			default: // given up on without a word, and perhaps answered later
				at := now + time.Duration(1+rng.IntN(5000))*time.Microsecond
				if len(owed) == 0 || owed[len(owed)-1].at < at {
					owed = append(owed, debt{seq, at})
				}
			}
			now += time.Duration(rng.IntN(10)) * time.Microsecond
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	book, err := ledger.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() }) // it was only read
	return book
}

// TestHistory holds the history of every kind of write against the rules by which
// Jepsen reads it, and against the book.
func TestHistory(t *testing.T) {
	for seed := range uint64(race.Rounds(10, 3)) {
		book := written(t, rand.New(rand.NewPCG(seed, 0)), 5)
		events := []record.Event{
			{Name: "kill-a", Action: "kill", Nodes: []string{"a"}, Issued: time.Second, Effective: 2 * time.Second, Ended: 3 * time.Second, Status: record.EventDone},
			{Name: "start-a", Action: "start", Issued: 0, Status: record.EventSkipped},
		}
		run := jepsen.Run{Book: book, Events: events, Readers: 2}
		var out bytes.Buffer
		last, err := run.Write(&out)
		if err != nil {
			t.Fatal(err)
		}
		all := lines(t, out.Bytes())
		if !slices.IsSortedFunc(all, func(a, b line) int { return int(a.Time - b.Time) }) || time.Duration(all[len(all)-1].Time) != last {
			t.Errorf("seed %d: not by time", seed)
		}
		checkProcesses(t, all)
		checkOutcomes(t, book, all)
		if i := slices.IndexFunc(all, func(l line) bool { return l.Process == "nemesis" }); i < 0 || string(all[i].Value) != `["a"]` || all[i].F != "kill" {
			t.Errorf("seed %d: the kill is not there", seed)
		}
	}
}

// checkProcesses: a process does one thing after the other, is one writer's, and does
// nothing more when it has not been answered in time.
func checkProcesses(t *testing.T, all []line) {
	t.Helper()
	const clients = 7
	open, spent := map[float64]string{}, map[float64]bool{}
	for _, l := range all {
		p, ok := l.Process.(float64)
		if !ok {
			continue
		}
		var key record.Key
		if err := json.Unmarshal(l.Value, &key); err != nil || key.Writer() != int(p)%clients {
			t.Fatalf("process %v has written %s", p, l.Value)
		}
		value, busy := open[p]
		switch {
		case l.Type == "invoke" && (busy || spent[p]):
			t.Fatalf("process %v begins %s after it crashed, or is busy", p, l.Value)
		case l.Type == "invoke":
			open[p] = string(l.Value)
		case !busy || value != string(l.Value):
			t.Fatalf("process %v completes %s, which is not open", p, l.Value)
		default:
			delete(open, p)
			spent[p] = l.Type == "info" || l.Late
		}
	}
}

func checkOutcomes(t *testing.T, book *ledger.Book, all []line) {
	t.Helper()
	begun, ended := map[record.Key]bool{}, map[record.Key]line{}
	for _, l := range all {
		var key record.Key
		if json.Unmarshal(l.Value, &key) != nil {
			continue // the nemesis's
		}
		if l.Type == "invoke" {
			begun[key] = true
		} else {
			ended[key] = l
		}
	}
	words := map[record.Outcome]string{record.OK: "ok", record.Weak: "ok", record.Failed: "fail", record.Unknown: "info"}
	late := 0
	for w, err := range book.All() {
		if err != nil {
			t.Fatal(err)
		}
		key := record.PackKey(w.Account.ID, w.Entry.Seq)
		end, ok := ended[key]
		switch {
		case !begun[key]:
			t.Fatalf("%v was never begun", key)
		case !ok && w.Entry.Seq == w.Account.Issued: // it never ended
		case end.Type != words[w.Entry.Outcome] || end.Weak != (w.Entry.Outcome == record.Weak):
			t.Fatalf("%v ended %s, and is %v", key, end.Type, w.Entry.Outcome)
		case w.Entry.Outcome != record.Unknown && time.Duration(end.Time) != w.Entry.Done:
			t.Fatalf("%v ended at %d, and not at %d", key, end.Time, w.Entry.Done)
		}
		if end.Late {
			late++
		}
	}
	if late == 0 {
		t.Error("nothing was answered late: this test proves nothing")
	}
}

// TestRead: what a node held, and that it could not be read.
func TestRead(t *testing.T) {
	run := jepsen.Run{Book: written(t, rand.New(rand.NewPCG(1, 0)), 3), Readers: 2}
	var out bytes.Buffer
	keys := slices.Values([]record.Key{record.PackKey(0, 1), record.PackKey(2, 7)})
	for i, err := range []error{
		run.Read(&out, 0, "a", 9, keys, nil),
		run.Read(&out, 1, "b", 10, nil, errors.New("no such node")),
		run.Read(&out, 1, "b", 11, slices.Values([]record.Key(nil)), nil),
	} {
		if err != nil {
			t.Fatal(i, err)
		}
	}
	all := lines(t, out.Bytes())
	for i, want := range []struct{ typ, value string }{
		{"invoke", "null"}, {"ok", "[1,2199023255559]"}, {"invoke", "null"}, {"fail", "null"}, {"invoke", "null"}, {"ok", "[]"},
	} {
		if l := all[i]; l.Type != want.typ || string(l.Value) != want.value || l.F != "read" || l.Process != float64(3+min(i/2, 1)) {
			t.Errorf("line %d: %+v", i, l)
		}
	}
	if all[1].Node != "a" || all[3].Error != "no such node" {
		t.Errorf("%+v", all)
	}
}
