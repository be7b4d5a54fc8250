package script

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"pgchaos/load/generate"
)

// Kind is what a step is.
type Kind uint8

// The zero Kind is no step.
const (
	SQL           Kind = iota + 1 // send statement Stmt with Params
	Sleep                         // wait for D
	StartPipeline                 // from here on statements are sent without waiting for answers
	SyncPipeline                  // end a transaction of the pipeline, still without waiting
	EndPipeline                   // wait for all the answers
	Done                          // the script is at its end
)

// Store says what to do with the rows that a statement returns.
type Store uint8

// StoreNone, the zero value, is for statements whose rows nobody wants.
const (
	StoreNone    Store = iota
	StoreOneRow        // \gset: there must be exactly one row
	StoreLastRow       // \aset: the last row, if there is any
)

// String is the command that asks for it.
func (s Store) String() string {
	switch s {
	case StoreOneRow:
		return "\\gset"
	case StoreLastRow:
		return "\\aset"
	}
	return "none"
}

// Step is the next thing to do.
type Step struct {
	Kind Kind
	Stmt int // index in Script.Statements
	// Params are the texts of the parameters, nil for NULL. The buffers are the run's:
	// they are good until its next call of Next, Set or Begin.
	Params [][]byte
	D      time.Duration
	// Store asks for a call of Set for each column of the row, as Prefix and the
	// column's name.
	Store  Store
	Prefix string
	Line   int // in the script
}

// Run is one client's way through a script, again and again. It is not safe for use
// by several goroutines.
type Run struct {
	// Debug gets what the function debug() prints; nil: nobody does.
	Debug func(text string)
	// Simple is for the simple protocol, in which the caller takes the statements of
	// AppendText: Params stay empty, and a variable without a value is no error there.
	Simple bool

	script   *Script
	rng      *rand.Rand
	zipfian  generate.Zipfian
	vars     []variable
	params   [][][]byte // of each command
	stack    []value    // the arguments of the functions that are being evaluated
	at       int
	pipeline bool
}

// NewRun makes the run of a client, counted from 0. The same seed and client make the
// same random numbers. set is further variables (pgbench's -D), which win over the
// variables that every run has: client_id, scale, random_seed and default_seed.
func (s *Script) NewRun(client int, seed uint64, set map[string]string, scale int) *Run {
	r := &Run{
		script: s,
		rng:    rand.New(rand.NewPCG(seed, uint64(client))),
		vars:   make([]variable, len(s.names)),
		params: make([][][]byte, len(s.commands)),
	}
	for i := range s.commands {
		r.params[i] = make([][]byte, len(s.commands[i].params))
	}
	// Space for the texts of numbers. A text is never nil, which would be NULL.
	const space = 32
	texts := make([]byte, space*len(r.vars))
	for i := range r.vars {
		r.vars[i].text = texts[i*space : i*space : (i+1)*space]
	}
	mixed := seed
	own := [...]int64{int64(client), int64(scale), int64(seed), int64(splitmix(&mixed))}
	for i, name := range standard {
		if slot, ok := s.slots[name]; ok {
			r.vars[slot].put(integer(own[i]))
		}
	}
	for name, text := range set {
		if slot, ok := s.slots[name]; ok {
			r.vars[slot].putText([]byte(text))
		}
	}
	return r
}

// Begin goes to the script's start. The variables keep their values, as in pgbench.
func (r *Run) Begin() { r.at, r.pipeline = 0, false }

