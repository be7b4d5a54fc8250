package pgload

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strconv"

	"pgchaos/record"
)

// rangeRows is how many neighbouring rows a read of a range asks for.
const rangeRows = 100

// read reads rows of one writer, in one snapshot: its two newest, which are held against
// how far it has come; or one that exists, or a range of them. With serial keys the
// writers are not distinguished.
type read struct {
	part    *part
	session *session
	reader  *reader
	random  *rand.Rand
	// conn is the connection of the newest read, and newest the newest rows that were read
	// over it, by index of writer.
	conn    int64
	newest  []int64
	ownNext bool       // every second read is of the client's own writer
	asked   []question // of the operation at hand; of a kind that is not checked the index is -1
	buffer  []byte
	params  [2][]byte
	// primary is set when the answering node was not in recovery.
	primary bool
	said    []byte // behind a pooler: by serverSessionSQL; nil: no row came
}

func (r *read) retry(int) { r.asked = r.asked[:0] }

func (r *read) perform(_ context.Context, c *conn) error {
	r.connected(c.id)
	c.answers, r.primary, r.said = r, false, r.said[:0]
	r.asked = r.asked[:0]
	if r.part.cfg.Pipeline == 1 {
		kind := r.choose()
		return r.answered(c, c.run(r.part.first+kind, r.bind(kind, c.number)))
	}
	c.out = c.out[:0]
	for range r.part.cfg.Pipeline {
		kind := r.choose()
		c.put(r.part.first+kind, r.bind(kind, c.number))
	}
	return r.answered(c, c.runBatch(false, false))
}

// answered books an answer that came through a pooler on who gave it. A client can be led to another server before anybody knows that there
// is a new primary, and a server is only held to what its own session has shown: that another one, or one that nobody knows, shows less
// is a failover's loss.
func (r *read) answered(c *conn, err error) error {
	if err != nil || !c.w.cfg.Pooled {
		return err
	}
	if len(r.said) == 0 || string(r.said) != c.behind.said {
		c.behind = serverSession{said: string(r.said)}
		c.id = c.w.nextConn()
		r.connected(c.id)
	}
	if c.behind.number == 0 { // who was started then may be known later than that it answers
		c.behind.number = c.w.numberOf(c.behind.said)
	}
	for i := range r.asked {
		r.asked[i].conn, r.asked[i].node = c.id, c.behind.number
	}
	r.session.asked = c.behind.number
	return nil
}

// connected forgets what was seen over another connection.
func (r *read) connected(id int64) {
	if id == r.conn {
		return
	}
	r.conn = id
	if r.newest == nil {
		r.newest = make([]int64, len(r.reader.writers))
	}
	clear(r.newest)
}

// The places of the statements of a read, in its part.
const (
	latestRead = iota
	pointRead
	rangeRead
)

// choose draws by the shares.
func (r *read) choose() int {
	table := r.part.table
	if table[latestRead] == table[rangeRead] {
		return latestRead
	}
	n := r.random.Int64N(table[rangeRead])
	for kind, upTo := range table {
		if n < upTo {
			return kind
		}
	}
	return latestRead
}

// bind looks how far the writer has come as late as it can: a write that is
// acknowledged after that need not be seen.
func (r *read) bind(kind, node int) [][]byte {
	q := question{index: -1, kind: kind, node: node, conn: r.conn}
	id := 0
	if n := len(r.reader.writers); n > 0 && !r.part.cfg.Serial {
		q.index = r.reader.own
		if r.ownNext = !r.ownNext; !r.ownNext {
			q.index = r.random.IntN(n)
		}
		id = r.reader.writers[q.index]
		q.acked, q.ackedAt = r.reader.source.Acked(id)
		q.sent = r.reader.clock.Now()
	}
	low, high := int64(record.PackKey(id, 0)), int64(record.PackKey(id+1, 0))
	if kind != latestRead {
		low = r.existing(id, q.acked, kind)
		q.index = -1
	}
	r.asked = append(r.asked, q)
	if r.part.cfg.Serial && kind == latestRead {
		return nil
	}
	r.buffer = r.buffer[:0]
	r.params[0] = r.key(low)
	if kind == pointRead {
		return r.params[:1]
	}
	r.params[1] = r.key(high)
	if r.part.cfg.Serial {
		return r.params[:1]
	}
	return r.params[:]
}

// existing is the key of a row that is there, or of the first of a range of such. Where
// nothing is known of the writers it is the first that there can be.
func (r *read) existing(id int, acked int64, kind int) int64 {
	writer := record.PackKey(id, 0)
	if r.part.cfg.Serial { // as many rows as all writers have had acknowledged
		acked, writer = 0, 0
		for _, w := range r.reader.writers {
			seq, _ := r.reader.source.Acked(w)
			acked += seq
		}
	}
	if kind == rangeRead {
		acked -= rangeRows - 1
	}
	return int64(writer) + 1 + r.random.Int64N(max(acked, 1))
}

// key is a parameter: in binary in the extended protocol, else as text.
func (r *read) key(key int64) []byte {
	start := len(r.buffer)
	if r.part.w.simple {
		r.buffer = strconv.AppendInt(r.buffer, key, 10)
	} else {
		r.buffer = binary.BigEndian.AppendUint64(r.buffer, uint64(key))
	}
	return r.buffer[start:len(r.buffer):len(r.buffer)]
}

func (r *read) row(n int, values [][]byte) {
	if n >= len(r.asked) {
		return
	}
	q := &r.asked[n]
	r.primary = r.primary || len(values) > 2 && string(values[2]) == "f"
	if len(values) > 3 {
		r.said = append(r.said[:0], values[3]...)
	}
	if q.index >= 0 && q.rows < len(q.seqs) && len(values) > 0 {
		q.seqs[q.rows] = seqOf(values[0], r.reader.writers[q.index])
		q.rows++
	}
}

func (r *read) complete(int, []byte) {}

// settle holds the answers against what was known. A late one is not looked at: its
// client has gone on meanwhile, in another session of the same reader.
func (r *read) settle(op *record.Op, _ int, late bool) {
	for i := range r.asked {
		if q := &r.asked[i]; !late && op.Outcome.Acknowledged() && q.index >= 0 {
			r.reader.look(q, r.newest)
		}
	}
	r.asked = r.asked[:0]
}
