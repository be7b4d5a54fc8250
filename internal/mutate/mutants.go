package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// mutant is one way in which a package would be wrong.
type mutant struct {
	file string // its base name
	line int
	fn   string // function or method: cause, holder.take; "" outside of any
	// what is the text before and after: stable where lines move.
	what string
}

// switchName is the variable that says which mutant is on, by its number; 0: none.
const switchName = "mutantSwitchedOn"

// edit is text to be inserted. Where many are at one place, the outer ones come first
// if they open something, and last if they close it.
type edit struct {
	at     int
	text   string
	closes bool
	order  int
}

// mutator rewrites one file so that it holds all of its mutants, each behind the switch:
// one compilation, and not one for each of them.
type mutator struct {
	fset  *token.FileSet
	src   []byte
	name  string
	fn    string
	all   *[]mutant
	edits []edit
	order int
	// whole are conditions that become true and false anyway, and bare the statements
	// behind such a condition: what else could be done to them says the same again.
	whole map[ast.Expr]bool
	bare  map[ast.Stmt]bool
	// ends are switches that may have to end their function.
	ends map[ast.Stmt]bool
}

// mutate appends the mutants of a file to all, whose numbers are their places from 1
// on, and returns the file that holds them.
func mutate(name string, src []byte, all *[]mutant) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	m := &mutator{
		fset: fset, src: src, name: name, all: all,
		whole: make(map[ast.Expr]bool), bare: make(map[ast.Stmt]bool), ends: make(map[ast.Stmt]bool),
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		m.fn = f.Name.Name
		if f.Recv != nil {
			m.fn = strings.Trim(m.text(f.Recv.List[0].Type), "*") + "." + m.fn
		}
		m.end(f.Body)
		ast.Inspect(f.Body, m.visit)
	}
	return m.apply(), nil
}

func (m *mutator) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncLit:
		m.end(n.Body)
	case *ast.IfStmt:
		m.condition(n.Cond, "if ")
		if n.Else == nil {
			m.exit(n.Body.List, len(n.Body.List) == 1)
		}
	case *ast.ForStmt:
		if n.Cond != nil {
			m.whole[n.Cond] = true
			k := m.add(n.Cond, "for "+m.text(n.Cond), "for false")
			m.wrap(n.Cond, fmt.Sprintf("(%s != %d && (", switchName, k), "))")
		}
	case *ast.SwitchStmt:
		m.cases(n)
	case *ast.BinaryExpr:
		m.binary(n)
	}
	return true
}

func (m *mutator) text(n ast.Node) string {
	b := m.src[m.offset(n.Pos()):m.offset(n.End())]
	return strings.Join(strings.Fields(string(b)), " ")
}

func (m *mutator) offset(p token.Pos) int { return m.fset.Position(p).Offset }

// add notes a mutant, and returns its number.
func (m *mutator) add(at ast.Node, before, after string) int {
	*m.all = append(*m.all, mutant{m.name, m.fset.Position(at.Pos()).Line, m.fn, before + "  =>  " + after})
	return len(*m.all)
}

func (m *mutator) wrap(n ast.Node, before, after string) {
	m.order++
	m.edits = append(m.edits,
		edit{m.offset(n.Pos()), before, false, m.order},
		edit{m.offset(n.End()), after, true, m.order})
}

// condition becomes true, and false.
func (m *mutator) condition(cond ast.Expr, word string) {
	m.whole[cond] = true
	yes := m.add(cond, word+m.text(cond), word+"true")
	no := m.add(cond, word+m.text(cond), word+"false")
	m.wrap(cond, fmt.Sprintf("((%s == %d || %s != %d && (", switchName, yes, switchName, no), ")))")
}

// end notes the statement at the end of a function: the compiler may need it to leave.
func (m *mutator) end(body *ast.BlockStmt) {
	if n := len(body.List); n > 0 {
		m.ends[body.List[n-1]] = true
	}
}

