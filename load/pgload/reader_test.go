package pgload

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/internal/fakepg"
	"pgchaos/load"
	"pgchaos/record"
)

// progressOf is progress with n writers of the default table.
func progressOf(n int) *WriterProgress {
	b := NewWriterProgress()
	for i := range n {
		b.add(DefaultTable, i)
	}
	return b
}

// readCluster is a cluster whose first server is read from; shown are the sequence
// numbers that it has of writer 0, newest first.
type readCluster struct {
	*cluster
	head   *writerPosition
	shown  []int64
	during func() // while the server answers
}

func newReadCluster(t *testing.T) *readCluster {
	t.Helper()
	c := &readCluster{cluster: newCluster(t, 2)}
	c.cfg.Kind, c.cfg.Target, c.cfg.Progress = Read, Each, NewWriterProgress()
	c.head = c.cfg.Progress.add(DefaultTable, 0)
	for _, s := range c.servers {
		s.Columns = []string{"int_value", "char_value", "pg_is_in_recovery"}
		s.SetAnswer(func(string, [][]byte) fakepg.Answer {
			if c.during != nil {
				c.during()
			}
			a := fakepg.Answer{}
			for _, seq := range c.shown[:min(2, len(c.shown))] {
				a.Rows = append(a.Rows, []string{strconv.FormatInt(int64(record.PackKey(0, seq)), 10), "", "f"})
			}
			return a
		})
	}
	return c
}

// wrote issues and acknowledges numbers, each a second after the one before, at its
// own number of seconds.
func (c *readCluster) wrote(seqs ...int64) {
	for _, seq := range seqs {
		c.head.issue(seq)
		c.head.ack(seq, time.Duration(seq)*time.Second)
	}
}

// words are the counts that are not 0.
func (r Reads) words() string {
	text := fmt.Sprintf("%d/%d", r.Nodes[0].Stale, r.Nodes[0].Reads)
	for _, kind := range []struct {
		name string
		of   ReadEvents
	}{{"miss", r.Misses}, {"gap", r.Gaps}, {"back", r.Back}, {"across", r.Across}, {"never", r.Never}} {
		if kind.of.N > 0 {
			text += fmt.Sprintf(" %s %d", kind.name, kind.of.N)
		}
	}
	return text
}

