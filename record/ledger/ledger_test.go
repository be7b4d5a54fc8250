package ledger

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgchaos/internal/race"
	"pgchaos/record"
)

func create(t testing.TB) (l *Ledger, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ledger")
	l, err := Create(path, "run-1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, path
}

func addWriter(t testing.TB, l *Ledger) *Writer {
	t.Helper()
	w, err := l.AddWriter("writes")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func open(t testing.TB, path string) *Book {
	t.Helper()
	b, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func entries(t testing.TB, b *Book, writer int, first, last int64) (all []Entry) {
	t.Helper()
	for e, err := range b.Entries(writer, first, last) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

var (
	master = Server{Node: "pgmaster", SystemID: "7301", Timeline: 1}
	slave  = Server{Node: "pgslave", SystemID: "7301", Timeline: 2}
)

const ms = time.Millisecond

func TestEntries(t *testing.T) {
	const ok, weak, failed, unknown = record.OK, record.Weak, record.Failed, record.Unknown
	for name, c := range map[string]struct {
		write  func(w *Writer)
		want   []Entry
		damage string
	}{
		"nothing was sent": {write: func(*Writer) {}},
		"each outcome, and what it knows": {
			write: func(w *Writer) {
				w.Record(w.Next(1*ms), ok, 1, 500, 2*ms)
				w.Record(w.Next(3*ms), weak, 1, 400, 4*ms) // an LSN may go back: another server's
				w.Record(w.Next(5*ms), failed, 0, 0, 6*ms)
				w.Record(w.Next(7*ms), unknown, 0, 0, 8*ms)
				w.Record(w.Next(8*ms), ok, 2, 1<<63, 9*ms)
			},
			want: []Entry{
				{1, ok, false, master, 500, 1 * ms, 2 * ms},
				{2, weak, false, master, 400, 3 * ms, 4 * ms},
				{3, failed, false, Server{}, 0, 5 * ms, 6 * ms},
				{4, unknown, false, Server{}, 0, 7 * ms, 8 * ms},
				{5, ok, false, slave, 1 << 63, 8 * ms, 9 * ms},
			},
		},
		"given up, because the next one was issued": {
			write: func(w *Writer) {
				w.Next(1 * ms)
				w.Record(w.Next(2*ms), ok, 1, 7, 3*ms)
				w.Next(4 * ms)
			},
			want: []Entry{
				{1, unknown, false, Server{}, 0, 1 * ms, 0},
				{2, ok, false, master, 7, 2 * ms, 3 * ms},
				{3, unknown, false, Server{}, 0, 4 * ms, 0},
			},
		},
		"late answers stand in their place": {
			write: func(w *Writer) {
				w.Next(1 * ms)
				w.Record(w.Next(2*ms), unknown, 0, 0, 3*ms)
				w.Record(2, weak, 2, 8, 4*ms) // given up by its Record
				w.Record(w.Next(5*ms), ok, 1, 9, 6*ms)
				w.Record(1, ok, 2, 6, 7*ms)
			},
			want: []Entry{
				{1, ok, true, slave, 6, 1 * ms, 7 * ms},
				{2, weak, true, slave, 8, 2 * ms, 4 * ms},
				{3, ok, false, master, 9, 5 * ms, 6 * ms},
			},
		},
		"a late end without an answer is no answer": {
			write: func(w *Writer) {
				w.Next(1 * ms)
				w.Next(2 * ms)
				w.Record(1, unknown, 0, 0, 3*ms)
			},
			want: []Entry{
				{1, unknown, false, Server{}, 0, 1 * ms, 3 * ms},
				{2, unknown, false, Server{}, 0, 2 * ms, 0},
			},
		},
		"the same news twice is reported once": {
			write: func(w *Writer) {
				w.Record(w.Next(1*ms), failed, 1, 0, 2*ms)
				w.Record(1, failed, 2, 0, 3*ms)
				w.Record(1, unknown, 0, 0, 4*ms)
			},
			want: []Entry{{1, failed, false, master, 0, 1 * ms, 2 * ms}},
		},
		"contradicting news are believed by nobody": {
			write: func(w *Writer) {
				w.Record(w.Next(1*ms), failed, 0, 0, 2*ms)
				w.Record(1, ok, 0, 0, 3*ms)
				w.Record(1, failed, 0, 0, 4*ms) // nor does saying it again help
				w.Record(w.Next(5*ms), ok, 0, 0, 6*ms)
			},
			want: []Entry{
				{1, unknown, false, Server{}, 0, 1 * ms, 2 * ms},
				{2, ok, false, Server{}, 0, 5 * ms, 6 * ms},
			},
			damage: "writer 0: 1 was recorded as failed, and then as ok",
		},
		"times in odd order": {
			write: func(w *Writer) {
				w.Record(w.Next(0), ok, 0, 0, 1) // less than the resolution, but not never
				w.Record(w.Next(9*ms), ok, 0, 0, 8*ms)
				w.Record(w.Next(2*ms), ok, 0, 0, 3*ms)
			},
			want: []Entry{
				{1, ok, false, Server{}, 0, 0, 1 * time.Microsecond},
				{2, ok, false, Server{}, 0, 9 * ms, 8 * ms},
				{3, ok, false, Server{}, 0, 2 * ms, 3 * ms},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, path := create(t)
			w := addWriter(t, l)
			if a, b := l.AddServer(master), l.AddServer(slave); a != 1 || b != 2 || l.AddServer(master) != 1 || l.AddServer(Server{}) != 0 {
				t.Fatal("servers have other numbers")
			}
			c.write(w)
			killed := open(t, path) // what a kill would leave now
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			closed := open(t, path)
			if killed.Closed || !closed.Closed {
				t.Errorf("closed is %v before, %v after", killed.Closed, closed.Closed)
			}
			for _, b := range []*Book{killed, closed} {
				if b.Run != "run-1" || len(b.Writers()) != 1 || b.Writers()[0].Workload != "writes" {
					t.Errorf("run %q, writers %v", b.Run, b.Writers())
				}
				if got := entries(t, b, 0, 1, record.MaxSeq); !reflect.DeepEqual(got, c.want) {
					t.Errorf("got  %v\nwant %v", got, c.want)
				}
				checkSets(t, b, 0, c.want)
				if got := strings.Join(b.Damage, "\n"); !strings.HasPrefix(got, c.damage) || c.damage == "" && got != "" {
					t.Errorf("damage %q, want %q", got, c.damage)
				}
			}
		})
	}
}

// checkSets compares an account's sets with the entries there should be.
func checkSets(t *testing.T, b *Book, writer int, want []Entry) {
	t.Helper()
	a := b.account(writer)
	if a.Issued != int64(len(want)) {
		t.Errorf("issued %d, want %d", a.Issued, len(want))
	}
	var count [record.Outcomes]int64
	set := a.OKSet()
	for i, e := range want {
		count[e.Outcome]++
		if got, issued := a.Outcome(int64(i + 1)); got != e.Outcome || !issued {
			t.Errorf("outcome of %d is %v (%v), want %v", i+1, got, issued, e.Outcome)
		}
		if set.Contains(uint64(i+1)) != (e.Outcome == record.OK) {
			t.Errorf("%d in the set of ok: %v", i+1, set.Contains(uint64(i+1)))
		}
	}
	if a.Count() != count || a.Acknowledged() != count[record.OK]+count[record.Weak] {
		t.Errorf("count %v (%d), want %v", a.Count(), a.Acknowledged(), count)
	}
	for _, seq := range []int64{0, -1, int64(len(want)) + 1} {
		if _, issued := a.Outcome(seq); issued {
			t.Errorf("%d was issued", seq)
		}
	}
}

// scribe writes at random, and remembers what it wrote.
type scribe struct {
	random *rand.Rand
	w      *Writer
	now    time.Duration
	want   []Entry
	open   []int64 // given up, without late news yet
}

func (s *scribe) step() {
	r := s.random
	s.now += time.Duration(r.IntN(2000)) * time.Microsecond
	if n := len(s.open); n > 0 && r.IntN(10) == 0 {
		i := r.IntN(n)
		e := &s.want[s.open[i]-1]
		s.open = append(s.open[:i], s.open[i+1:]...)
		e.Outcome, e.Late = record.Outcome(1+r.IntN(3)), e.Seq < int64(len(s.want))
		s.answer(e)
		return
	}
	s.want = append(s.want, Entry{Seq: s.w.Next(s.now), Sent: s.now})
	e := &s.want[len(s.want)-1]
	if r.IntN(20) == 0 {
		s.open = append(s.open, e.Seq)
		return
	}
	s.now += time.Duration(r.IntN(20_000)) * time.Microsecond
	e.Outcome = record.Outcome(1 + max(0, r.IntN(30)-27))
	s.answer(e)
}

func (s *scribe) answer(e *Entry) {
	e.Done, e.LSN = s.now, record.LSN(s.random.Uint64N(1<<20))
	n := s.random.IntN(20) / 18
	e.Server = []Server{master, slave}[n]
	s.w.Record(e.Seq, e.Outcome, n+1, e.LSN, e.Done)
}

// written makes a file of many blocks, and says what should be in it.
func written(t testing.TB, writers, steps int) (path string, want [][]Entry) {
	t.Helper()
	l, path := create(t)
	l.AddServer(master)
	l.AddServer(slave)
	scribes := make([]*scribe, writers)
	for i := range scribes {
		scribes[i] = &scribe{random: rand.New(rand.NewPCG(1, uint64(i))), w: addWriter(t, l)}
	}
	for range steps {
		for _, s := range scribes {
			s.step()
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range scribes {
		want = append(want, s.want)
	}
	return path, want
}

func TestManyBlocks(t *testing.T) {
	path, want := written(t, 2, 30_000)
	b := open(t, path)
	if b.Damage != nil {
		t.Fatal(b.Damage)
	}
	var all [2][]Entry
	for w, err := range b.All() {
		if err != nil {
			t.Fatal(err)
		}
		all[w.Account.ID] = append(all[w.Account.ID], w.Entry)
	}
	for id := range want {
		checkSets(t, b, id, want[id])
		if len(b.account(id).numbers) < 4 {
			t.Errorf("%d blocks only", len(b.account(id).numbers))
		}
		if !reflect.DeepEqual(all[id], want[id]) {
			t.Errorf("writer %d: All differs", id)
		}
		random := rand.New(rand.NewPCG(2, 2))
		for range race.Rounds(60, 4) {
			first := random.IntN(len(want[id]))
			last := min(first+random.IntN(5000), len(want[id]))
			got := entries(t, b, id, int64(first+1), int64(last))
			if len(got) != last-first || last > first && !reflect.DeepEqual(got, want[id][first:last]) {
				t.Fatalf("writer %d: %d to %d differ", id, first+1, last)
			}
		}
	}
	if got := entries(t, b, 2, 1, 10); got != nil {
		t.Errorf("entries of a writer that is not there: %v", got)
	}
}

func TestWriterTells(t *testing.T) {
	l, path := create(t)
	w := addWriter(t, l)
	if w.Issued() != 0 || w.ID() != 0 {
		t.Errorf("a new writer is number %d and has issued %d", w.ID(), w.Issued())
	}
	w.Next(1 * ms)
	w.Record(1, record.Weak, 0, 0, 2*ms)
	w.Next(3 * ms)
	w.Record(2, record.Failed, 0, 0, 4*ms)
	w.Next(5 * ms)
	w.Record(w.Next(6*ms), record.OK, 0, 0, 7*ms)
	w.Record(3, record.OK, 0, 0, 8*ms) // late, and not the newest
	if w.Issued() != 4 {
		t.Errorf("issued %d", w.Issued())
	}
	if _, err := Create(path, "other"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file was overwritten: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w.Record(2, record.OK, 0, 0, 9*ms)
	if _, err := l.AddWriter("more"); err == nil || w.Next(9*ms) != 0 || l.Close() != nil {
		t.Error("something goes on after Close")
	}
	if l.AddServer(master) != 1 {
		t.Error("a server has no number after Close")
	}
}

func TestCallersErrors(t *testing.T) {
	for name, act := range map[string]func(w *Writer){
		"a number that was never issued": func(w *Writer) { w.Record(2, record.OK, 0, 0, 1) },
		"number 0":                       func(w *Writer) { w.Record(0, record.OK, 0, 0, 1) },
		"a write that was never sent":    func(w *Writer) { w.Record(1, record.Dropped, 0, 0, 1) },
		"a server nobody has named":      func(w *Writer) { w.Record(1, record.OK, 1, 0, 1) },
		"the end of the numbers": func(w *Writer) {
			w.Record(1, record.OK, 0, 0, 1)
			w.issued = record.MaxSeq
			w.at.next = record.MaxSeq + 1
			w.Next(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := create(t)
			w := addWriter(t, l)
			w.Next(0)
			act(w)
			if l.Err() == nil || l.Close() == nil || w.Next(1) != 0 {
				t.Error("not seen")
			}
		})
	}
	long := strings.Repeat("x", nameMax+1)
	l, _ := create(t)
	if _, err := l.AddWriter(long); err == nil {
		t.Error("a workload's name that does not fit")
	}
	if _, err := Create(filepath.Join(t.TempDir(), "l"), long); err == nil {
		t.Error("a run's name that does not fit")
	}
	l.writers = make([]*Writer, record.MaxWriter+1)
	if _, err := l.AddWriter("one too many"); err == nil {
		t.Error("more writers than a key can tell apart")
	}
	l.writers = nil
}

func TestManyNames(t *testing.T) {
	l, path := create(t)
	for i := range 50 {
		if n := l.AddServer(Server{Node: strings.Repeat("n", nameMax+5), Timeline: uint32(i)}); n != i+1 {
			t.Fatalf("server %d has number %d", i+1, n)
		}
		w := addWriter(t, l)
		w.Record(w.Next(0), record.OK, i+1, 0, 1)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b := open(t, path)
	for i := range 50 {
		if e := entries(t, b, i, 1, 1); len(e) != 1 || e[0].Server.Timeline != uint32(i) || len(e[0].Server.Node) != nameMax {
			t.Errorf("writer %d: %d entries", i, len(e))
		}
	}
	if b.Damage != nil {
		t.Error(b.Damage)
	}
}

// TestConcurrentUse is for the race detector: clients, late answers, readers and
// new servers, all at once.
func TestConcurrentUse(t *testing.T) {
	l, path := create(t)
	var clients sync.WaitGroup
	for range 4 {
		w := addWriter(t, l)
		late := make(chan int64, 10_000)
		clients.Go(func() {
			defer close(late)
			for i := range 10_000 {
				seq := w.Next(time.Duration(i) * ms)
				if i%10 == 0 {
					late <- seq
					continue
				}
				w.Record(seq, record.OK, l.AddServer(Server{Node: "n", Timeline: uint32(i / 1000)}), 1, time.Duration(i)*ms)
			}
		})
		clients.Go(func() {
			for seq := range late {
				w.Record(seq, record.Weak, 0, 1, ms)
				if issued := w.Issued(); issued < seq {
					t.Errorf("issued %d, though there was %d", issued, seq)
				}
			}
		})
	}
	clients.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b := open(t, path)
	for _, a := range b.Writers() {
		if n := a.Count(); n[record.OK] != 9000 || n[record.Weak] != 1000 || b.Damage != nil {
			t.Errorf("writer %d: %v, %v", a.ID, n, b.Damage)
		}
	}
}

func TestCostOfAMillion(t *testing.T) {
	m := fill(t, filepath.Join(t.TempDir(), "ledger"), 1<<20)
	t.Logf("%+v", m)
	if m.damage != nil || m.acks < 1<<20-2000 {
		t.Errorf("%d acknowledged, %v", m.acks, m.damage)
	}
	if perAck := float64(m.disk) / float64(m.acks); perAck > 9 {
		t.Errorf("%.2f bytes each on disk", perAck)
	}
	if m.live > 5<<20 || m.book > 1<<20 {
		t.Errorf("%d bytes while it is written, %d when it is read", m.live, m.book)
	}
}

func TestNoAllocation(t *testing.T) {
	l, _ := create(t)
	w := addWriter(t, l)
	load := newLoad(w)
	// 10,000 at once, so that each run changes blocks too.
	if n := testing.AllocsPerRun(10, func() {
		for range 10_000 {
			load.write(w, 0)
		}
	}); n > 0 {
		t.Errorf("%v allocations in 10,000 writes", n)
	}
	if err := l.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	other := make([]byte, BlockSize)
	h := header{kind: kindNames, start: cursor{next: 1}}
	h.put(other)
	other[4] = version + 1
	resealHead(other)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":           {nil, ErrNotLedger},
		"a text":            {[]byte("schema: pgchaos.result/1\n"), ErrNotLedger},
		"room, and no more": {make([]byte, 4*BlockSize), ErrNotLedger},
		"another version":   {other, errVersion},
	} {
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(pipe); err == nil || !strings.Contains(err.Error(), "not a regular file") { // and does not wait for a writer
		t.Error(err)
	}
}

func TestNothingIsRecordedAfterAnError(t *testing.T) {
	l, path := create(t)
	w := addWriter(t, l)
	w.Next(ms)
	l.fail(errors.New("the disk broke"))
	w.Record(1, record.OK, 0, 0, 2*ms)
	if w.Next(3*ms) != 0 || l.Close() == nil {
		t.Error("something goes on")
	}
	b := open(t, path)
	if o, issued := b.account(0).Outcome(1); o != record.Unknown || !issued || b.Closed {
		t.Errorf("the book says %v, issued %v, closed %v", o, issued, b.Closed)
	}
}

// TestWordsCheckThemselves is about the two words that no block's checksum covers.
func TestWordsCheckThemselves(t *testing.T) {
	for bit := range 64 {
		if seq, ok := parseIssued(issuedWord(41, 7)^1<<bit, 7); ok {
			t.Errorf("issued: bit %d flipped is %d", bit, seq)
		}
		if at, ok := parseSent(sentWord(1000, 41, 7)^1<<bit, 41, 7); ok {
			t.Errorf("sent: bit %d flipped is %d", bit, at)
		}
	}
	if _, ok := parseSent(sentWord(1000, 41, 7), 40, 7); ok {
		t.Error("the time of 41 counts for 40")
	}
	if _, ok := parseIssued(issuedWord(41, 7), 8); ok {
		t.Error("another block's number counts")
	}
}
