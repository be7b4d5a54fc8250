package pgload

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"pgchaos/load"
	"pgchaos/record"
)

// What is kept of what readers saw. Counts go on beyond these.
const (
	keptEvents = 1000 // of a kind, over all clients of a workload
	keptGaps   = 4096 // a client
	keptStale  = 8192 // a client: one for each node and staleBucket
)

// staleBucket is the time in which the stale reads of one client on one node are
// kept as one event.
const staleBucket = 100 * time.Millisecond

// Reads is what the clients of a read workload saw, and what of it was not as new as
// it might have been. What of that breaks a promise, only who knows the cluster can say.
type Reads struct {
	Unchecked string      // why nothing was checked; "" where it was
	Nodes     []NodeReads // by number, 1 first
	Own       int64       // reads of the writer that the client calls its own
	// Stale are reads that did not see a write acknowledged before they were sent. Of
	// those in one staleBucket the event is the one whose newest unseen write was
	// acknowledged last.
	Stale  ReadEvents
	Misses ReadEvents // stale, and of the client's own writer
	Gaps   ReadEvents // the two rows seen are not neighbours: numbers between them may have failed
	Back   ReadEvents // older than what the same connection had seen
	Across ReadEvents // older than what the same client had seen over another connection
	Never  ReadEvents // a row whose sequence number had not been issued
}

// ReadEvents are reads of one kind: N in all, of which those are known that the N of
// Kept add up to.
type ReadEvents struct {
	N    int64
	Kept []record.ReadEvent // by time
}

// NodeReads is what was read from one node.
type NodeReads struct {
	Reads, Stale int64
	// Staleness is the age, when the read was sent, of the acknowledgement of the oldest
	// acknowledged write that was not seen; 0 for a read that was fresh. Of AtLeast
	// reads the true age was more than this.
	Staleness load.Dist
	AtLeast   int64
	Behind    Behind
	ByTime    []StaleStep
}

// Behind is how many sequence numbers of its writer a read was behind, of all reads.
// Max is exact, the others to two digits.
type Behind struct{ P50, P99, Max int64 }

// mostBehind is the range of the histogram of Behind; Max goes beyond it.
const mostBehind = 1 << 30

// nodeReads is NodeReads in the making. Fresh reads are only counted.
type nodeReads struct {
	reads, stale, atLeast int64
	staleness             load.Dist
	behind                *hdrhistogram.Histogram
	most                  int64
	current               int // 1 + the index in stale of the bucket at hand
	step                  StaleStep
}

// reader is one client of a read workload, which outlives its sessions.
type reader struct {
	source   ProgressSource
	progress *WriterProgress
	clock    *record.Clock
	client   int
	keep     int   // events of a kind
	writers  []int // of the table
	own      int   // index into writers
	byTime   *staleness
	// The rest belongs to the one goroutine that settles the client's operations, until
	// the load has ended.
	furthest []sight // by index into writers
	nodes    []*nodeReads
	rows     *roaring64.Bitmap // keys of the rows read
	reads    Reads             // but for Nodes
}

// sight is the newest row that a client has seen of a writer, and where.
type sight struct {
	seq, next int64
	node      int
	conn      int64
	gap       int // 1 + the index in Gaps.Kept of the newest
}

func newReader(cfg *Config, table string, client int) *reader {
	r := &reader{source: cfg.Source, progress: cfg.Progress, clock: &cfg.Clock, client: client, rows: roaring64.New()}
	if cfg.Source != nil {
		r.writers = cfg.Source.Writers(table)
	}
	r.keep = max(16, keptEvents/max(1, cfg.Clients))
	r.nodes = make([]*nodeReads, len(cfg.Endpoints)+1)
	r.furthest = make([]sight, len(r.writers))
	if len(r.writers) > 0 {
		r.own = client % len(r.writers)
	}
	return r
}

// Unchecked says why the reads of a workload cannot be held against anything; "": they are. Not
// before every workload was made.
func (w *Workload) Unchecked() string {
	for _, p := range w.parts {
		if p.readers == nil {
			continue
		}
		switch {
		case p.cfg.Serial:
			return "the keys of table " + p.cfg.Table + " are serial, so that a read does not know whose row is the newest"
		case p.cfg.Reads[Latest] == 0:
			return "it does not read the newest rows"
		case w.cfg.Source == nil || w.cfg.Progress == nil || len(w.cfg.Source.Writers(p.cfg.Table)) == 0:
			return "no workload of the run inserts into table " + p.cfg.Table
		}
	}
	return ""
}

