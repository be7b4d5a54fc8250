package audit

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// TestBounds: what shows that a write was committed before the position from which on
// its server's WAL was lost, and what does not. The write is the first one's last on a;
// the others write another table.
func TestBounds(t *testing.T) {
	const lost, excused = "lost 1-1 a/1 ?", "lost 1-1 a/1 fork kill-a@100"
	one := []ledger.Entry{ack("a", 1, 80, 900)}
	sent := func(e ledger.Entry, at time.Duration) ledger.Entry { e.Sent = at; return e }
	// read are two more readings of a, the second of them at an LSN.
	read := func(first, second int, lsn record.LSN, change func(*record.NodeState)) func(*Evidence) {
		return func(e *Evidence) {
			s := primary("a", second, 1, 1)
			s.LSN = lsn
			if change != nil {
				change(&s)
			}
			e.States["a"] = []record.NodeState{primary("a", 5, 1, 1), primary("a", first, 1, 1), s, state("a", 1010, '-')}
		}
	}
	asked := func(at int) func(*record.NodeState) {
		return func(s *record.NodeState) { s.Asked = time.Duration(at) * msec }
	}
	off := func(e *Evidence) {
		for i := range e.States["a"] {
			e.States["a"][i].SyncCommit = "off"
		}
	}
	crash := func(e *Evidence) { crashed(e, "off", redo(primary("a", 1500, 1, 2))) }
	tests := []struct {
		name   string
		of     []ledger.Entry // by the writer whose first write is lost
		others []ledger.Entry
		change func(*Evidence)
		want   string
		why    string
	}{
		{"nobody wrote afterwards", one, nil, nil, excused, ""},
		{"another writer did, before the fork", one, []ledger.Entry{ack("a", 1, 20, 500), ack("a", 1, 90, 950)}, nil, lost, "so does its commit: a write that was sent to a at 0.949 s, when it had been acknowledged, got 0/5A$"},
		{"the newest of its writes before the fork counts", one, []ledger.Entry{ack("a", 1, 85, 920), ack("a", 1, 90, 950), ack("a", 1, 101, 960)}, nil, lost, "got 0/5A$"},
		{"in whatever order they are read", one, []ledger.Entry{ack("a", 1, 90, 950), ack("a", 1, 85, 700)}, nil, lost, "got 0/5A$"},
		{"one that was sent before it had been acknowledged", one, []ledger.Entry{sent(ack("a", 1, 90, 950), 899*msec)}, nil, excused, ""},
		{"one that may have been sent before", one, []ledger.Entry{sent(ack("a", 1, 90, 950), 900*msec)}, nil, excused, ""},
		{"one that was sent right afterwards", one, []ledger.Entry{sent(ack("a", 1, 90, 950), 900*msec+time.Microsecond)}, nil, lost, "got 0/5A$"},
		{"one at the fork, where all that came before it ends", one, []ledger.Entry{ack("a", 1, 100, 950)}, nil, lost, "got 0/64$"},
		{"one past the fork", one, []ledger.Entry{ack("a", 1, 101, 950)}, nil, excused, ""},
		{"one without an LSN", one, []ledger.Entry{ack("a", 1, 0, 950)}, nil, excused, ""},
		{"one on another node", one, []ledger.Entry{ack("c", 1, 90, 950)}, nil, excused, ""},
		{"one on another timeline", one, []ledger.Entry{ack("a", 3, 90, 950)}, nil, excused, ""},
		{"one that was refused, at an LSN", one, []ledger.Entry{ledgerEntry(ack("a", 1, 90, 950)).as(record.Failed)}, nil, lost, "got 0/5A$"},
		{"one whose timeline the readings tell", one, []ledger.Entry{ack("a", 0, 90, 950)}, nil, lost, "got 0/5A$"},
		{"one whose timeline they tell, after one whose they do not", one, []ledger.Entry{sent(ack("a", 0, 10, 80), 50*msec), ack("a", 0, 90, 950)}, func(e *Evidence) {
			e.States["a"] = []record.NodeState{primary("a", 5, 3, 1), primary("a", 60, 1, 1), primary("a", 500, 1, 1)}
		}, lost, "got 0/5A$"},
		{"its own LSN is past the fork, whatever others had", []ledger.Entry{ack("a", 1, 100, 900)}, []ledger.Entry{ack("a", 1, 90, 950)}, nil, excused, ""},
		{"its own LSN is not recorded", []ledger.Entry{ack("a", 1, 0, 900)}, []ledger.Entry{ack("a", 1, 90, 950)}, nil, lost, "^it was committed before the fork at 0/64"},
		{"nor when it was answered", []ledger.Entry{{Outcome: record.OK, Server: ledger.Server{Node: "a", Timeline: 1}}}, []ledger.Entry{ack("a", 1, 90, 950)}, nil, excused, ""},
		{"its writer's next was refused, without an LSN", append(one[:1:1], ledgerEntry(ack("a", 1, 0, 910)).as(record.Failed)), nil, nil, excused, ""},
		{"however often", append(one[:1:1], manyRefused(200)...), nil, nil, excused, ""},
		{"its writer's next lies past the fork, but another's does not", append(one[:1:1], silent(910), ledgerEntry(ack("a", 1, 120, 990)).as(record.Failed)), []ledger.Entry{ack("a", 1, 90, 950)}, nil, lost, "got 0/5A$"},

		{"a reading that began afterwards", one, nil, read(901, 950, 90, nil), lost, "the WAL of a was read to be at 0/5A after 0.901 s, when it had been acknowledged$"},
		{"one that may have begun before", one, nil, read(900, 950, 90, nil), excused, ""},
		{"one at the fork's own position, where the WAL of an idle server stays", one, nil, read(901, 950, 100, nil), lost, "was read to be at 0/64 after 0.901 s"},
		{"one past the fork's position", one, nil, read(901, 950, 101, nil), excused, ""},
		{"one that is known to have been asked for afterwards, long after the newest change", one, nil, read(5, 950, 90, asked(901)), lost, "was read to be at 0/5A after 0.901 s"},
		{"one that is known to have been asked for before", one, nil, read(5, 950, 90, asked(900)), excused, ""},
		{"one that tells no position", one, nil, read(901, 950, 0, nil), excused, ""},
		{"one on another timeline, at a position", one, nil, read(901, 950, 90, func(s *record.NodeState) { s.Timeline = 3 }), excused, ""},
		{"one as a standby", one, nil, read(901, 950, 90, func(s *record.NodeState) { s.Role = record.RoleStandby }), excused, ""},
		{"one with synchronous_commit off, where an acknowledgement does not wait for the WAL", one, nil, func(e *Evidence) { read(901, 950, 90, nil)(e); off(e) }, excused, ""},
		{"one of an unknown regime", one, nil, func(e *Evidence) {
			read(901, 950, 90, nil)(e)
			for i := range e.States["a"] {
				e.States["a"][i].SyncCommit = ""
			}
		}, excused, ""},

		{"a crash, and nobody wrote afterwards", []ledger.Entry{ack("a", 1, 40, 900)}, nil, crash, "lost 1-1 a/1 crash kill-a@50", ""},
		{"a crash, and its writer's next was refused", []ledger.Entry{ack("a", 1, 40, 900), ledgerEntry(ack("a", 1, 0, 910)).as(record.Failed)}, nil, crash, "lost 1-1 a/1 crash kill-a@50", ""},
		{"a crash that left what another wrote later", []ledger.Entry{ack("a", 1, 40, 900)}, []ledger.Entry{ack("a", 1, 45, 950)}, crash, lost, "with its WAL up to 0/32, and it was committed before that: a write that was sent to a at 0.949 s"},
		{"a crash before the fork, of which what others wrote says nothing", []ledger.Entry{ack("a", 1, 40, 900)}, []ledger.Entry{ack("a", 1, 60, 950)}, func(e *Evidence) {
			kept := *e
			crashed(e, "off", redo(primary("a", 1500, 1, 2)))
			e.Authority, e.Lineage = kept.Authority, kept.Lineage
		}, "lost 1-1 a/1 crash kill-a@50", ""},
		{"a crash after which another wrote", []ledger.Entry{ack("a", 1, 40, 900)}, []ledger.Entry{ack("a", 1, 55, 1600)}, crash, "lost 1-1 a/1 crash kill-a@50", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := failover()
			e.Book = (&fakeBook{}).write("writes", tt.of...).write("more", tt.others...)
			if tt.change != nil {
				tt.change(&e)
			}
			e.Nodes = append(e.Nodes, node(e.Authority).in(e.Table))
			a, err := Table(e)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Split(lossWords(a), ";")[0]; got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if why := "^" + a.Lost.Runs[0].Why + "$"; !strings.Contains(why, tt.why) || (why == "^$") != (tt.why == "") {
				t.Errorf("because %q, want %q in it", why, tt.why)
			}
		})
	}
}

