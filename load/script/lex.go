package script

import (
	"errors"
	"strconv"
	"strings"
)

// lexemeKind is a kind of word of the expression language.
type lexemeKind uint8

const (
	lexEnd lexemeKind = iota
	lexInt
	lexDouble
	lexVariable
	lexName   // of a function
	lexSymbol // an operator, a key word or a bracket; its text is in lower case
	// lexMinInt is 9223372036854775808, which is a number only behind a minus.
	lexMinInt
)

type lexeme struct {
	kind lexemeKind
	text string // as written; of a variable the name
	at   int    // offset in the source
	i    int64
	d    float64
}

// keywords are those of expressions; all else is the name of a function.
var keywords = map[string]bool{
	"and": true, "or": true, "not": true, "is": true, "isnull": true, "notnull": true,
	"null": true, "true": true, "false": true,
	"case": true, "when": true, "then": true, "else": true, "end": true,
}

// lexer reads the lexemes of an expression, which reaches from at to end.
type lexer struct {
	text    string
	at, end int
}

// next reads the next lexeme; lexEnd: there is none left.
func (l *lexer) next() (lexeme, error) {
	l.skipSpace()
	x := lexeme{at: l.at}
	if l.at == l.end {
		return x, nil
	}
	c := l.text[l.at]
	switch {
	case isDigit(c), c == '.' && l.at+1 < l.end && isDigit(l.text[l.at+1]):
		return l.number()
	case c == ':' && l.at+1 < l.end && wordPart(l.text[l.at+1]):
		x.kind, x.text = lexVariable, l.take(1)[1:]
		return x, nil
	case wordStart(c):
		x.text = l.take(0)
		if lower := strings.ToLower(x.text); keywords[lower] {
			x.kind, x.text = lexSymbol, lower
		} else {
			x.kind = lexName
		}
		return x, nil
	}
	x.kind = lexSymbol
	for _, symbol := range []string{"<=", ">=", "<>", "!=", "<<", ">>"} {
		if strings.HasPrefix(l.text[l.at:l.end], symbol) {
			x.text, l.at = symbol, l.at+2
			return x, nil
		}
	}
	x.text = l.text[l.at : l.at+1]
	l.at++
	if strings.IndexByte("+-*/%=<>|&#~(),", c) < 0 {
		return x, errors.New("unexpected character " + strconv.Quote(x.text))
	}
	return x, nil
}

func (l *lexer) skipSpace() {
	for l.at < l.end {
		if n := continuation(l.text[l.at:l.end]); n > 0 {
			l.at += n
		} else if isSpace(l.text[l.at]) {
			l.at++
		} else {
			return
		}
	}
}

// take reads the letters and digits that follow, behind the first skip characters.
func (l *lexer) take(skip int) string {
	from := l.at
	for l.at += skip; l.at < l.end && wordPart(l.text[l.at]); {
		l.at++
	}
	return l.text[from:l.at]
}

func (l *lexer) digits() {
	for l.at < l.end && isDigit(l.text[l.at]) {
		l.at++
	}
}

// number reads an integer or a double: 1, 1.5, 1., .5, 1e3.
func (l *lexer) number() (lexeme, error) {
	x := lexeme{kind: lexInt, at: l.at}
	l.digits()
	if l.at < l.end && l.text[l.at] == '.' {
		x.kind = lexDouble
		l.at++
		l.digits()
	}
	if mantissa := l.at; l.at < l.end && (l.text[l.at] == 'e' || l.text[l.at] == 'E') {
		l.at++
		if l.at < l.end && (l.text[l.at] == '+' || l.text[l.at] == '-') {
			l.at++
		}
		if l.at < l.end && isDigit(l.text[l.at]) {
			x.kind = lexDouble
			l.digits()
		} else {
			l.at = mantissa // an e that is no exponent is the next name's
		}
	}
	x.text = l.text[x.at:l.at]
	var err error
	if x.kind == lexDouble {
		x.d, err = strconv.ParseFloat(x.text, 64)
	} else {
		x.i, err = strconv.ParseInt(x.text, 10, 64)
	}
	switch {
	case err != nil && x.text == "9223372036854775808":
		x.kind = lexMinInt
	case err != nil && x.kind == lexDouble:
		return x, errors.New("double constant overflow " + strconv.Quote(x.text))
	case err != nil:
		return x, errors.New("bigint constant overflow " + strconv.Quote(x.text))
	}
	return x, nil
}