// reader is a client's; the first to ask makes it, when every writer is there.
func (p *part) reader(client int) *reader {
	if p.readers[client] == nil {
		p.readers[client] = newReader(&p.w.cfg, p.cfg.Table, client)
		p.readers[client].byTime = &p.w.staleness
	}
	return p.readers[client]
}

// seen are the readers that ever began.
func (w *Workload) seen() (all []*reader) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.parts {
		all = append(all, slices.DeleteFunc(slices.Clone(p.readers), func(r *reader) bool { return r == nil })...)
	}
	return all
}

// look holds one answer against what was known when it was asked for.
// newest are the newest rows that the connection has seen, by index of writer.
func (r *reader) look(q *question, newest []int64) {
	n := r.node(q.node)
	n.reads++
	own := q.index == r.own
	if own {
		r.reads.Own++
	}
	e := record.ReadEvent{
		At: q.sent, Client: r.client, Node: q.node, Writer: r.writers[q.index], Seen: q.seqs[0], Next: q.seqs[1], Acked: q.acked, AckedAt: q.ackedAt, N: 1,
	}
	if q.rows > 0 && (e.Seen < 1 || e.Seen > r.source.Issued(e.Writer)) || q.rows > 1 && e.Next < 1 {
		r.keepEvent(&r.reads.Never, e)
		return // it says nothing about how far the node has come
	}
	r.inOrder(q, e, newest)
	r.neighbours(q, e)
	var stale time.Duration
	if e.Seen < q.acked {
		stale = r.stale(n, own, e)
	}
	r.note(n, q.node, e.At, stale)
}

func (r *reader) node(number int) *nodeReads {
	n := r.nodes[number]
	if n == nil {
		n = &nodeReads{staleness: load.NewDist(), behind: hdrhistogram.New(1, mostBehind, 2)}
		r.nodes[number] = n
	}
	return n
}

// inOrder sees whether a writer.s position went back, and notes what was read.
func (r *reader) inOrder(q *question, e record.ReadEvent, newest []int64) {
	f := &r.furthest[q.index]
	before := newest[q.index]
	if f.conn == q.conn && f.node == e.Node { // a shared one, to which the client has come back
		before = max(before, f.seq)
	}
	switch {
	case e.Seen < before:
		e.Before, e.BeforeNode = before, e.Node
		r.keepEvent(&r.reads.Back, e)
	case e.Seen < f.seq && (f.conn != q.conn || f.node != e.Node):
		e.Before, e.BeforeNode = f.seq, f.node
		r.keepEvent(&r.reads.Across, e)
	}
	newest[q.index] = max(newest[q.index], e.Seen)
	if e.Seen == f.seq && e.Next == f.next {
		return // read already
	}
	if e.Seen > 0 {
		r.rows.Add(uint64(record.PackKey(e.Writer, e.Seen)))
	}
	if e.Next > 0 {
		r.rows.Add(uint64(record.PackKey(e.Writer, e.Next)))
	}
	if e.Seen >= f.seq {
		f.seq, f.next, f.node, f.conn = e.Seen, e.Next, e.Node, q.conn
	}
}

// neighbours notes rows that are none. One gap is usually seen by many reads.
func (r *reader) neighbours(q *question, e record.ReadEvent) {
	if q.rows == 0 || e.Seen-e.Next <= 1 {
		return
	}
	gaps, f := &r.reads.Gaps, &r.furthest[q.index]
	gaps.N++
	if f.gap > 0 {
		if last := &gaps.Kept[f.gap-1]; last.Seen == e.Seen && last.Next == e.Next && last.Node == e.Node {
			last.N++
			return
		}
	}
	if len(gaps.Kept) < keptGaps {
		gaps.Kept = append(gaps.Kept, e)
		f.gap = len(gaps.Kept)
	}
}

// stale counts a read that did not see the newest acknowledged write, and says how stale it was.
func (r *reader) stale(n *nodeReads, own bool, e record.ReadEvent) time.Duration {
	n.stale++
	r.reads.Stale.N++
	at, atLeast := r.progress.oldestUnseen(e.Writer, e.Seen, e.Acked, e.AckedAt)
	if atLeast {
		n.atLeast++
	}
	age := e.At - at
	n.staleness.Record(age)
	behind := e.Acked - e.Seen
	n.most = max(n.most, behind)
	_ = n.behind.RecordValue(min(behind, mostBehind)) // cannot fail: it is in the range
	if own {
		r.keepEvent(&r.reads.Misses, e)
	}
	kept := &r.reads.Stale.Kept
	if n.current > 0 {
		if last := &(*kept)[n.current-1]; last.At/staleBucket == e.At/staleBucket {
			e.N += last.N
			if e.AckedAt <= last.AckedAt {
				last.N = e.N
			} else {
				*last = e
			}
			return age
		}
	}
	if len(*kept) < keptStale {
		*kept = append(*kept, e)
		n.current = len(*kept)
	}
	return age
}