func manyRefused(n int) (all []ledger.Entry) {
	for i := range n {
		all = append(all, ledgerEntry(ack("a", 1, 0, 910+i)).as(record.Failed))
	}
	return all
}

// countedBook counts how often each writer was gone over, and cannot read some.
type countedBook struct {
	*fakeBook
	passes map[int]int
	broken map[int]error
}

func (b countedBook) Entries(writer int, first, last int64) iter.Seq2[ledger.Entry, error] {
	b.passes[writer]++
	if err := b.broken[writer]; err != nil {
		return func(yield func(ledger.Entry, error) bool) { yield(ledger.Entry{}, err) }
	}
	return b.fakeBook.Entries(writer, first, last)
}

// TestTheWholeLedgerIsReadOnceAtMost: and not at all for losses that are past the fork.
func TestTheWholeLedgerIsReadOnceAtMost(t *testing.T) {
	for _, c := range []struct {
		what   string
		lsn    record.LSN
		passes map[int]int // by writer, the last one of another table
	}{
		{"past the fork", 100, map[int]int{0: 1, 1: 1}},
		{"before it", 80, map[int]int{0: 2, 1: 2, 2: 1}},
	} {
		e := failover()
		book := countedBook{fakeBook: &fakeBook{}, passes: map[int]int{}}
		book.write("writes", ack("a", 1, c.lsn, 800), ack("a", 1, c.lsn+1, 850)).write("writes", ack("a", 1, c.lsn, 900)).write("more", ack("a", 1, 101, 950))
		e.Book, e.Nodes = book, []NodeHolding{node("b").in(e.Table)}
		if _, err := Table(e); err != nil {
			t.Fatal(err)
		}
		for writer := range 3 {
			if book.passes[writer] != c.passes[writer] {
				t.Errorf("%s: writer %d was gone over %d times, want %d", c.what, writer, book.passes[writer], c.passes[writer])
			}
		}
	}
}

// TestBoundsOfALedgerThatCannotBeRead: no loss may be excused for want of them.
func TestBoundsOfALedgerThatCannotBeRead(t *testing.T) {
	e := failover()
	broken := errors.New("broken disk")
	book := countedBook{fakeBook: &fakeBook{}, passes: map[int]int{}, broken: map[int]error{1: broken, 2: errors.New("another")}}
	book.write("writes", ack("a", 1, 80, 900)).write("more", ack("a", 1, 90, 950)).write("more", ack("a", 1, 90, 960))
	e.Book, e.Nodes = book, []NodeHolding{node("b").in(e.Table)}
	if _, err := Table(e); !errors.Is(err, broken) || !strings.Contains(err.Error(), "writer 1") {
		t.Errorf("%v", err)
	}
}
