package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"pgchaos/chaos/fault"
	"pgchaos/internal/spell"
)

// shorthand is what one value can stand for.
type shorthand interface{ Short() any }

// shorthand decodes a value that stands for the parameters of an action, and tells whether
// it did.
func (d *decoder) shorthand(n *yaml.Node, v reflect.Value, path string) bool {
	short, ok := v.Addr().Interface().(shorthand)
	if !ok || short.Short() == nil {
		return false
	}
	into := reflect.ValueOf(short.Short()).Elem()
	keys, _ := fieldsOf(v.Type())
	bare := n.Kind == yaml.ScalarNode || into.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode
	if len(keys) > 0 && !bare {
		return false // it is written with its keys
	}
	d.value(n, into, path)
	return true
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	if d.shorthand(n, v, path) {
		return
	}
	keys, fields := fieldsOf(v.Type())
	if _, ok := v.Addr().Interface().(*Step); ok {
		keys = slices.Concat(keys, Actions())
	}
	where := "the file"
	if path != "" {
		where = d.inFile(path)
	}
	inside := path
	d.mapping(n, path, "a mapping with the keys "+strings.Join(keys, ", "), func(key string, value *yaml.Node, path string) {
		if step, ok := v.Addr().Interface().(*Step); ok && key == "when" && value.Kind == yaml.ScalarNode && !isNull(value) {
			d.value(value, reflect.ValueOf(&step.Trigger).Elem(), path)
			return
		}
		if i := slices.Index(keys[:len(fields)], key); i >= 0 {
			d.value(value, v.FieldByIndex(fields[i]), path)
			return
		}
		if step, ok := v.Addr().Interface().(*Step); ok && d.action(step, key, value, path) {
			return
		}
		d.unknown[inside] = true
		right := suggest(key, keys, "the keys here are")
		if n.Style&yaml.FlowStyle != 0 && isNull(value) && spell.Nearest(key, keys) == "" {
			right = "if the comma before it belongs to a value, put quotes around the whole value"
		}
		d.fail(d.keys[path], path, fmt.Sprintf("unknown key %s in %s", shown(key), where), right)
	})
}

// action decodes one action of a step, and tells whether there is one of that name.
func (d *decoder) action(s *Step, name string, n *yaml.Node, path string) bool {
	kind, found := fault.Find(name)
	if !found {
		return false
	}
	p := kind.New()
	s.actions = append(s.actions, action{kind, p})
	d.value(n, reflect.ValueOf(p).Elem(), path)
	return true
}

// fieldsOf are the keys of a struct, and the field each belongs to: of an embedded
// struct too.
func fieldsOf(t reflect.Type) (keys []string, fields [][]int) {
	for i := range t.NumField() {
		f := t.Field(i)
		switch key := f.Tag.Get("yaml"); {
		case !f.IsExported() && !f.Anonymous:
		case f.Anonymous:
			inner, at := fieldsOf(f.Type)
			for j := range inner {
				keys, fields = append(keys, inner[j]), append(fields, append([]int{i}, at[j]...))
			}
		case key != "-":
			keys, fields = append(keys, key), append(fields, []int{i})
		}
	}
	return keys, fields
}

// numbers decodes a mapping of names to whole numbers.
func (d *decoder) numbers(n *yaml.Node, v reflect.Value, path string) {
	m := map[string]int{}
	d.mapping(n, path, "a mapping of names to numbers", func(key string, value *yaml.Node, path string) {
		var number int
		d.value(value, reflect.ValueOf(&number).Elem(), path)
		m[key] = number
	})
	v.Set(reflect.ValueOf(m))
}
