package script

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// lineError is what is wrong, and on which line.
type lineError struct {
	line int
	what string
}

// compiler makes a Script of its text.
type compiler struct {
	script *Script
	source *source
	stored map[string]int // which statement is of a text
	wrong  []lineError
	ifs    []branch // those that are open
	// last is whether the last command was SQL, so that a \gset can follow it.
	last bool
}

// branch is an \if that no \endif has ended yet.
type branch struct {
	line    int
	test    int   // the command that jumps if the condition does not hold; -1: behind \else
	leaving []int // the jumps from the ends of its branches to the \endif
}

func (c *compiler) errorf(line int, format string, args ...any) {
	c.wrong = append(c.wrong, lineError{line, fmt.Sprintf(format, args...)})
}

func (c *compiler) compile() {
	for {
		sql := c.source.sql()
		c.sql(sql)
		if sql.end == endOfText {
			break
		}
		if sql.end == endBackslash {
			c.command()
		}
	}
	for _, open := range c.ifs {
		c.errorf(open.line, "\\if without matching \\endif")
	}
}

func (c *compiler) add(cmd command) int {
	c.last = cmd.kind == commandSQL
	c.script.commands = append(c.script.commands, cmd)
	return len(c.script.commands) - 1
}

// sql adds a statement. What is nothing but comments is none.
func (c *compiler) sql(sql sqlText) {
	if sql.wrong != "" {
		c.errorf(c.source.line(sql.wrongAt), "%s", sql.wrong)
	}
	if sql.empty {
		return
	}
	stmt, ok := c.stored[sql.text]
	if !ok {
		st := Placeholders(sql.text)
		st.Line, st.Compound = sql.line, sql.compound
		for i := range st.pieces {
			if name := st.pieces[i].name; name != "" {
				st.pieces[i].slot = c.script.slot(name)
			}
		}
		stmt = len(c.script.statements)
		c.stored[sql.text] = stmt
		c.script.statements = append(c.script.statements, st)
	}
	cmd := command{kind: commandSQL, line: sql.line, stmt: stmt}
	for _, name := range c.script.statements[stmt].Vars {
		cmd.params = append(cmd.params, c.script.slot(name))
	}
	c.add(cmd)
}

// command adds the command whose backslash was just read.
func (c *compiler) command() {
	start := c.source.at - 1
	line := c.source.line(start)
	from, to := c.source.command()
	name, from, ok := c.source.nextWord(from, to)
	if !ok {
		return // a backslash alone, which pgbench passes over, too
	}
	switch verb := strings.ToLower(name.text); verb {
	case "set":
		c.set(line, from, to)
	case "if", "elif":
		c.condition(verb, line, from, to)
	case "gset", "aset":
		c.gset(verb, line, c.words(from, to))
	case "sleep":
		c.sleep(line, c.words(from, to))
	case "else", "endif", "startpipeline", "syncpipeline", "endpipeline":
		if words := c.words(from, to); len(words) > 0 {
			c.errorf(line, "\\%s: unexpected argument %q", verb, words[0].text)
		}
		c.bareCommand(verb, line)
	case "shell", "setshell":
		c.errorf(line, "not supported: \\%s runs commands of the shell", verb)
	default:
		c.errorf(line, "invalid command \\%s", name.text)
	}
}

func (c *compiler) words(from, to int) []word {
	var words []word
	for {
		w, next, ok := c.source.nextWord(from, to)
		if !ok {
			return words
		}
		words, from = append(words, w), next
	}
}

// expr reads the expression of a command; nil: it is wrong.
func (c *compiler) expr(verb string, from, to int) *node {
	n, err := parseExpr(c.source.text, from, to, func(name string) int {
		slot := c.script.slot(name)
		c.script.uses = append(c.script.uses, use{slot, c.source.line(from)})
		return slot
	})
	if err != nil {
		c.errorf(c.source.line(err.at), "\\%s: %s", verb, err.what)
		return nil
	}
	return n
}

func (c *compiler) set(line, from, to int) {
	name, from, ok := c.source.nextWord(from, to)
	if !ok {
		c.errorf(line, "\\set: missing argument")
		return
	}
	if !validName(name.text) {
		c.errorf(line, "\\set: invalid variable name %q", name.text)
	}
	expr := c.expr("set", from, to)
	c.script.assigned[name.text] = true
	c.add(command{kind: commandSet, line: line, slot: c.script.slot(name.text), expr: expr})
}

