package pgload

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"pgchaos/load/generate"
	"pgchaos/record"
)

// work is what one client does for one part.
type work interface {
	// perform does one operation over a connection, on which everything is prepared that
	// the part wants upfront. After an error conn.certainty.outcome says what is certain.
	perform(ctx context.Context, c *conn) error
	// retry is called when the operation has certainly failed and is tried again.
	retry(server int)
	// settle receives how the operation ended, and which server answered it, by the
	// ledger's number; late as in load.Session.
	settle(op *record.Op, server int, late bool)
}

// noAnswers takes no answers.
type noAnswers struct{}

func (noAnswers) row(int, [][]byte)    {}
func (noAnswers) complete(int, []byte) {}

// nothingKept is the work of which nothing is recorded.
type nothingKept struct{}

func (nothingKept) retry(int)                    {}
func (nothingKept) settle(*record.Op, int, bool) {}

// begin and commit are the ends of a transaction of ours. Between them every statement
// is asked for only if the operation has not been ended meanwhile.
func (s *session) begin(ctx context.Context, c *conn) error {
	return s.step(ctx, c, beginStatement, nil)
}

func (s *session) commit(ctx context.Context, c *conn) error {
	return s.step(ctx, c, commitStatement, nil)
}

func (s *session) step(ctx context.Context, c *conn, i int, params [][]byte) error {
	if c.certainty.calls > 0 {
		if err := s.halted(ctx); err != nil {
			return c.stopped(err)
		}
	}
	return c.run(i, params)
}

// stopped is the end of an operation between two of its statements. The transaction that
// is open is rolled back with the connection.
func (c *conn) stopped(err error) error {
	c.broken = true
	return c.failed(err, record.Failed)
}

// update changes one row, by its key, drawn uniformly; or several in a pipeline.
type update struct {
	nothingKept
	part   *part
	random *rand.Rand
	client int
	count  int64
	missed bool
	key    []byte
	value  []byte
	params [2][]byte
}

func (u *update) row(int, [][]byte) {}

func (u *update) complete(_ int, tag []byte) { u.missed = u.missed || string(tag) != "UPDATE 1" }

func (u *update) perform(_ context.Context, c *conn) error {
	c.answers, u.missed = u, false
	var err error
	if n := u.part.cfg.Pipeline; n == 1 {
		err = c.run(u.part.first, u.bind())
	} else {
		c.out = c.out[:0]
		for range n {
			c.put(u.part.first, u.bind())
		}
		err = c.runBatch(true, false)
	}
	if err == nil && u.missed {
		c.certainty.outcome = record.Failed
		if u.part.cfg.Pipeline > 1 { // of which others may have been there
			c.certainty.outcome = record.Unknown
		}
		return &noRowError{"the update found no row with the key that it was given"}
	}
	return err
}

func (u *update) bind() [][]byte {
	u.key = strconv.AppendInt(u.key[:0], 1+u.random.Int64N(int64(u.part.cfg.Rows)), 10)
	u.count++
	u.value = record.AppendPayload(u.value[:0], record.PackKey(u.client, 1+u.count%record.MaxSeq), u.part.cfg.Payload)
	u.params = [2][]byte{u.value, u.key}
	return u.params[:]
}

// noRowError is that a statement succeeded and did not do what it was sent for.
type noRowError struct{ what string }

func (e *noRowError) Error() string { return e.what }

// userSQL is a statement of the user's, or a transaction of several.
type userSQL struct {
	nothingKept
	noAnswers
	part    *part
	session *session
	source  *generate.Source
	values  [][]byte   // by generator, of the operation at hand
	params  [][][]byte // by statement
}

func newSQL(p *part, s *session) *userSQL {
	u := &userSQL{part: p, session: s, source: &generate.Source{Rand: s.random, Client: s.client, Now: time.Now}}
	u.values = make([][]byte, len(p.generators))
	for i := range u.values {
		u.values[i] = make([]byte, 0, 16) // never nil, which is NULL
	}
	for _, which := range p.variables {
		u.params = append(u.params, make([][]byte, len(which)))
	}
	return u
}

func (u *userSQL) perform(ctx context.Context, c *conn) error {
	c.answers = nil
	first := u.part.first
	if n := u.part.cfg.Pipeline; n > 1 {
		c.out = c.out[:0]
		for range n {
			u.draw()
			c.put(first, u.bind(0))
		}
		st := &c.w.statements[first]
		return c.runBatch(st.writes, st.controlling || st.procedure)
	}
	u.draw()
	if !u.part.transaction {
		return c.run(first, u.bind(0))
	}
	err := u.session.begin(ctx, c)
	for i := 0; err == nil && i < len(u.params); i++ {
		err = u.session.step(ctx, c, first+i, u.bind(i))
	}
	if err == nil {
		err = u.session.commit(ctx, c)
	}
	return err
}

// draw makes the values of one operation: a parameter is the same in all statements of a
// transaction.
func (u *userSQL) draw() {
	for i, g := range u.part.generators {
		u.values[i] = g.Append(u.values[i][:0], u.source)
	}
}

func (u *userSQL) bind(i int) [][]byte {
	for n, which := range u.part.variables[i] {
		u.params[i][n] = u.values[which]
	}
	return u.params[i]
}
