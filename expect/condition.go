package expect

import (
	"fmt"
	"strings"
	"time"
)

// Condition is what a step of the timeline can wait for: a statement about nodes and workloads as they are now. An experiment
// writes it after `when`, as comparisons that are joined by `and` and `or`:
//
//	QUANTITY [of NAME] OPERATOR VALUE
//	QUANTITY of NAME is [not] WORD
//	[not] streaming of NODE
//
// As in SQL, `and` binds closer than `or`, and parentheses can be used. A comparison that stands alone, or what is in parentheses, can
// be followed by `for DURATION`: it must then have held for that long. ParseCondition makes it.
type Condition struct {
	Text string // as written, with single spaces
	root *term
}

// term is a comparison, or several terms of which all or any must hold.
type term struct {
	comparison *Comparison // nil: several terms
	any        bool
	terms      []*term
	held       time.Duration // how long it must have held; 0: now
}

// Comparison is one part of a Condition.
type Comparison struct {
	Quantity string
	Subject  Subject // what Of names
	Of       string  // "" where nothing is named
	Kind     MetricKind
	Op       string  // ==, !=, <, <=, > or >=; words and truths only have == and !=
	Value    float64 // of a number, as in Expectation
	Word     string  // of a quantity that is one of some words
	// At is the byte of the condition's text where the quantity stands, OfAt where the name after `of` does.
	At, OfAt int
}

// String is the quantity with the name after `of`.
func (c *Comparison) String() string {
	if c.Of == "" {
		return c.Quantity
	}
	return c.Quantity + " of " + c.Of
}

// Expectation is the comparison as an expectation, by which its value is measured and compared.
func (c *Comparison) Expectation() Expectation {
	return Expectation{Metric: c.Quantity, Kind: c.Kind, Workload: c.Of, Op: c.Op, Value: c.Value, Bool: c.Op == "=="}
}

// Comparisons are all parts of the condition, in the order of its text.
func (c Condition) Comparisons() []*Comparison { return c.root.comparisons(nil, false) }

// Required are those without which the condition cannot hold.
func (c Condition) Required() []*Comparison { return c.root.comparisons(nil, true) }

// Least is how long it takes at the least until the condition holds: what must hold for some time.
func (c Condition) Least() time.Duration { return c.root.least() }

func (t *term) least() (least time.Duration) {
	if t == nil {
		return 0
	}
	for i, part := range t.terms {
		switch one := part.least(); {
		case i == 0, t.any && one < least, !t.any && one > least:
			least = one
		}
	}
	return least + t.held
}

func (t *term) comparisons(all []*Comparison, required bool) []*Comparison {
	switch {
	case t == nil || required && t.any:
		return all
	case t.comparison != nil:
		return append(all, t.comparison)
	}
	for _, part := range t.terms {
		all = part.comparisons(all, required)
	}
	return all
}

const conditionForm = "write QUANTITY [of NAME] COMPARISON, such as lag of b > 8MB, role of b is primary or acknowledged of writes >= 10000"

// ParseCondition reads a condition. Its error is an *Error. Whether the nodes and workloads exist, it cannot know.
func ParseCondition(text string) (Condition, error) {
	p := &conditionParser{text: text, words: conditionWords(text)}
	if len(p.words) == 0 {
		return Condition{}, &Error{What: "the condition is empty", Right: conditionForm}
	}
	root, bad := p.either()
	if bad == nil && p.next < len(p.words) {
		bad = p.surplus()
	}
	if bad != nil {
		return Condition{}, bad
	}
	return Condition{Text: strings.Join(strings.Fields(text), " "), root: root}, nil
}

// conditionWords cuts a text at spaces, and around parentheses and operators.
func conditionWords(text string) (words []word) {
	const operator, ends = "=!<>", "=!<>() \t\n\r"
	for at := 0; at < len(text); {
		rest := text[at:]
		var length int
		switch {
		case strings.ContainsRune(" \t\n\r", rune(rest[0])):
			at++
			continue
		case rest[0] == '(' || rest[0] == ')':
			length = 1
		case strings.IndexByte(operator, rest[0]) >= 0:
			length = len(rest) - len(strings.TrimLeft(rest, operator))
		default:
			if length = strings.IndexAny(rest, ends); length < 0 {
				length = len(rest)
			}
		}
		words = append(words, word{rest[:length], at})
		at += length
	}
	return words
}