// Next evaluates what comes, up to the next thing to be done, and returns that. An
// error is of the script (as file:line): a division by zero, a variable that is not
// set. The run is then to be begun again.
func (r *Run) Next() (step Step, err error) {
	for r.at < len(r.script.commands) {
		c := &r.script.commands[r.at]
		r.at++
		switch c.kind {
		case commandSQL:
			// Filled in place: a Step is large enough for a copy to be seen in the profile.
			step.Kind, step.Stmt, step.Line = SQL, c.stmt, c.line
			step.Store, step.Prefix = c.store, c.prefix
			if r.pipeline && c.store != StoreNone {
				return step, r.wrong(c, c.store.String(), errors.New("not allowed in pipeline mode"))
			}
			if r.Simple {
				return step, nil
			}
			step.Params = r.params[r.at-1]
			return step, r.bind(c, step.Params)
		case commandSet:
			v, err := r.eval(c.expr)
			if err != nil {
				return step, r.wrong(c, "\\set "+r.script.names[c.slot], err)
			}
			r.vars[c.slot].put(v)
		case commandIf:
			v, err := r.eval(c.expr)
			if err != nil {
				return step, r.wrong(c, "\\if", err)
			}
			if !v.truth() {
				r.at = c.target
			}
		case commandJump:
			r.at = c.target
		case commandSleep:
			step.Kind, step.Line = Sleep, c.line
			step.D, err = r.sleep(c)
			return step, err
		default:
			step.Line = c.line
			step.Kind, err = r.pipelineStep(c)
			return step, err
		}
	}
	if r.pipeline {
		return step, fmt.Errorf("%s: end of script reached with pipeline open", r.script.file)
	}
	step.Kind = Done
	return step, nil
}

func (r *Run) wrong(c *command, what string, err error) error {
	return fmt.Errorf("%s:%d: %s: %w", r.script.file, c.line, what, err)
}

// bind fills in the parameters of a statement.
func (r *Run) bind(c *command, params [][]byte) error {
	for i, slot := range c.params {
		switch v := &r.vars[slot]; v.kind {
		case kindUnset:
			return r.wrong(c, "SQL", fmt.Errorf("undefined variable %q", r.script.names[slot]))
		case kindNull:
			params[i] = nil
		default:
			params[i] = v.bytes()
		}
	}
	return nil
}

func (r *Run) sleep(c *command) (time.Duration, error) {
	if c.slot < 0 {
		return c.pause, nil
	}
	v := &r.vars[c.slot]
	if v.kind == kindUnset {
		return 0, r.wrong(c, "\\sleep", fmt.Errorf("undefined variable %q", r.script.names[c.slot]))
	}
	// Digits up to the first other character, as pgbench reads it: 2.5 is 2.
	text := strings.TrimLeft(string(v.bytes()), " \t\n\v\f\r")
	end := 0
	for end < len(text) && (isDigit(text[end]) || end == 0 && (text[0] == '-' || text[0] == '+')) {
		end++
	}
	n, err := strconv.ParseInt(text[:end], 10, 32)
	if err != nil {
		return 0, r.wrong(c, "\\sleep", fmt.Errorf("malformed time %q", text))
	}
	return max(0, time.Duration(n)*c.unit), nil
}

func (r *Run) pipelineStep(c *command) (Kind, error) {
	starting := c.kind == commandStartPipeline
	switch {
	case starting && r.pipeline:
		return 0, r.wrong(c, "\\startpipeline", errors.New("already in pipeline mode"))
	case !starting && !r.pipeline:
		return 0, r.wrong(c, "pipeline", errors.New("not in pipeline mode"))
	}
	r.pipeline = c.kind != commandEndPipeline
	switch c.kind {
	case commandStartPipeline:
		return StartPipeline, nil
	case commandSyncPipeline:
		return SyncPipeline, nil
	}
	return EndPipeline, nil
}

// Set gives a variable a text, for \gset and \aset: name is Step.Prefix and the
// column's name. NULL is the empty text, as in pgbench.
func (r *Run) Set(name string, text []byte) error {
	if slot, ok := r.script.slots[name]; ok {
		r.vars[slot].putText(text)
		return nil
	}
	if !validName(name) {
		return fmt.Errorf("%s: cannot store into variable %q: invalid variable name", r.script.file, name)
	}
	return nil // nothing reads it
}

// AppendText adds a statement to dst for the simple protocol: the values stand where
// the variables stood, as they are, in quotes as well. What is no variable that has a
// value stays as it is written.
func (r *Run) AppendText(dst []byte, stmt int) []byte {
	st := &r.script.statements[stmt]
	for i := range st.pieces {
		p := &st.pieces[i]
		dst = append(dst, p.text...)
		switch {
		case p.name == "":
		case r.vars[p.slot].kind == kindUnset:
			dst = append(append(dst, ':'), p.name...)
		default:
			dst = append(dst, r.vars[p.slot].bytes()...)
		}
	}
	return dst
}

// Text is AppendText's text as a string.
func (r *Run) Text(stmt int) string { return string(r.AppendText(nil, stmt)) }
