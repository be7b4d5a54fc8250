package pgload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pgchaos/load"
	"pgchaos/load/script"
	"pgchaos/record"
)

// scripted runs a script in pgbench's language: one operation is the script from its
// start to its end.
type scripted struct {
	nothingKept
	part    *part
	session *session
	run     *script.Run

	step script.Step // whose rows are stored in variables
	conn *conn       // that it was sent over
	// Of the newest result of the step's statement, of which \; can join several:
	result int // its number
	rows   int
	last   [][]byte
	wrong  error // what kept a row from being stored

	queued          int // statements put into the pipeline and not yet sent
	writes, control bool
}

func (s *scripted) row(n int, values [][]byte) {
	if n != s.result {
		s.result, s.rows = n, 0
	}
	s.rows++
	s.last = s.last[:0]
	for _, v := range values {
		s.last = append(s.last, append([]byte(nil), v...))
	}
}

// complete stores the last row of each result for \aset, as pgbench does: columns of the
// same name in a later result win.
func (s *scripted) complete(n int, _ []byte) {
	if n != s.result {
		s.result, s.rows = n, 0
	}
	if s.step.Store == script.StoreLastRow && s.rows > 0 && s.wrong == nil {
		s.wrong = s.keep()
	}
}

func (s *scripted) perform(ctx context.Context, c *conn) error {
	s.run.Begin()
	c.answers = nil
	pipeline := false
	s.empty(c)
	for {
		step, err := s.run.Next()
		if err != nil {
			return c.failed(&scriptError{err}, record.Failed)
		}
		switch step.Kind {
		case script.Done:
			return nil
		case script.StartPipeline:
			pipeline = true
		case script.EndPipeline, script.SyncPipeline:
			pipeline = step.Kind == script.SyncPipeline
			err = s.flush(ctx, c)
		case script.Sleep:
			err = s.sleep(ctx, c, step.D)
		case script.SQL:
			if pipeline {
				err = s.queue(c, step)
			} else {
				err = s.statement(ctx, c, step)
			}
		}
		if err != nil {
			return err
		}
	}
}

func (s *scripted) statement(ctx context.Context, c *conn, step script.Step) error {
	if c.certainty.calls > 0 {
		if err := s.session.halted(ctx); err != nil {
			return c.stopped(err)
		}
	}
	wanted := step.Store != script.StoreNone
	if wanted {
		s.step, s.conn, s.result, s.rows, s.wrong = step, c, 0, 0, nil
		c.answers, c.describe = s, true
	}
	var err error
	if i := s.part.first + step.Stmt; c.w.simple {
		err = c.runText(i, s.run.AppendText(c.text[:0], step.Stmt))
	} else {
		err = c.run(i, step.Params)
	}
	if c.answers, c.describe = nil, false; err == nil && wanted {
		if err = s.store(); err != nil {
			err = c.failed(&scriptError{err}, record.Failed)
		}
	}
	return err
}

// store sets the variables of \gset, for which the last of the results counts; those of
// \aset are set already.
func (s *scripted) store() error {
	if s.step.Store == script.StoreLastRow {
		return s.wrong
	}
	if s.rows != 1 || s.result != s.conn.answered-1 {
		return fmt.Errorf("%s:%d: \\gset: the statement returned %d rows, not one", s.part.cfg.ScriptName, s.step.Line, s.rows)
	}
	return s.keep()
}

// keep gives the values of the newest row to the variables named like its columns.
func (s *scripted) keep() error {
	for i, v := range s.last {
		if err := s.run.Set(s.step.Prefix+s.conn.columns[i], v); err != nil {
			return err
		}
	}
	return nil
}

// sleep is a part of the operation, but no waiting for the server: it does not count
// towards the time-out. What gives the operation up or ends it ends the sleep.
func (s *scripted) sleep(ctx context.Context, c *conn, d time.Duration) (err error) {
	load.Sleeps(ctx, d)
	c.task.Block(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			err = c.stopped(errGivenUp)
		}
	})
	return err
}

// queue puts a statement into the pipeline. One that is not prepared yet is prepared in
// a round trip of its own before, as pgbench does it.
func (s *scripted) queue(c *conn, step script.Step) error {
	i := s.part.first + step.Stmt
	if !c.prepared[i] {
		put := append([]byte(nil), c.out...)
		if err := c.prepare(i, i+1, false); err != nil {
			return c.failed(err, record.Failed) // of what was put nothing was sent
		}
		c.out = append(c.out[:0], put...)
	}
	st := &c.w.statements[i]
	s.writes = s.writes || st.writes && !st.controlling
	s.control = s.control || st.controlling || st.procedure
	s.queued++
	c.put(i, step.Params)
	return nil
}

// flush sends the pipeline, up to its end or to a \syncpipeline, and waits for the answers.
func (s *scripted) flush(ctx context.Context, c *conn) error {
	if s.queued == 0 {
		return nil
	}
	if c.certainty.calls > 0 {
		if err := s.session.halted(ctx); err != nil {
			return c.stopped(err)
		}
	}
	err := c.runBatch(s.writes, s.control)
	s.empty(c)
	return err
}

func (s *scripted) empty(c *conn) {
	s.queued, s.writes, s.control = 0, false, false
	c.out = c.out[:0]
}

// scriptError is an error of the script, not of the server.
type scriptError struct{ err error }

func (e *scriptError) Error() string { return e.err.Error() }
func (e *scriptError) Unwrap() error { return e.err }

var errOpen = errors.New("the operation left a transaction open, which is rolled back")