// TestWhatReadersSee is each rule of the reader, and what must not be held against a
// node, against a server that shows what the test sets.
func TestWhatReadersSee(t *testing.T) {
	type world = *readCluster
	for _, tt := range []struct {
		name string
		test func(c world, read, again func())
		want string // stale/reads, and events
		age  time.Duration
	}{
		{"all is seen", func(c world, read, _ func()) { c.wrote(1, 2, 3); c.shown = []int64{3, 2}; read() }, "0/1", 0},
		{"nothing was written", func(c world, read, _ func()) { read() }, "0/1", 0},
		{"nothing is seen", func(c world, read, _ func()) { c.wrote(1, 2); read() }, "1/1 miss 1", 9 * time.Second},
		{"two writes are not", func(c world, read, _ func()) { c.wrote(1, 2, 3, 4, 5); c.shown = []int64{3, 2}; read() }, "1/1 miss 1", 6 * time.Second},
		{"a write that failed is not missed", func(c world, read, _ func()) { c.wrote(1, 2, 4); c.shown = []int64{2, 1}; read() }, "1/1 miss 1", 6 * time.Second},
		{"seen before it is acknowledged", func(c world, read, _ func()) { c.wrote(1); c.head.issue(2); c.shown = []int64{2, 1}; read() }, "0/1", 0},
		{"acknowledged while the answer is on its way", func(c world, read, _ func()) {
			c.wrote(1)
			c.shown = []int64{1}
			c.during = func() { c.wrote(2) }
			read()
		}, "0/1", 0},
		{"issued and seen while the answer is on its way", func(c world, read, _ func()) {
			c.during = func() { c.head.issue(1); c.shown = []int64{1} }
			read()
		}, "0/1", 0},
		{"never issued", func(c world, read, _ func()) { c.wrote(1); c.shown = []int64{2, 1}; read() }, "0/1 never 1", 0},
		{"number 0 is never issued", func(c world, read, _ func()) { c.wrote(1); c.shown = []int64{1, 0}; read() }, "0/1 never 1", 0},
		{"it goes back", func(c world, read, _ func()) {
			c.wrote(1)
			c.head.issue(3)
			c.shown = []int64{3, 2}
			read()
			c.shown = []int64{2, 1}
			read()
		}, "0/2 back 1", 0},
		{"another connection is behind", func(c world, read, again func()) {
			c.wrote(1)
			c.head.issue(3)
			c.shown = []int64{3, 2}
			read()
			c.shown = []int64{2, 1}
			again()
			read()
		}, "0/2 across 1", 0},
		{"the same session is behind over another connection", func(c world, read, _ func()) {
			c.wrote(1)
			c.head.issue(3)
			c.shown = []int64{3, 2}
			read()
			c.servers[0].Kill()
			synctest.Wait()
			read() // fails, and is no read
			c.shown = []int64{2, 1}
			read()
		}, "0/2 across 1", 0},
		{"another connection is not behind", func(c world, read, again func()) {
			c.wrote(1, 2)
			c.shown = []int64{2, 1}
			read()
			again()
			read()
		}, "0/2", 0},
		{"a number is left out", func(c world, read, _ func()) { c.wrote(1, 2, 3); c.shown = []int64{3, 1}; read(); read() }, "0/2 gap 2", 0},
		{"the first is left out", func(c world, read, _ func()) { c.wrote(1, 2); c.shown = []int64{2}; read() }, "0/1 gap 1", 0},
		{"there is but the first", func(c world, read, _ func()) { c.wrote(1); c.shown = []int64{1}; read() }, "0/1", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newReadCluster(t)
			c.bubble(t, func(w *Workload) {
				c.cfg.Clock = record.StartClock()
				w.cfg.Clock = c.cfg.Clock
				time.Sleep(10 * time.Second)
				s := w.Open(0)
				tt.test(c, func() { once(s) }, func() { s.Close(); s = w.Open(0) })
				s.Close()
				synctest.Wait()
				reads := w.Reads()
				if got := reads.words(); got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
				if got := reads.Nodes[0].Staleness; got.Max != tt.age || got.Count != reads.Nodes[0].Reads {
					t.Errorf("the stalest was %v of %d, want %v of all", got.Max, got.Count, tt.age)
				}
			})
		})
	}
}

// TestStaleEventsAreTheNewestOfTheirBucket: a promise is most likely to cover the
// write that was acknowledged last.
func TestStaleEventsAreTheNewestOfTheirBucket(t *testing.T) {
	c := newReadCluster(t)
	c.bubble(t, func(w *Workload) {
		w.cfg.Clock = record.StartClock()
		time.Sleep(10 * time.Second)
		s := w.Open(0)
		for seq := range int64(4) {
			c.wrote(seq + 1)
			once(s)
		}
		time.Sleep(staleBucket)
		once(s)
		s.Close()
		synctest.Wait()
		kept := w.Reads().Stale.Kept
		if len(kept) != 2 || kept[0].N != 4 || kept[0].Acked != 4 || kept[1].N != 1 {
			t.Errorf("%+v", kept)
		}
	})
}

