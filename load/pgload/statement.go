package pgload

import (
	"encoding/binary"
	"slices"
	"strings"

	"pgchaos/load/script"
)

// statement is one that sessions prepare, and execute by its place in
// Workload.statements.
type statement struct {
	script.Statement
	name    string
	formats []int16 // of the parameters, in the extended protocol; nil: text
	results []int16 // of the columns; nil: text
	bind    []byte  // a Bind up to the number of its parameters
	bound   []byte  // and what follows them
	// writes is whether it must be taken for one that writes. commits is whether it
	// ends a transaction, or can end one itself, so that an error may come behind a commit.
	writes, commits, procedure bool
	// begins is whether it does nothing but to begin a transaction, controlling whether it
	// begins or ends one.
	begins, controlling bool
}

// The places of the statements that every workload has.
const (
	beginStatement = iota
	commitStatement
)

// newStatement takes a statement whose parameters stand as :name.
func newStatement(sql string) statement { return makeStatement(script.Placeholders(sql)) }

func makeStatement(st script.Statement) statement {
	word := firstWord(st.SQL)
	return statement{
		Statement: st, writes: writes(st.SQL),
		commits:     word == "commit" || word == "end" || word == "prepare",
		procedure:   word == "call" || word == "do",
		begins:      word == "begin" || word == "start",
		controlling: controls(word, st.SQL),
	}
}

// named gives a statement its name, with which the ends of its Bind are known.
func (st *statement) named(name string) {
	st.name = name
	st.bind = append([]byte("B\x00\x00\x00\x00\x00"), name...)
	st.bind = appendFormats(append(st.bind, 0), st.formats)
	st.bound = appendFormats(nil, st.results)
}

// appendFormats appends their number and them.
func appendFormats(to []byte, formats []int16) []byte {
	to = binary.BigEndian.AppendUint16(to, uint16(len(formats)))
	for _, f := range formats {
		to = binary.BigEndian.AppendUint16(to, uint16(f))
	}
	return to
}

// controls tells the statements that begin or end transactions.
func controls(word, sql string) bool {
	switch word {
	case "begin", "start", "commit", "end", "abort", "prepare":
		return true
	case "rollback":
		return !slices.Contains(wordsOf(sql), "to")
	}
	return false
}

func firstWord(sql string) string {
	if words := wordsOf(sql); len(words) > 0 {
		return words[0]
	}
	return ""
}

func wordsOf(sql string) []string {
	return strings.FieldsFunc(strings.ToLower(uncomment(sql)), func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// writes tells whether a statement must be taken for one that writes: anything but
// a SELECT, TABLE, VALUES or SHOW, what controls transactions, and a WITH in which no
// word of a write stands. A function called by a SELECT may write all the same; nobody
// can see that.
func writes(sql string) bool {
	words := wordsOf(sql)
	if len(words) == 0 {
		return true
	}
	switch words[0] {
	case "select", "table", "values", "show":
		return false
	case "with":
		for _, w := range words {
			switch w {
			case "insert", "update", "delete", "merge":
				return true
			}
		}
		return false
	}
	return true
}

// uncomment takes the comments before a statement away.
func uncomment(sql string) string {
	for {
		sql = strings.TrimSpace(sql)
		var end string
		switch {
		case strings.HasPrefix(sql, "--"):
			end = "\n"
		case strings.HasPrefix(sql, "/*"):
			end = "*/"
		default:
			return sql
		}
		_, rest, _ := strings.Cut(sql, end)
		sql = rest
	}
}
