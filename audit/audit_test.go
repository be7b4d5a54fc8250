package audit

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/rows"
	"pgchaos/verdict"
)

const payload = 24

// fakeBook is a Book in memory.
type fakeBook struct {
	accounts []ledger.Account
	entries  map[int][]ledger.Entry
	err      error // after the entries
}

func (b *fakeBook) Writers() []ledger.Account { return b.accounts }

func (b *fakeBook) Entries(writer int, first, last int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range b.entries[writer] {
			if e.Seq >= first && e.Seq <= last && !yield(e, nil) {
				return
			}
		}
		if b.err != nil {
			yield(ledger.Entry{}, b.err)
		}
	}
}

// write adds a writer with the entries, whose numbers it sets.
func (b *fakeBook) write(workload string, entries ...ledger.Entry) *fakeBook {
	a := ledger.Account{ID: len(b.accounts), Workload: workload, Issued: int64(len(entries)), Weak: roaring64.New(), Failed: roaring64.New(), Unknown: roaring64.New()}
	for i := range entries {
		entries[i].Seq = int64(i + 1)
		switch seq := uint64(i + 1); entries[i].Outcome {
		case record.Weak:
			a.Weak.Add(seq)
		case record.Failed:
			a.Failed.Add(seq)
		case record.Unknown:
			a.Unknown.Add(seq)
		}
	}
	if b.entries == nil {
		b.entries = map[int][]ledger.Entry{}
	}
	b.accounts, b.entries[a.ID] = append(b.accounts, a), entries
	return b
}

var letters = map[rune]record.Outcome{'o': record.OK, 'w': record.Weak, 'f': record.Failed, 'u': record.Unknown}

// books makes a book: a string a writer, a letter a write: ok, weak, failed,
// unknown. The nth write of a writer is answered by node a, on timeline 1, after n
// seconds, at LSN n; what was not answered has none of these.
func books(writers ...string) *fakeBook {
	b := &fakeBook{}
	for _, writes := range writers {
		var entries []ledger.Entry
		for i, letter := range writes {
			at := time.Duration(i+1) * time.Second
			e := ledger.Entry{Outcome: letters[letter], Sent: at - msec, Done: at, LSN: record.LSN(i + 1), Server: ledger.Server{Node: "a", Timeline: 1}}
			switch e.Outcome {
			case record.Unknown:
				e = ledger.Entry{Sent: e.Sent}
			case record.Failed:
				e.LSN = 0
			}
			entries = append(entries, e)
		}
		b.write("writes", entries...)
	}
	return b
}

// row is the row that belongs to a key.
func row(writer int, seq int64) heldRow {
	return asWritten(rows.Table{Payload: payload}, record.PackKey(writer, seq), 0)
}

// with is a row with another value.
func (r heldRow) with(value string) heldRow {
	r.value = []byte(value)
	return r
}

// numbered is a row with another int_value.
func (r heldRow) numbered(integer int64) heldRow {
	r.integer = integer
	return r
}

// rows are those of writer 0 with the given sequence numbers.
func rowsOf(seqs ...int64) (all []heldRow) {
	for _, seq := range seqs {
		all = append(all, row(0, seq))
	}
	return all
}

// stranger is a row whose value names no write.
func stranger(value string) heldRow { return heldRow{null: true, value: []byte(value)} }

// reading is a node and its rows, before the table is known.
type reading struct {
	node, why string
	rows      []heldRow
	maxOdd    int
}

func node(name string, all ...heldRow) reading { return reading{node: name, rows: all} }
func gone(name, why string) reading            { return reading{node: name, why: why} }

func (r reading) in(t rows.Table) NodeHolding {
	h := NodeHolding{Node: r.node, Why: r.why}
	if r.why == "" {
		h.Holding = hold(t, r.maxOdd, r.rows...)
	}
	return h
}

// counts are what a test looks at, in words.
func counts(a Audit) string {
	var words []string
	for _, c := range []struct {
		name string
		c    Count
	}{
		{"lost", a.Lost}, {"weak_lost", a.WeakLost}, {"survived", a.Survived}, {"vanished", a.Vanished},
		{"resurrected", a.Resurrected}, {"duplicated", a.Duplicated}, {"foreign", a.Foreign}, {"corrupted", a.Corrupted},
	} {
		if c.c.N == 0 {
			continue
		}
		word := fmt.Sprintf("%s %d:", c.name, c.c.N)
		for _, r := range c.c.Runs {
			on := slices.Clone(r.FoundOn)
			for _, f := range r.OnForks {
				on = append(on, "fork "+f)
			}
			word += fmt.Sprintf(" w%d/%d-%d on [%s]", r.Writer, r.First, r.Last, strings.Join(on, " "))
		}
		words = append(words, word)
	}
	return strings.Join(words, "; ")
}

