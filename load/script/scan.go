package script

import (
	"sort"
	"strings"
)

// source is a script's text, and where a reader is in it.
type source struct {
	text  string
	at    int
	lines []int // the offsets at which lines begin
}

func newSource(text string) *source {
	s := &source{text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// line is the number of the line, from 1, that an offset lies on.
func (s *source) line(offset int) int {
	return sort.SearchInts(s.lines, offset+1)
}

// sqlEnd is what a piece of SQL ends with.
type sqlEnd uint8

const (
	endOfText sqlEnd = iota
	endSemicolon
	endBackslash
)

// sqlText is a piece of SQL, up to a semicolon, a backslash or the end of the text.
type sqlText struct {
	text  string // without the semicolon; \; and \: are ; and :
	line  int    // of the first thing in it that is neither a comment nor space
	empty bool   // nothing but comments and space
	// compound says that \; joined several statements, of which none is empty.
	compound bool
	end      sqlEnd
	wrong    string // what is wrong with it
	wrongAt  int    // the offset of that
}

// sql reads up to the end of the next statement, or to the backslash of the next
// command, and stands behind it. As in psql, a semicolon within parentheses, or
// within the BEGIN ATOMIC ... END of a function, ends nothing.
func (s *source) sql() sqlText {
	var (
		out    strings.Builder
		result = sqlText{empty: true}
		parens []int // where those that are open begin
		body   atomicBody
		joined bool // a statement that is not empty, and \; behind it
	)
	finish := func(end sqlEnd) sqlText {
		result.text, result.end = strings.TrimSpace(out.String()), end
		if len(parens) > 0 && result.wrong == "" {
			result.wrong, result.wrongAt = "( without a )", parens[len(parens)-1]
		}
		return result
	}
	for s.at < len(s.text) {
		start := s.at
		c := s.text[start]
		if c == '\\' {
			escaped := s.escaped()
			if escaped == 0 {
				return finish(endBackslash)
			}
			if out.WriteByte(escaped); escaped == ';' {
				joined, body = !result.empty, atomicBody{}
			}
			continue
		}
		end, kind := token(s.text, start)
		s.at = end
		if c == ';' && len(parens) == 0 && body.depth == 0 {
			return finish(endSemicolon)
		}
		switch {
		case kind == tokenOpen:
			result.wrong, result.wrongAt = "a quote or comment that never ends", start
		case kind == tokenWord:
			body.word(s.text[start:end], len(parens))
		case c == '(':
			parens = append(parens, start)
		case c == ')' && len(parens) > 0:
			parens = parens[:len(parens)-1]
		}
		content := kind != tokenComment && !isSpace(c)
		result.compound = result.compound || joined && content
		if result.empty && content {
			result.empty, result.line = false, s.line(start)
			out.Reset() // what stands before a statement belongs to no statement
		}
		out.WriteString(s.text[start:end])
	}
	return finish(endOfText)
}

// escaped passes over \; or \: and returns what is behind the backslash; 0: the backslash
// begins a command, and s stands behind it.
func (s *source) escaped() byte {
	s.at++
	if s.at == len(s.text) || s.text[s.at] != ';' && s.text[s.at] != ':' {
		return 0
	}
	s.at++
	return s.text[s.at-1]
}

// atomicBody follows the words of a CREATE FUNCTION, whose body can be statements
// between BEGIN ATOMIC and END.
type atomicBody struct {
	words []string // the first four
	depth int      // of BEGIN and CASE that no END has closed
}

func (b *atomicBody) word(word string, parens int) {
	word = strings.ToLower(word)
	if len(b.words) < 4 {
		b.words = append(b.words, word)
	}
	if parens > 0 || !b.routine() {
		return
	}
	switch {
	case word == "begin", word == "case" && b.depth > 0:
		b.depth++
	case word == "end" && b.depth > 0:
		b.depth--
	}
}

// routine says whether the statement creates a function or procedure.
func (b *atomicBody) routine() bool {
	words := b.words
	if len(words) < 2 || words[0] != "create" {
		return false
	}
	what := words[1]
	if what == "or" && len(words) == 4 && words[2] == "replace" {
		what = words[3]
	}
	return what == "function" || what == "procedure"
}

// word is a word of a command's line.
type word struct {
	text string
	at   int // offset in the source's text
}

// command reads the rest of a command, behind its backslash, up to the end of its
// line, and stands behind that. A backslash at the very end of a line continues the
// command on the next.
func (s *source) command() (from, to int) {
	from = s.at
	for s.at < len(s.text) {
		if n := continuation(s.text[s.at:]); n > 0 {
			s.at += n
			continue
		}
		s.at++
		if s.text[s.at-1] == '\n' {
			return from, s.at - 1
		}
	}
	return from, s.at
}

// continuation is the length of the backslash and the end of the line that text
// begins with; 0: with none.
func continuation(text string) int {
	switch {
	case strings.HasPrefix(text, "\\\n"):
		return 2
	case strings.HasPrefix(text, "\\\r\n"):
		return 3
	}
	return 0
}

// nextWord reads the next word of a command that reaches from one offset to another,
// and returns where to read on; false: there is none.
func (s *source) nextWord(from, to int) (w word, next int, ok bool) {
	for from < to {
		if n := continuation(s.text[from:to]); n > 0 {
			from += n
		} else if isSpace(s.text[from]) {
			from++
		} else {
			break
		}
	}
	next = from
	for next < to && !isSpace(s.text[next]) && continuation(s.text[next:to]) == 0 {
		next++
	}
	return word{text: s.text[from:next], at: from}, next, next > from
}
