package ledger

import (
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgchaos/record"
)

// load writes like a closed loop of clients on a cluster that does 100,000 writes
// a second: 64 writers send some 10 us after an answer, are answered after 0.3 to
// 0.8 ms, and find 64 times 180 bytes of WAL between their own inserts. One in a
// thousand is an exception, a third of each kind.
type load struct {
	random uint64
	now    time.Duration
	lsn    record.LSN
}

func newLoad(w *Writer) *load {
	return &load{random: uint64(w.ID())*golden + 1, lsn: 0x16_B374_D848 + record.LSN(w.ID()*180)}
}

func (l *load) write(w *Writer, server int) {
	l.random ^= l.random << 13
	l.random ^= l.random >> 7
	l.random ^= l.random << 17
	r := l.random
	l.now += 8*time.Microsecond + time.Duration(r&0x1fff)
	seq := w.Next(l.now)
	l.now += 300*time.Microsecond + time.Duration(r>>16&0x7ffff)
	l.lsn += 64*150 + record.LSN(r>>36&0xfff)
	switch {
	case r>>54 != 0: // 1023 of 1024
		w.Record(seq, record.OK, server, l.lsn, l.now)
	case r&3 == 0:
		w.Record(seq, record.Weak, server, l.lsn, l.now)
	case r&3 == 1:
		w.Record(seq, record.Failed, server, 0, l.now)
	} // else it is given up
}

// measured is what a filled ledger has cost.
type measured struct {
	acks             int64
	wrote, opened    time.Duration
	busy             time.Duration // of the processors, while it was written
	live, book, disk int64         // bytes
	damage           []string
	blocks           int64
}

// fill writes n numbers by 64 writers at once, and opens the book.
func fill(t testing.TB, path string, n int) (m measured) {
	t.Helper()
	const writers = 64
	before := heap()
	l, err := Create(path, "bench")
	if err != nil {
		t.Fatal(err)
	}
	server := l.AddServer(Server{Node: "pgmaster", SystemID: "7300000000000000000", Timeline: 1})
	begin, busy := time.Now(), processors(t)
	var clients sync.WaitGroup
	all := make([]*Writer, writers)
	for i := range writers {
		w, err := l.AddWriter("writes")
		if err != nil {
			t.Fatal(err)
		}
		all[i] = w
		clients.Go(func() {
			load := newLoad(w)
			for range n / writers {
				load.write(w, server)
			}
		})
	}
	clients.Wait()
	m.wrote, m.busy = time.Since(begin), processors(t)-busy
	m.live = heap() - before + l.mostMapped.Load()
	m.blocks = l.blocks
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l.mapped.Load() != 0 {
		t.Errorf("%d bytes are still mapped after Close", l.mapped.Load())
	}
	runtime.KeepAlive(all)
	m.disk = m.blocks * BlockSize
	before = heap()
	begin = time.Now()
	b, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m.opened = time.Since(begin)
	m.book = heap() - before
	m.damage = b.Damage
	for _, a := range b.Writers() {
		m.acks += a.Acknowledged()
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

// processors is the time that the process has had of all processors, which other
// processes of the machine disturb less than the wall clock.
func processors(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// BenchmarkHundredMillion is the demand itself: 100 million acknowledgements from
// 64 writers at 0.1 % exceptions. It needs 700 MB beside the temporary directory.
func BenchmarkHundredMillion(b *testing.B) {
	const n = 100_200_000 // so that the acknowledged ones are 100 million
	for i := 0; b.Loop(); i++ {
		m := fill(b, filepath.Join(b.TempDir(), "ledger"), n)
		b.ReportMetric(float64(m.wrote.Nanoseconds())/float64(m.acks), "ns/ack")
		b.ReportMetric(float64(m.busy.Nanoseconds())/float64(m.acks), "cpu-ns/ack")
		b.ReportMetric(float64(m.acks), "acks")
		b.ReportMetric(float64(m.disk)/float64(m.acks), "B/ack")
		b.ReportMetric(float64(m.live)/(1<<20), "live-MiB")
		b.ReportMetric(float64(m.book)/(1<<20), "book-MiB")
		b.ReportMetric(m.opened.Seconds(), "open-s")
	}
}

// BenchmarkAck is one writer alone on one processor: Next and Record, and the
// benchmark's own arithmetic.
func BenchmarkAck(b *testing.B) {
	l, err := Create(filepath.Join(b.TempDir(), "ledger"), "bench")
	if err != nil {
		b.Fatal(err)
	}
	w, err := l.AddWriter("writes")
	if err != nil {
		b.Fatal(err)
	}
	server := l.AddServer(Server{Node: "pgmaster"})
	load := newLoad(w)
	b.ReportAllocs()
	busy := processors(b)
	for b.Loop() {
		load.write(w, server)
	}
	b.StopTimer()
	b.ReportMetric(float64((processors(b)-busy).Nanoseconds())/float64(b.N), "cpu-ns/ack")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkEntries reads everything back in order, as an export does.
func BenchmarkEntries(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger")
	fill(b, path, 1<<20)
	book, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, err := range book.All() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<20), "ns/entry")
	if err := book.Close(); err != nil {
		b.Fatal(err)
	}
}
