package script

import (
	"strconv"
	"strings"
)

// Statement is one SQL statement of a script.
type Statement struct {
	// Text is the statement as it is written, without its semicolon.
	Text string
	// SQL is the statement for the extended protocol: $1, $2 and so on stand where
	// variables stood, but for those in quotes and comments.
	SQL string
	// Vars are the names of the parameters: Vars[0] is that of $1. A variable used
	// twice is two parameters, since it can be of two types.
	Vars []string
	Line int // in the script; 1 is the first
	// Compound says that it is several statements joined by \;, which only the simple
	// protocol takes.
	Compound bool

	// pieces are Text cut up at the variables of the simple protocol, for which quotes
	// and comments are no obstacle: pgbench puts the value in everywhere.
	pieces []piece
	// bare are the variables that are in pieces, but neither in Vars nor in a comment.
	bare []string
}

// piece is a text and the variable that follows it.
type piece struct {
	text string
	name string // empty: none follows
	// param is the index of the parameter in Vars; -1: it is none.
	param int
	slot  int // of a script's variable
}

// Placeholders finds the variables (:name) of a statement. Casts (a::int), array
// slices (a[1:2]) and assignments (a := 1) are none; nor is a colon right behind a
// word or number, or within quotes or a comment, but in the simple protocol, for
// which see AppendText.
func Placeholders(text string) Statement {
	st := Statement{Text: text, Line: 1}
	var sql strings.Builder
	from := 0 // what is not yet in pieces
	cut := func(colon, end, param int) {
		st.pieces = append(st.pieces, piece{text: text[from:colon], name: text[colon+1 : end], param: param})
		from = end
	}
	for i := 0; i < len(text); {
		end, kind := token(text, i)
		if kind != tokenOther { // a word, or what is in quotes or a comment
			eachVariable(text[:end], i, func(colon, stop int) {
				cut(colon, stop, -1)
				if kind != tokenComment {
					st.bare = append(st.bare, text[colon+1:stop])
				}
			})
			sql.WriteString(text[i:end])
			i = end
			continue
		}
		stop, skip := variableAt(text, i)
		switch {
		case stop == 0:
			sql.WriteString(text[i : i+skip])
			i += skip
			continue
		case i > 0 && (wordPart(text[i-1]) || text[i-1] == '$'):
			cut(i, stop, -1)
			st.bare = append(st.bare, text[i+1:stop])
			sql.WriteString(text[i:stop])
		default:
			cut(i, stop, len(st.Vars))
			st.Vars = append(st.Vars, text[i+1:stop])
			sql.WriteByte('$')
			sql.WriteString(strconv.Itoa(len(st.Vars)))
			// The name ends where no letter follows, and so does the number.
		}
		i = stop
	}
	st.SQL = sql.String()
	st.pieces = append(st.pieces, piece{text: text[from:], param: -1})
	return st
}

// variableAt looks for a variable at text[i]. It returns where its name ends, or 0 and
// how many characters are to be passed over: all colons of a row at once, so that
// what follows a cast is never a variable.
func variableAt(text string, i int) (stop, skip int) {
	if text[i] != ':' {
		return 0, 1
	}
	if i+1 < len(text) && wordStart(text[i+1]) {
		stop = i + 2
		for stop < len(text) && wordPart(text[stop]) {
			stop++
		}
		return stop, 0
	}
	for skip = 1; i+skip < len(text) && text[i+skip] == ':'; {
		skip++
	}
	return 0, skip
}

// eachVariable calls found for every variable of text from an offset on.
func eachVariable(text string, i int, found func(colon, stop int)) {
	for i < len(text) {
		stop, skip := variableAt(text, i)
		if stop > 0 {
			found(i, stop)
			i = stop
		} else {
			i += skip
		}
	}
}

// AppendLiterals adds the statement to dst for the simple protocol, with the values of
// the parameters (as in Vars; nil is NULL) put in as literals in quotes, so that a
// value can be nothing but a value.
func (s *Statement) AppendLiterals(dst []byte, params [][]byte) []byte {
	for i := range s.pieces {
		p := &s.pieces[i]
		dst = append(dst, p.text...)
		switch {
		case p.name == "":
		case p.param < 0:
			dst = append(append(dst, ':'), p.name...)
		case params[p.param] == nil:
			dst = append(dst, "NULL"...)
		default:
			dst = appendLiteral(dst, params[p.param])
		}
	}
	return dst
}

// appendLiteral quotes a value, between spaces, so that it never grows together with
// quotes that stand beside it. Where there is a backslash the literal is an escape
// string, so that it reads the same whatever standard_conforming_strings says.
func appendLiteral(dst, value []byte) []byte {
	escapes := false
	for _, c := range value {
		escapes = escapes || c == '\\'
	}
	dst = append(dst, ' ')
	if escapes {
		dst = append(dst, 'E')
	}
	dst = append(dst, '\'')
	for _, c := range value {
		if c == '\'' || c == '\\' {
			dst = append(dst, c)
		}
		dst = append(dst, c)
	}
	return append(dst, "' "...)
}