// TestGivenUpReadsAreNotHeldAgainstANode: nobody waited for the answer.
func TestGivenUpReadsAreNotHeldAgainstANode(t *testing.T) {
	c := newReadCluster(t)
	c.cfg.MaxAbandoned = 100
	c.wrote(1)
	c.servers[0].SetAnswer(func(string, [][]byte) fakepg.Answer { return fakepg.Answer{Delay: time.Second} })
	c.bubble(t, func(w *Workload) {
		l := load.New(load.Config{Clients: 1, MaxAbandoned: 100, Timeout: 100 * time.Millisecond, Open: w.Open, Clock: record.StartClock()})
		l.Start()
		time.Sleep(3 * time.Second)
		l.Stop()
		time.Sleep(3 * time.Second)
		if rec, r := l.Record(), w.Reads(); r.Nodes[0].Reads != 0 || rec.Late < 20 {
			t.Errorf("%d reads were judged, %d answers came late", r.Nodes[0].Reads, rec.Late)
		}
		l.Close()
	})
}

// TestReadersTurns: every second read is of the client's own writer.
func TestReadersTurns(t *testing.T) {
	cl := newCluster(t, 1)
	cl.cfg.Kind, cl.cfg.Progress, cl.cfg.Clients = Read, progressOf(4), 7
	cl.servers[0].Columns = []string{"int_value", "char_value", "pg_is_in_recovery"}
	asked := map[int]int{}
	cl.servers[0].SetAnswer(func(_ string, params [][]byte) fakepg.Answer {
		asked[record.Key(binary.BigEndian.Uint64(params[0])).Writer()]++
		return fakepg.Answer{}
	})
	cl.bubble(t, func(w *Workload) {
		s := w.Open(6)
		for range 400 {
			once(s)
		}
		s.Close()
		if own := w.Reads().Own; own != int64(asked[2]) || own < 220 || own > 280 {
			t.Errorf("%d reads of the own writer of 400, asked %v", own, asked)
		}
	})
}

func TestUncheckedSaysWhy(t *testing.T) {
	for why, change := range map[string]func(c *Config){
		"serial keys":           func(c *Config) { c.Serial, c.Progress = true, progressOf(1) },
		"nobody publishes":      func(*Config) {},
		"nobody writes there":   func(c *Config) { c.Progress, c.Table = progressOf(1), "other" },
		"progress without rows": func(c *Config) { c.Progress = NewWriterProgress() },
	} {
		cl := newCluster(t, 1)
		cl.cfg.Kind = Read
		change(&cl.cfg)
		cl.servers[0].Columns = []string{"int_value", "char_value", "pg_is_in_recovery"}
		cl.bubble(t, func(w *Workload) {
			s := w.Open(0)
			if reply := once(s); reply.Outcome != record.OK {
				t.Errorf("%s: %+v", why, reply)
			}
			s.Close()
			if r := w.Reads(); r.Unchecked == "" || r.Nodes != nil {
				t.Errorf("%s: %+v", why, r)
			}
		})
	}
}

func TestWhoReadWhat(t *testing.T) {
	c := newReadCluster(t)
	c.cfg.Clients = 3
	c.bubble(t, func(w *Workload) {
		c.head.issue(200_000)
		for i, shown := range [][]int64{{5, 4}, {4, 3}, {100_000, 99_999}} {
			s := w.Open(i)
			c.shown = shown
			once(s)
			s.Close()
			synctest.Wait()
		}
		for _, tt := range []struct {
			first, last int64
			readers     int
		}{{1, 2, 0}, {2, 2, 0}, {3, 3, 1}, {4, 4, 2}, {1, 10, 2}, {5, 100_000, 2}, {1, record.MaxSeq, 3}, {6, 99_998, 0}, {5, 4, 0}} {
			if got := w.Readers(0, tt.first, tt.last); got != tt.readers {
				t.Errorf("%d-%d: %d readers, want %d", tt.first, tt.last, got, tt.readers)
			}
		}
		if w.Readers(1, 1, record.MaxSeq) != 0 {
			t.Error("somebody read another writer's")
		}
	})
}

