package spec

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Differences are the values in which a resolved text differs from another one, as "PATH: VALUE"
// or "without PATH", in the order of the second text.
func Differences(from, to []byte) []string {
	before, after := leaves(from), leaves(to)
	var all []string
	for _, leaf := range after.order {
		if value, ok := before.values[leaf]; !ok || value != after.values[leaf] {
			all = append(all, leaf+": "+shortValue(after.values[leaf]))
		}
	}
	for _, leaf := range before.order {
		if _, ok := after.values[leaf]; !ok {
			all = append(all, "without "+leaf)
		}
	}
	return all
}

// shortValue is a value as it can stand in a line.
func shortValue(text string) string {
	const most = 60
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "..."
	}
	return text
}

// leafSet are the values of a text by their paths.
type leafSet struct {
	order  []string
	values map[string]string
}

func leaves(text []byte) leafSet {
	set := leafSet{values: map[string]string{}}
	root, problems := parse("", text)
	if problems == nil {
		set.add(root, "")
	}
	return set
}

func (s *leafSet) add(n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			s.add(n.Content[i+1], strings.TrimPrefix(path+"."+n.Content[i].Value, "."))
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			s.add(item, fmt.Sprintf("%s[%s]", path, strconv.Itoa(i)))
		}
	default:
		s.order = append(s.order, path)
		s.values[path] = n.Value
	}
}