// exit leaves the early exit at the end of a body out; alone says that the body has
// nothing else, which its condition's being false says already.
func (m *mutator) exit(body []ast.Stmt, alone bool) {
	if len(body) == 0 || alone {
		return
	}
	last := body[len(body)-1]
	switch last.(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		if b, ok := last.(*ast.BranchStmt); ok && b.Tok == token.FALLTHROUGH {
			return
		}
		k := m.add(last, m.text(last), "(nothing)")
		m.wrap(last, fmt.Sprintf("if %s != %d { ", switchName, k), " }")
	}
}

// cases takes each clause of a switch away, but for the default.
func (m *mutator) cases(s *ast.SwitchStmt) {
	some := false
	for _, c := range s.Body.List {
		clause := c.(*ast.CaseClause)
		if len(clause.List) == 0 || s.Tag != nil && s.Init != nil {
			continue
		}
		some = true
		heads := make([]string, len(clause.List))
		for i, e := range clause.List {
			heads[i] = m.text(e)
		}
		head := "case " + strings.Join(heads, ", ")
		k := m.add(clause, head, "(no such case)")
		if s.Tag == nil {
			yes := m.add(clause, head, "case true")
			for i, e := range clause.List {
				m.whole[e] = len(clause.List) == 1
				open := fmt.Sprintf("%s != %d && (", switchName, k)
				if i == 0 {
					open = fmt.Sprintf("%s == %d || ", switchName, yes) + open
				}
				m.wrap(e, open, ")")
			}
		} else {
			for _, e := range clause.List {
				m.wrap(e, fmt.Sprintf("%s != %d && switched == (", switchName, k), ")")
			}
		}
		if !m.ends[s] {
			m.exit(clause.Body, false)
		}
	}
	if some && s.Tag != nil {
		m.wrap(s.Tag, "switched := (", ");")
	}
}

// binary leaves the operands of && and || out, and moves the bounds of comparisons.
func (m *mutator) binary(e *ast.BinaryExpr) {
	moved := map[token.Token]token.Token{token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR}
	switch e.Op {
	case token.LAND, token.LOR:
		for _, operand := range []ast.Expr{e.X, e.Y} {
			if b, ok := operand.(*ast.BinaryExpr); ok && b.Op == e.Op {
				continue // its own operands come by themselves
			}
			k := m.add(operand, m.text(e), "without "+m.text(operand))
			if e.Op == token.LAND {
				m.wrap(operand, fmt.Sprintf("(%s == %d || (", switchName, k), "))")
			} else {
				m.wrap(operand, fmt.Sprintf("(%s != %d && (", switchName, k), "))")
			}
		}
	case token.EQL, token.NEQ:
		if m.whole[e] {
			return // true and false are harder to see
		}
		other := map[token.Token]string{token.EQL: " != ", token.NEQ: " == "}[e.Op]
		k := m.add(e, m.text(e), m.text(e.X)+other+m.text(e.Y))
		m.wrap(e, "((", fmt.Sprintf(") != (%s == %d))", switchName, k))
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		bound := string(m.src[m.offset(e.X.Pos()):m.offset(e.X.End())]) + " " + moved[e.Op].String() + " " +
			string(m.src[m.offset(e.Y.Pos()):m.offset(e.Y.End())])
		k := m.add(e, m.text(e), strings.Join(strings.Fields(bound), " "))
		if e.Op == token.LSS || e.Op == token.GTR {
			m.wrap(e, "(", fmt.Sprintf(" || %s == %d && (%s))", switchName, k, bound))
		} else {
			m.wrap(e, "(", fmt.Sprintf(" && (%s != %d || (%s)))", switchName, k, bound))
		}
	}
}

// apply makes the insertions.
func (m *mutator) apply() []byte {
	slices.SortStableFunc(m.edits, func(a, b edit) int {
		switch {
		case a.at != b.at:
			return cmp.Compare(a.at, b.at)
		case a.closes != b.closes:
			if a.closes {
				return -1
			}
			return 1
		case a.closes:
			return cmp.Compare(b.order, a.order)
		}
		return cmp.Compare(a.order, b.order)
	})
	var out bytes.Buffer
	at := 0
	for _, e := range m.edits {
		out.Write(m.src[at:e.at])
		out.WriteString(e.text)
		at = e.at
	}
	out.Write(m.src[at:])
	return out.Bytes()
}
