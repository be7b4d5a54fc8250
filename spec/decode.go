package spec

import (
	"encoding"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"pgchaos/chaos/fault"
	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/standbynames"
)

// decoder walks a node tree and a Go value side by side. yaml.v3's own decoder
// cannot be used: its KnownFields does not reach through Node.Decode nor
// UnmarshalYAML, and its errors have no column and end at the first in a type.
type decoder struct {
	file     string
	lines    []string // of the file; nil: not known
	problems Problems
	origin   map[*yaml.Node]string // the flag that a node came from, with its value
	nodes    map[string]*yaml.Node // by path, such as timeline[0].stop.node
	keys     map[string]*yaml.Node // the key before each of nodes that has one
	spoiled  map[*yaml.Node]bool   // the values into which a ${VAR} could not be filled
	included map[*yaml.Node]string // the file that a script was read from
	secrets  []string              // values that must not be written anywhere
	secret   map[*yaml.Node]string // of the keys of a series, the values with a secret, and their texts without it
	capacity map[string]float64    // of workloads
	shares   []RateShare
	unknown  map[string]bool // the paths of mappings with a key that nobody knows
	setup    Statements      // load.setup
	// generated are the paths of the file by those of the steps that were made of them.
	generated map[string]string
	// broken are the paths at which a problem was found while decoding, and above those
	// every path that leads to one.
	broken, above map[string]bool
}

// setupPath is the one key of load that is no workload.
const setupPath = "load.setup"

func newDecoder(file string) *decoder {
	return &decoder{
		file: file, origin: map[*yaml.Node]string{}, included: map[*yaml.Node]string{}, unknown: map[string]bool{}, spoiled: map[*yaml.Node]bool{},
		generated: map[string]string{}, nodes: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}, broken: map[string]bool{}, above: map[string]bool{},
	}
}

// problemAt notes a mistake at a node.
func (d *decoder) problemAt(n *yaml.Node, what, right string) {
	p := Problem{File: d.file, Line: n.Line, Col: n.Column, What: what, Right: right}
	if set, ok := d.origin[n]; ok {
		p.File, p.Line, p.Col = shortSet(set), 0, 0
	}
	d.problems = append(d.problems, p)
}

// problemIn notes a mistake at a byte of a value's text. It is at the value itself where the file does not have the text up to
// there as it is, because of an escape, a ${VAR} or a line end in it, or because the value comes from a flag.
func (d *decoder) problemIn(n *yaml.Node, at int, what, right string) {
	moved := *n
	if _, set := d.origin[n]; !set && n.Kind == yaml.ScalarNode && n.Line > 0 && n.Line <= len(d.lines) && at <= len(n.Value) {
		line, before, from := []rune(d.lines[n.Line-1]), []rune(n.Value[:at]), n.Column-1
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			from++
		}
		if end := from + len(before); end <= len(line) && string(line[from:end]) == string(before) {
			moved.Column = end + 1
			d.problemAt(&moved, what, right)
			return
		}
	}
	d.problemAt(n, what, right)
}

// fail notes a mistake at a node, and that what its path holds is not to be relied on.
func (d *decoder) fail(n *yaml.Node, path, what, right string) {
	d.distrust(path)
	d.problemAt(n, what, right)
}

// distrust notes that what a path holds is not to be relied on.
func (d *decoder) distrust(path string) {
	d.broken[path] = true
	for outer := range outwards(path) {
		d.above[outer] = true
	}
}

// at is the node nearest to a path: its own, or the one that it would stand in.
func (d *decoder) at(path string) *yaml.Node {
	for outer := range outwards(path) {
		if n, ok := d.nodes[outer]; ok {
			return n
		}
	}
	return d.nodes[""]
}

// outwards yields a path, then the path that it stands in, up to "", the file.
func outwards(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for yield(path) && path != "" {
			path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		}
	}
}

// has tells whether the file has a value at the path.
func (d *decoder) has(path string) bool { return d.nodes[path] != nil }

// brokenUnder tells whether decoding found a mistake at the path or below it.
func (d *decoder) brokenUnder(path string) bool { return d.above[path] }

// brokenOver tells whether decoding found a mistake at the path or above it.
func (d *decoder) brokenOver(path string) bool {
	for outer := range outwards(path) {
		if d.broken[outer] {
			return true
		}
	}
	return false
}

func (d *decoder) decode(root *yaml.Node, e *Experiment) {
	d.value(root, reflect.ValueOf(e).Elem(), "")
	e.Setup, e.SetupFile = d.setup, d.included[d.nodes[setupPath]]
}

