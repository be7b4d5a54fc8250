package script

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// node is an expression.
type node struct {
	op    op
	value value // opConstant
	slot  int   // opVariable: which of the script's
	args  []*node
}

// What an expression may measure. pgbench's own parser gives up on much less nesting
// than its files have, and without a bound a file could exhaust the stack.
const (
	maxNesting = 500
	maxNodes   = 10_000
	maxArgs    = 16 // of a function, as in pgbench
)

// exprError is what is wrong with an expression, and where.
type exprError struct {
	at   int
	what string
}

// parser reads an expression by precedence climbing.
type parser struct {
	lex     lexer
	next    lexeme
	slot    func(name string) int
	nesting int
	nodes   int
}

// parseExpr reads the expression between two offsets of a text. slot gives the number
// of the variable of a name.
func parseExpr(text string, from, to int, slot func(name string) int) (*node, *exprError) {
	p := &parser{lex: lexer{text: text, at: from, end: to}, slot: slot}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.binary(1)
	if err != nil {
		return nil, err
	}
	if p.next.kind != lexEnd {
		return nil, p.unexpected()
	}
	return n, nil
}

func (p *parser) advance() *exprError {
	x, err := p.lex.next()
	p.next = x
	if err != nil {
		return &exprError{x.at, err.Error()}
	}
	return nil
}

func (p *parser) unexpected() *exprError {
	switch p.next.kind {
	case lexEnd:
		return &exprError{p.next.at, "syntax error at the end"}
	case lexVariable:
		return &exprError{p.next.at, "syntax error at " + strconv.Quote(":"+p.next.text)}
	}
	return &exprError{p.next.at, "syntax error at " + strconv.Quote(p.next.text)}
}

func (p *parser) is(symbol string) bool {
	return p.next.kind == lexSymbol && p.next.text == symbol
}

// expect passes over a symbol that has to be there.
func (p *parser) expect(symbol string) *exprError {
	if !p.is(symbol) {
		return p.unexpected()
	}
	return p.advance()
}

func (p *parser) node(op op, args ...*node) (*node, *exprError) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, &exprError{p.next.at, fmt.Sprintf("expression of more than %d operations", maxNodes)}
	}
	return &node{op: op, args: args}, nil
}

// The precedences, lowest first, as in PostgreSQL's grammar for pgbench.
const (
	precOr = iota + 1
	precAnd
	precNot
	precIs
	precCompare
	precBits
	precAdd
	precMultiply
	precUnary
)

type operator struct {
	op   op
	prec int
	swap bool // a > b is b < a
}

var operators = map[string]operator{
	"or":  {op: opOr, prec: precOr},
	"and": {op: opAnd, prec: precAnd},
	"<":   {op: opLess, prec: precCompare},
	">":   {op: opLess, prec: precCompare, swap: true},
	"<=":  {op: opLessEqual, prec: precCompare},
	">=":  {op: opLessEqual, prec: precCompare, swap: true},
	"=":   {op: opEqual, prec: precCompare},
	"<>":  {op: opNotEqual, prec: precCompare},
	"!=":  {op: opNotEqual, prec: precCompare},
	"|":   {op: opBitOr, prec: precBits},
	"#":   {op: opBitXor, prec: precBits},
	"&":   {op: opBitAnd, prec: precBits},
	"<<":  {op: opShiftLeft, prec: precBits},
	">>":  {op: opShiftRight, prec: precBits},
	"+":   {op: opAdd, prec: precAdd},
	"-":   {op: opSubtract, prec: precAdd},
	"*":   {op: opMultiply, prec: precMultiply},
	"/":   {op: opDivide, prec: precMultiply},
	"%":   {op: opMod, prec: precMultiply},
}

// binary reads an expression whose operators outside of brackets have at least a
// precedence.
func (p *parser) binary(least int) (*node, *exprError) {
	if p.nesting++; p.nesting > maxNesting {
		return nil, &exprError{p.next.at, "expression nested too deeply"}
	}
	defer func() { p.nesting-- }()
	left, err := p.unary()
	for err == nil && p.next.kind == lexSymbol {
		if p.is("is") || p.is("isnull") || p.is("notnull") {
			if precIs < least {
				break
			}
			left, err = p.isTest(left)
			continue
		}
		o, ok := operators[p.next.text]
		if !ok || o.prec < least {
			break
		}
		left, err = p.operation(left, o)
	}
	return left, err
}

// operation reads an operator and what is right of it.
func (p *parser) operation(left *node, o operator) (*node, *exprError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.binary(o.prec + 1)
	if err != nil {
		return nil, err
	}
	if again, ok := operators[p.next.text]; ok && p.next.kind == lexSymbol && o.prec == precCompare && again.prec == precCompare {
		return nil, p.unexpected() // a < b < c
	}
	if o.swap {
		left, right = right, left
	}
	return p.node(o.op, left, right)
}

