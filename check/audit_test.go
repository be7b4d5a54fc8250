package check

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/history"
)

const payload = 24

// books makes a ledger: a string a writer, a letter a write: ok, weak, failed,
// unknown. The nth write of a writer is answered by node a after n seconds.
func books(writers ...string) []*history.Writer {
	l := history.NewLedger()
	outcomes := map[rune]history.Outcome{'o': history.OK, 'w': history.Weak, 'f': history.Failed, 'u': history.Unknown}
	for _, writes := range writers {
		w := l.AddWriter("writes")
		for _, letter := range writes {
			seq := w.Next()
			w.Record(seq, outcomes[letter], "a", time.Duration(seq)*time.Second)
		}
	}
	return l.Writers()
}

// row is the row that belongs to a key.
func row(writer int, seq int64) Row {
	key := history.PackKey(writer, seq)
	return Row{Key: key, Int: int64(key), Value: history.AppendPayload(nil, key, payload)}
}

// with is a row with another value.
func (r Row) with(value string) Row {
	r.Value = []byte(value)
	return r
}

// rows are those of writer 0 with the given sequence numbers.
func rows(seqs ...int64) (all []Row) {
	for _, seq := range seqs {
		all = append(all, row(0, seq))
	}
	return all
}

// stranger is a row whose value names no write.
func stranger(value string) Row { return Row{Int: 7, Value: []byte(value)} }

