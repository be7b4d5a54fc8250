package script

import "strings"

// tokenKind is what a piece of SQL is, as far as it matters for finding the ends of
// statements and the variables in them.
type tokenKind uint8

const (
	tokenOther   tokenKind = iota // one character of anything else
	tokenWord                     // an identifier or key word
	tokenQuoted                   // '...', "...", $$...$$
	tokenComment                  // -- ... or /* ... */
	tokenOpen                     // a quote or a comment that nothing ends
)

// token reads the token of SQL that begins at s[i], by psql's rules with
// standard_conforming_strings on, and returns where it ends.
func token(s string, i int) (end int, kind tokenKind) {
	rest := s[i:]
	switch c := s[i]; {
	case (c == 'e' || c == 'E') && strings.HasPrefix(rest[1:], "'"):
		return quoted(s, i+1, true)
	case wordStart(c):
		end = i + 1
		for end < len(s) && (wordPart(s[end]) || s[end] == '$') {
			end++
		}
		return end, tokenWord
	case c == '\'' || c == '"':
		return quoted(s, i, false)
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexAny(rest, "\r\n"); n >= 0 {
			return i + n, tokenComment
		}
		return len(s), tokenComment
	case strings.HasPrefix(rest, "/*"):
		return blockComment(s, i)
	case c == '$':
		return dollarQuoted(s, i)
	}
	return i + 1, tokenOther
}

// quoted reads the text in quotes that begins at s[i]. A doubled quote is a quote
// within it, behind which escapes still count.
func quoted(s string, i int, escapes bool) (end int, kind tokenKind) {
	for end = i + 1; end < len(s); end++ {
		switch {
		case s[end] == s[i] && end+1 < len(s) && s[end+1] == s[i]:
			end++
		case s[end] == s[i]:
			return end + 1, tokenQuoted
		case escapes && s[end] == '\\':
			end++
		}
	}
	return len(s), tokenOpen
}

// blockComment reads a comment that may have others within.
func blockComment(s string, i int) (end int, kind tokenKind) {
	depth := 0
	for end = i; end < len(s); {
		switch {
		case strings.HasPrefix(s[end:], "/*"):
			depth, end = depth+1, end+2
		case strings.HasPrefix(s[end:], "*/"):
			depth, end = depth-1, end+2
			if depth == 0 {
				return end, tokenComment
			}
		default:
			end++
		}
	}
	return len(s), tokenOpen
}

// dollarQuoted reads $tag$...$tag$; a dollar that begins none is a token by itself.
func dollarQuoted(s string, i int) (end int, kind tokenKind) {
	end = i + 1
	if end < len(s) && wordStart(s[end]) {
		for end < len(s) && wordPart(s[end]) {
			end++
		}
	}
	if end >= len(s) || s[end] != '$' {
		return i + 1, tokenOther
	}
	tag := s[i : end+1]
	n := strings.Index(s[end+1:], tag)
	if n < 0 {
		return len(s), tokenOpen
	}
	return end + 1 + n + len(tag), tokenQuoted
}

// wordStart says whether a name can begin with c; bytes beyond ASCII are letters.
func wordStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

func wordPart(c byte) bool { return wordStart(c) || isDigit(c) }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isSpace is C's isspace in the locale that pgbench reads scripts in.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// validName says whether a variable may be called so.
func validName(name string) bool {
	if name == "" || !wordStart(name[0]) {
		return false
	}
	for i := range len(name) {
		if !wordPart(name[i]) {
			return false
		}
	}
	return true
}
