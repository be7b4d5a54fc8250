package pgload

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// insert is one or more writes that are acknowledged together, with new sequence
// numbers each time.
type insert struct {
	part     *part
	session  *session
	ledger   *ledger.Ledger
	writer   *ledger.Writer  // the client's: it outlives sessions
	progress *writerPosition // where readers see how far it is; nil: nobody looks
	clock    *record.Clock
	n        int64        // rows in each operation
	first    int64        // number of the operation in flight; 0: none
	lsns     []record.LSN // of its rows; 0: none
	got      int          // rows of the answers
	fewer    bool         // a statement stored fewer rows than it was to
	stored   bool         // a statement stored any
	by       *answerer    // who answers, if it is not the one who answered before; nil: the same
	full     string       // the tag of a statement that stored all its rows
	buffer   []byte       // of the keys and values of one statement
	ends     []int        // of each in buffer
	params   [][]byte
	// What few rows need is next to the rest: between two inserts, the server's
	// processes have used the processor's caches.
	space struct {
		lsns   [2]record.LSN
		ends   [4]int
		params [4][]byte
		buffer [160]byte
	}
}

func newInsert(p *part, s *session) *insert {
	c := &p.cfg
	rows := c.Rows * c.Statements * c.Pipeline
	n := &insert{
		part: p, session: s, ledger: p.w.cfg.Ledger, writer: p.writers[s.client], progress: p.progress[s.client], clock: &p.w.cfg.Clock,
		n: int64(rows), full: "INSERT 0 " + strconv.Itoa(c.Rows),
	}
	n.lsns, n.ends, n.params, n.buffer = n.space.lsns[:], n.space.ends[:0], n.space.params[:0], n.space.buffer[:0]
	if rows > len(n.lsns) {
		n.lsns = make([]record.LSN, rows)
	}
	n.lsns = n.lsns[:rows]
	return n
}

func (n *insert) perform(ctx context.Context, c *conn) error {
	if err := n.issue(); err != nil {
		return c.failed(&ledgerError{err}, record.Failed)
	}
	c.answers = n
	n.by = nil
	err := n.send(ctx, c)
	if n.by != nil || err == nil && c.number == 0 && c.w.cfg.Pooled { // it may have been known too late who was started then
		who := c.who
		who.take(*cmp.Or(n.by, &who.said))
		c.answeredBy(&who)
	}
	n.session.asked, n.session.server = c.number, c.server
	if err == nil && n.fewer {
		err = n.incomplete(c)
	}
	return err
}

// issue takes the numbers of the operation. Without them nothing may be sent. The clock is
// read once more for that: in a closed loop an operation is due at the very moment at which the
// one before is over, and the audit believes in an order of two writes only where their times
// differ.
func (n *insert) issue() error {
	n.first = n.writer.NextN(n.clock.Now(), int(n.n))
	if n.first == 0 {
		if err := n.ledger.Err(); err != nil {
			return err
		}
		return errLedgerClosed
	}
	n.progress.issue(n.first + n.n - 1)
	clear(n.lsns)
	n.got, n.fewer, n.stored = 0, false, false
	return nil
}

func (n *insert) send(ctx context.Context, c *conn) error {
	statement, cfg := n.part.first, &n.part.cfg
	switch {
	case cfg.Pipeline > 1:
		c.out = c.out[:0]
		for i := range cfg.Pipeline {
			c.put(statement, n.bind(i))
		}
		return c.runBatch(true, false)
	case cfg.Statements == 1:
		return c.run(statement, n.bind(0))
	}
	err := n.session.begin(ctx, c)
	for i := 0; err == nil && i < cfg.Statements; i++ {
		if err = n.session.step(ctx, c, statement, n.bind(i)); err == nil && n.fewer {
			return c.failed(errNoRow, record.Failed) // nothing of it will be committed
		}
	}
	if err == nil {
		err = n.session.commit(ctx, c)
	}
	return err
}