// TestBoard: what was acknowledged long ago is at least so old.
func TestBoard(t *testing.T) {
	b := progressOf(1)
	h := (*b.positions.Load())[0]
	if seq, at := b.Acked(0); seq != 0 || at != 0 {
		t.Errorf("nothing was acknowledged, and it says %d at %v", seq, at)
	}
	const n = recentAcks + 100
	for seq := int64(1); seq <= n; seq++ {
		h.issue(seq)
		h.ack(seq, time.Duration(seq)*time.Millisecond)
	}
	if seq, at := b.Acked(0); seq != n || at != n*time.Millisecond {
		t.Errorf("%d at %v", seq, at)
	}
	for _, tt := range []struct {
		seen  int64
		want  time.Duration
		least bool
	}{
		{n - 1, n * time.Millisecond, false}, {n - recentAcks, 101 * time.Millisecond, false},
		{n - recentAcks - 1, 101 * time.Millisecond, true}, {0, 101 * time.Millisecond, true},
	} {
		at, least := b.oldestUnseen(0, tt.seen, n, n*time.Millisecond)
		if at != tt.want || least != tt.least {
			t.Errorf("seen %d: %v, at least %v", tt.seen, at, least)
		}
	}
}

// BenchmarkReadCheck is what checking adds to a read: choosing, looking at the positions
// before, parsing two rows, and judging them. Half of the reads are stale.
func BenchmarkReadCheck(b *testing.B) {
	b.Run("unchecked", func(b *testing.B) { benchmarkRead(b, nil) })
	b.Run("checked", func(b *testing.B) { benchmarkRead(b, progressOf(8)) })
}

func benchmarkRead(b *testing.B, progress *WriterProgress) {
	cfg := Config{Clients: 4, Endpoints: make([]Endpoint, 3), Progress: progress, Clock: record.StartClock()}
	if progress != nil {
		cfg.Source = progress
		for _, h := range *progress.positions.Load() {
			for seq := int64(1); seq <= 1000; seq++ {
				h.issue(seq)
				h.ack(seq, time.Duration(seq))
			}
		}
	}
	p := &part{w: &Workload{}, cfg: Work{Pipeline: 1}, table: []int64{1, 1, 1}}
	r := &read{part: p, reader: newReader(&cfg, DefaultTable, 0), random: rand.New(rand.NewPCG(1, 1))}
	var rows [8][2][2][][]byte
	for w := range rows {
		for stale := range 2 {
			for i := range 2 {
				text := strconv.FormatInt(int64(record.PackKey(w, int64(1000-i-stale))), 10)
				rows[w][stale][i] = [][]byte{[]byte(text), []byte("w1:2:abcdefgh"), []byte("t")}
			}
		}
	}
	now := 0
	r.conn = -1
	one := func() {
		r.connected(int64(now)) // it may go back here
		r.bind(r.choose(), 1)
		answer := &rows[max(r.asked[0].index, 0)][now%2]
		now++
		r.row(0, answer[0])
		r.row(0, answer[1])
		r.settle(&record.Op{Outcome: record.OK}, 0, false)
	}
	for range 100_000 {
		one()
	}
	if n := testing.AllocsPerRun(10_000, one); n != 0 {
		b.Errorf("%v allocations a read", n)
	}
	for b.Loop() {
		one()
	}
}

// TestBackOverASharedConnection: a client that comes back to a connection still knows
// what it has seen over it.
func TestBackOverASharedConnection(t *testing.T) {
	cfg := Config{Clients: 1, Endpoints: make([]Endpoint, 2), Progress: progressOf(1), Clock: record.StartClock()}
	cfg.Source = cfg.Progress
	(*cfg.Progress.positions.Load())[0].issue(100)
	p := &part{w: &Workload{}, cfg: Work{Pipeline: 1}, table: []int64{1, 1, 1}}
	r := &read{part: p, reader: newReader(&cfg, DefaultTable, 0), random: rand.New(rand.NewPCG(1, 1)), conn: -1}
	for _, step := range []struct{ conn, seen, back, across int64 }{{1, 10, 0, 0}, {2, 9, 0, 1}, {1, 8, 1, 1}, {1, 10, 1, 1}, {2, 11, 1, 1}, {1, 10, 1, 2}} {
		r.connected(step.conn)
		r.reader.look(&question{node: 1, conn: step.conn, rows: 1, seqs: [2]int64{step.seen}}, r.newest)
		if back, across := r.reader.reads.Back.N, r.reader.reads.Across.N; back != step.back || across != step.across {
			t.Errorf("%+v: back %d, across %d", step, back, across)
		}
	}
}

