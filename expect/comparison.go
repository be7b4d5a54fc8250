package expect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/internal/spell"
)

// Subject is what the name after `of` in a Comparison is. The zero value is not known.
type Subject uint8

// The subjects.
const (
	OfNode Subject = iota + 1
	OfWorkload
)

// quantity is what a Comparison can be about.
type quantity struct {
	name    string
	subject Subject
	kind    MetricKind // 0: it is one of words
	words   []string
	alone   bool // `of` can be left out
	example string
}

// quantities are all of them but the percentiles.
func quantities() []quantity {
	return []quantity{
		{name: "lag", subject: OfNode, kind: MetricSize, example: "lag of b > 8MB"},
		{name: "replay_lag", subject: OfNode, kind: MetricDuration, example: "replay_lag of b > 5s"},
		{name: "sync_waiters", subject: OfNode, kind: MetricCount, alone: true, example: "sync_waiters >= 10"},
		{name: "connections", subject: OfNode, kind: MetricCount, example: "connections of a > 90"},
		{name: "role", subject: OfNode, words: []string{"primary", "standby", "down"}, example: "role of b is primary"},
		{name: "sync_state", subject: OfNode, words: []string{"async", "potential", "sync", "quorum"}, example: "sync_state of b is quorum"},
		{name: "streaming", subject: OfNode, kind: MetricTruth, example: "streaming of b"},
		{name: "throughput", subject: OfWorkload, kind: MetricRate, example: "throughput of writes < 100/s"},
		{name: "error_rate", subject: OfWorkload, kind: MetricShare, example: "error_rate of writes > 10%"},
		{name: "median", subject: OfWorkload, kind: MetricDuration, example: "median of writes > 100ms"},
		{name: "max", subject: OfWorkload, kind: MetricDuration, example: "max of writes > 5s"},
		{name: "acknowledged", subject: OfWorkload, kind: MetricCount, example: "acknowledged of writes >= 10000"},
	}
}

// findQuantity finds one by its name, any percentile of the response times included.
func findQuantity(name string) (quantity, bool) {
	all := quantities()
	if i := slices.IndexFunc(all, func(q quantity) bool { return q.name == name }); i >= 0 {
		return all[i], true
	}
	if _, ok := parsePercentile(name); ok {
		return quantity{name: name, subject: OfWorkload, kind: MetricDuration, example: name + " of writes > 1s"}, true
	}
	return quantity{}, false
}

// unknownQuantity is the error of a name that is no quantity.
func unknownQuantity(w word) *Error {
	what := fmt.Sprintf("there is no quantity %q", w.text)
	other := map[string]string{
		"replay_lag_bytes": "lag", "lag_bytes": "lag", "wal_lag": "lag", "replication_lag": "replay_lag", "waiters": "sync_waiters",
		"sessions": "connections", "state": "sync_state", "tps": "throughput", "qps": "throughput", "rate": "throughput",
		"latency": "p99", "response_time": "p99", "errors": "error_rate", "ok": "acknowledged", "acked": "acknowledged", "samples": "acknowledged",
	}[strings.ToLower(w.text)]
	names := []string{"p99"}
	for _, q := range quantities() {
		names = append(names, q.name)
	}
	if other == "" {
		other = spell.Nearest(w.text, names)
	}
	if other != "" {
		q, _ := findQuantity(other)
		return &Error{what, "did you mean " + other + "? Such as " + q.example, w.at}
	}
	return &Error{what, "write one of " + strings.Join(names[1:], ", ") + ", or a percentile such as p99", w.at}
}

// comparison reads one comparison.
func (p *conditionParser) comparison() (*Comparison, *Error) {
	negated := p.take("not")
	name := p.peek()
	if name.text == "" || slices.Contains([]string{"and", "or", "for", ")"}, name.text) {
		return nil, &Error{"a comparison is missing here", conditionForm, name.at}
	}
	q, ok := findQuantity(name.text)
	if !ok {
		return nil, unknownQuantity(name)
	}
	p.next++
	c := &Comparison{Quantity: q.name, Subject: q.subject, Kind: q.kind, At: name.at, OfAt: name.at}
	if at := p.peek(); p.take("of") {
		of := p.peek()
		if of.text == "" || of.text == "(" || of.text == ")" || strings.Trim(of.text, "=!<>") == "" {
			return nil, &Error{"nothing follows of", "write " + q.example, at.at}
		}
		p.next++
		c.Of, c.OfAt = of.text, of.at
	} else if !q.alone {
		of := "node"
		if q.subject == OfWorkload {
			of = "workload"
		}
		return nil, &Error{q.name + " is a " + of + "'s, and none is named", "write " + q.example, name.at}
	}
	switch {
	case q.kind == MetricTruth:
		return c, p.truth(c, q, negated)
	case negated:
		return nil, &Error{"not stands before " + q.name + ", which is not true or false", "write " + q.example + ", or the opposite comparison", name.at}
	case q.words != nil:
		return c, p.word(c, q)
	}
	return c, p.number(c, q)
}

