package pgload

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"pgchaos/internal/catch"
	"pgchaos/record"
)

// answers is who takes the answers of statements. They are counted from 0 in each
// exchange; what it is given is valid until it returns.
type answers interface {
	row(n int, values [][]byte)
	complete(n int, tag []byte)
}

// certainty is what is known of the operation at hand, over its statements.
type certainty struct {
	outcome   record.Outcome // of the statement that failed
	calls     int            // statements sent
	wrote     bool           // in the transaction that is open
	committed bool           // something that may have been a write, for good
}

// errCopy is what comes of a COPY FROM STDIN: nobody has anything to send.
var errCopy = errors.New("the statement wants data to be copied in, which no workload has")

// run executes one statement and reads the whole of its answer. It has no context, so
// that nobody but the server can end it. After an error certainty.outcome says what is
// certain of the whole operation.
func (c *conn) run(i int, params [][]byte) error {
	st := &c.w.statements[i]
	if !c.w.simple && !c.prepared[i] {
		c.certainty.calls++
		if err := c.prepare(i, i+1, false); err != nil {
			return c.failed(err, record.Failed)
		}
	}
	if c.out = c.out[:0]; c.w.simple {
		c.putQuery(st.AppendLiterals(c.text[:0], params))
	} else {
		c.put(i, params)
		c.putSync()
	}
	return c.finish(st)
}

// runText executes a statement whose values stand in it, in the simple protocol.
func (c *conn) runText(i int, text []byte) error {
	c.out = c.out[:0]
	c.putQuery(text)
	return c.finish(&c.w.statements[i])
}

// finish sends the one statement that was put, and draws the conclusions.
func (c *conn) finish(st *statement) error {
	within := c.status != 'I'
	sent, err := c.exchange()
	c.certainty.calls++
	if err == nil && st.commits && string(c.tag) == "ROLLBACK" {
		err = pgx.ErrTxCommitRollback
	}
	if err != nil {
		within = (within || st.begins) && !st.commits && !st.Compound
		return c.failed(err, c.certain(err, sent, within, st.procedure || st.Compound || c.w.simple && c.answered > 0))
	}
	c.succeeded(within, st.writes && !st.controlling, st.commits)
	return nil
}

// runBatch sends what was put, with one Sync, and reads all the answers. The end of the
// whole is the only acknowledgement. control is whether statements among them begin or
// end transactions; then an error proves nothing.
func (c *conn) runBatch(writes, control bool) error {
	within := c.status != 'I'
	c.putSync()
	sent, err := c.exchange()
	c.certainty.calls += 2
	if err != nil {
		return c.failed(err, c.certain(err, sent, within && !control, control))
	}
	c.succeeded(within, writes, control)
	return nil
}

// certain is what an error proves. within is whether it belongs to a transaction whose
// COMMIT has not been sent: however the statement ended, nothing was committed.
// behind is whether an ERROR may have come behind a commit.
func (c *conn) certain(err error, sent, within, behind bool) record.Outcome {
	if within {
		return record.Failed
	}
	if outcome := classify(err, sent); outcome != record.Failed || !sent || !behind || errors.Is(err, pgx.ErrTxCommitRollback) {
		return outcome
	}
	return record.Unknown
}

// failed notes an error. What an earlier statement of the operation has committed stays.
func (c *conn) failed(err error, outcome record.Outcome) error {
	if c.certainty.outcome = outcome; outcome == record.Failed && c.certainty.committed {
		c.certainty.outcome = record.Unknown
	}
	return err
}

// succeeded notes a statement that was answered.
func (c *conn) succeeded(within, writes, commits bool) {
	now := c.status != 'I'
	c.certainty.wrote = c.certainty.wrote || writes
	if !now || commits {
		// Not where a transaction was rolled back; but who does that has asked for it.
		c.certainty.committed = c.certainty.committed || c.certainty.wrote && (commits || !within)
		c.certainty.wrote = false
	}
}

