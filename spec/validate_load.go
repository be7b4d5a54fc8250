package spec

import (
	"fmt"
	"slices"
	"strings"
)

func (v *validator) load() {
	tables := map[string]*Workload{}
	for i := range v.e.Load {
		w := &v.e.Load[i]
		path := "load." + w.Name
		v.name(path, w.Name, "a workload")
		v.workload(path, w)
		if w.Kind != kindInsert {
			continue
		}
		if other := tables[w.Table]; other != nil && (other.Key != w.Key || other.Payload != w.Payload) {
			v.badKey(path, fmt.Sprintf("%s and %s write to the same table with another key or payload", other.Name, w.Name),
				"make key and payload the same, or give each its own table")
		}
		tables[w.Table] = w
	}
}

func (v *validator) workload(path string, w *Workload) {
	if v.d.brokenOver(path) {
		return
	}
	if w.Kind == "" && !v.d.has(path+".kind") {
		if !v.d.brokenUnder(path) {
			v.badKey(path, "the workload "+w.Name+" has no kind", "write kind: insert, read or sql")
		}
		return
	}
	if !slices.Contains(kinds(), w.Kind) {
		v.oneOf(path+".kind", w.Kind, kinds()...)
		return
	}
	v.target(path+".target", w)
	v.between(path+".clients", w.Clients, 1, maxClients)
	v.positive(path+".timeout", w.Timeout)
	v.oneOf(path+".on_timeout", w.OnTimeout, onTimeouts()...)
	if v.d.has(path + ".max_abandoned") {
		v.between(path+".max_abandoned", w.MaxAbandoned, 1, maxAbandoned)
	}
	v.workloadKeys(path, w)
}

// workloadKeys checks the keys that only some kinds have.
func (v *validator) workloadKeys(path string, w *Workload) {
	for _, only := range []struct {
		key   string
		kinds []string
	}{
		{"table", []string{kindInsert, kindRead}},
		{"key", []string{kindInsert}},
		{"payload", []string{kindInsert}},
		{"sql", []string{kindSQL}},
	} {
		if v.d.has(path+"."+only.key) && !slices.Contains(only.kinds, w.Kind) {
			v.badKey(path+"."+only.key, fmt.Sprintf("a workload of kind %s has no %s", w.Kind, only.key),
				"leave it out: it belongs to kind "+strings.Join(only.kinds, " and "))
		}
	}
	if w.Kind == kindSQL {
		if strings.TrimSpace(strings.Join(w.SQL, "")) == "" && !v.d.brokenUnder(path) {
			v.badKey(path, "the workload "+w.Name+" has no statement", "write sql: STATEMENT")
		}
		return
	}
	if !tablePattern.MatchString(w.Table) {
		v.bad(path+".table", shown(w.Table)+" is no table", "write TABLE or SCHEMA.TABLE in a-z, 0-9 and _, at most 63 characters each")
	}
	if w.Kind == kindInsert {
		v.oneOf(path+".key", w.Key, keyForms()...)
		v.between(path+".payload", w.Payload, minPayload, maxPayload)
	}
}

func (v *validator) target(path string, w *Workload) {
	names := v.e.Cluster.Nodes.Names()
	switch {
	case w.Kind == kindInsert && (w.Target == "replicas" || w.Target == "each"):
		v.bad(path, "standbys refuse to be written to", "write target: primary, or a node")
	case w.Target == "replicas" && len(names) == 1 && !v.d.brokenUnder("cluster.nodes"):
		v.bad(path, "there is no replica: the cluster has one node", "write target: primary, or add a node")
	case slices.Contains(targets(), w.Target), slices.Contains(names, w.Target):
	case v.d.brokenUnder("cluster.nodes") || len(names) == 0:
	default:
		v.bad(path, "there is no node "+shown(w.Target),
			suggest(w.Target, slices.Concat(targets(), names), "write one of"))
	}
}

// loadStates follows the workloads along the timeline, and finds what certainly
// starts what runs, or stops what does not.
func (v *validator) loadStates() {
	running, since := map[string]bool{}, map[string]string{}
	for _, name := range v.e.InitiallyRunning() {
		running[name] = true
	}
	for i, s := range v.e.Timeline {
		starts := s.StartLoad != nil
		for _, name := range s.Workloads() {
			path := stepPath(i) + "." + s.Action()
			switch {
			case v.e.Workload(name) == nil, since[name] == ", since "+s.Name:
				continue // step has told
			case starts && running[name]:
				v.bad(path, "the workload "+name+" already runs"+since[name], "leave it out")
			case !starts && !running[name]:
				v.bad(path, "the workload "+name+" does not run here"+since[name], "leave it out, or start it before")
			}
			running[name] = starts
			since[name] = ", since " + s.Name
		}
	}
}
