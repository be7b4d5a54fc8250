package spec

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Number is a number of a workload that can be raised to find out how much a server holds.
type Number struct {
	Path     string // load.WORKLOAD.KEY
	Workload string
	Key      string
	Value    float64
	Most     float64
	Rate     bool // written with the unit /s
}

// Number looks up load.WORKLOAD.KEY of a valid experiment. The error says what can be looked up.
func (e *Experiment) Number(path string) (Number, error) {
	parts := strings.Split(path, ".")
	if len(parts) != 3 || parts[0] != "load" {
		return Number{}, fmt.Errorf("%s is no number of a workload; write load.WORKLOAD.KEY, such as load.writes.rate or load.writes.clients", shown(path))
	}
	w := e.Workload(parts[1])
	if w == nil {
		return Number{}, fmt.Errorf("there is no workload %s; %s", shown(parts[1]), suggest(parts[1], e.Load.Names(), "the workloads are"))
	}
	n := Number{Path: path, Workload: w.Name, Key: parts[2], Most: maxRows}
	at, ok := numberFields()[n.Key]
	if !ok {
		return Number{}, fmt.Errorf("%s of a workload is no number; %s", shown(n.Key), suggest(n.Key, NumberKeys(), "the numbers are"))
	}
	switch field := reflect.ValueOf(w).Elem().FieldByIndex(at); field.Kind() {
	case reflect.Float64:
		n.Value, n.Most, n.Rate = field.Float(), MaxRate, true
	default:
		n.Value = float64(field.Int())
	}
	switch {
	case n.Value == 0:
		return Number{}, fmt.Errorf("the experiment has no %s, from which a search could begin; add --set %s", path, n.Set(map[bool]float64{true: 100, false: 1}[n.Rate]))
	case len(w.Stages) > 0, w.Iterations > 0:
		return Number{}, fmt.Errorf("the workload %s ends by itself: leave out its stages and iterations", w.Name)
	}
	if n.Key == "clients" {
		n.Most = maxClients
	}
	return n, nil
}

// NumberKeys are the keys of a workload that are a Number.
func NumberKeys() []string { return slices.Sorted(maps.Keys(numberFields())) }

// numberFields are the fields of a Workload that are numbers, by key.
func numberFields() map[string][]int {
	keys, fields := fieldsOf(reflect.TypeFor[Workload]())
	found := map[string][]int{}
	for i, key := range keys {
		if t := reflect.TypeFor[Workload]().FieldByIndex(fields[i]).Type; t == reflect.TypeFor[Rate]() || t == reflect.TypeFor[int]() {
			found[key] = fields[i]
		}
	}
	return found
}

// Unit is what stands behind the number.
func (n Number) Unit() string {
	if n.Rate {
		return "/s"
	}
	return ""
}

// Text is the number with another value, as the file has it.
func (n Number) Text(value float64) string {
	return strconv.FormatFloat(value, 'f', -1, 64) + n.Unit()
}

// Set is the argument of --set that gives the number another value.
func (n Number) Set(value float64) string { return n.Path + "=" + n.Text(value) }