// condition is \if and \elif.
func (c *compiler) condition(verb string, line, from, to int) {
	if verb == "elif" && !c.leave(verb, line) {
		return
	}
	test := c.add(command{kind: commandIf, line: line, expr: c.expr(verb, from, to)})
	if verb == "if" {
		c.ifs = append(c.ifs, branch{line: line})
	}
	c.ifs[len(c.ifs)-1].test = test
}

// leave ends a branch: what ran to its end jumps to the \endif, and an execution
// that the condition kept out continues behind that jump.
func (c *compiler) leave(verb string, line int) bool {
	if len(c.ifs) == 0 {
		c.errorf(line, "\\%s without matching \\if", verb)
		return false
	}
	open := &c.ifs[len(c.ifs)-1]
	if open.test < 0 {
		c.errorf(line, "\\%s after \\else", verb)
		return false
	}
	open.leaving = append(open.leaving, c.add(command{kind: commandJump, line: line}))
	c.script.commands[open.test].target = len(c.script.commands)
	open.test = -1
	return true
}

// bareCommand is a command without arguments.
func (c *compiler) bareCommand(verb string, line int) {
	switch verb {
	case "else":
		c.leave(verb, line)
	case "endif":
		if len(c.ifs) == 0 {
			c.errorf(line, "\\endif without matching \\if")
			return
		}
		open := c.ifs[len(c.ifs)-1]
		c.ifs = c.ifs[:len(c.ifs)-1]
		if open.test >= 0 {
			c.script.commands[open.test].target = len(c.script.commands)
		}
		for _, jump := range open.leaving {
			c.script.commands[jump].target = len(c.script.commands)
		}
		c.last = false
	case "startpipeline":
		c.add(command{kind: commandStartPipeline, line: line})
	case "syncpipeline":
		c.add(command{kind: commandSyncPipeline, line: line})
	case "endpipeline":
		c.add(command{kind: commandEndPipeline, line: line})
	}
}

// gset makes the statement before it store its row in variables.
func (c *compiler) gset(verb string, line int, words []word) {
	last := len(c.script.commands) - 1
	if !c.last || c.script.commands[last].store != StoreNone {
		c.errorf(line, "\\%s must follow an SQL command", verb)
		return
	}
	cmd := &c.script.commands[last]
	cmd.store = StoreOneRow
	if verb == "aset" {
		cmd.store = StoreLastRow
	}
	if len(words) > 1 {
		c.errorf(line, "\\%s: too many arguments", verb)
	}
	if len(words) > 0 {
		cmd.prefix = words[0].text
		if !validName(cmd.prefix) {
			c.errorf(line, "\\%s: invalid variable name %q", verb, cmd.prefix)
		}
	}
	c.script.prefixes = append(c.script.prefixes, cmd.prefix)
}

// sleep reads \sleep 10 ms, \sleep 10ms and \sleep :pause us; without a unit it is seconds.
func (c *compiler) sleep(line int, words []word) {
	switch {
	case len(words) == 0:
		c.errorf(line, "\\sleep: missing argument")
		return
	case len(words) > 2:
		c.errorf(line, "\\sleep: too many arguments")
		return
	}
	cmd := command{kind: commandSleep, line: line, slot: -1, unit: time.Second}
	number, unit := words[0].text, ""
	if name, isVariable := strings.CutPrefix(number, ":"); isVariable {
		if !validName(name) {
			c.errorf(line, "\\sleep: invalid variable name %q", name)
			return
		}
		cmd.slot = c.script.slot(name)
		c.script.uses = append(c.script.uses, use{cmd.slot, line})
	} else {
		sign := len(number) - len(strings.TrimLeft(number, "+-"))
		digits := strings.TrimLeft(number[sign:], "0123456789")
		number, unit = number[:len(number)-len(digits)], digits
	}
	if len(words) == 2 {
		if unit != "" {
			c.errorf(line, "\\sleep: invalid sleep time, must be an integer: %q", words[0].text)
			return
		}
		unit = words[1].text
	}
	if unit != "" || len(words) == 2 {
		known := map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second}
		d, ok := known[strings.ToLower(unit)]
		if !ok {
			c.errorf(line, "\\sleep: unrecognized time unit, must be us, ms or s: %q", unit)
			return
		}
		cmd.unit = d
	}
	if cmd.slot < 0 {
		// 32 bits, as pgbench has it, in which even seconds fit into a duration.
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			c.errorf(line, "\\sleep: invalid sleep time, must be an integer: %q", words[0].text)
			return
		}
		cmd.pause = max(0, time.Duration(n)*cmd.unit)
	}
	c.add(cmd)
}