// value decodes one node into one Go value.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	d.nodes[path] = n
	if n.Kind == yaml.AliasNode || d.spoiled[n] {
		d.distrust(path) // sweep or expand has reported it
		return
	}
	if isNull(n) {
		d.null(n, v, path)
		return
	}
	switch into := v.Addr().Interface().(type) {
	case *Duration, *Share, *Size, *CPUs:
		d.quantity(n, into, path)
	case *Rate:
		d.scalar(n, path, "a rate such as 500/s", func(text string) error { return d.rate(n, text, into, path) })
	case *Variants:
		d.variants(n, into, path)
	case *Matrix:
		d.matrix(n, into, path)
	case *Metrics:
		d.metrics(n, into, path)
	case *Nodes:
		d.nodeList(n, into, path)
	case *ExistingNodes:
		named(d, n, path, "nodes", into, func(name string) ExistingNode { return ExistingNode{Name: name} })
	case *Hooks:
		named(d, n, path, "hooks", into, func(name string) Hook { return Hook{Name: name} })
	case *Workloads:
		d.mapping(n, path, "a mapping of names to workloads", func(key string, value *yaml.Node, path string) {
			if path == setupPath {
				d.value(value, reflect.ValueOf(&d.setup).Elem(), path)
				return
			}
			*into = append(*into, Workload{Name: key})
			d.value(value, reflect.ValueOf(&(*into)[len(*into)-1]).Elem(), path)
		})
	case *fault.WorkloadList:
		d.names(n, (*[]string)(into), path)
	case *Statements:
		d.names(n, (*[]string)(into), path)
	case *Params:
		d.mapping(n, path, "a mapping of names to generators", func(key string, value *yaml.Node, path string) {
			*into = append(*into, Param{Name: key})
			d.param(value, &(*into)[len(*into)-1], path)
		})
	case *NodeList:
		d.names(n, (*[]string)(into), path)
	case *Expected:
		d.expected(n, v, path)
	default:
		d.kind(n, v, path)
	}
}

// quantity decodes a number with a unit.
func (d *decoder) quantity(n *yaml.Node, into any, path string) {
	wanted := "a duration such as 10s"
	switch into.(type) {
	case *Share:
		wanted = "a share such as 90%"
	case *Size:
		wanted = "a size such as 512MB"
	case *CPUs:
		wanted = "a number of cores such as 1.5"
	}
	if from, ok := into.(encoding.TextUnmarshaler); ok {
		d.scalar(n, path, wanted, func(text string) error { return from.UnmarshalText([]byte(text)) })
	}
}

// expected decodes an expectation: a text, or a mapping with more about it.
func (d *decoder) expected(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.SequenceNode {
		d.wrongKind(n, path, "one text, or {that: TEXT, abort: true}")
		return
	}
	d.structure(n, v, path)
}

// kind decodes what has no form of its own.
func (d *decoder) kind(n *yaml.Node, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.value(n, p.Elem(), path)
		v.Set(p)
	case reflect.Struct:
		if into, ok := v.Addr().Interface().(*RandomFault); ok {
			d.randomFault(n, into, path)
			return
		}
		d.structure(n, v, path)
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.Int {
			d.numbers(n, v, path)
			return
		}
		m := map[string]string{}
		d.mapping(n, path, "a mapping of names to values", func(key string, value *yaml.Node, path string) {
			var text string
			d.value(value, reflect.ValueOf(&text).Elem(), path)
			m[key] = text
		})
		v.Set(reflect.ValueOf(m))
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.wrongKind(n, path, "a list: begin each entry with a dash")
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			d.value(item, v.Index(i), path+"["+strconv.Itoa(i)+"]")
		}
	case reflect.String:
		d.scalar(n, path, "one text", func(text string) error { v.SetString(text); return nil })
	case reflect.Bool:
		d.scalar(n, path, "true or false", func(text string) error {
			v.SetBool(text == "true")
			if text != "true" && text != "false" {
				return mistake(shown(text)+" is neither true nor false", "write true or false")
			}
			return nil
		})
	case reflect.Float64:
		d.scalar(n, path, "a number", func(text string) error {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
				return mistake(shown(text)+" is no number", "write a number such as 1.5")
			}
			v.SetFloat(f)
			return nil
		})
	default:
		d.scalar(n, path, "a whole number", func(text string) error { return setNumber(v, text) })
	}
}