// incomplete is what is certain when the server acknowledged less than it was sent: a
// trigger may have swallowed a row, and then nothing was stored that could be lost; but
// of several it is not known which.
func (n *insert) incomplete(c *conn) error {
	c.certainty.outcome = record.Failed
	if n.stored {
		c.certainty.outcome = record.Unknown
	}
	return errNoRow
}

var errNoRow = &noRowError{"the insert succeeded, and did not store every row that it was sent"}

// bind makes the parameters of the ith statement: keys in binary in the extended
// protocol, everything else as text.
func (n *insert) bind(i int) [][]byte {
	cfg := &n.part.cfg
	n.buffer, n.ends, n.params = n.buffer[:0], n.ends[:0], n.params[:0]
	for row := range cfg.Rows {
		key := record.PackKey(n.writer.ID(), n.first+int64(i*cfg.Rows+row))
		if !cfg.Serial {
			if n.part.w.simple {
				n.buffer = strconv.AppendInt(n.buffer, int64(key), 10)
			} else {
				n.buffer = binary.BigEndian.AppendUint64(n.buffer, uint64(key))
			}
			n.ends = append(n.ends, len(n.buffer))
		}
		n.buffer = record.AppendPayload(n.buffer, key, cfg.Payload)
		n.ends = append(n.ends, len(n.buffer))
	}
	start := 0
	for _, end := range n.ends {
		n.params = append(n.params, n.buffer[start:end:end])
		start = end
	}
	return n.params
}

// row has the LSN of a row's insert, and who answers, where that is asked.
func (n *insert) row(_ int, values [][]byte) {
	if len(values) == 4 {
		if who := values[1:]; !n.session.conn.who.said.is(who) {
			n.by = &answerer{string(who[0]), string(who[1]), string(who[2])}
		}
		values = values[:1]
	}
	if len(values) != 1 || n.got == len(n.lsns) {
		return
	}
	switch v := values[0]; {
	case n.part.w.simple:
		n.lsns[n.got], _ = record.ParseLSN(string(v)) // 0: not known
	case len(v) == 8:
		n.lsns[n.got] = record.LSN(binary.BigEndian.Uint64(v))
	}
	n.got++
}

func (n *insert) complete(_ int, tag []byte) {
	switch text := string(tag); { // which allocates nothing, as it is only compared
	case text == n.full:
		n.stored = true
	case strings.HasPrefix(text, "INSERT"):
		n.fewer = true
		n.stored = n.stored || text != "INSERT 0 0"
	}
}

// retry records the numbers of a transaction that was rolled back: those of the next
// attempt are new, and none is ever used twice.
func (n *insert) retry(server int) {
	n.record(&record.Op{Outcome: record.Failed, Done: n.clock.Now()}, server)
	n.first = 0
}

func (n *insert) settle(op *record.Op, server int, late bool) {
	if n.first == 0 {
		return
	}
	last := n.first + n.n - 1
	switch {
	case !late:
		n.record(op, server)
		if op.Outcome.Acknowledged() {
			for seq := n.first; seq <= last; seq++ {
				n.progress.ack(seq, op.Done)
			}
		}
	case op.Outcome != record.Unknown: // else nothing is known that was not before
		if n.writer.Issued() == last {
			// The writer has issued none since, so the ledger does not know yet
			// that these were given up on. If an answer comes now, they are entries too many.
			for seq := n.first; seq <= last; seq++ {
				n.writer.Record(seq, record.Unknown, 0, 0, 0)
			}
		}
		n.record(op, server)
	}
	n.first = 0
}

func (n *insert) record(op *record.Op, server int) {
	for i, lsn := range n.lsns {
		n.writer.Record(n.first+int64(i), op.Outcome, server, lsn, op.Done)
	}
}

// errLedgerClosed is why a write is not sent when the run is over.
var errLedgerClosed = errors.New("the ledger is closed")

// ledgerError is that the ledger takes no more writes.
type ledgerError struct{ err error }

func (e *ledgerError) Error() string { return e.err.Error() }
func (e *ledgerError) Unwrap() error { return e.err }