// conditionParser reads a condition from left to right.
type conditionParser struct {
	text  string
	words []word
	next  int
	// operands counts what was read since the last parenthesis, and held is the `for` among it that follows a comparison without
	// parentheses.
	operands int
	held     *word
}

// peek is the next word; one without text, at the end, if there is none.
func (p *conditionParser) peek() word {
	if p.next < len(p.words) {
		return p.words[p.next]
	}
	return word{at: len(strings.TrimRight(p.text, " \t\n\r"))}
}

// take tells whether the next word is the one that is asked for, and goes past it.
func (p *conditionParser) take(text string) bool {
	if p.next >= len(p.words) || p.words[p.next].text != text {
		return false
	}
	p.next++
	return true
}

// either reads terms that are joined by `or`.
func (p *conditionParser) either() (*term, *Error) {
	operands, held := p.operands, p.held
	p.operands, p.held = 0, nil
	t, bad := p.joined("or", p.both)
	if bad == nil && p.operands > 1 && p.held != nil {
		return nil, &Error{"it is not clear whether for belongs to the last comparison or to all", "put parentheses around what must hold that long: (A and B) for 3s, or A and (B for 3s)", p.held.at}
	}
	p.operands, p.held = operands, held
	return t, bad
}

// both reads terms that are joined by `and`.
func (p *conditionParser) both() (*term, *Error) { return p.joined("and", p.operand) }

func (p *conditionParser) joined(by string, read func() (*term, *Error)) (*term, *Error) {
	t := &term{any: by == "or"}
	for {
		one, bad := read()
		if bad != nil {
			return nil, bad
		}
		t.terms = append(t.terms, one)
		if !p.take(by) {
			break
		}
	}
	if len(t.terms) == 1 {
		return t.terms[0], nil
	}
	return t, nil
}

// operand reads a comparison or a condition in parentheses, and how long it must hold.
func (p *conditionParser) operand() (t *term, bad *Error) {
	open := p.peek()
	if p.take("(") {
		if t, bad = p.either(); bad != nil {
			return nil, bad
		}
		if !p.take(")") {
			if p.next < len(p.words) {
				return nil, p.surplus()
			}
			return nil, &Error{"the parenthesis is not closed", "write ) after the last comparison in it", open.at}
		}
	} else {
		c, bad := p.comparison()
		if bad != nil {
			return nil, bad
		}
		t = &term{comparison: c}
	}
	p.operands++
	if at := p.peek(); p.take("for") {
		if open.text != "(" {
			p.held = &at
		}
		return p.during(t, at)
	}
	return t, nil
}

// during reads how long a term must hold.
func (p *conditionParser) during(t *term, at word) (*term, *Error) {
	length := p.peek()
	p.next++
	d, err := time.ParseDuration(length.text)
	switch {
	case length.text == "":
		return nil, &Error{"nothing follows for", "write a duration, such as for 3s", at.at}
	case err != nil || d <= 0 || d > mostWindow:
		return nil, &Error{fmt.Sprintf("%q is no time for which a condition can hold", length.text), "write a duration from 1ms to 1h, such as for 3s", length.at}
	}
	return &term{terms: []*term{t}, held: d}, nil
}

// surplus is the error of a word that no condition goes on with.
func (p *conditionParser) surplus() *Error {
	w := p.peek()
	if w.text == ")" {
		return &Error{"a parenthesis is closed here that was not opened", "leave it out, or write ( before the first comparison that belongs to it", w.at}
	}
	if w.text == "for" {
		return &Error{`"for" is not understood here`, "write one duration, or put parentheses around each part that must hold for some time", w.at}
	}
	right := "join comparisons by and or or, such as lag of b > 8MB and sync_waiters >= 10"
	return &Error{fmt.Sprintf("%q is not understood here", w.text), meantPart(w.text, []string{"and", "or"}) + right, w.at}
}
