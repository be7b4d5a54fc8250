package spec

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"pgchaos/internal/redact"
)

// sweep looks at what no type can tell: duplicate keys, aliases, tags, merge
// keys. None of YAML's indirections is supported: each would have to be bounded,
// and would take the position of a mistake away from where it is read.
func (d *decoder) sweep(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	switch {
	case n.Kind == yaml.AliasNode:
		d.problemAt(n, "*"+n.Value+" is an alias, which an experiment cannot have", "write the value out")
		return
	case n.Anchor != "":
		d.problemAt(n, "&"+n.Anchor+" is an anchor, which an experiment cannot have", "leave it out, and write values out")
	case n.Style&yaml.TaggedStyle != 0:
		d.problemAt(n, n.Tag+" is a tag, which an experiment cannot have", "leave it out; quotes make a text")
	}
	if n.Kind == yaml.ScalarNode && isNull(n) {
		n.Value, n.Style = "null", 0
	}
	if n.Kind == yaml.MappingNode {
		joinStandbys(n)
		d.sweepKeys(n)
	}
	for _, child := range n.Content {
		d.sweep(child)
	}
}

// joinStandbys puts `{standbys: ANY 1 (a, b)}` together again. Within braces a comma
// ends a plain value, so that YAML reads a key `b)` without a value here; everybody
// writes it so, and it can mean nothing else. For other values it is left a mistake.
func joinStandbys(n *yaml.Node) {
	for i := 0; n.Style&yaml.FlowStyle != 0 && i+1 < len(n.Content); i += 2 {
		value := n.Content[i+1]
		if n.Content[i].Value != "standbys" || value.Kind != yaml.ScalarNode || value.Style != 0 {
			continue
		}
		text, end := value.Value, i+2
		for open(text) && end+1 < len(n.Content) && n.Content[end].Style == 0 && isNull(n.Content[end+1]) {
			text += ", " + n.Content[end].Value
			end += 2
		}
		if end > i+2 && !open(text) {
			value.Value = text
			n.Content = append(n.Content[:i+2], n.Content[end:]...)
		}
	}
}

// open tells whether a parenthesis of the text is not closed.
func open(text string) bool { return strings.Count(text, "(") > strings.Count(text, ")") }

func (d *decoder) sweepKeys(n *yaml.Node) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch before := first[key.Value]; {
		case key.Kind == yaml.AliasNode:
		case key.Kind != yaml.ScalarNode:
			d.problemAt(key, "a key is "+kindNoun(key), "write a word as the key")
		case key.ShortTag() == "!!merge":
			d.problemAt(key, "<< is a merge key, which an experiment cannot have", "write the values out")
		case before != nil:
			d.problemAt(key, fmt.Sprintf("the key %s stands here twice, first in line %d", shown(key.Value), before.Line),
				"leave one of them out")
		default:
			first[key.Value] = key
		}
	}
}

// variable matches an escaped $${, a ${NAME}, a ${NAME:-default}, and anything else that begins so.
var variable = regexp.MustCompile(`\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-([^{}]*))?\})?`)

// freeText are the keys whose values, and all values below them, can be any text: what a
// variable brings there is taken for a secret. Elsewhere a value is a name or a number that
// the experiment is about, unless the variable's name says that it is a secret.
var freeText = map[string]bool{
	"description": true, "settings": true, "connection": true, "set": true, "setup": true, "params": true,
	"command": true, "undo": true, "query": true, "expect": true, "sql": true, "script": true,
}

// ordinary matches values that are no secret, wherever they stand: numbers, with a unit or without,
// and short words.
var ordinary = regexp.MustCompile(`^([+-]?[0-9.]+ ?[A-Za-z%/]{0,4}|.{0,3}|true|false|none|null|local)$`)

// expand fills ${VAR} into every value, never into a key, and returns the text
// without secrets of the nodes into which a secret was filled. What a variable
// brings is one value's text: it is not YAML, and is not expanded again.
func (d *decoder) expand(n *yaml.Node, getenv func(string) (string, bool)) map[*yaml.Node]string {
	safe := map[*yaml.Node]string{}
	var visit func(n *yaml.Node, free bool)
	visit = func(n *yaml.Node, free bool) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 1; i < len(n.Content); i += 2 {
				key := n.Content[i-1].Value
				visit(n.Content[i], free || freeText[key] || redact.SecretName(key))
			}
		case yaml.SequenceNode:
			for _, child := range n.Content {
				visit(child, free)
			}
		case yaml.ScalarNode:
			if strings.Contains(n.Value, "${") {
				d.expandScalar(n, free, getenv, safe)
			}
			d.secrets = append(d.secrets, redact.Found(n.Value)...)
		case yaml.DocumentNode, yaml.AliasNode: // the one is never below the root, the other a mistake
		}
	}
	visit(n, false)
	return safe
}

func (d *decoder) expandScalar(n *yaml.Node, free bool, getenv func(string) (string, bool), secrets map[*yaml.Node]string) {
	var full, safe strings.Builder
	rest, secret := n.Value, false
	for {
		m := variable.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		full.WriteString(rest[:m[0]])
		safe.WriteString(rest[:m[0]])
		value := "${"
		if match := rest[m[0]:m[1]]; match != "$${" {
			var given bool
			value, given = d.lookup(n, rest, m, getenv)
			if m[2] >= 0 && value != "" && (redact.SecretName(rest[m[2]:m[3]]) || free && given && !ordinary.MatchString(value)) {
				secret = true
				d.secrets = append(d.secrets, value)
				full.WriteString(value)
				value = ""
				safe.WriteString(hidden)
			}
		}
		full.WriteString(value)
		safe.WriteString(value)
		rest = rest[m[1]:]
	}
	n.Value = full.String() + rest
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		n.Tag = "" // typed anew: ${N} may be a number, or nothing
		if isNull(n) {
			n.Value = "null"
		}
	}
	if secret {
		secrets[n] = safe.String() + rest
	}
}

// lookup is the value of one ${VAR}, "" after a problem; given: it is the environment's, and not
// the file's default.
func (d *decoder) lookup(n *yaml.Node, text string, m []int, getenv func(string) (string, bool)) (value string, given bool) {
	spoil := func(what, right string) {
		d.spoiled[n] = true
		d.problemAt(n, what, right)
	}
	if m[2] < 0 {
		spoil("${ in "+shown(text)+" begins no variable", "write ${NAME} or ${NAME:-default}, or $${ for the two characters")
		return "", false
	}
	name := text[m[2]:m[3]]
	ok := false
	if getenv != nil {
		value, ok = getenv(name)
	}
	switch hasDefault := m[4] >= 0; {
	case hasDefault && value == "":
		return text[m[6]:m[7]], false
	case !ok:
		spoil("the environment variable "+name+" is not set", "set it, or write ${"+name+":-default}")
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		spoil("the environment variable "+name+" is no text in UTF-8", "set it to a text")
		return "", false
	}
	return value, true
}