// node yields rows from one buffer, as a reader may, and then an error if there is one.
func node(name string, err error, all ...Row) NodeRows {
	return NodeRows{Node: name, Rows: func(yield func(Row, error) bool) {
		var buffer []byte
		for _, r := range all {
			buffer = append(buffer[:0], r.Value...)
			r.Value = buffer
			if !yield(r, nil) {
				return
			}
			clear(buffer)
		}
		if err != nil {
			yield(Row{}, err)
		}
	}}
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
			word += fmt.Sprintf(" w%d/%d-%d on [%s]", r.Writer, r.First, r.Last, strings.Join(r.FoundOn, " "))
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

func TestAuditTable(t *testing.T) {
	gone := errors.New("connection reset")
	tests := []struct {
		name      string
		ledger    []*history.Writer
		serial    bool
		authority string // "a" unless said otherwise; "-" for none
		nodes     []NodeRows
		want      string
		wantNodes string
		why       string // part of it; "" means complete
	}{
		{
			name: "all is where it should be", ledger: books("ooo"),
			nodes:     []NodeRows{node("a", nil, rows(1, 2, 3)...), node("b", nil, rows(1, 2, 3)...)},
			wantNodes: "a rows=3 equal, b rows=3 equal",
		},
		{
			name: "acknowledged and on no node at all", ledger: books("ooo"),
			nodes:     []NodeRows{node("a", nil, rows(1)...), node("b", nil, rows(1)...)},
			want:      "lost 2: w0/2-3 on []",
			wantNodes: "a rows=1 equal, b rows=1 equal",
		},
		{
			name: "acknowledged, and only the old primary's fork has it", ledger: books("oooo"), authority: "b",
			nodes:     []NodeRows{node("a", nil, rows(1, 2, 3, 4)...), node("b", nil, rows(1, 2)...)},
			want:      "lost 2: w0/3-4 on [a]",
			wantNodes: "a rows=4 extra=2, b rows=2 equal",
		},
		{
			name: "runs end where the holders change", ledger: books("oooo"), authority: "c",
			nodes: []NodeRows{node("a", nil, rows(1, 2)...), node("b", nil, rows(2, 3)...), node("c", nil)},
			want:  "lost 4: w0/1-1 on [a] w0/2-2 on [a b] w0/3-3 on [b] w0/4-4 on []",
		},
		{
			name: "the last write of one writer and the first of the next are two runs", ledger: books("o", "o"),
			nodes: []NodeRows{node("a", nil)},
			want:  "lost 2: w0/1-1 on [] w1/1-1 on []",
		},
		{
			name: "numbers that follow each other, of different writers", ledger: books("o", "oo"),
			nodes: []NodeRows{node("a", nil, row(1, 1))},
			want:  "lost 2: w0/1-1 on [] w1/2-2 on []",
		},
		{
			name: "a hole in an otherwise whole history", ledger: books("ooooo"),
			nodes: []NodeRows{node("a", nil, rows(1, 2, 4, 5)...)},
			want:  "lost 1: w0/3-3 on []",
		},
		{
			name: "a weak acknowledgement is not lost but weakly lost", ledger: books("oww"),
			nodes: []NodeRows{node("a", nil, rows(1, 3)...)},
			want:  "weak_lost 1: w0/2-2 on []",
		},
		{
			name: "unanswered writes may be there or not", ledger: books("uuuu"),
			nodes: []NodeRows{node("a", nil, rows(1, 2)...), node("b", nil, rows(1, 2, 3)...)},
			want:  "survived 2: w0/1-2 on [a b]; vanished 2: w0/3-3 on [b] w0/4-4 on []",
		},
		{
			name: "a certain failure that is there", ledger: books("off"),
			nodes: []NodeRows{node("a", nil, rows(1, 2)...)},
			want:  "resurrected 1: w0/2-2 on [a]",
		},
		{
			name: "a certain failure that a fork has", ledger: books("of"), authority: "b",
			nodes: []NodeRows{node("a", nil, rows(1, 2)...), node("b", nil, rows(1)...)},
			want:  "resurrected 1: w0/2-2 on [a]",
		},
		{
			name: "a sequence number never issued, and a writer never known", ledger: books("o"),
			nodes: []NodeRows{node("a", nil, row(0, 1), row(0, 2), row(5, 1)), node("b", nil, row(0, 1))},
			want:  "foreign 2: w0/2-2 on [a] w5/1-1 on [a]", wantNodes: "a rows=3 equal, b rows=1 missing=2",
		},
		{
			name: "rows that name no write are counted once for all nodes", ledger: books("o"),
			nodes: []NodeRows{
				node("a", nil, stranger("x"), stranger("y"), row(0, 1)),
				node("b", nil, stranger("y"), stranger("x"), row(0, 1)),
			},
			want: "foreign 2: w0/0-0 on [a b]", wantNodes: "a rows=3 equal, b rows=3 equal",
		},
		{
			name: "rows that name no write differ", ledger: books("o"),
			nodes: []NodeRows{node("a", nil, stranger("x"), row(0, 1)), node("b", nil, stranger("y"), row(0, 1))},
			want:  "foreign 1: w0/0-0 on [a b]", wantNodes: "a rows=2 equal, b rows=2 different=1",
		},
		{
			name: "one row twice on one node", ledger: books("oo"),
			nodes: []NodeRows{node("a", nil, rows(1, 2)...), node("b", nil, rows(1, 1, 2)...)},
			want:  "duplicated 1: w0/1-1 on [b]", wantNodes: "a rows=2 equal, b rows=3 extra=1 duplicated=1",
		},
		{
			name: "equal counts of different rows", ledger: books("ooo"),
			nodes: []NodeRows{node("a", nil, rows(1, 2, 3)...), node("b", nil, rows(1, 2)...), node("c", nil, rows(2, 3)...)},
			want:  "", wantNodes: "a rows=3 equal, b rows=2 missing=1, c rows=2 missing=1",
		},
		{
			name: "a value that nobody wrote, on a standby", ledger: books("oo"),
			nodes: []NodeRows{node("a", nil, rows(1, 2)...), node("b", nil, row(0, 1), row(0, 2).with("rot"))},
			want:  "corrupted 1: w0/2-2 on [b]", wantNodes: "a rows=2 equal, b rows=2 different=1 corrupted=1",
		},
		{
			name: "the same rot on all nodes is equal and corrupted", ledger: books("o"),
			nodes: []NodeRows{node("a", nil, row(0, 1).with("rot")), node("b", nil, row(0, 1).with("rot"))},
			want:  "corrupted 1: w0/1-1 on [a b]", wantNodes: "a rows=1 equal corrupted=1, b rows=1 equal corrupted=1",
		},
		{
			name: "another write's value under this key", ledger: books("oo"),
			nodes: []NodeRows{node("a", nil, row(0, 1), row(0, 2).with(string(row(0, 1).Value)))},
			want:  "corrupted 1: w0/2-2 on [a]",
		},
		{
			name: "a packed key whose integer is another", ledger: books("o"),
			nodes: []NodeRows{node("a", nil, Row{Key: 1, Int: 2, Value: row(0, 1).Value})},
			want:  "corrupted 1: w0/1-1 on [a]",
		},
		{
			name: "a serial's integer is the sequence's, and must be the same everywhere", ledger: books("oo"), serial: true,
			nodes: []NodeRows{
				node("a", nil, Row{Key: 1, Int: 10, Value: row(0, 1).Value}, Row{Key: 2, Int: 11, Value: row(0, 2).Value}),
				node("b", nil, Row{Key: 1, Int: 10, Value: row(0, 1).Value}, Row{Key: 2, Int: 12, Value: row(0, 2).Value}),
			},
			wantNodes: "a rows=2 equal, b rows=2 different=1",
		},
		{
			name: "a standby breaks off: what it had until then counts", ledger: books("ooo"),
			nodes:     []NodeRows{node("a", nil, rows(1, 2, 3)...), node("b", gone, rows(2)...)},
			wantNodes: "a rows=3 equal, b rows=1 unread missing=1", why: "b was not read: connection reset",
		},
		{
			name: "a standby breaks off before any difference is seen, and is not equal", ledger: books("oo"),
			nodes:     []NodeRows{node("a", nil, rows(1, 2)...), node("b", gone, rows(1)...)},
			wantNodes: "a rows=2 equal, b rows=1 unread", why: "b was not read",
		},
		{
			name: "the authority breaks off: only what it was read for can be lost", ledger: books("ouoou"),
			nodes: []NodeRows{node("a", gone, rows(4)...), node("b", nil, rows(3, 4)...)},
			want:  "lost 2: w0/1-1 on [] w0/3-3 on [b]; vanished 1: w0/2-2 on []",
			why:   "a is the writable node",
		},
		{
			name: "the authority was never read: nothing is lost or survived, and failures are still found", ledger: books("oufu"),
			nodes: []NodeRows{{Node: "a", Why: "no route to host"}, node("b", nil, rows(3)...)},
			want:  "resurrected 1: w0/3-3 on [b]", wantNodes: "a rows=0 unread, b rows=1", why: "a was not read: no route to host",
		},
		{
			name: "no one writable node", ledger: books("o"), authority: "-",
			nodes: []NodeRows{node("a", nil), node("b", nil)}, wantNodes: "a rows=0, b rows=0", why: "not exactly one writable node",
		},
		{
			name: "the authority is not among the nodes", ledger: books("o"), authority: "z",
			nodes: []NodeRows{node("a", nil)}, why: "z, the writable node, is not among",
		},
		{
			name: "writers that never wrote, between those that did", ledger: books("", "o", "", "", "o", ""),
			nodes: []NodeRows{node("a", nil, row(1, 1), row(4, 1))},
		},
		{name: "nothing written and nothing there", ledger: nil, nodes: []NodeRows{node("a", nil)}, wantNodes: "a rows=0 equal"},
		{name: "no nodes at all", ledger: books("o"), nodes: nil, why: "not among the nodes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			authority := "a"
			if tt.authority != "" {
				authority = strings.TrimPrefix(tt.authority, "-")
			}
			got, err := AuditTable(tt.ledger, Table{Name: "t", Serial: tt.serial, Payload: payload}, authority, tt.nodes)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, counts(got)); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.wantNodes, nodeCounts(got)); tt.wantNodes != "" && diff != "" {
				t.Errorf("nodes (-want +got):\n%s", diff)
			}
			if got.Complete != (tt.why == "") || !strings.Contains(got.Why, tt.why) {
				t.Errorf("complete %v because %q, want %q in it", got.Complete, got.Why, tt.why)
			}
		})
	}
}

