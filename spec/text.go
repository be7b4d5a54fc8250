package spec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plainText checks that a file is text that YAML can be read from, and returns it in
// UTF-8. Lines and columns stay as they are.
func plainText(file string, text []byte) ([]byte, *Problem) {
	text = fromUTF16(text)
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	line, col := 1, 1
	for i := 0; i < len(text); col++ {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return nil, &Problem{file, line, col, fmt.Sprintf("line %d is not UTF-8: the byte 0x%02x begins no character", line, text[i]), "save the file as UTF-8"}
		case r == 0 && i < 4:
			return nil, &Problem{file, 1, 1, "the file is not UTF-8: it has zero bytes, as UTF-16 has", "save the file as UTF-8"}
		case control(r) && line == 1:
			return nil, &Problem{file, line, col, fmt.Sprintf("the control character U+%04X stands here", r), `is it an experiment? Take the character out, or write it as "\x01" in double quotes`}
		case control(r):
			return nil, &Problem{file, line, col, fmt.Sprintf("the control character U+%04X stands here", r), `take it out, or write it as "\x01" in double quotes`}
		case r == '\n':
			line, col = line+1, 0
		}
		i += size
	}
	return directives(file, text)
}

// control tells whether YAML refuses a character.
func control(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r >= 0x80 && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff
}

// fromUTF16 turns UTF-16 with a byte order mark into UTF-8, and leaves other text.
func fromUTF16(text []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return text
	}
	var units []uint16
	for i := 2; i+1 < len(text); i += 2 {
		units = append(units, order.Uint16(text[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}

var yamlVersion = regexp.MustCompile(`^%YAML[ \t]+1\.[0-9]+[ \t]*(#.*)?\r?$`)

// directives makes comments of the %YAML lines before the document: the parser knows
// version 1.1 only, and what an experiment consists of is the same in every 1.x.
func directives(file string, text []byte) ([]byte, *Problem) {
	lines := bytes.Split(text, []byte("\n"))
	for i, l := range lines {
		switch trimmed := bytes.TrimSpace(l); {
		case len(trimmed) == 0 || trimmed[0] == '#':
		case yamlVersion.Match(l):
			lines[i] = append([]byte("#"), l[1:]...)
		case bytes.HasPrefix(l, []byte("%YAML")):
			return nil, &Problem{file, i + 1, 1, shown(string(trimmed)) + " is no version of YAML that can be read", "leave the line out, or write %YAML 1.2"}
		case l[0] != '%':
			return bytes.Join(lines, []byte("\n")), nil
		}
	}
	return bytes.Join(lines, []byte("\n")), nil
}

// The errors of the YAML parser, as it words them, and what they mean to a person.
var syntaxMeanings = []struct{ says, what, right string }{
	{"did not find expected ',' or '}'", "the braces that begin here or below are not closed, or something in them needs quotes",
		"close each { with a }, and put quotes around a whole value that has a comma, a quote or a bracket in it"},
	{"did not find expected ',' or ']'", "the brackets that begin here or below are not closed, or something in them needs quotes",
		"close each [ with a ], and put quotes around a whole value that has a comma, a quote or a bracket in it"},
	{"did not find expected key", "the lines from here on are not all keys with values, indented alike",
		"indent the keys of one mapping alike, and write a space after each colon"},
	{"did not find expected '-' indicator", "the lines from here on are not all entries of one list, indented alike",
		"begin each entry with a dash, indented alike"},
	{"did not find expected node content", "a value is missing, or something stands in its place that begins no value",
		"look at the commas, brackets and braces, and put quotes around a value that begins with one of them"},
	{"did not find expected <document start>", "something else stands where the experiment should begin", "begin with name: NAME and cluster:"},
	{"could not find expected ':'", "there is no colon with a space after it, here or in the line before", "write key: value"},
	{"mapping values are not allowed", "a colon stands where none can: within a value, or after a key that is indented too far",
		`put quotes around a value that has ": " in it, and indent the keys of one mapping alike`},
	{"block sequence entries are not allowed", "a list cannot begin here", "begin it on a line of its own, with a dash before each entry"},
	{"found unexpected end of stream", "the file ends within quotes", "close the quotes"},
	{"found unknown directive name", "a line that begins with % is a directive, and this one is unknown", "leave the line out"},
	{"exceeded max depth", "brackets, braces or lists are nested more than 10,000 deep", "is it an experiment?"},
	{"found unknown escape character", "within double quotes a backslash begins an escape, and here begins none", `write \\ for a backslash, or use single quotes`},
}

// syntaxProblem makes a problem of an error of the YAML parser, which has the line only
// in its text, and no column. A parser's error, as against a scanner's, has the line
// at which the part began that it is in, counted from 0.
func syntaxProblem(file string, text []byte, err error) Problem {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := regexp.MustCompile(`(?s)^line (\d+): (.*)$`).FindStringSubmatch(what); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			line, what = n, m[2]
		}
		if strings.HasPrefix(what, "did not find expected") {
			line++
		}
	}
	lines := bytes.Split(text, []byte("\n"))
	line = min(line, len(lines))
	for line > 1 && len(bytes.TrimSpace(lines[line-1])) == 0 {
		line--
	}
	l := lines[line-1]
	p := Problem{file, line, len(l) - len(bytes.TrimLeft(l, " ")) + 1, "this is no YAML: " + what,
		"look at the indentation, the quotes and the brackets of this line and the one before"}
	for _, m := range syntaxMeanings {
		if strings.HasPrefix(what, m.says) {
			p.What, p.Right = "this is no YAML: "+m.what, m.right
		}
	}
	if strings.Contains(what, "cannot start any token") {
		p.What, p.Right = "this is no YAML: a value begins with a character that none can begin with", "quote a value that begins with @, ` or %"
		if i := bytes.IndexByte(l, '\t'); i >= 0 && len(bytes.Trim(l[:i], " ")) == 0 {
			p.Col, p.What, p.Right = i+1, "this is no YAML: the line is indented with a tab", "indent with spaces, not tabs"
		}
	}
	return p.betterHint(lines)
}

// betterHint looks near a mistake for what it often comes from.
func (p Problem) betterHint(lines [][]byte) Problem {
	for i := max(0, p.Line-2); i < min(p.Line+1, len(lines)); i++ {
		l := lines[i]
		if bytes.Contains(l, []byte("${")) && bytes.ContainsAny(bytes.ReplaceAll(l, []byte("${"), nil), "{[") {
			p.Right = `within braces or brackets, put quotes around a "${VAR}"`
		}
	}
	for i, l := range lines {
		if at := bytes.Index(l, []byte("\u00a0")); at >= 0 {
			return Problem{p.File, i + 1, utf8.RuneCount(l[:at]) + 1, "this is no YAML: a no-break space (U+00A0) stands here", "write an ordinary space"}
		}
	}
	return p
}