// setNumber reads a whole number in decimal.
func setNumber(v reflect.Value, text string) error {
	right := "write a whole number"
	if v.Kind() == reflect.Uint64 {
		i, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return mistake(shown(text)+" is no number from 0 to 18446744073709551615", right)
		}
		v.SetUint(i)
		return nil
	}
	bits := 32
	if v.Kind() == reflect.Int64 {
		bits = 64
	}
	i, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return mistake(shown(text)+" is no whole number of this size", right)
	}
	v.SetInt(i)
	return nil
}

// mapping calls each for the entries of a mapping, in the file's order. sweep
// has reported duplicate keys; the first stands.
func (d *decoder) mapping(n *yaml.Node, path, wanted string, each func(key string, value *yaml.Node, path string)) {
	if n.Kind != yaml.MappingNode {
		d.wrongKind(n, path, wanted)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			d.distrust(path)
			continue // sweep has reported it
		}
		if !seen[key.Value] {
			seen[key.Value] = true
			below := strings.TrimPrefix(path+"."+key.Value, ".")
			d.keys[below] = key
			each(key.Value, n.Content[i+1], below)
		}
	}
}

func (d *decoder) wrongKind(n *yaml.Node, path, wanted string) {
	d.fail(n, path, fmt.Sprintf("%s is %s", orFile(d.inFile(path)), kindNoun(n)), "write "+wanted)
}

// inFile is the path that the file has for that of a value; another one where steps were made of an entry of random.
func (d *decoder) inFile(path string) string {
	end := strings.IndexByte(path, ']') + 1
	if of, ok := d.generated[path[:end]]; ok {
		return of + path[end:]
	}
	return path
}

func orFile(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

// null decides on a key without a value. It leaves a whole part empty; elsewhere
// it is a mistake, because a forgotten value must not become a default in silence.
func (d *decoder) null(n *yaml.Node, v reflect.Value, path string) {
	switch v.Interface().(type) {
	case Node, Workloads, []Step, []string, []Expected:
		return
	}
	right := "write a value, or leave the key out"
	if v.Kind() == reflect.String {
		right = `write a value ("" for an empty one), or leave the key out`
	}
	d.fail(n, path, orFile(d.inFile(path))+" has no value", right)
}

// scalar hands the text of a scalar on.
func (d *decoder) scalar(n *yaml.Node, path, wanted string, set func(text string) error) {
	if n.Kind != yaml.ScalarNode {
		d.wrongKind(n, path, wanted)
		return
	}
	err := set(n.Value)
	if err == nil {
		return
	}
	what, right := halves(err)
	d.fail(n, path, d.inFile(path)+": "+what, right)
}

// names decodes one name or a list of them.
func (d *decoder) names(n *yaml.Node, into *[]string, path string) {
	if n.Kind == yaml.ScalarNode {
		*into = []string{n.Value}
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.wrongKind(n, path, "a name or a list of names")
		return
	}
	d.kind(n, reflect.ValueOf(into).Elem(), path)
}

// nodeList decodes a list of names, or a mapping of names to nodes.
func (d *decoder) nodeList(n *yaml.Node, into *Nodes, path string) {
	if n.Kind == yaml.SequenceNode {
		var names []string
		d.names(n, &names, path)
		for _, name := range names {
			*into = append(*into, Node{Name: name})
		}
		return
	}
	d.mapping(n, path, "a list of names, or a mapping of names to nodes", func(key string, value *yaml.Node, path string) {
		*into = append(*into, Node{Name: key})
		d.value(value, reflect.ValueOf(&(*into)[len(*into)-1]).Elem(), path)
	})
}

// mistake is a problem whose place is not known yet.
func mistake(what, right string) error { return &units.Error{What: what, Right: right} }

// halves are what is wrong and what would be right, as far as an error tells.
func halves(err error) (what, right string) {
	var m *units.Error
	if errors.As(err, &m) {
		return m.What, m.Right
	}
	var metric *expect.Error
	if errors.As(err, &metric) {
		return metric.What, metric.Right
	}
	var names *standbynames.Error
	if errors.As(err, &names) {
		return names.What, names.Right
	}
	return err.Error(), ""
}

// named decodes a mapping of names to things that have a name.
func named[S ~[]T, T any](d *decoder, n *yaml.Node, path, what string, into *S, called func(name string) T) {
	d.mapping(n, path, "a mapping of names to "+what, func(key string, value *yaml.Node, path string) {
		*into = append(*into, called(key))
		d.value(value, reflect.ValueOf(&(*into)[len(*into)-1]).Elem(), path)
	})
}
