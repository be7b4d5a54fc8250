package spec

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// set applies one `path=value` to the tree. Missing mapping keys are made, known
// or not: decoding tells the unknown ones as usual.
func (d *decoder) set(root *yaml.Node, text string) {
	path, value, ok := strings.Cut(text, "=")
	segments := splitPath(path)
	if !ok || len(segments) == 0 {
		d.setProblem(text, "this sets nothing", "write --set path=value, such as load.writes.rate=100/s")
		return
	}
	node, err := parseSetValue(value)
	if err != nil {
		d.setProblem(text, "the value is no YAML: "+strings.TrimPrefix(err.Error(), "yaml: "), "quote the value within the argument")
		return
	}
	d.comesFrom(node, "--set "+text)
	d.sweep(node)
	cur, walked := root, ""
	for i, segment := range segments {
		slot := d.slot(cur, walked, segment, madeBy{set: "--set " + text}, func(what, right string) { d.setProblem(text, what, right) })
		if slot == nil {
			return
		}
		if i == len(segments)-1 {
			*slot = node
			return
		}
		if *slot == nil || isNull(*slot) {
			*slot = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			d.origin[*slot] = "--set " + text
		}
		cur, walked = *slot, strings.TrimPrefix(walked+"."+segment, ".")
	}
}

// madeBy is what makes a new key: a --set, with that word, or another key of the file.
type madeBy struct {
	set string
	at  *yaml.Node
}

// slot is the place of one path segment in a node: of an existing value or of a
// new one. It is nil after a problem, which bad reports.
func (d *decoder) slot(n *yaml.Node, path, segment string, by madeBy, bad func(what, right string)) **yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		if slot := mappingSlot(n, segment); slot != nil {
			return slot
		}
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: segment}
		if by.at != nil {
			key.Line, key.Column = by.at.Line, by.at.Column
		} else {
			d.origin[key] = by.set
		}
		n.Content = append(n.Content, key, nil)
		return &n.Content[len(n.Content)-1]
	case yaml.SequenceNode:
		if i, ok := d.index(n, path, segment, bad); ok {
			return &n.Content[i]
		}
		return nil
	default:
		bad(fmt.Sprintf("%s is %s and has no %q", orFile(path), kindNoun(n), segment), "set "+orFile(path)+" as a whole")
		return nil
	}
}

// index finds an entry of a list by its number, or a step by its name.
func (d *decoder) index(n *yaml.Node, path, segment string, bad func(what, right string)) (int, bool) {
	i, err := strconv.Atoi(segment)
	if err == nil && i >= 0 && i < len(n.Content) {
		return i, true
	}
	if err == nil {
		bad(fmt.Sprintf("%s has no entry %d", path, i), fmt.Sprintf("it has %d, the first is 0", len(n.Content)))
		return 0, false
	}
	if path != "timeline" {
		bad(fmt.Sprintf("%s is a list and has no %q", path, segment), "write the entry's number: "+path+"[0]")
		return 0, false
	}
	var steps []Step
	newDecoder(d.file).value(n, reflect.ValueOf(&steps).Elem(), path)
	nameSteps(steps)
	names := make([]string, len(steps))
	for i := range steps {
		if names[i] = steps[i].Name; names[i] == segment {
			return i, true
		}
	}
	bad(fmt.Sprintf("the timeline has no step %q", segment), suggest(segment, names, "the steps are"))
	return 0, false
}

func (d *decoder) setProblem(text, what, right string) {
	d.problems = append(d.problems, Problem{File: shortSet("--set " + text), What: what, Right: right})
}

// shortSet is a flag with its value, on one line and not too long for a message.
func shortSet(text string) string {
	const most = 86
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "..."
	}
	return strings.ReplaceAll(text, "\n", " ")
}

func (d *decoder) comesFrom(n *yaml.Node, text string) {
	d.origin[n] = text
	for _, child := range n.Content {
		d.comesFrom(child, text)
	}
}

// parseSetValue reads the value as YAML; nothing at all is the empty text.
func parseSetValue(value string) (*yaml.Node, error) {
	if strings.TrimSpace(value) == "" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle}, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(value), &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, fmt.Errorf("there is nothing in %q", value)
	}
	return doc.Content[0], nil
}

// splitPath cuts a path at its dots and brackets. What follows `settings.` is one
// key, because PostgreSQL's own names have dots in them; nil for what is no path.
func splitPath(path string) []string {
	var segments []string
	for rest := path; rest != ""; {
		var segment string
		if rest[0] == '[' {
			inner, after, closed := strings.Cut(rest[1:], "]")
			if !closed {
				return nil
			}
			segment, rest = inner, strings.TrimPrefix(after, ".")
		} else {
			end := len(rest)
			if n := len(segments); n == 0 || segments[n-1] != "settings" {
				if i := strings.IndexAny(rest, ".["); i >= 0 {
					end = i
				}
			}
			segment, rest = rest[:end], strings.TrimPrefix(rest[end:], ".")
		}
		segment = strings.TrimSpace(segment)
		if segment == "" || strings.ContainsAny(segment, "[]") {
			return nil
		}
		segments = append(segments, segment)
	}
	return segments
}