// put adds the binding and the execution of a prepared statement to what is sent next. A
// parameter of nil is NULL.
func (c *conn) put(i int, params [][]byte) {
	st := &c.w.statements[i]
	out, start := c.out, len(c.out)
	out = append(out, st.bind...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(params))) // plan has seen that there are no more
	for _, p := range params {
		if p == nil {
			out = append(out, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(p)))
		out = append(out, p...)
	}
	out = append(out, st.bound...)
	binary.BigEndian.PutUint32(out[start+1:], uint32(len(out)-start-1))
	if c.describe {
		out = append(out, "D\x00\x00\x00\x06P\x00"...)
	}
	out = append(out, "E\x00\x00\x00\x09\x00\x00\x00\x00\x00"...)
	c.out = out
}

func (c *conn) putSync() { c.out = append(c.out, "S\x00\x00\x00\x04"...) }

// putQuery adds a Query. The text may be in c.text.
func (c *conn) putQuery(text []byte) {
	c.text = text
	n := len(text) + 5
	c.out = append(c.out, 'Q', byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	c.out = append(c.out, text...)
	c.out = append(c.out, 0)
}

// largeWrite is from how many bytes on the answers are read while they are still being
// written: a server that cannot get rid of its answers reads no more.
const largeWrite = 32 << 10

// exchange sends what was put, and reads up to ReadyForQuery. sent is whether a byte of
// it has left.
func (c *conn) exchange() (sent bool, err error) {
	before := c.network.written.Load()
	c.answered, c.parsed = 0, 0
	if len(c.out) > largeWrite {
		err = c.exchangeLarge()
	} else if err = c.send(); err == nil {
		err = c.receive()
	}
	if err != nil && !is[*pgconn.PgError](err) {
		c.broken = true
	}
	return c.network.written.Load() > before, err
}

func (c *conn) exchangeLarge() (err error) {
	c.task.Block(func() { err = c.exchangeBothWays() })
	return err
}

func (c *conn) exchangeBothWays() error {
	wrote := make(chan error, 1)
	var panicked any // of the goroutine, for the caller to panic with
	go func() {
		err := errors.New("the sending panicked")
		defer func() {
			if err != nil {
				c.network.sever() // there will be no answer
			}
			wrote <- err
		}()
		defer catch.Keep(&panicked)
		err = c.send()
	}()
	err := c.receive()
	if err != nil && c.broken {
		c.network.sever()
	}
	err = errors.Join(err, <-wrote)
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// receive reads the answers up to ReadyForQuery. The first error counts.
func (c *conn) receive() (first error) {
	for {
		kind, body, err := c.messages.next()
		switch {
		case err != nil:
		case kind == 'D': // DataRow
			err = c.row(body)
		case kind == 'C': // CommandComplete
			err = c.complete(body)
		case kind == 'Z' && len(body) == 1: // ReadyForQuery
			c.status = body[0]
			return first
		case kind == 'E': // ErrorResponse
			var refused *pgconn.PgError
			if refused, err = refusalOf(body); err == nil && first == nil {
				first = refused
			}
			if err == nil && severity(refused) != "ERROR" { // FATAL or PANIC: the server says no more
				c.broken = true
				return first
			}
		default:
			err = c.other(kind, body)
		}
		if err != nil {
			c.broken = true
			return cmp.Or(first, err)
		}
	}
}

func (c *conn) row(body []byte) (err error) {
	if c.answers == nil {
		return nil
	}
	if body == nil {
		return fmt.Errorf("a row of more than %d MiB: %w", largestMessage>>20, errProtocol)
	}
	if c.values, err = rowOf(body, c.values[:0]); err == nil {
		c.answers.row(c.answered, c.values)
	}
	return err
}

func (c *conn) complete(body []byte) error {
	tag, err := tagOf(body)
	if err != nil {
		return err
	}
	c.tag = append(c.tag[:0], tag...)
	if c.answers != nil {
		c.answers.complete(c.answered, c.tag)
	}
	c.answered++
	return nil
}

// other are the messages that are rare, or need nothing to be done.
func (c *conn) other(kind byte, body []byte) error {
	switch kind {
	case '1': // ParseComplete
		c.parsed++
	case 'I': // EmptyQueryResponse
		c.tag = c.tag[:0]
		c.answered++
	case 'T':
		var m pgproto3.RowDescription
		if err := m.Decode(body); err != nil {
			return err
		}
		c.columns = c.columns[:0]
		for _, f := range m.Fields {
			c.columns = append(c.columns, string(f.Name))
		}
	case 'N':
		var m pgproto3.NoticeResponse
		if err := m.Decode(body); err != nil {
			return err
		}
		// A wait for synchronous standbys was cancelled: the commit that is about to be
		// acknowledged is on the primary only.
		c.weak = c.weak || m.Code == kindWeak && m.Routine == "SyncRepWaitForLSN"
	case 'G': // CopyInResponse
		return errCopy
	case '2', '3', 'n', 't', 's', // BindComplete, CloseComplete, NoData, ParameterDescription, PortalSuspended
		'S', 'A', // ParameterStatus, NotificationResponse
		'H', 'W', 'd', 'c': // COPY TO STDOUT, of which nobody wants to know
	default:
		return fmt.Errorf("a message of kind %q: %w", kind, errProtocol)
	}
	return nil
}

func refusalOf(body []byte) (*pgconn.PgError, error) {
	var m pgproto3.ErrorResponse
	if err := m.Decode(body); err != nil {
		return nil, err
	}
	for _, text := range []*string{&m.Message, &m.Detail, &m.Hint, &m.Where, &m.InternalQuery} {
		if len(*text) > longestText {
			*text = strings.Clone((*text)[:longestText])
		}
	}
	return pgconn.ErrorResponseToPgError(&m), nil
}

// longestText is how many bytes of each text of an error are kept.
const longestText = 8 << 10

// rollback ends the transaction that an error has left open. Where that does not work,
// the connection is not to be used again.
func (c *conn) rollback() {
	if c.broken || c.status == 'I' {
		return
	}
	outcome, taker := c.certainty, c.answers
	c.answers, c.out = nil, c.out[:0]
	c.putQuery(append(c.text[:0], "rollback"...))
	if _, err := c.exchange(); err != nil {
		c.broken = true
	}
	c.certainty, c.answers = outcome, taker
}

// usable tells whether the connection can be used for another operation.
func (c *conn) usable() bool { return !c.broken && c.status == 'I' }

// prepare prepares the statements from one to before another that are not, in one
// round trip; with the question who answers, where that is asked.
func (c *conn) prepare(from, to int, identify bool) error {
	c.out = c.out[:0]
	var err error
	wanted := 0
	for i := from; i < to && err == nil && !c.w.simple; i++ {
		if st := &c.w.statements[i]; !c.prepared[i] {
			wanted++
			c.out, err = (&pgproto3.Parse{Name: st.name, Query: st.SQL}).Encode(c.out)
		}
	}
	if identify && err == nil {
		c.out, err = (&pgproto3.Parse{Query: identitySQL}).Encode(c.out)
		c.out = append(c.out, "B\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00E\x00\x00\x00\x09\x00\x00\x00\x00\x00"...)
	}
	if err != nil {
		return err
	}
	if len(c.out) == 0 {
		return nil
	}
	c.putSync()
	_, err = c.exchange()
	var refused *pgconn.PgError
	if identify && errors.As(err, &refused) && c.parsed >= wanted && !c.broken {
		err = nil // one that does not tell who it is: that is no reason not to use it
	}
	if err == nil {
		for i := from; i < to; i++ {
			c.prepared[i] = true
		}
	}
	return err
}