// isTest reads what follows an expression that is tested: IS [NOT] NULL, TRUE or
// FALSE, ISNULL, NOTNULL.
func (p *parser) isTest(left *node) (*node, *exprError) {
	not, what := p.is("notnull"), value{kind: kindNull}
	short := !p.is("is")
	if err := p.advance(); err != nil {
		return nil, err
	}
	if !short {
		if not = p.is("not"); not {
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
		switch {
		case p.is("null"):
		case p.is("true"), p.is("false"):
			what = boolean(p.is("true"))
		default:
			return nil, p.unexpected()
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	n, err := p.node(opIs, left, &node{op: opConstant, value: what})
	if err == nil && not {
		n, err = p.node(opNot, n)
	}
	return n, err
}

// unary reads what stands between two binary operators. -x is 0 - x and ~x is -1 # x,
// as pgbench has them.
func (p *parser) unary() (*node, *exprError) {
	prefix := func(least int) (*node, *exprError) {
		if err := p.advance(); err != nil {
			return nil, err
		}
		return p.binary(least)
	}
	switch {
	case p.is("+"):
		return prefix(precUnary)
	case p.is("-"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.next.kind == lexMinInt {
			return p.constant(integer(math.MinInt64))
		}
		n, err := p.binary(precUnary)
		if err != nil {
			return nil, err
		}
		if n.op == opConstant && n.value.kind == kindInt && n.value.i != math.MinInt64 {
			return &node{op: opConstant, value: integer(-n.value.i)}, nil
		}
		return p.node(opSubtract, &node{op: opConstant, value: integer(0)}, n)
	case p.is("~"):
		n, err := prefix(precBits + 1)
		if err != nil {
			return nil, err
		}
		return p.node(opBitXor, &node{op: opConstant, value: integer(-1)}, n)
	case p.is("not"):
		n, err := prefix(precNot)
		if err != nil {
			return nil, err
		}
		return p.node(opNot, n)
	}
	return p.primary()
}

func (p *parser) constant(v value) (*node, *exprError) {
	n, err := p.node(opConstant)
	if err != nil {
		return nil, err
	}
	n.value = v
	return n, p.advance()
}

func (p *parser) primary() (*node, *exprError) {
	switch {
	case p.next.kind == lexInt:
		return p.constant(integer(p.next.i))
	case p.next.kind == lexDouble:
		return p.constant(double(p.next.d))
	case p.next.kind == lexMinInt:
		return nil, &exprError{p.next.at, "bigint constant overflow " + strconv.Quote(p.next.text)}
	case p.next.kind == lexVariable:
		if !validName(p.next.text) {
			return nil, &exprError{p.next.at, "invalid variable name " + strconv.Quote(p.next.text)}
		}
		n, err := p.node(opVariable)
		if err != nil {
			return nil, err
		}
		n.slot = p.slot(p.next.text)
		return n, p.advance()
	case p.next.kind == lexName:
		return p.call()
	case p.is("null"):
		return p.constant(value{kind: kindNull})
	case p.is("true"), p.is("false"):
		return p.constant(boolean(p.is("true")))
	case p.is("case"):
		return p.caseOf()
	case p.is("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		n, err := p.binary(1)
		if err != nil {
			return nil, err
		}
		return n, p.expect(")")
	}
	return nil, p.unexpected()
}

// call reads a function's name and its arguments.
func (p *parser) call() (*node, *exprError) {
	name, at := strings.ToLower(p.next.text), p.next.at
	f, ok := functions[name]
	if !ok {
		return nil, &exprError{at, "unexpected function name " + strconv.Quote(p.next.text)}
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var args []*node
	for !p.is(")") {
		if len(args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.binary(1)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	switch {
	case len(args) < f.least && f.most > f.least+1:
		return nil, &exprError{at, "at least one argument expected (" + name + ")"}
	case len(args) > maxArgs:
		return nil, &exprError{at, fmt.Sprintf("too many function arguments, maximum is %d (%s)", maxArgs, name)}
	case len(args) < f.least || len(args) > f.most:
		return nil, &exprError{at, "unexpected number of arguments (" + name + ")"}
	}
	if f.seeded && len(args) < f.most {
		args = append(args, &node{op: opVariable, slot: p.slot("default_seed")})
	}
	n, err := p.node(f.op, args...)
	if err != nil {
		return nil, err
	}
	return n, p.advance()
}

// caseOf reads CASE WHEN a THEN b ... [ELSE c] END; without an ELSE it is NULL.
func (p *parser) caseOf() (*node, *exprError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if !p.is("when") {
		return nil, p.unexpected()
	}
	var args []*node
	part := func(keyword string) *exprError {
		if err := p.expect(keyword); err != nil {
			return err
		}
		n, err := p.binary(1)
		args = append(args, n)
		return err
	}
	for p.is("when") {
		if err := part("when"); err != nil {
			return nil, err
		}
		if err := part("then"); err != nil {
			return nil, err
		}
	}
	if p.is("else") {
		if err := part("else"); err != nil {
			return nil, err
		}
	} else {
		args = append(args, &node{op: opConstant, value: value{kind: kindNull}})
	}
	n, err := p.node(opCase, args...)
	if err != nil {
		return nil, err
	}
	return n, p.expect("end")
}
