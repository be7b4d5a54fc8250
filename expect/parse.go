package expect

import (
	"fmt"
	"strings"
	"time"

	"pgchaos/internal/spell"
)

// Error says what is wrong with an expectation, and what would be right.
type Error struct {
	What, Right string
	At          int // the byte of the text where the wrong word begins
}

func (e *Error) Error() string { return e.What + "; " + e.Right }

// word is a word of an expectation, and where it begins.
type word struct {
	text string
	at   int
}

// wordsOf are the words of a text that begins at a byte of the whole.
func wordsOf(text string, from int) (words []word) {
	at := 0
	for _, field := range strings.Fields(text) {
		at += strings.Index(text[at:], field)
		words = append(words, word{field, from + at})
		at += len(field)
	}
	return words
}

// Parse reads one expectation. Its error is an *Error.
// Whether the workload, the node and the phase exist, it cannot know.
func Parse(text string) (Expectation, error) {
	e, bad := parse(text)
	if bad != nil {
		return Expectation{}, bad
	}
	return e, nil
}

// ParseMetric reads what stands before the comparison of an expectation: METRIC [of WORKLOAD]
// [on NODE] [during PHASE] [in any DURATION]. Its error is an *Error.
func ParseMetric(text string) (Expectation, error) {
	e := Expectation{Text: strings.TrimSpace(text)}
	words := wordsOf(text, 0)
	if len(words) == 0 {
		return Expectation{}, &Error{What: "no metric is named", Right: "write METRIC [of WORKLOAD] [on NODE] [during PHASE], such as p99 of writes"}
	}
	metric, ok := LookupMetric(words[0].text)
	if !ok {
		return Expectation{}, unknownMetric(words[0])
	}
	e.Metric, e.Kind = metric.Name, metric.Kind
	if bad := e.parseScope(metric, words[0], words[1:]); bad != nil {
		return Expectation{}, bad
	}
	return e, nil
}

const expectationForm = "write METRIC [of WORKLOAD] [on NODE] [during PHASE] [in any DURATION] COMPARISON, such as p99 of writes < 100ms"

func parse(text string) (Expectation, *Error) {
	e := Expectation{Text: strings.TrimSpace(text)}
	left, op, right := splitComparison(text)
	words := wordsOf(left, 0)
	negated := len(words) > 0 && words[0].text == "not"
	at := op.at
	if negated {
		at = words[0].at
		words = words[1:]
	}
	if len(words) == 0 {
		return e, &Error{"the expectation names no metric", expectationForm, at}
	}
	metric, ok := LookupMetric(words[0].text)
	if !ok {
		return e, unknownMetric(words[0])
	}
	e.Metric, e.Kind, e.Op = metric.Name, metric.Kind, op.text
	if bad := e.parseScope(metric, words[0], words[1:]); bad != nil {
		return e, bad
	}
	var bad *Error
	switch {
	case e.Kind == MetricTruth:
		bad = e.parseTruth(negated, op, right)
	case negated:
		bad = &Error{"not stands before " + e.Metric + ", which is " + e.Kind.noun(),
			"write " + e.Metric + " with the opposite comparison", at}
	default:
		bad = e.parseComparison(metric, words[0], op, right)
	}
	return e, bad
}

// splitComparison cuts the text at its operator; op is empty, and stands at the beginning, when there is none.
func splitComparison(text string) (left string, op, right word) {
	const operator = "=!<>"
	at := strings.IndexAny(text, operator)
	if at < 0 {
		return text, word{}, word{}
	}
	rest := strings.TrimLeft(text[at:], operator)
	end := len(text) - len(rest)
	value := strings.TrimSpace(rest)
	return text[:at], word{text[at:end], at}, word{value, end + strings.Index(rest, value)}
}

// parts are the words that narrow a metric down, with what the metric says of each.
func (m Metric) parts() (words []string, needs map[string]Need) {
	needs = map[string]Need{"of": m.Of, "on": m.On, "during": m.During, "in": m.Any}
	return []string{"of", "on", "during", "in"}, needs
}

// parseScope reads `of WORKLOAD`, `on NODE`, `during PHASE` and `in any DURATION`, in any order.
func (e *Expectation) parseScope(m Metric, name word, words []word) *Error {
	known, needs := m.parts()
	seen := map[string]bool{}
	for len(words) > 0 {
		w, takes := words[0], 2
		if w.text == "in" {
			takes = 3
		}
		need, is := needs[w.text]
		switch {
		case !is:
			return &Error{fmt.Sprintf("%q after %s is not understood", w.text, m.Name), meantPart(w.text, known) + "write " + m.Form(), w.at}
		case need == Never:
			return &Error{fmt.Sprintf("%s takes no %q: it is %s", m.Name, w.text, m.About), "write " + m.Form(), w.at}
		case seen[w.text]:
			return &Error{fmt.Sprintf("%q stands twice", w.text), "write " + m.Form(), w.at}
		case len(words) == 1:
			return &Error{fmt.Sprintf("nothing follows %q", w.text), "write " + m.Form(), w.at}
		case w.text == "in" && words[1].text != "any":
			return notAny(words[1])
		case len(words) < takes:
			return &Error{`nothing follows "in any"`, "write " + m.Form(), words[1].at}
		}
		seen[w.text] = true
		if bad := e.takePart(m, w.text, words[takes-1]); bad != nil {
			return bad
		}
		words = words[takes:]
	}
	switch {
	case m.Of == Must && e.Workload == "":
		return &Error{m.Name + " is a workload's, and none is named", "write " + m.Form(), name.at}
	case m.On == Must && e.Node == "":
		return &Error{m.Name + " is a node's, and none is named", "write " + m.Form(), name.at}
	}
	return nil
}

