package spec

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"pgchaos/internal/redact"
)

// Repetition is how an experiment is repeated, and what is different from run to run.
type Repetition struct {
	Variants     Variants `yaml:"variants" jsonschema_description:"The experiments to compare, by name. Each is a mapping that is laid over this file: what it has replaces what the file has, and null leaves a key out."`
	Matrix       Matrix   `yaml:"matrix" jsonschema_description:"The values of some keys, by their paths, such as load.writes.clients: [1, 8]. Every combination of them is run with every variant."`
	Rounds       int      `yaml:"rounds" jsonschema_description:"How often each variant is run; 6 by default where there are variants or a matrix, and 1 otherwise. 10 are better for figures that others will read."`
	WarmupRounds int      `yaml:"warmup_rounds" jsonschema_description:"Rounds before the others, which are in no figure; 1 by default where there is more than one round."`
	Reuse        bool     `yaml:"reuse" jsonschema_description:"Runs all variants on one cluster instead of a new one each."`
	Compare      Compare  `yaml:"compare" jsonschema_description:"What is compared, and how large a difference matters."`
}

// Variants decodes from a mapping of names to overlays, in the file's order.
type Variants []Overlay

// Overlay is what one variant changes.
type Overlay struct{ Name string }

// Matrix decodes from a mapping of paths to values, in the file's order.
type Matrix []Dimension

// Dimension is one path of a matrix and the labels of its values.
type Dimension struct {
	Path   string
	Labels []string
}

// Compare is what is compared.
type Compare struct {
	Metrics   Metrics `yaml:"metrics" jsonschema_description:"The metrics that get a verdict, as expectations name them: a list, or a mapping of metrics to tolerances. By default p99 and throughput of the writes, their error rate, write_rto and lost_writes."`
	Tolerance Share   `yaml:"tolerance" jsonschema_description:"The difference that does not matter; 5% by default."`
}

// Metrics decodes from a list of metrics, or a mapping of metrics to their tolerances.
type Metrics []ComparedMetric

// ComparedMetric is one metric that gets a verdict; Tolerance 0: that of Compare.
type ComparedMetric struct {
	Metric    string `json:"metric"`
	Tolerance Share  `json:"tolerance,omitempty"`
}

// Bounds and defaults of a series.
const (
	defaultRounds    = 6
	maxRounds        = 1000
	maxVariants      = 500
	defaultTolerance = 0.05
)

// Variant is one of the experiments that a file describes.
type Variant struct {
	Name string // as the file names it; "" where it has no variants
	Cell string // the combination of the matrix's values, such as "clients=8"; "" without a matrix
	*Experiment
	Text []byte // resolved, without secrets, and without what makes a series of it
}

// String names the variant in messages: "local, clients=8"; "" is the only one.
func (v *Variant) String() string { return JoinVariant(v.Name, v.Cell) }

// JoinVariant names a variant and a combination of the matrix's values.
func JoinVariant(name, cell string) string {
	if name == "" || cell == "" {
		return name + cell
	}
	return name + ", " + cell
}

// Series is everything that a file describes: one experiment, or the variants of one.
type Series struct {
	Variants []Variant // at least one
	Repetition
	Baseline string // the variant that the others are held against; "": there is none
	// Several tells that more than one run was asked for, so that there is a series.
	Several bool
	// Notes are warnings about how the file was read, a sentence each.
	Notes []string
}

// HasShares tells whether a rate is a share of a capacity, which has to be measured before the first run.
func (s *Series) HasShares() bool {
	return slices.ContainsFunc(s.Variants, func(v Variant) bool { return len(v.Shares) > 0 })
}

// LoadSeries decodes a file with or without variants. Each variant is decoded, filled with
// defaults and validated as Load does with the only one; a mistake of several variants is reported once.
func LoadSeries(file string, text []byte, o Options) (*Series, error) {
	s, chosen, problems := readSeries(file, text, o)
	if len(problems) > 0 {
		return nil, problems
	}
	var all Problems
	for _, c := range chosen {
		v := Variant{Name: c.name, Cell: c.cell}
		var err error
		v.Experiment, v.Text, err = load(file, text, o, &c)
		switch problems, ok := err.(Problems); { //nolint:errorlint // load returns it as it is
		case ok:
			all = append(all, problems...)
		case err != nil:
			return nil, err
		}
		s.Variants = append(s.Variants, v)
	}
	if len(all) > 0 {
		return nil, once(all)
	}
	s.Several = s.Several || s.HasShares()
	if problems := s.checkCompared(file); len(problems) > 0 {
		return nil, problems
	}
	return s, nil
}

// once has each mistake once, though several variants have it.
func once(ps Problems) (all Problems) {
	seen := map[Problem]bool{}
	for _, p := range ps {
		if !seen[p] {
			all = append(all, p)
		}
		seen[p] = true
	}
	return all.sorted()
}

