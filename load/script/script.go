// Package script reads and runs the script files of pgbench: SQL with variables, and
// the commands that begin with a backslash. It sends nothing: a Run says what is to be
// done next, and its caller does it.
package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Script is a script file, read and found to be right. It is shared by all its runs.
type Script struct {
	file       string
	commands   []command
	statements []Statement
	names      []string       // of the variables, by slot
	slots      map[string]int // of names
	prefixes   []string       // of \gset and \aset
	assigned   map[string]bool
	uses       []use
}

// use is a place where an expression or a command reads a variable.
type use struct {
	slot, line int
}

// commandKind is what a command does.
type commandKind uint8

const (
	commandSQL commandKind = iota
	commandSet
	commandSleep
	commandIf   // goes on at target if expr is not true
	commandJump // goes on at target
	commandStartPipeline
	commandSyncPipeline
	commandEndPipeline
)

// command is a compiled step of a script.
type command struct {
	kind   commandKind
	line   int
	stmt   int           // SQL: which of the statements
	params []int         // SQL: the slots of its parameters
	store  Store         // SQL
	prefix string        // SQL: of the variables that the row is stored in
	slot   int           // set; sleep: the variable with the time, or -1
	expr   *node         // set, if
	unit   time.Duration // sleep
	pause  time.Duration // sleep, without a variable
	target int           // if, jump
}

// Parse reads a script. The error is every error of the file, each as file:line: what
// is wrong.
func Parse(file, text string) (*Script, error) {
	c := &compiler{
		script: &Script{file: file, slots: map[string]int{}, assigned: map[string]bool{}},
		source: newSource(text),
		stored: map[string]int{},
	}
	c.compile()
	slices.SortStableFunc(c.wrong, func(a, b lineError) int { return a.line - b.line })
	var errs []error
	for _, e := range c.wrong {
		errs = append(errs, fmt.Errorf("%s:%d: %s", file, e.line, e.what))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if len(c.script.commands) == 0 {
		return nil, fmt.Errorf("%s: there is no command in it", file)
	}
	return c.script, nil
}

// Statements are the distinct SQL statements, in the order of the file. Step.Stmt is
// an index of theirs.
func (s *Script) Statements() []Statement { return s.statements }

// Pipelines says whether the script uses pipeline mode.
func (s *Script) Pipelines() bool {
	return slices.ContainsFunc(s.commands, func(c command) bool { return c.kind == commandStartPipeline })
}

// slot is the number of the variable of a name, which it gets if it has none.
func (s *Script) slot(name string) int {
	slot, ok := s.slots[name]
	if !ok {
		slot = len(s.names)
		s.names, s.slots[name] = append(s.names, name), slot
	}
	return slot
}

// standard are the variables that every run has.
var standard = []string{"client_id", "scale", "random_seed", "default_seed"}

// Check says what of a script cannot work with the given further variables (pgbench's
// -D) over a protocol, extended or simple, before anything runs: names that cannot be
// variables, variables that nothing sets, and what only the other protocol can do. The
// error is every such thing, as file:line.
func (s *Script) Check(set map[string]string, simple bool) error {
	var found []lineError
	wrong := func(line int, format string, args ...any) {
		found = append(found, lineError{line, fmt.Sprintf(format, args...)})
	}
	for _, u := range s.uses {
		if !s.known(s.names[u.slot], set) {
			wrong(u.line, "undefined variable %q", s.names[u.slot])
		}
	}
	for i := range s.statements {
		st := &s.statements[i]
		for _, name := range st.Vars {
			if !s.known(name, set) {
				wrong(st.Line, "undefined variable %q", name)
			}
		}
		if simple {
			continue
		}
		for _, name := range st.bare {
			if s.sets(name, set) {
				wrong(st.Line, "\":%s\" in quotes or right behind a word can only be put in with the simple protocol", name)
			}
		}
		if st.Compound {
			wrong(st.Line, "statements joined by \"\\;\" can only be sent with the simple protocol")
		}
	}
	for _, c := range s.commands {
		if simple && c.kind >= commandStartPipeline {
			wrong(c.line, "pipeline mode needs the extended protocol")
		}
	}
	slices.SortStableFunc(found, func(a, b lineError) int { return a.line - b.line })
	var errs []error
	for name := range set {
		if !validName(name) {
			errs = append(errs, fmt.Errorf("%q cannot be the name of a variable", name))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	for _, e := range slices.Compact(found) {
		errs = append(errs, fmt.Errorf("%s:%d: %s", s.file, e.line, e.what))
	}
	return errors.Join(errs...)
}

// sets says whether a variable is surely set by something: the script, set, or
// pgbench's own rules.
func (s *Script) sets(name string, set map[string]string) bool {
	_, given := set[name]
	return given || s.assigned[name] || slices.Contains(standard, name)
}

// known says whether a variable is or may be set: a \gset can set everything that
// begins with its prefix.
func (s *Script) known(name string, set map[string]string) bool {
	return s.sets(name, set) || slices.ContainsFunc(s.prefixes, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}
