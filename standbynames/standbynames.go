// Package standbynames reads PostgreSQL's setting synchronous_standby_names, by
// PostgreSQL's own grammar (src/backend/replication/syncrep_scanner.l and
// syncrep_gram.y). It is the one place that knows this grammar.
package standbynames

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Names is a parsed synchronous_standby_names. The zero value is the empty text:
// commits wait for no standby.
type Names struct {
	Any   bool // ANY: a quorum of the standbys; else FIRST: the first ones of the list
	Num   int  // how many standbys a commit waits for; 0: none
	Names []string
}

// All tells whether every standby counts, whatever its name.
func (n Names) All() bool {
	for _, name := range n.Names {
		if name == "*" {
			return true
		}
	}
	return false
}

// Has tells whether a standby of that name counts. PostgreSQL compares names
// without case (src/backend/replication/syncrep.c).
func (n Names) Has(standby string) bool {
	for _, name := range n.Names {
		if name == "*" || strings.EqualFold(name, standby) {
			return true
		}
	}
	return false
}

// Error says what PostgreSQL would not accept, and what it would.
type Error struct{ What, Right string }

func (e *Error) Error() string { return e.What + "; " + e.Right }

const forms = "write ANY n (a, b), FIRST n (a, b), or a, b"

// Parse reads a synchronous_standby_names: "a, b", "2 (a, b)", "FIRST 2 (a, b)",
// "ANY 1 (a, b)". An error is an *Error.
func Parse(text string) (Names, error) {
	if text == "" {
		return Names{}, nil
	}
	tokens, err := scan(text)
	if err != nil {
		return Names{}, err
	}
	p := parser{text: text, rest: tokens}
	n := Names{Num: 1}
	if p.next().kind == keyword || p.next().kind == number && p.second() == '(' {
		if n.Any, n.Num, err = p.head(); err != nil {
			return Names{}, err
		}
		n.Names, err = p.list()
		if err == nil && !p.take(')') {
			err = p.wrong("the list of standbys is not closed", forms)
		}
	} else {
		n.Names, err = p.list()
	}
	if err == nil && p.next().kind != end {
		err = p.wrong(p.next().text+" follows the end of the list", forms)
	}
	if err != nil {
		return Names{}, err
	}
	return n, nil
}

// kind is what a token is; punctuation is its own character.
type kind rune

const (
	end     kind = 0
	word    kind = 'w' // a name, quoted or not, or *
	number  kind = 'n'
	keyword kind = 'k' // ANY or FIRST, without quotes
)

type token struct {
	kind kind
	text string // of a quoted name what is within the quotes
}

// scan cuts a text into tokens; the last is an end.
func scan(text string) (tokens []token, err error) {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case strings.IndexByte(" \t\n\r\f", c) >= 0:
			i++
		case strings.IndexByte("(),", c) >= 0:
			tokens = append(tokens, token{kind(c), string(c)})
			i++
		case c == '*':
			tokens = append(tokens, token{word, "*"})
			i++
		case c == '"':
			name, length := quoted(text[i:])
			if length == 0 {
				return nil, &Error{fmt.Sprintf("in the list of standbys %q a double quote is not closed", text), "close it"}
			}
			tokens = append(tokens, token{word, name})
			i += length
		case digit(c):
			t := token{number, run(text[i:], digit)}
			tokens = append(tokens, t)
			i += len(t.text)
		case letter(c):
			t := token{word, run(text[i:], func(c byte) bool { return letter(c) || digit(c) || c == '$' })}
			if strings.EqualFold(t.text, "any") || strings.EqualFold(t.text, "first") {
				t.kind = keyword
			}
			tokens = append(tokens, t)
			i += len(t.text)
		default:
			return nil, &Error{
				fmt.Sprintf("in the list of standbys %q the character %q cannot stand without double quotes", text, text[i:i+1]),
				`put the name that has it in double quotes: "name"`,
			}
		}
	}
	return append(tokens, token{}), nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// letter tells whether a name without quotes can begin with the byte: every byte of
// a character that is not ASCII counts.
func letter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func run(text string, of func(byte) bool) string {
	for i := range len(text) {
		if !of(text[i]) {
			return text[:i]
		}
	}
	return text
}

// quoted reads a name in double quotes, in which "" stands for one of them. The
// length is 0 if the quotes are not closed.
func quoted(text string) (name string, length int) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != '"':
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			return b.String(), i + 1
		}
	}
	return "", 0
}

// parser takes tokens one after the other.
type parser struct {
	text string
	rest []token // ends with an end, which is never taken
}

func (p *parser) next() token { return p.rest[0] }

// second is the kind of the token after the next.
func (p *parser) second() kind {
	if len(p.rest) > 1 {
		return p.rest[1].kind
	}
	return end
}

// take goes past the next token if it is of the kind.
func (p *parser) take(k kind) bool {
	if p.next().kind != k {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) wrong(what, right string) error {
	return &Error{fmt.Sprintf("in the list of standbys %q %s", p.text, what), right}
}

// head reads what stands before the list: ANY n (, FIRST n ( or n (.
func (p *parser) head() (anyOf bool, num int, err error) {
	if first := p.next(); p.take(keyword) {
		anyOf = strings.EqualFold(first.text, "any")
		if p.next().kind != number {
			return false, 0, p.wrong(
				first.text+" is a keyword, and no number of standbys follows it",
				fmt.Sprintf(`write %s n (a, b), or "%s" in double quotes for a standby of this name`, strings.ToUpper(first.text), first.text))
		}
	}
	digits := p.next().text
	p.take(number)
	num, err = strconv.Atoi(digits)
	if err != nil || num < 1 || num > math.MaxInt32 {
		return false, 0, p.wrong("a commit cannot wait for "+digits+" standbys", "write a number from 1 on")
	}
	if !p.take('(') {
		return false, 0, p.wrong("no list of standbys in parentheses follows the number", forms)
	}
	return anyOf, num, nil
}

// list reads names with commas between them.
func (p *parser) list() (names []string, err error) {
	for {
		switch t := p.next(); {
		case p.take(word), p.take(number):
			names = append(names, t.text)
		case t.kind == keyword:
			return nil, p.wrong("the name "+t.text+" is a keyword of PostgreSQL's", `put it in double quotes: "`+t.text+`"`)
		case t.kind == end:
			return nil, p.wrong("a name is missing at the end", forms)
		default:
			return nil, p.wrong("a name is missing before "+t.text, forms)
		}
		if !p.take(',') {
			return names, p.unquoted()
		}
	}
}

// unquoted finds two names without a comma between them.
func (p *parser) unquoted() error {
	switch p.next().kind {
	case word, number, keyword:
		return p.wrong("no comma stands before "+p.next().text, "write one between two names; the forms are ANY n (a, b), FIRST n (a, b), and a, b")
	}
	return nil
}

// String is the setting's text. Names that need double quotes get them.
func (n Names) String() string {
	if n.Num == 0 {
		return ""
	}
	method := "FIRST"
	if n.Any {
		method = "ANY"
	}
	names := make([]string, len(n.Names))
	for i, name := range n.Names {
		names[i] = name
		if name != "*" && !plain(name) {
			names[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	return fmt.Sprintf("%s %d (%s)", method, n.Num, strings.Join(names, ", "))
}

// plain tells whether a name can stand without double quotes.
func plain(name string) bool {
	tokens, err := scan(name)
	return err == nil && len(tokens) == 2 && tokens[0].kind == word && tokens[0].text == name
}