// combination is what one variant lays over the file.
type combination struct {
	name, cell string
	values     []chosenValue
}

// chosenValue is one value of a dimension of the matrix.
type chosenValue struct {
	path  string
	index int
}

// readSeries reads the keys that make a series of a file.
func readSeries(file string, text []byte, o Options) (*Series, []combination, Problems) {
	root, problems := o.parse(file, text)
	if problems != nil {
		return nil, nil, problems
	}
	d := newDecoder(file)
	d.prepare(root, o)
	d.secret = d.expand(onlySeries(root), o.Getenv)
	var e Experiment
	kept := d.problems
	d.decode(onlySeries(root), &e)
	if len(e.Variants)+len(e.Matrix) > 0 {
		fill(d, "rounds", &e.Rounds, defaultRounds)
	}
	fill(d, "rounds", &e.Rounds, max(e.Rounds, 1))
	if e.Rounds > 1 {
		fill(d, "warmup_rounds", &e.WarmupRounds, 1)
	}
	fill(d, "compare.tolerance", &e.Compare.Tolerance, defaultTolerance)
	v := &validator{e: &e, d: d}
	chosen := v.series()
	if len(d.problems) > len(kept) {
		return nil, nil, redact.Of(redact.New(d.secrets...), d.problems.sorted())
	}
	s := &Series{Repetition: e.Repetition, Baseline: e.Baseline.Variant}
	s.Several = len(chosen) > 1 || e.Rounds > 1 || len(e.Variants) > 0
	return s, chosen, nil
}

// prepare does to the whole tree what does not depend on a variant.
func (d *decoder) prepare(root *yaml.Node, o Options) {
	d.sweep(root)
	for _, set := range o.Set {
		d.set(root, set)
	}
	if o.overlay != nil {
		over := copyOf(o.overlay)
		d.comesFrom(over, o.overlayBy)
		d.layMapping(root, over, "")
	}
}

// seriesKeys are the keys of Repetition; what a variant is has none of them.
func seriesKeys() []string {
	keys, _ := fieldsOf(reflect.TypeFor[Repetition]())
	return keys
}

// onlySeries is a mapping with the keys of a series alone.
func onlySeries(root *yaml.Node) *yaml.Node {
	only := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: root.Line, Column: root.Column}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch {
		case slices.Contains(seriesKeys(), key.Value), key.Value == "baseline":
			only.Content = append(only.Content, key, value)
		}
	}
	return only
}

// series checks the keys of a series, and returns the combinations to run.
func (v *validator) series() (chosen []combination) {
	e, d := v.e, v.d
	v.between("rounds", e.Rounds, 1, maxRounds)
	v.between("warmup_rounds", e.WarmupRounds, 0, maxRounds)
	dirs := map[string]string{}
	for _, o := range e.Variants {
		v.variantName(o.Name, dirs)
	}
	if d.has("variants") && len(e.Variants) == 0 {
		v.bad("variants", "there is no variant in it", "write NAME: {what is different}")
	}
	for i, m := range e.Compare.Metrics {
		v.comparedMetric(i, m)
	}
	if n := e.combinations(); n > maxVariants {
		count := strconv.Itoa(n)
		if n == mostCombinations {
			count += " or more"
		}
		v.bad("matrix", "there are "+count+" combinations of variants and values", "leave some out: at most "+strconv.Itoa(maxVariants)+" can be run")
		return nil
	}
	names := []string{""}
	if len(e.Variants) > 0 {
		names = names[:0]
		for _, o := range e.Variants {
			names = append(names, o.Name)
		}
	}
	cells := e.Matrix.cells()
	for _, name := range names {
		for _, c := range cells {
			c.name = name
			chosen = append(chosen, c)
		}
	}
	v.directories(chosen)
	v.baselineVariant(chosen)
	return chosen
}

var variantPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_./=+-]*[A-Za-z0-9])?$`)

func (v *validator) variantName(name string, dirs map[string]string) {
	path := "variants." + name
	dir := VariantDir(name, "")
	switch before, taken := dirs[dir]; {
	case !variantPattern.MatchString(name) || len(name) > maxName:
		v.badKey(path, shown(name)+" cannot name a variant", "begin and end with a letter or digit, and use letters, digits, and . _ - / = + between; at most "+strconv.Itoa(maxName)+" characters")
	case taken:
		v.badKey(path, fmt.Sprintf("the results of %s and %s would be in one directory, %s", before, name, dir), "rename one of them")
	default:
		dirs[dir] = name
	}
}

// baselineVariant checks the baseline, and finds the default: the first variant.
func (v *validator) baselineVariant(chosen []combination) {
	b := &v.e.Baseline.Variant
	var names []string
	for _, c := range chosen {
		names = append(names, c.name)
		if c.name == "" {
			names[len(names)-1] = c.cell
		}
	}
	names = slices.Compact(names)
	path := "baseline.variant"
	if !v.d.has(path) {
		path = "baseline"
	}
	switch {
	case *b == "" && v.d.has(path) && path == "baseline.variant":
		v.bad(path, "it names no variant", "write one of "+strings.Join(names, ", "))
	case *b == "" && len(names) > 1:
		*b = names[0]
	case *b == "" || slices.Contains(names, *b):
	case len(names) == 1 && names[0] == "":
		v.bad(path, "there is no variant "+shown(*b)+": the file has no variants", "write variants: {"+*b+": {...}, ...}, or leave it out")
	default:
		v.bad(path, "there is no variant "+shown(*b), suggest(*b, names, "the variants are"))
	}
}

// cells are the combinations of the matrix's values: one without a matrix.
func (m Matrix) cells() []combination {
	all := []combination{{}}
	for _, dim := range m {
		var next []combination
		for _, c := range all {
			for i, label := range dim.Labels {
				cell := label
				if c.cell != "" {
					cell = c.cell + ", " + label
				}
				next = append(next, combination{cell: cell, values: append(slices.Clone(c.values), chosenValue{dim.Path, i})})
			}
		}
		all = next
	}
	return all
}

// variants decodes the names of the variants; what they change is decoded when it is laid over the file.
func (d *decoder) variants(n *yaml.Node, into *Variants, path string) {
	d.mapping(n, path, "a mapping of names to what is different", func(key string, value *yaml.Node, path string) {
		d.nodes[path] = value
		*into = append(*into, Overlay{Name: key})
		if value.Kind != yaml.MappingNode && !isNull(value) {
			d.wrongKind(value, path, "a mapping of what is different, such as {load: {writes: {clients: 8}}}")
		}
		for i := 0; value.Kind == yaml.MappingNode && i+1 < len(value.Content); i += 2 {
			if key := value.Content[i]; slices.Contains(seriesKeys(), key.Value) || key.Value == "name" {
				d.fail(key, path, "a variant cannot have "+key.Value, "write it beside variants")
			}
		}
	})
}

// matrix decodes the paths and the labels of their values.
func (d *decoder) matrix(n *yaml.Node, into *Matrix, path string) {
	d.mapping(n, path, "a mapping of paths to lists of values, such as load.writes.clients: [1, 8]", func(key string, value *yaml.Node, path string) {
		d.nodes[path] = value
		dim := Dimension{Path: key}
		segments := splitPath(key)
		switch {
		case len(segments) == 0 || slices.Contains(seriesKeys(), segments[0]) || segments[0] == "name":
			d.fail(d.keys[path], path, shown(key)+" is no path of a value that can differ", "write one such as load.writes.clients")
			return
		case value.Kind == yaml.MappingNode:
			for i := 0; i+1 < len(value.Content); i += 2 {
				dim.Labels = append(dim.Labels, value.Content[i].Value)
			}
		case value.Kind == yaml.SequenceNode:
			short := shortPath(n, key)
			for _, item := range value.Content {
				if item.Kind != yaml.ScalarNode {
					d.fail(item, path, "a value of the matrix is "+kindNoun(item), "give it a label: "+key+": {LABEL: VALUE, ...}")
					return
				}
				if _, is := d.secret[item]; is {
					d.fail(item, path, "a value of the matrix has a secret in it, which the names of directories would show", "give it a label: "+key+": {LABEL: VALUE, ...}")
					return
				}
				dim.Labels = append(dim.Labels, short+"="+item.Value)
			}
		}
		switch {
		case len(dim.Labels) == 0:
			d.wrongKind(value, path, "a list of values, or a mapping of labels to values")
		case len(slices.Compact(slices.Sorted(slices.Values(dim.Labels)))) < len(dim.Labels):
			d.fail(value, path, key+" has a value twice", "leave one of them out")
		}
		*into = append(*into, dim)
	})
}

// metrics decodes a list of metrics, or a mapping of metrics to tolerances.
func (d *decoder) metrics(n *yaml.Node, into *Metrics, path string) {
	if n.Kind == yaml.MappingNode {
		d.mapping(n, path, "a list of metrics, or a mapping of metrics to tolerances", func(key string, value *yaml.Node, path string) {
			m := ComparedMetric{Metric: key}
			d.value(value, reflect.ValueOf(&m.Tolerance).Elem(), path)
			*into = append(*into, m)
		})
		return
	}
	var names []string
	d.names(n, &names, path)
	for _, name := range names {
		*into = append(*into, ComparedMetric{Metric: name})
	}
}
