package pgload

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"pgchaos/history"
	"pgchaos/history/ledger"
)

// work is what the sessions of one kind do differently.
type work interface {
	// connected is told of each new connection, by the number of its node.
	connected(node int)
	// bind makes the parameters of the next operation, in the formats of
	// paramFormats. They are valid until the next bind. With an error nothing may be sent.
	bind() ([][]byte, error)
	// row sees each row of the answer.
	row(values [][]byte)
	// judge may object to a statement that succeeded.
	judge(tag string) (kind string, fine bool)
	// settle is told how the operation ended, and which server answered it, by the
	// ledger's number; late as in load.Session.
	settle(op history.Op, server int, late bool)
}

// insert is one write, with a new sequence number each.
type insert struct {
	ledger  *ledger.Ledger
	writer  *ledger.Writer // the client's: it outlives sessions
	head    *head          // where readers see how far it is; nil: nobody looks
	clock   history.Clock
	serial  bool
	payload int
	seq     int64       // of the operation in flight; 0: none
	lsn     history.LSN // that it returned; 0: none
	key     [8]byte
	value   []byte
	params  [2][]byte
}

func (n *insert) connected(int) {}

func (n *insert) bind() ([][]byte, error) {
	n.seq, n.lsn = n.writer.Next(n.clock.Now()), 0
	if n.seq == 0 {
		if err := n.ledger.Err(); err != nil {
			return nil, err
		}
		return nil, errLedgerClosed
	}
	n.head.issue(n.seq)
	key := history.PackKey(n.writer.ID(), n.seq)
	n.value = history.AppendPayload(n.value[:0], key, n.payload)
	n.params[1] = n.value
	if n.serial {
		return n.params[1:], nil
	}
	binary.BigEndian.PutUint64(n.key[:], uint64(key))
	n.params[0] = n.key[:]
	return n.params[:], nil
}

// row has the LSN of the insert.
func (n *insert) row(values [][]byte) {
	if len(values) == 1 && len(values[0]) == 8 {
		n.lsn = history.LSN(binary.BigEndian.Uint64(values[0]))
	}
}

// judge wants exactly one row: a trigger may have swallowed it, and then nothing
// was stored that could be lost.
func (n *insert) judge(tag string) (kind string, fine bool) { return kindNoRow, tag == "INSERT 0 1" }

func (n *insert) settle(op history.Op, server int, late bool) {
	if n.seq == 0 {
		return
	}
	switch {
	case !late:
		n.writer.Record(n.seq, op.Outcome, server, n.lsn, op.Done)
		if op.Outcome.Acknowledged() {
			n.head.ack(n.seq, op.Done)
		}
	case op.Outcome != history.Unknown: // else nothing is known that was not before
		if n.writer.Issued() == n.seq {
			// The writer has issued none since, so that nobody has yet told the ledger that
			// this one was given up on; if another comes now, this is an entry too many.
			n.writer.Record(n.seq, history.Unknown, 0, 0, 0)
		}
		n.writer.Record(n.seq, op.Outcome, server, n.lsn, op.Done)
	}
	n.seq = 0
}

// errLedgerClosed is why a write is not sent when the run is over.
var errLedgerClosed = errors.New("the ledger is closed")

// read is the two newest rows of one writer, in one snapshot; with serial keys the
// two newest rows.
type read struct {
	serial bool
	reader *reader
	random *rand.Rand
	low    [8]byte
	high   [8]byte
	params [2][]byte
	// primary is set when the answering node was not in recovery.
	primary bool
	ownTurn bool // every second read is of the client's own writer
	asked   question
}

func (r *read) connected(node int) {
	q := &r.asked
	q.node = node
	q.conn = r.reader.conns.Add(1)
	if q.heads == nil {
		q.heads = make([]int64, len(r.reader.writers))
	}
	clear(q.heads)
}