// takePart notes what follows one of the words that narrow a metric down.
func (e *Expectation) takePart(m Metric, part string, value word) *Error {
	switch part {
	case "of":
		e.Workload = value.text
	case "on":
		e.Node = value.text
	case "during":
		e.Phase = value.text
	case "in":
		d, err := time.ParseDuration(value.text)
		if err != nil || d <= 0 || d > mostWindow || d%m.Step() != 0 {
			return &Error{fmt.Sprintf("%q is no length of a window for %s", value.text, m.Name), windowHint(m, value.text), value.at}
		}
		e.Any = d
	}
	return nil
}

// mostWindow is the longest window that can be asked for.
const mostWindow = time.Hour

// windowHint says which lengths a window can have.
func windowHint(m Metric, text string) string {
	if d, err := time.ParseDuration(text + "s"); err == nil && d > 0 && d <= mostWindow && d%m.Step() == 0 {
		return "write in any " + text + "s"
	}
	if m.Step() < time.Second {
		return "write tenths of a second from 100ms to 1h, such as 500ms or 5s"
	}
	return "write whole seconds from 1s to 1h, such as 5s"
}

// notAny is the error of an "in" that no "any" follows: of a window, or of a phase.
func notAny(next word) *Error {
	bad := &Error{What: fmt.Sprintf(`"in" is followed by %q and not by any`, next.text), At: next.at}
	if _, err := time.ParseDuration(next.text); err == nil {
		bad.Right = "write in any " + next.text
		return bad
	}
	bad.Right = "write in any 5s for a window, or during " + next.text + " for a phase"
	return bad
}

// meantPart suggests the part that a misspelt word meant; "": none is near.
func meantPart(text string, known []string) string {
	for sign, op := range map[string]string{"≤": "<=", "≥": ">=", "≠": "!="} {
		if strings.HasPrefix(text, sign) {
			return "did you mean " + op + "? Or "
		}
	}
	if near := spell.Nearest(text, known); near != "" {
		return "did you mean " + near + "? Or "
	}
	return ""
}

// parseTruth reads what a truth is compared with: nothing, true or false.
func (e *Expectation) parseTruth(negated bool, op, right word) *Error {
	hint := "write " + e.Metric + ", not " + e.Metric + " or " + e.Metric + " == false"
	demanded := true
	switch {
	case e.Op == "" && right.text == "":
	case e.Op != "==" && e.Op != "!=":
		return &Error{fmt.Sprintf("%s is true or false and cannot be compared by %q", e.Metric, e.Op), hint, op.at}
	case right.text == "true" || right.text == "false":
		demanded = (right.text == "true") == (e.Op == "==")
	default:
		return &Error{fmt.Sprintf("%s is true or false, not %q", e.Metric, right.text), hint, right.at}
	}
	e.Op, e.Bool = "==", demanded != negated
	return nil
}

func (e *Expectation) parseComparison(m Metric, name, op, right word) *Error {
	switch e.Op {
	case "==", "!=", "<", "<=", ">", ">=":
	case "":
		return &Error{e.Metric + " is compared with nothing", "write " + m.Form(), name.at}
	case "=":
		return &Error{`"=" is not a comparison`, "write ==", op.at}
	default:
		return &Error{fmt.Sprintf("%q is not a comparison", e.Op), "write one of ==, !=, <, <=, >, >=", op.at}
	}
	if right.text == "" {
		return &Error{"nothing follows " + e.Op, "write " + m.Form(), op.at}
	}
	value, unit, ok := e.Kind.parse(right.text)
	if !ok {
		return &Error{fmt.Sprintf("%s is %s, and %q is none", e.Metric, e.Kind.noun(), right.text),
			"write " + e.Kind.hint(right.text), right.at}
	}
	if e.Kind == MetricSize && unit == "" && value != 0 && !strings.HasSuffix(e.Metric, "_bytes") {
		return &Error{fmt.Sprintf("%q has no unit", right.text), "write " + right.text + "MB", right.at}
	}
	e.Value, e.Unit = value, unit
	return nil
}

// Position is the byte of an expectation's text where the word stands that follows one of `of`, `on`, `during` and `any`; and
// for "" where its metric stands. 0: there is no such word.
func Position(text, after string) int {
	left, _, _ := splitComparison(text)
	words := wordsOf(left, 0)
	if len(words) > 0 && words[0].text == "not" {
		words = words[1:]
	}
	for i, w := range words {
		switch {
		case after == "":
			return w.at
		case i > 0 && w.text == after && i+1 < len(words): // the metric itself may have such a name
			return words[i+1].at
		}
	}
	return 0
}