// keepEvent counts an event, and keeps it until the list is full.
func (r *reader) keepEvent(into *ReadEvents, e record.ReadEvent) {
	into.N++
	if len(into.Kept) < r.keep {
		into.Kept = append(into.Kept, e)
	}
}

// question is one read: what was known when it was sent, and what came back.
type question struct {
	index   int   // of the writer; -1: nothing is checked
	kind    int   // latestRead, pointRead or rangeRead
	node    int   // the number of the one that is asked
	conn    int64 // by conn.id
	sent    time.Duration
	acked   int64
	ackedAt time.Duration
	rows    int
	seqs    [2]int64 // of the rows, newest first
}

// seqOf is the sequence number in a key's text; -1 where it is not of the writer.
func seqOf(text []byte, writer int) int64 {
	n, err := strconv.ParseInt(string(text), 10, 64) // the compiler makes no copy
	if key := record.Key(n); err == nil && key.Writer() == writer {
		return key.Seq()
	}
	return -1
}

// Reads is what the clients saw. Not before the load has ended.
func (w *Workload) Reads() Reads {
	all := Reads{Unchecked: w.Unchecked()}
	if all.Unchecked != "" {
		return all
	}
	for number := 1; number <= len(w.cfg.Endpoints); number++ {
		all.Nodes = append(all.Nodes, w.nodeReads(number))
	}
	for _, r := range w.seen() {
		all.Own += r.reads.Own
	}
	for _, kind := range []func(*Reads) *ReadEvents{
		func(r *Reads) *ReadEvents { return &r.Stale }, func(r *Reads) *ReadEvents { return &r.Misses },
		func(r *Reads) *ReadEvents { return &r.Gaps }, func(r *Reads) *ReadEvents { return &r.Back },
		func(r *Reads) *ReadEvents { return &r.Across }, func(r *Reads) *ReadEvents { return &r.Never },
	} {
		into := kind(&all)
		for _, r := range w.seen() {
			from := kind(&r.reads)
			into.N += from.N
			into.Kept = append(into.Kept, from.Kept...)
		}
		slices.SortStableFunc(into.Kept, func(a, b record.ReadEvent) int { return cmp.Compare(a.At, b.At) })
	}
	return all
}

// nodeReads puts together what all clients read from a node.
func (w *Workload) nodeReads(number int) NodeReads {
	sum := NodeReads{Staleness: load.NewDist()}
	behind := hdrhistogram.New(1, mostBehind, 2)
	for _, r := range w.seen() {
		n := r.nodes[number]
		if n == nil {
			continue
		}
		sum.Reads += n.reads
		sum.Stale += n.stale
		sum.AtLeast += n.atLeast
		sum.Staleness.Merge(&n.staleness)
		r.passOn(n, number)
		sum.Behind.Max = max(sum.Behind.Max, n.most)
		behind.Merge(n.behind)
	}
	fresh := sum.Reads - sum.Stale
	sum.Staleness.RecordN(0, fresh)
	_ = behind.RecordValues(0, fresh) // cannot fail: 0 is in the range
	sum.ByTime = w.staleness.of(number)
	sum.Behind.P50 = min(behind.ValueAtPercentile(50), sum.Behind.Max)
	sum.Behind.P99 = min(behind.ValueAtPercentile(99), sum.Behind.Max)
	return sum
}

// Readers is how many clients have read any of a writer's rows from first to last.
// Not before the load has ended.
func (w *Workload) Readers(writer int, first, last int64) (clients int) {
	low, high := uint64(record.PackKey(writer, max(first, 1))), uint64(record.PackKey(writer, last))
	read := map[int]bool{} // by client, who may have one reader for each part of a mix
	for _, r := range w.seen() {
		// One row is what an audit asks for most often, and much the quickest.
		if low == high && r.rows.Contains(low) || low < high && r.rows.Rank(high) > r.rows.Rank(low-1) {
			read[r.client] = true
		}
	}
	return len(read)
}