// TestReadsBehindAPooler: the pooler leads a client that keeps its connection to another server, before anybody knows that there is a new
// primary. What that server lost is no promise that was broken; the same session of a server is held to what it has shown.
func TestReadsBehindAPooler(t *testing.T) {
	for _, tt := range []struct {
		name   string
		second []string // the newest row of the second read, and who answers it; nil: no row
		want   string
		nodes  [2]int64 // reads of a and b
	}{
		{"the same session", []string{"8", "1000000 7"}, "0/2 back 1", [2]int64{2, 0}},
		{"another session of the same server", []string{"8", "1000000 8"}, "0/2 across 1", [2]int64{2, 0}},
		{"another server", []string{"8", "2000000 7"}, "0/1 across 1", [2]int64{1, 1}},
		{"a server that nobody knows", []string{"8", "3000000 7"}, "0/1 across 1", [2]int64{1, 0}},
		{"no row says who answers", nil, "0/1 across 1", [2]int64{1, 0}},
		{"another server that has all", []string{"10", "2000000 7"}, "0/1", [2]int64{1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newReadCluster(t)
			c.cfg.Pooled = true
			c.cfg.Started = func(at time.Time) string { return map[int64]string{1: "a", 2: "b"}[at.Unix()] }
			c.servers[0].Columns = append(c.servers[0].Columns, "who")
			row := []string{"10", "1000000 7"}
			c.servers[0].SetAnswer(func(string, [][]byte) fakepg.Answer {
				if row == nil {
					return fakepg.Answer{}
				}
				seq, err := strconv.ParseInt(row[0], 10, 64)
				if err != nil {
					t.Error(err)
				}
				return fakepg.Answer{Rows: [][]string{{strconv.FormatInt(int64(record.PackKey(0, seq)), 10), "", "f", row[1]}}}
			})
			c.head.issue(10)
			c.bubble(t, func(w *Workload) {
				s := w.Open(0)
				for range 2 {
					if reply := once(s); reply.Outcome != record.OK {
						t.Errorf("%+v", reply)
					}
					row = tt.second
				}
				s.Close()
				reads := w.Reads()
				reads.Gaps = ReadEvents{}
				if got, nodes := reads.words(), [2]int64{reads.Nodes[0].Reads, reads.Nodes[1].Reads}; got != tt.want || nodes != tt.nodes {
					t.Errorf("%s on nodes %v, want %s on %v", got, nodes, tt.want, tt.nodes)
				}
			})
		})
	}
}

// TestAFailureToAskAgainBehindAPooler: where the primary is another one, and who answers cannot be asked, the failure is of no node.
func TestAFailureToAskAgainBehindAPooler(t *testing.T) {
	c := newCluster(t, 1)
	c.answers(fakepg.Answer{})
	primary := "a"
	c.cfg.Pooled, c.cfg.Primary = true, func() string { return primary }
	c.bubble(t, func(w *Workload) {
		s := w.Open(0)
		if reply := once(s); reply.Outcome != record.OK || reply.Node != 1 {
			t.Errorf("%+v", reply)
		}
		primary = "b"
		c.servers[0].Kill()
		synctest.Wait()
		if reply := once(s); reply.Outcome != record.Failed || reply.Node != 0 {
			t.Errorf("%+v", reply)
		}
		s.Close()
	})
}
