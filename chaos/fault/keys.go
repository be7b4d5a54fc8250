package fault

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"pgchaos/cluster"
	"pgchaos/internal/units"
)

// Key is one parameter of an action, as the documentation shows it.
type Key struct {
	Name     string // "" where the action is written as this one value: `wait: 5s`
	Type     string // for a person, with its units: "a duration, such as 250ms, 10s or 1m30s"
	Default  string // as it is written in an experiment; "" where there is none, or the description says it
	Required bool
	About    string
}

// Keys are the parameters of the action, in the order of its fields. They are read from the same fields and tags as the
// schema and the decoder.
func (k Kind) Keys() (keys []Key) {
	p := k.New()
	words := map[string][]string{}
	if w, ok := p.(WithWords); ok {
		words = w.Words()
	}
	if d, ok := p.(Defaulted); ok {
		d.Default(func(string) bool { return false })
	}
	var without []string
	if w, ok := p.(WithoutKeys); ok {
		without = w.WithoutKeys()
	}
	v := reflect.ValueOf(p).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		name := f.Tag.Get("yaml")
		if f.Anonymous || !f.IsExported() || slices.Contains(without, name) {
			continue
		}
		key := Key{Name: name, Type: typeWords(f.Type), About: f.Tag.Get("jsonschema_description"), Required: slices.Contains(strings.Split(f.Tag.Get("jsonschema"), ","), "required")}
		key.Required = key.Required || len(without) > 0 && len(f.Index) > 1 // it is shared
		if of := words[name]; of != nil {
			key.Type = "one of " + strings.Join(of, ", ")
		}
		if name == "-" { // the value itself
			key.Name, key.Required = "", true
		}
		if value := v.FieldByIndex(f.Index); !value.IsZero() && !strings.Contains(key.About, "default") {
			key.Default = fmt.Sprint(value.Interface())
		}
		keys = append(keys, key)
	}
	return keys
}

// typeWords says what a value looks like; "" for a type that has no words yet.
func typeWords(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[NodeList]():
		return "a node, a role, or a list of them"
	case reflect.TypeFor[[]NodeList]():
		return "two sides, each a node, a role, or a list of them"
	case reflect.TypeFor[WorkloadList]():
		return "a workload, or a list of them"
	case reflect.TypeFor[units.Duration]():
		return "a duration, such as 250ms, 10s or 1m30s"
	case reflect.TypeFor[units.Size]():
		return "a size in kB, MB or GB, such as 256MB"
	case reflect.TypeFor[units.CPUs]():
		return "a number of cores, such as 0.5"
	case reflect.TypeFor[*cluster.Synchronous]():
		return "{commit: synchronous_commit, standbys: synchronous_standby_names}"
	case reflect.TypeFor[map[string]string]():
		return "a mapping of names to values"
	}
	if t.Kind() == reflect.Pointer {
		return typeWords(t.Elem())
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "a list of texts"
		}
	}
	return ""
}

// Forms are the ways to write the action: `kill: NODE` and `kill: {node: NODE}`.
func (k Kind) Forms() (forms []string) {
	var required []string
	keys, whole := k.Keys(), false
	for _, key := range keys {
		whole = whole || key.Name == ""
		if key.Required && key.Name != "" {
			required = append(required, key.Name+": "+placeholder(key.Name))
		}
	}
	for _, value := range shortValues(k.New()) {
		forms = append(forms, k.Name+": "+value)
	}
	if whole {
		return forms
	}
	if len(required) == 0 {
		required = []string{"..."}
	} else if len(keys) > len(required) {
		required = append(required, "...")
	}
	return append(forms, k.Name+": {"+strings.Join(required, ", ")+"}")
}

// shortValues are what can stand alone behind the name of an action; none where it needs keys.
func shortValues(p Parameters) []string {
	short, ok := p.(Shorthand)
	if !ok || short.Short() == nil {
		return nil
	}
	if w, ok := p.(WithWords); ok {
		v := reflect.ValueOf(p).Elem()
		for _, f := range reflect.VisibleFields(v.Type()) {
			if words := w.Words()[f.Tag.Get("yaml")]; words != nil && v.FieldByIndex(f.Index).Addr().Interface() == short.Short() {
				return words
			}
		}
	}
	switch reflect.TypeOf(short.Short()).Elem() {
	case reflect.TypeFor[WorkloadList]():
		return []string{"WORKLOAD"}
	case reflect.TypeFor[units.Duration]():
		return []string{"DURATION"}
	}
	return []string{"NODE"}
}

func placeholder(key string) string { return strings.ToUpper(key) }

// Example is a whole experiment that does what the manual's example says, on a provider; "" is the default one.
func (k Kind) Example(provider string) string {
	var b strings.Builder
	b.WriteString("name: example-" + strings.ReplaceAll(k.Name, "_", "-") + "\ncluster:\n")
	if provider != "" {
		b.WriteString("  provider: " + provider + "\n")
	}
	more := ""
	if k.Manual.Cluster != "" {
		more = "  " + k.Manual.Cluster + "\n"
	}
	nodes := "  nodes: [pgmaster, pgslave, pgslave2]\n  settings: {wal_retrieve_retry_interval: 500ms}\n" + more
	if provider == existingProvider {
		nodes = existingNodes
	}
	b.WriteString(nodes +
		"load:\n" +
		"  writes: {kind: insert, clients: 4, rate: 200/s, timeout: 2s}\n" +
		"  reads: {kind: read, clients: 2, rate: 100/s, timeout: 2s}\n" +
		"duration: 15s\n" +
		"timeline:\n")
	for line := range strings.Lines(strings.TrimRight(k.Manual.Example, "\n") + "\n") {
		b.WriteString("  " + line)
	}
	return b.String()
}

// existingProvider is the provider whose nodes were there before, so that an example has to name them.
const existingProvider = cluster.ExistingProvider

const existingNodes = `  existing:
    nodes:
      pgmaster: {dsn: "postgres://chaos@db1/chaos?sslmode=verify-full"}
      pgslave: {dsn: "postgres://chaos@db2/chaos?sslmode=verify-full"}
      pgslave2: {dsn: "postgres://chaos@db3/chaos?sslmode=verify-full"}
    manager: {patroni: "http://db1:8008"}
    exec: "ssh {host} sudo -n {command}"
`