// nodeCounts are the nodes of an audit, in words.
func nodeCounts(a Audit) string {
	words := make([]string, 0, len(a.Nodes))
	for _, n := range a.Nodes {
		word := fmt.Sprintf("%s rows=%d", n.Node, n.Rows)
		if !n.Read {
			word += " unread"
		}
		if n.Equal {
			word += " equal"
		}
		for _, c := range []struct {
			name string
			n    int64
		}{{"missing", n.Missing}, {"extra", n.Extra}, {"different", n.Different}, {"corrupted", n.Corrupted}, {"duplicated", n.Duplicated}} {
			if c.n > 0 {
				word += fmt.Sprintf(" %s=%d", c.name, c.n)
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// onlyA is the lineage of a primary on timeline 1.
var onlyA = record.Lineage{Timeline: 1}

func TestTable(t *testing.T) {
	tests := []struct {
		name      string
		ledger    *fakeBook
		serial    bool
		authority string // "a" unless said otherwise; "-" for none
		nodes     []reading
		forks     []reading
		want      string
		wantNodes string
		why       string // part of it, or its beginning: "^..."; "" means complete
	}{
		{
			name: "all is where it should be", ledger: books("ooo"),
			nodes:     []reading{node("a", rowsOf(1, 2, 3)...), node("b", rowsOf(1, 2, 3)...)},
			wantNodes: "a rows=3 equal, b rows=3 equal",
		},
		{
			name: "acknowledged and on no node at all", ledger: books("ooo"),
			nodes:     []reading{node("a", rowsOf(1)...), node("b", rowsOf(1)...)},
			want:      "lost 2: w0/2-3 on []",
			wantNodes: "a rows=1 equal, b rows=1 equal",
		},
		{
			name: "acknowledged, and only the old primary's fork has it", ledger: books("oooo"), authority: "b",
			nodes:     []reading{node("a", rowsOf(1, 2, 3, 4)...), node("b", rowsOf(1, 2)...)},
			want:      "lost 2: w0/3-4 on [a]",
			wantNodes: "a rows=4 extra=2, b rows=2 equal",
		},
		{
			name: "runs end where the holders change", ledger: books("oooo"), authority: "c",
			nodes: []reading{node("a", rowsOf(1, 2)...), node("b", rowsOf(2, 3)...), node("c")},
			want:  "lost 4: w0/1-1 on [a] w0/2-2 on [a b] w0/3-3 on [b] w0/4-4 on []",
		},
		{
			name: "the last write of one writer and the first of the next are two runs", ledger: books("o", "o"),
			nodes: []reading{node("a")},
			want:  "lost 2: w0/1-1 on [] w1/1-1 on []",
		},
		{
			name: "numbers that follow each other, of different writers", ledger: books("o", "oo"),
			nodes: []reading{node("a", row(1, 1))},
			want:  "lost 2: w0/1-1 on [] w1/2-2 on []",
		},
		{
			name: "a hole in an otherwise whole history", ledger: books("ooooo"),
			nodes: []reading{node("a", rowsOf(1, 2, 4, 5)...)},
			want:  "lost 1: w0/3-3 on []",
		},
		{
			name: "a weak acknowledgement is not lost but weakly lost", ledger: books("oww"),
			nodes: []reading{node("a", rowsOf(1, 3)...)},
			want:  "weak_lost 1: w0/2-2 on []",
		},
		{
			name: "unanswered writes may be there or not", ledger: books("uuuu"),
			nodes: []reading{node("a", rowsOf(1, 2)...), node("b", rowsOf(1, 2, 3)...)},
			want:  "survived 2: w0/1-2 on [a b]; vanished 2: w0/3-3 on [b] w0/4-4 on []",
		},
		{
			name: "a certain failure that is there", ledger: books("off"),
			nodes: []reading{node("a", rowsOf(1, 2)...)},
			want:  "resurrected 1: w0/2-2 on [a]",
		},
		{
			name: "a certain failure that another node has", ledger: books("of"), authority: "b",
			nodes: []reading{node("a", rowsOf(1, 2)...), node("b", rowsOf(1)...)},
			want:  "resurrected 1: w0/2-2 on [a]",
		},
		{
			name: "a certain failure that only a fork had", ledger: books("of"), authority: "b",
			nodes: []reading{node("a", rowsOf(1)...), node("b", rowsOf(1)...)}, forks: []reading{node("a", rowsOf(1, 2)...)},
			want: "resurrected 1: w0/2-2 on [fork a]", wantNodes: "a rows=1 equal, b rows=1 equal",
		},
		{
			name: "altered, doubled and foreign on a fork alone", ledger: books("oo"), authority: "b",
			nodes: []reading{node("b", rowsOf(1, 2)...)}, forks: []reading{node("a", row(0, 1).with("rot"), row(0, 2), row(0, 2), row(0, 3))},
			want: "duplicated 1: w0/2-2 on [fork a]; foreign 1: w0/3-3 on [fork a]; corrupted 1: w0/1-1 on [fork a]",
		},
		{
			name: "a sequence number never issued, and a writer never known", ledger: books("o"),
			nodes: []reading{node("a", row(0, 1), row(0, 2), row(5, 1)), node("b", row(0, 1))},
			want:  "foreign 2: w0/2-2 on [a] w5/1-1 on [a]", wantNodes: "a rows=3 equal, b rows=1 missing=2",
		},
		{
			name: "a writer of another table", ledger: books("o").write("others", ledger.Entry{Outcome: record.OK}),
			nodes: []reading{node("a", row(0, 1), row(1, 1))},
			want:  "foreign 1: w1/1-1 on [a]",
		},
		{
			name: "rows that name no write are counted once for all nodes", ledger: books("o"),
			nodes: []reading{
				node("a", stranger("x"), stranger("y"), row(0, 1)),
				node("b", stranger("y"), stranger("x"), row(0, 1)),
			},
			want: "foreign 2: w0/0-0 on [a b]", wantNodes: "a rows=3 equal, b rows=3 equal",
		},
		{
			name: "rows that name no write differ", ledger: books("o"),
			nodes: []reading{node("a", stranger("x"), row(0, 1)), node("b", stranger("y"), row(0, 1))},
			want:  "foreign 1: w0/0-0 on [a b]", wantNodes: "a rows=2 equal, b rows=2 different=1",
		},
		{
			name: "one row twice on one node", ledger: books("oo"),
			nodes: []reading{node("a", rowsOf(1, 2)...), node("b", rowsOf(1, 1, 2)...)},
			want:  "duplicated 1: w0/1-1 on [b]", wantNodes: "a rows=2 equal, b rows=3 extra=1 duplicated=1",
		},
		{
			name: "a foreign row twice", ledger: books("o"),
			nodes: []reading{node("a", rowsOf(1, 7, 7)...)},
			want:  "duplicated 1: w0/7-7 on [a]; foreign 1: w0/7-7 on [a]",
		},
		{
			name: "a row as written and another one altered", ledger: books("o"),
			nodes: []reading{node("a", rowsOf(1)...), node("b", row(0, 1), row(0, 1).with("rot"))},
			want:  "duplicated 1: w0/1-1 on [b]; corrupted 1: w0/1-1 on [b]", wantNodes: "a rows=1 equal, b rows=2 extra=1 corrupted=1 duplicated=1",
		},
		{
			name: "equal counts of different rows", ledger: books("ooo"),
			nodes: []reading{node("a", rowsOf(1, 2, 3)...), node("b", rowsOf(1, 2)...), node("c", rowsOf(2, 3)...)},
			want:  "", wantNodes: "a rows=3 equal, b rows=2 missing=1, c rows=2 missing=1",
		},
		{
			name: "two primaries with equal counts", ledger: books("oooo"),
			nodes: []reading{node("a", rowsOf(1, 2, 3)...), node("b", rowsOf(1, 2, 4)...)},
			want:  "lost 1: w0/4-4 on [b]", wantNodes: "a rows=3 equal, b rows=3 missing=1 extra=1",
		},
		{
			name: "a value that nobody wrote, on a standby", ledger: books("oo"),
			nodes: []reading{node("a", rowsOf(1, 2)...), node("b", row(0, 1), row(0, 2).with("rot"))},
			want:  "corrupted 1: w0/2-2 on [b]", wantNodes: "a rows=2 equal, b rows=2 different=1 corrupted=1",
		},
		{
			name: "altered on the authority is corrupted, not lost", ledger: books("ou"),
			nodes: []reading{node("a", row(0, 1).with("rot"), row(0, 2).with("rot"))},
			want:  "survived 1: w0/2-2 on [a]; corrupted 2: w0/1-1 on [a] w0/2-2 on [a]",
		},
		{
			name: "the same rot on all nodes is equal and corrupted", ledger: books("o"),
			nodes: []reading{node("a", row(0, 1).with("rot")), node("b", row(0, 1).with("rot"))},
			want:  "corrupted 1: w0/1-1 on [a b]", wantNodes: "a rows=1 equal corrupted=1, b rows=1 equal corrupted=1",
		},
		{
			name: "another rot on each node", ledger: books("o"),
			nodes: []reading{node("a", row(0, 1).with("rot")), node("b", row(0, 1).with("mould"))},
			want:  "corrupted 1: w0/1-1 on [a b]", wantNodes: "a rows=1 equal corrupted=1, b rows=1 different=1 corrupted=1",
		},
		{
			name: "altered on the authority alone", ledger: books("oo"),
			nodes: []reading{node("a", row(0, 1).with("rot"), row(0, 2)), node("b", rowsOf(1, 2)...)},
			want:  "corrupted 1: w0/1-1 on [a]", wantNodes: "a rows=2 equal corrupted=1, b rows=2 different=1",
		},
		{
			name: "rows that differ in all ways", ledger: books("ooooo"),
			nodes: []reading{
				node("a", row(0, 1).with("rot"), row(0, 2), row(0, 3), row(0, 4).with("rot")),
				node("b", row(0, 1), row(0, 2), row(0, 4).with("mould"), row(0, 5)),
			},
			want: "lost 1: w0/5-5 on [b]; corrupted 2: w0/1-1 on [a] w0/4-4 on [a b]", wantNodes: "a rows=4 equal corrupted=2, b rows=4 missing=1 extra=1 different=2 corrupted=1",
		},
		{
			name: "a truncated authority may have what a standby has too many", ledger: books("uuu"),
			nodes: []reading{
				{node: "a", maxOdd: 1, rows: []heldRow{row(0, 2).with("rot"), row(0, 3).with("rot")}},
				node("b", rowsOf(2, 3)...),
			},
			want: "survived 1: w0/2-2 on [a b]; corrupted 1: w0/2-2 on [a]", wantNodes: "a rows=2 corrupted=1, b rows=2 different=1", why: "2 rows of a",
		},
		{
			name: "a second copy makes the sums of a serial table differ", ledger: books("oo"), serial: true,
			nodes: []reading{
				node("a", row(0, 1).numbered(10), row(0, 2).numbered(11)),
				node("b", row(0, 1).numbered(10), row(0, 1).numbered(10), row(0, 2).numbered(11)),
			},
			want: "duplicated 1: w0/1-1 on [b]", wantNodes: "a rows=2 equal, b rows=3 extra=1 duplicated=1",
		},
		{
			name: "another write's value under this key", ledger: books("oo"),
			nodes: []reading{node("a", row(0, 1), row(0, 2).with(string(row(0, 1).value)))},
			want:  "corrupted 1: w0/2-2 on [a]",
		},
		{
			name: "a packed key whose integer is another", ledger: books("oo"),
			nodes: []reading{node("a", row(0, 1).numbered(2))},
			want:  "lost 1: w0/1-1 on []; corrupted 1: w0/2-2 on [a]",
		},
		{
			name: "a serial's integer is the sequence's, and must be the same everywhere", ledger: books("oo"), serial: true,
			nodes: []reading{
				node("a", row(0, 1).numbered(10), row(0, 2).numbered(11)),
				node("b", row(0, 1).numbered(10), row(0, 2).numbered(12)),
			},
			wantNodes: "a rows=2 equal, b rows=2 different=1",
		},
		{
			name: "of a serial table the integers are not compared where the rows differ", ledger: books("oo"), serial: true,
			nodes:     []reading{node("a", row(0, 1).numbered(10), row(0, 2).numbered(11)), node("b", row(0, 1).numbered(10))},
			wantNodes: "a rows=2 equal, b rows=1 missing=1",
		},
		{
			name: "a standby was not read", ledger: books("ooo"),
			nodes:     []reading{node("a", rowsOf(1, 2)...), gone("b", "connection reset")},
			want:      "lost 1: w0/3-3 on []",
			wantNodes: "a rows=2 equal, b rows=0 unread", why: "lost >= 1; b was not read: connection reset",
		},
		{
			name: "that no less than nothing was lost is no bound", ledger: books("oo"),
			nodes:     []reading{node("a", rowsOf(1, 2)...), gone("b", "connection reset")},
			wantNodes: "a rows=2 equal, b rows=0 unread", why: "^b was not read: connection reset",
		},
		{
			name: "a fork was not read", ledger: books("o"),
			nodes:     []reading{node("a", rowsOf(1)...)},
			forks:     []reading{gone("b", "connection reset")},
			wantNodes: "a rows=1 equal", why: "the fork of b before rejoin-b was not read: connection reset",
		},
		{
			name: "the authority was never read: nothing is lost or survived, and failures are still found", ledger: books("oufu"),
			nodes: []reading{gone("a", "no route to host"), node("b", rowsOf(3)...)},
			want:  "resurrected 1: w0/3-3 on [b]", wantNodes: "a rows=0 unread, b rows=1", why: "resurrected >= 1; a was not read: no route to host",
		},
		{
			name: "the authority was not read, and says so", ledger: books("o"),
			nodes: []reading{gone("a", "no route to host")}, why: "a is the writable node, so nothing can be called lost",
		},
		{
			name: "of the authority more odd rows are there than are known: any of them may be what seems lost", ledger: books("oooou"),
			nodes:     []reading{{node: "a", maxOdd: 1, rows: []heldRow{row(0, 1), row(0, 2).with("rot"), row(0, 3).with("rot")}}},
			want:      "corrupted 1: w0/2-2 on [a]",
			wantNodes: "a rows=3 corrupted=1", why: "corrupted >= 1; 2 rows of a are not as written, and only 1 of them are known",
		},
		{
			name: "a truncated standby is not equal, and what it seems to lack it may have", ledger: books("ooo"),
			nodes: []reading{
				node("a", rowsOf(1, 2, 3)...),
				{node: "b", maxOdd: 1, rows: []heldRow{row(0, 1), row(0, 2).with("rot"), row(0, 3).with("rot")}},
			},
			want:      "corrupted 1: w0/2-2 on [b]",
			wantNodes: "a rows=3 equal, b rows=3 different=1 corrupted=1", why: "2 rows of b are not as written",
		},
		{
			name: "a truncated fork may have held more", ledger: books("o"),
			nodes: []reading{node("a", rowsOf(1)...)},
			forks: []reading{{node: "b", maxOdd: 1, rows: []heldRow{stranger("x"), stranger("y")}}},
			want:  "foreign 1: w0/0-0 on [fork b]", why: "2 rows of the fork of b are not as written",
		},
		{
			name: "no one writable node", ledger: books("o"), authority: "-",
			nodes: []reading{node("a"), node("b")}, wantNodes: "a rows=0, b rows=0", why: "not exactly one writable node",
		},
		{
			name: "the authority is not among the nodes", ledger: books("o"), authority: "z",
			nodes: []reading{node("a")}, why: "z, the writable node, is not among",
		},
		{
			name: "writers that never wrote, between those that did", ledger: books("", "o", "", "", "o", ""),
			nodes: []reading{node("a", row(1, 1), row(4, 1))},
		},
		{name: "nothing written and nothing there", ledger: &fakeBook{}, nodes: []reading{node("a")}, wantNodes: "a rows=0 equal"},
		{name: "no nodes at all", ledger: books("o"), nodes: nil, why: "not among the nodes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := Evidence{Table: rows.Table{Name: "t", Serial: tt.serial, Payload: payload}, Book: tt.ledger, Workloads: []string{"writes"}, Authority: "a", Lineage: onlyA}
			if tt.authority != "" {
				e.Authority = strings.TrimPrefix(tt.authority, "-")
			}
			for _, n := range tt.nodes {
				e.Nodes = append(e.Nodes, n.in(e.Table))
			}
			for _, f := range tt.forks {
				n := f.in(e.Table)
				e.Forks = append(e.Forks, ForkHolding{Node: n.Node, Step: "rejoin-" + n.Node, Holding: n.Holding, Why: n.Why})
			}
			got, err := Table(e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, counts(got)); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.wantNodes, nodeCounts(got)); tt.wantNodes != "" && diff != "" {
				t.Errorf("nodes (-want +got):\n%s", diff)
			}
			if got.Complete != (tt.why == "") || !strings.Contains("^"+got.Why, tt.why) {
				t.Errorf("complete %v because %q, want %q in it", got.Complete, got.Why, tt.why)
			}
		})
	}
}

func TestTableRefuses(t *testing.T) {
	twins := books("o", "o")
	twins.accounts[1].ID = 0
	broken := books("o")
	broken.err = errors.New("read block 3: input/output error")
	short := books("oo")
	short.entries[0] = short.entries[0][:1]
	tests := []struct {
		name     string
		evidence Evidence
		want     string
	}{
		{"two writers with one number", Evidence{Book: twins}, "two writers with the number 0"},
		{"more nodes than bits", Evidence{Book: books(), Nodes: make([]NodeHolding, 65)}, "65 nodes"},
		{"more forks than bits", Evidence{Book: books(), Forks: make([]ForkHolding, 65)}, "65 nodes"},
		{"a ledger that cannot be read", Evidence{Book: broken, Workloads: []string{"writes"}}, "writer 0: read block 3"},
		{"a ledger that does not tell of all", Evidence{Book: short, Workloads: []string{"writes"}}, "2 writes were issued, and the ledger tells of 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Table(tt.evidence)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

// A damaged ledger proves nothing: rows that it does not know may have been in it.
func TestAuditOfADamagedLedger(t *testing.T) {
	e := Evidence{
		Table: rows.Table{Name: "t", Payload: payload}, Book: &ledger.Book{Damage: []string{"block 4: gone", "block 5: gone"}}, Authority: "a", Lineage: onlyA,
		Nodes: []NodeHolding{node("a", rowsOf(1)...).in(rows.Table{Payload: payload})},
	}
	got, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	if got.Complete || got.Foreign.N != 1 || !strings.Contains(got.Why, "the ledger is damaged: block 4: gone (and 1 more)") {
		t.Errorf("complete %v, %d foreign, because %q", got.Complete, got.Foreign.N, got.Why)
	}
	for _, f := range got.Findings() {
		if f.Verdict != verdict.Inconclusive {
			t.Errorf("%v: %s", f.Verdict, f.Reason)
		}
	}
}

func TestAuditRunsAreBounded(t *testing.T) {
	got, err := Table(Evidence{
		Table: rows.Table{Payload: payload}, Book: books(strings.Repeat("of", MaxRuns+7)), Workloads: []string{"writes"}, Authority: "a", Lineage: onlyA,
		Nodes: []NodeHolding{node("a").in(rows.Table{})},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Lost.N != MaxRuns+7 || len(got.Lost.Runs) != MaxRuns || got.Lost.More != 7 {
		t.Errorf("N=%d, %d runs and %d more", got.Lost.N, len(got.Lost.Runs), got.Lost.More)
	}
}

func TestAuditFindings(t *testing.T) {
	good := Audit{Table: "t", Complete: true, Acknowledged: 5}
	tests := []struct {
		name   string
		change func(*Audit)
		want   []verdict.Verdict
	}{
		{"nothing", func(*Audit) {}, nil},
		{"lost writes are for expectations to judge", func(a *Audit) { a.Lost.N = 1 }, nil},
		{"unexplained ones are not", func(a *Audit) { a.Lost.N, a.Unexplained = 1, 1 }, []verdict.Verdict{verdict.Fail}},
		{"unanswered writes are allowed either way", func(a *Audit) { a.Survived.N, a.Vanished.N = 1, 1 }, nil},
		{"split brain", func(a *Audit) { a.SplitBrain = []Overlap{{}} }, []verdict.Verdict{verdict.Fail}},
		{"resurrected", func(a *Audit) { a.Resurrected.N = 1 }, []verdict.Verdict{verdict.Fail}},
		{"corrupted", func(a *Audit) { a.Corrupted.N = 1 }, []verdict.Verdict{verdict.Fail}},
		{"duplicated", func(a *Audit) { a.Duplicated.N = 1 }, []verdict.Verdict{verdict.Fail}},
		{"foreign", func(a *Audit) { a.Foreign.N = 1 }, []verdict.Verdict{verdict.Fail}},
		{"foreign to a damaged ledger", func(a *Audit) { a.Foreign.N, a.Damage = 1, []string{"x"} }, []verdict.Verdict{verdict.Inconclusive}},
		{"not complete", func(a *Audit) { a.Complete = false }, []verdict.Verdict{verdict.Inconclusive}},
		{"nothing acknowledged", func(a *Audit) { a.Acknowledged = 0 }, []verdict.Verdict{verdict.Inconclusive}},
		{"a failure in an audit that is not complete", func(a *Audit) { a.Complete, a.Foreign.N = false, 1 }, []verdict.Verdict{verdict.Fail, verdict.Inconclusive}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := good
			tt.change(&a)
			var got []verdict.Verdict
			for _, f := range a.Findings() {
				if f.Reason == "" {
					t.Error("a finding without a reason")
				}
				got = append(got, f.Verdict)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