func TestAuditTableRefuses(t *testing.T) {
	twins := books("o", "o")
	twins[1].ID = 0
	tests := []struct {
		name   string
		ledger []*history.Writer
		nodes  []NodeRows
		want   string
	}{
		{"rows out of order", books("ooo"), []NodeRows{node("a", nil, rows(1, 3, 2)...)}, "read a: rows are out of order: w0:2 after w0:3"},
		{"rows without a key after others", books("o"), []NodeRows{node("a", nil, row(0, 1), stranger("x"))}, "out of order"},
		{"two writers with one number", twins, nil, "two writers with the number 0"},
		{"more nodes than bits", nil, make([]NodeRows, 65), "65 nodes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := AuditTable(tt.ledger, Table{Name: "t", Payload: payload}, "a", tt.nodes)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

// Readers hold a connection, so each must be told to end, however the audit does.
func TestAuditTableStopsEveryStream(t *testing.T) {
	for name, all := range map[string][]Row{"to the end": rows(1, 2, 3), "out of order": rows(1, 3, 2)} {
		t.Run(name, func(t *testing.T) {
			ended := 0
			watched := func(n NodeRows) NodeRows {
				inner := n.Rows
				n.Rows = func(yield func(Row, error) bool) {
					defer func() { ended++ }()
					inner(yield)
				}
				return n
			}
			_, _ = AuditTable(books("ooo"), Table{Payload: payload}, "a", []NodeRows{
				watched(node("a", nil, rows(1, 2, 3)...)), watched(node("b", nil, all...)), watched(node("c", errors.New("gone"))),
			})
			if ended != 3 {
				t.Errorf("%d streams ended, want 3", ended)
			}
		})
	}
}

func TestAuditRunsAreBounded(t *testing.T) {
	got, err := AuditTable(books(strings.Repeat("of", MaxRuns+7)), Table{Payload: payload}, "a", []NodeRows{node("a", nil)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Lost.N != MaxRuns+7 || len(got.Lost.Runs) != MaxRuns || got.Lost.More != 7 {
		t.Errorf("N=%d, %d runs and %d more", got.Lost.N, len(got.Lost.Runs), got.Lost.More)
	}
}

func TestAuditRunTimes(t *testing.T) {
	got, err := AuditTable(books("ooooo"), Table{Payload: payload}, "b", []NodeRows{
		node("a", nil, rows(1, 2, 3, 4, 5)...), node("b", nil, rows(1)...),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Run{{
		Writer: 0, Workload: "writes", First: 2, Last: 5, From: 2 * time.Second, To: 5 * time.Second,
		Node: "a", FoundOn: []string{"a"},
	}}
	if diff := cmp.Diff(want, got.Lost.Runs); diff != "" {
		t.Error(diff)
	}
}

func TestAuditFindings(t *testing.T) {
	good := Audit{Table: "t", Complete: true, Acknowledged: 5}
	tests := []struct {
		name   string
		change func(*Audit)
		want   []Verdict
	}{
		{"nothing", func(*Audit) {}, nil},
		{"lost writes are for expectations to judge", func(a *Audit) { a.Lost.N = 1 }, nil},
		{"unanswered writes are allowed either way", func(a *Audit) { a.Survived.N, a.Vanished.N = 1, 1 }, nil},
		{"resurrected", func(a *Audit) { a.Resurrected.N = 1 }, []Verdict{Fail}},
		{"corrupted", func(a *Audit) { a.Corrupted.N = 1 }, []Verdict{Fail}},
		{"duplicated", func(a *Audit) { a.Duplicated.N = 1 }, []Verdict{Fail}},
		{"foreign", func(a *Audit) { a.Foreign.N = 1 }, []Verdict{Fail}},
		{"not complete", func(a *Audit) { a.Complete = false }, []Verdict{Inconclusive}},
		{"nothing acknowledged", func(a *Audit) { a.Acknowledged = 0 }, []Verdict{Inconclusive}},
		{"a failure in an audit that is not complete", func(a *Audit) { a.Complete, a.Foreign.N = false, 1 }, []Verdict{Fail, Inconclusive}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := good
			tt.change(&a)
			var got []Verdict
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

func TestWritersOf(t *testing.T) {
	l := history.NewLedger()
	l.AddWriter("a")
	l.AddWriter("b")
	l.AddWriter("a")
	got := WritersOf(l.Writers(), "a")
	if len(got) != 2 || got[0].ID != 0 || got[1].ID != 2 {
		t.Errorf("got %v", got)
	}
}

// BenchmarkAuditTable is the cost of a row on three nodes.
func BenchmarkAuditTable(b *testing.B) {
	l := history.NewLedger()
	w := l.AddWriter("writes")
	for range b.N {
		w.Record(w.Next(), history.OK, "a", 0)
	}
	all := iter.Seq2[Row, error](func(yield func(Row, error) bool) {
		var buffer []byte
		for seq := int64(1); seq <= int64(b.N); seq++ {
			key := history.PackKey(0, seq)
			buffer = history.AppendPayload(buffer[:0], key, payload)
			if !yield(Row{key, int64(key), buffer}, nil) {
				return
			}
		}
	})
	b.ReportAllocs()
	b.ResetTimer()
	got, err := AuditTable(l.Writers(), Table{Payload: payload}, "a", []NodeRows{{Node: "a", Rows: all}, {Node: "b", Rows: all}, {Node: "c", Rows: all}})
	if err != nil || got.Lost.N > 0 || !got.Complete {
		b.Fatal(err, got.Lost.N, got.Why)
	}
}
