package spec

import (
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// Paths are the paths of an experiment that --set can set, for the completion of a command
// line: what the file has, and beside it the keys that its mappings could have. Of a step only
// what it has: another action would make it another step. They are nil for what is no YAML.
func Paths(text []byte) []string {
	root, problems := parse("", text)
	if problems != nil {
		return nil
	}
	w := &pathWalk{}
	w.walk(root, reflect.TypeFor[Experiment](), "")
	return w.paths
}

// pathWalk collects the paths of values.
type pathWalk struct{ paths []string }

// walk goes through a node, which is nil for a key that the file does not have, and the type
// that it is decoded into, which is nil where the keys are the user's own.
func (w *pathWalk) walk(n *yaml.Node, t reflect.Type, path string) {
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n != nil && n.Kind == yaml.SequenceNode:
		w.list(n, t, path)
	case n != nil && n.Kind == yaml.MappingNode, n == nil && isMapping(t):
		w.mapping(n, t, path)
	default:
		w.paths = append(w.paths, path)
	}
}

func (w *pathWalk) mapping(n *yaml.Node, t reflect.Type, path string) {
	inside := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	types := keyTypes(t)
	has := map[string]bool{}
	if n != nil {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			has[key] = true
			w.walk(n.Content[i+1], types.of(key), inside(key))
		}
	}
	if t == reflect.TypeFor[Step]() {
		return
	}
	for _, key := range types.keys {
		if !has[key] {
			w.walk(nil, types.of(key), inside(key))
		}
	}
}

// list has the path of the whole list, and those of its entries: of the timeline by the
// names of its steps.
func (w *pathWalk) list(n *yaml.Node, t reflect.Type, path string) {
	w.paths = append(w.paths, path)
	if t != reflect.TypeFor[[]Step]() {
		for i, entry := range n.Content {
			if entry.Kind == yaml.MappingNode {
				w.walk(entry, nil, fmt.Sprintf("%s[%d]", path, i))
			}
		}
		return
	}
	var steps []Step
	newDecoder("").value(n, reflect.ValueOf(&steps).Elem(), path)
	nameSteps(steps)
	for i := range min(len(steps), len(n.Content)) {
		w.walk(n.Content[i], t.Elem(), path+"."+steps[i].Name)
	}
}

// isMapping tells of which types the keys are known without a file.
func isMapping(t reflect.Type) bool { return t != nil && len(keyTypes(t).keys) > 0 }

// knownKeys are the keys of a mapping, and the types of their values; other is that of all
// other keys, where the user names them.
type knownKeys struct {
	keys  []string
	types map[string]reflect.Type
	other reflect.Type
}

func (k knownKeys) of(key string) reflect.Type {
	if t, ok := k.types[key]; ok {
		return t
	}
	return k.other
}

func keyTypes(t reflect.Type) knownKeys {
	switch {
	case t == reflect.TypeFor[Workloads]():
		return knownKeys{types: map[string]reflect.Type{"setup": reflect.TypeFor[Statements]()}, other: reflect.TypeFor[Workload]()}
	case t == reflect.TypeFor[Nodes]():
		return knownKeys{other: reflect.TypeFor[Node]()}
	case t == nil || t.Kind() != reflect.Struct:
		return knownKeys{}
	}
	k := knownKeys{types: map[string]reflect.Type{}}
	keys, fields := fieldsOf(t)
	for i, key := range keys {
		k.keys = append(k.keys, key)
		k.types[key] = t.FieldByIndex(fields[i]).Type
	}
	return k
}
