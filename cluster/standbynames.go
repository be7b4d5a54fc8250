package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgchaos/history"
)

// standbyNames is what a synchronous_standby_names demands.
type standbyNames struct {
	any   bool // a quorum of them; else the first ones by priority
	num   int  // how many are waited for; 0: asynchronous
	names []string
}

// matches tells whether a standby of that name is meant. PostgreSQL compares
// without case (src/backend/replication/syncrep.c).
func (s standbyNames) matches(name string) bool {
	for _, want := range s.names {
		if want == "*" || strings.EqualFold(want, name) {
			return true
		}
	}
	return false
}

// parseStandbyNames reads a synchronous_standby_names: "a, b", "2 (a, b)",
// "FIRST 2 (a, b)" or "ANY 1 (a, b)", names quoted by " where they need it
// (src/backend/replication/syncrep_gram.y).
func parseStandbyNames(text string) (standbyNames, error) {
	wrong := func(why string) (standbyNames, error) {
		return standbyNames{}, fmt.Errorf("synchronous standbys %q: %s; a right one is ANY 1 (a, b)", text, why)
	}
	words, ok := standbyWords(text)
	if !ok {
		return wrong(`a " is not closed, or a character needs quoting by "`)
	}
	s := standbyNames{num: 1}
	if len(words) == 0 {
		return standbyNames{}, nil
	}
	if i := indexWord(words, "("); i >= 0 {
		head := words[:i]
		if len(head) == 2 && (strings.EqualFold(head[0].text, "any") || strings.EqualFold(head[0].text, "first")) && !head[0].quoted {
			s.any = strings.EqualFold(head[0].text, "any")
			head = head[1:]
		}
		if len(head) != 1 {
			return wrong("before the list stands ANY n, FIRST n or n")
		}
		num, err := strconv.Atoi(head[0].text)
		if err != nil || num < 1 {
			return wrong("the number of standbys to wait for is 1 or more")
		}
		s.num = num
		if !words[len(words)-1].is(")") {
			return wrong("the list is not closed")
		}
		words = words[i+1 : len(words)-1]
	}
	for i, word := range words {
		if i%2 == 1 {
			if !word.is(",") {
				return wrong("names are separated by commas")
			}
			continue
		}
		if word.is(",") || word.is("(") || word.is(")") {
			return wrong("a name is missing")
		}
		s.names = append(s.names, word.text)
	}
	if len(words)%2 == 0 {
		return wrong("a name is missing")
	}
	return s, nil
}

type standbyWord struct {
	text   string
	quoted bool
}

func (w standbyWord) is(punctuation string) bool { return !w.quoted && w.text == punctuation }

func indexWord(words []standbyWord, punctuation string) int {
	for i, w := range words {
		if w.is(punctuation) {
			return i
		}
	}
	return -1
}

// standbyWords cuts the text into names, numbers and punctuation.
func standbyWords(text string) (words []standbyWord, ok bool) {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case strings.IndexByte(" \t\r\n\f", c) >= 0:
			i++
		case strings.IndexByte("(),*", c) >= 0:
			words = append(words, standbyWord{text: string(c)})
			i++
		case c == '"':
			name, length, closed := quotedName(text[i:])
			if !closed {
				return nil, false
			}
			words = append(words, standbyWord{text: name, quoted: true})
			i += length
		default:
			end := i
			for end < len(text) && nameByte(text[end]) {
				end++
			}
			if end == i {
				return nil, false
			}
			words = append(words, standbyWord{text: text[i:end]})
			i = end
		}
	}
	return words, true
}

func nameByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quotedName reads a name in double quotes, in which "" stands for one.
func quotedName(text string) (name string, length int, closed bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

// judge holds the connected standbys against the names. Detail is for a person;
// missing says what is not so yet, and is empty when the regime is in force.
func (s standbyNames) judge(standbys []history.StandbyState) (detail, missing string) {
	var connected []string
	var waitedFor int
	for _, standby := range standbys {
		switch {
		case !s.matches(standby.Name) || standby.State == "backup":
			if standby.SyncState != "async" && standby.State != "backup" {
				return "", standby.Name + " is still " + standby.SyncState
			}
			continue
		case standby.SyncState == "async" || standby.SyncState == "":
			return "", standby.Name + " is still asynchronous"
		case standby.SyncState == "sync" || standby.SyncState == "quorum":
			waitedFor++
		}
		if s.any != (standby.SyncState == "quorum") && standby.SyncState != "potential" {
			return "", standby.Name + " is still " + standby.SyncState
		}
		connected = append(connected, standby.Name)
	}
	if len(s.names) == 0 {
		return "asynchronous", ""
	}
	if len(connected) == 0 {
		return "no standby that it names is connected yet, so commits wait", ""
	}
	want := min(s.num, len(connected))
	if s.any {
		want = len(connected)
	}
	if waitedFor < want {
		return "", fmt.Sprintf("%d of the %d standbys that are connected are waited for, not %d", waitedFor, len(connected), want)
	}
	slices.Sort(connected)
	return "of the standbys that it names " + strings.Join(connected, ", ") + " are connected", ""
}