// truth reads the end of a comparison that is true or false: nothing follows.
func (p *conditionParser) truth(c *Comparison, q quantity, negated bool) *Error {
	c.Op = "=="
	if negated {
		c.Op = "!="
	}
	if w := p.peek(); w.text == "is" || strings.Trim(w.text, "=!<>") == "" && w.text != "" {
		return &Error{q.name + " is true or false and is compared with nothing", "write " + c.String() + ", or not " + c.String(), w.at}
	}
	return nil
}

// word reads `is [not] WORD`.
func (p *conditionParser) word(c *Comparison, q quantity) *Error {
	is := p.peek()
	if !p.take("is") {
		return &Error{q.name + " is a word, and is follows it", "write " + q.example, is.at}
	}
	c.Op = "=="
	if p.take("not") {
		c.Op = "!="
	}
	w := p.peek()
	if !slices.Contains(q.words, w.text) {
		if w.text == "" {
			return &Error{"nothing follows is", "write " + q.example, is.at}
		}
		right := "write one of " + strings.Join(q.words, ", ")
		if near := spell.Nearest(w.text, q.words); near != "" {
			right = "did you mean " + near + "?"
		}
		return &Error{fmt.Sprintf("%s cannot be %q", q.name, w.text), right, w.at}
	}
	p.next++
	c.Word = w.text
	return nil
}

// number reads an operator and a value with its unit.
func (p *conditionParser) number(c *Comparison, q quantity) *Error {
	op := p.peek()
	switch op.text {
	case "==", "!=", "<", "<=", ">", ">=":
	case "":
		return &Error{c.String() + " is compared with nothing", "write " + q.example, c.At}
	case "=", "is":
		return &Error{fmt.Sprintf("%q is not a comparison of numbers", op.text), "write ==", op.at}
	default:
		return &Error{fmt.Sprintf("%q is not a comparison", op.text), meantPart(op.text, nil) + "write one of ==, !=, <, <=, >, >=", op.at}
	}
	p.next++
	c.Op = op.text
	value := p.peek()
	text := value.text
	if text == "" || slices.Contains([]string{"and", "or", "for", "(", ")"}, text) {
		return &Error{"nothing follows " + c.Op, "write " + q.example, op.at}
	}
	p.next++
	if unit := p.peek(); strings.Trim(text, "0123456789.") == "" && slices.Contains(units(), unit.text) {
		text += " " + unit.text
		p.next++
	}
	number, unit, ok := q.kind.parse(text)
	if !ok {
		return &Error{fmt.Sprintf("%s is %s, and %q is none", q.name, q.kind.noun(), text), q.otherUnit(c, text), value.at}
	}
	if q.kind == MetricSize && unit == "" && number != 0 {
		return &Error{fmt.Sprintf("%q has no unit", text), "write " + text + "MB", value.at}
	}
	c.Value = number
	return nil
}

// units are those that can stand apart from their number.
func units() []string {
	return []string{"B", "kB", "MB", "GB", "us", "ms", "s", "m", "h", "%", "/s", "/m", "/ms"}
}

// otherUnit is what would be right in the place of a value of another kind.
func (q quantity) otherUnit(c *Comparison, text string) string {
	_, err := time.ParseDuration(text)
	_, _, size := MetricSize.parse(text)
	switch {
	case q.name == "lag" && err == nil:
		return "write replay_lag of " + c.Of + " for a time, or a size such as 8MB"
	case q.name == "replay_lag" && size && strings.HasSuffix(text, "B"):
		return "write lag of " + c.Of + " for a size, or a time such as 5s"
	}
	return "write " + q.kind.hint(text)
}