// bind looks how far the writer has come as late as it can: a write that is
// acknowledged after that need not be seen.
func (r *read) bind() ([][]byte, error) {
	r.primary = false
	q := &r.asked
	q.index, q.rows, q.seqs = -1, 0, [2]int64{}
	if r.serial {
		return nil, nil
	}
	id := 0
	if len(r.reader.writers) > 0 {
		q.index = r.reader.own
		if r.ownTurn = !r.ownTurn; !r.ownTurn {
			q.index = r.random.IntN(len(r.reader.writers))
		}
		id = r.reader.writers[q.index]
		q.acked, q.ackedAt = r.reader.heads.Acked(id)
		q.sent = r.reader.clock.Now()
	}
	binary.BigEndian.PutUint64(r.low[:], uint64(history.PackKey(id, 0)))
	binary.BigEndian.PutUint64(r.high[:], uint64(history.PackKey(id+1, 0)))
	r.params = [2][]byte{r.low[:], r.high[:]}
	return r.params[:], nil
}

func (r *read) row(values [][]byte) {
	r.primary = len(values) == 3 && string(values[2]) == "f"
	if q := &r.asked; q.index >= 0 && q.rows < len(q.seqs) && len(values) > 0 {
		q.seqs[q.rows] = seqOf(values[0], r.reader.writers[q.index])
		q.rows++
	}
}

func (r *read) judge(string) (kind string, fine bool) { return "", true }

// settle holds the answer against what was known. A late one is not looked at: its
// client has gone on meanwhile, in another session of the same reader.
func (r *read) settle(op history.Op, _ int, late bool) {
	if !late && op.Outcome.Acknowledged() && r.asked.index >= 0 {
		r.reader.look(&r.asked)
	}
	r.asked.index = -1
}

// statement is the user's own, without parameters.
type statement struct{}

func (statement) connected(int)                         {}
func (statement) bind() ([][]byte, error)               { return nil, nil }
func (statement) row([][]byte)                          {}
func (statement) judge(string) (kind string, fine bool) { return "", true }
func (statement) settle(history.Op, int, bool)          {}

// paramFormats says how each parameter is sent: keys in binary, values as text.
func (w *Workload) paramFormats() []int16 {
	const text, binary = 0, 1
	switch {
	case w.cfg.Kind == Insert && !w.cfg.Serial:
		return []int16{binary, text}
	case w.cfg.Kind == Read && !w.cfg.Serial:
		return []int16{binary, binary}
	}
	return nil
}

// resultFormats says how what is returned is sent: an LSN in binary, all else as text.
func (w *Workload) resultFormats() []int16 {
	if w.cfg.Kind == Insert {
		return []int16{1}
	}
	return nil
}

func (w *Workload) newWork(client int, random *rand.Rand) work {
	switch w.cfg.Kind {
	case Insert:
		return &insert{
			ledger: w.cfg.Ledger, writer: w.writers[client], head: w.heads[client], clock: w.cfg.Clock, serial: w.cfg.Serial, payload: w.cfg.Payload,
		}
	case Read:
		return &read{serial: w.cfg.Serial, reader: w.reader(client), random: random, asked: question{index: -1}}
	}
	return statement{}
}

// writes tells whether a statement must be taken for one that writes: anything but
// a SELECT, TABLE, VALUES or SHOW, and a WITH in which no word of a write stands. A
// function called by a SELECT may write all the same; nobody can see that.
func writes(sql string) bool {
	words := strings.FieldsFunc(strings.ToLower(uncomment(sql)), func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	if len(words) == 0 {
		return true
	}
	switch words[0] {
	case "select", "table", "values", "show":
		return false
	case "with":
		for _, w := range words {
			switch w {
			case "insert", "update", "delete", "merge":
				return true
			}
		}
		return false
	}
	return true
}

// uncomment takes the comments before a statement away.
func uncomment(sql string) string {
	for {
		sql = strings.TrimSpace(sql)
		var end string
		switch {
		case strings.HasPrefix(sql, "--"):
			end = "\n"
		case strings.HasPrefix(sql, "/*"):
			end = "*/"
		default:
			return sql
		}
		_, rest, _ := strings.Cut(sql, end)
		sql = rest
	}
}

// backoff is the pause after the nth failure in a row to connect: 10 ms, doubling
// up to 500 ms, of which the second half is random, lest all clients come back at
// once.
func backoff(n int, random *rand.Rand) time.Duration {
	d := 500 * time.Millisecond
	if n < 7 {
		d = min(d, 10*time.Millisecond<<max(0, n-1))
	}
	return d/2 + time.Duration(random.Int64N(int64(d/2)+1))
}
