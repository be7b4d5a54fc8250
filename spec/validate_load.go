package spec

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"pgchaos/chaos/fault"
)

func (v *validator) load() {
	tables := map[string]*Workload{}
	for i := range v.e.Load {
		w := &v.e.Load[i]
		path := "load." + w.Name
		v.name(path, w.Name, "a workload")
		v.workload(path, w)
		v.sameTable(path, w, tables)
		for j := range w.Mix {
			v.sameTable(path, &w.Mix[j].Workload, tables)
		}
	}
}

// sameTable checks that all who write to one table write the same form of rows.
func (v *validator) sameTable(path string, w *Workload, tables map[string]*Workload) {
	if w.Kind != kindInsert && w.Kind != kindUpdate {
		return
	}
	switch other := tables[w.Table]; {
	case other == nil:
	case other.Kind != w.Kind:
		v.badKey(path, fmt.Sprintf("%s inserts into the table that %s updates: no audit could tell what happened to it", w.Table, w.Name),
			"give each its own table")
	case other.Key != w.Key || other.Payload != w.Payload || w.Kind == kindUpdate && other.Rows != w.Rows:
		v.badKey(path, fmt.Sprintf("%s and %s write to the same table with another key or payload", other.Name, w.Name),
			"make key and payload the same, or give each its own table")
	}
	tables[w.Table] = w
}

func (v *validator) workload(path string, w *Workload) {
	if v.d.brokenOver(path) {
		return
	}
	if w.Kind == "" && !v.d.has(path+".kind") {
		if !v.d.brokenUnder(path) {
			v.badKey(path, "the workload "+w.Name+" has no kind", "write kind: "+strings.Join(kinds(), ", "))
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
	v.model(path, w)
	v.route(path, w)
	v.session(path, w)
	v.workloadKeys(path, w)
	v.kind(path, w)
}

// keysOfKinds are the keys that only some kinds have.
func keysOfKinds() map[string][]string {
	return map[string][]string{
		"table":      {kindInsert, kindRead, kindUpdate},
		"key":        {kindInsert},
		"payload":    {kindInsert, kindUpdate},
		"rows":       {kindInsert, kindUpdate},
		"statements": {kindInsert},
		"reads":      {kindRead},
		"scale":      {kindTPCB, kindScript},
		"sql":        {kindSQL},
		"params":     {kindSQL},
		"script":     {kindScript},
		"set":        {kindScript},
		"mix":        {kindMix},
		"pipeline":   {kindInsert, kindRead, kindUpdate, kindSQL},
	}
}

// workloadKeys checks the keys that only some kinds have.
func (v *validator) workloadKeys(path string, w *Workload) {
	of := keysOfKinds()
	for _, key := range slices.Sorted(maps.Keys(of)) {
		if v.d.has(path+"."+key) && !slices.Contains(of[key], w.Kind) {
			v.badKey(path+"."+key, fmt.Sprintf("a workload of kind %s has no %s", w.Kind, key),
				"leave it out: it belongs to kind "+strings.Join(of[key], " and "))
		}
	}
}

// kind checks what belongs to the workload's kind.
func (v *validator) kind(path string, w *Workload) {
	if slices.Contains(keysOfKinds()["table"], w.Kind) && !tablePattern.MatchString(w.Table) {
		v.bad(path+".table", shown(w.Table)+" is no table", "write TABLE or SCHEMA.TABLE in a-z, 0-9 and _, at most 63 characters each")
	}
	if w.Pipeline != 1 {
		v.between(path+".pipeline", w.Pipeline, 1, maxPipeline)
	}
	switch w.Kind {
	case kindInsert:
		v.oneOf(path+".key", w.Key, keyForms()...)
		v.between(path+".payload", w.Payload, minPayload, maxPayload)
		v.between(path+".rows", w.Rows, 1, maxRows)
		v.between(path+".statements", w.Statements, 1, maxRows)
		if w.Rows*w.Statements > maxRows {
			v.bad(path+".statements", fmt.Sprintf("a transaction has %d rows", w.Rows*w.Statements), fmt.Sprintf("write at most %d in all its statements", maxRows))
		}
		if w.Statements > 1 && w.Pipeline > 1 {
			v.bad(path+".pipeline", "a transaction of several statements cannot be pipelined", "leave statements: or pipeline: out")
		}
	case kindRead:
		v.shares(path+".reads", w.Reads)
	case kindUpdate:
		v.between(path+".payload", w.Payload, minPayload, maxPayload)
		v.between(path+".rows", w.Rows, 1, maxUpdated)
	case kindTPCB:
		v.between(path+".scale", w.Scale, 1, maxScale)
	case kindSQL:
		v.statements(path, w)
	case kindScript:
		v.between(path+".scale", w.Scale, 1, maxScale)
		if strings.TrimSpace(w.Script) == "" && !v.d.brokenUnder(path) {
			v.badKey(path, "the workload "+w.Name+" has no script", "write script: FILE.sql, a file in pgbench's language")
		}
	case kindMix:
		v.mix(path, w)
	}
}

func (v *validator) statements(path string, w *Workload) {
	if len(w.SQL) == 0 && !v.d.brokenUnder(path) {
		v.badKey(path, "the workload "+w.Name+" has no statement", "write sql: STATEMENT")
	}
	for _, sql := range w.SQL {
		if strings.TrimSpace(sql) == "" && !v.d.brokenUnder(path) {
			v.bad(path+".sql", "a statement of "+w.Name+" is empty", "write sql: STATEMENT")
		}
	}
	if len(w.SQL) > 1 && w.Pipeline > 1 {
		v.bad(path+".pipeline", "a transaction of several statements cannot be pipelined", "write one statement, or leave pipeline: out")
	}
	v.params(path, w)
}

// shares checks the shares of what is read.
func (v *validator) shares(path string, shares map[string]int) {
	sum := 0
	for _, form := range slices.Sorted(maps.Keys(shares)) {
		if !slices.Contains(readForms(), form) {
			v.badKey(path+"."+form, "there is no read "+shown(form), suggest(form, readForms(), "write one of"))
		}
		v.between(path+"."+form, shares[form], 0, maxRows)
		sum += shares[form]
	}
	if sum == 0 && !v.d.brokenUnder(path) {
		v.bad(path, "nothing is read", "write reads: {latest: 80, point: 15, range: 5}")
	}
}

// mix checks the parts of a mix. What belongs to the whole stands beside mix:, not in a part.
func (v *validator) mix(path string, w *Workload) {
	if len(w.Mix) == 0 && !v.d.brokenUnder(path) {
		v.badKey(path, "the mix "+w.Name+" has no parts", "write mix: [{weight: 3, kind: insert}, {kind: read}]")
	}
	names := map[string]bool{}
	for i := range w.Mix {
		part, at := &w.Mix[i], fmt.Sprintf("%s.mix[%d]", path, i)
		if v.d.brokenUnder(at) {
			continue
		}
		parts := slices.DeleteFunc(kinds(), func(kind string) bool { return kind == kindMix })
		if !slices.Contains(parts, part.Kind) {
			v.oneOf(at+".kind", part.Kind, parts...)
			continue
		}
		v.name(at+".name", part.Name, "a part")
		if names[part.Name] {
			v.bad(at, "there are two parts "+shown(part.Name), "give each its own name:")
		}
		names[part.Name] = true
		v.between(at+".weight", part.Weight, 1, maxRows)
		allowed := keysOfKinds()
		keys, _ := fieldsOf(reflect.TypeFor[Workload]())
		for _, key := range keys {
			if v.d.has(at+"."+key) && key != "kind" && (allowed[key] == nil || key == "mix") {
				v.badKey(at+"."+key, "a part of a mix has no "+key, "write it beside mix:, for the whole workload")
			}
		}
		v.workloadKeys(at, &part.Workload)
		v.kind(at, &part.Workload)
	}
}

func (v *validator) target(path string, w *Workload) {
	names := v.e.Cluster.Nodes.Names()
	switch {
	case w.writes() && (w.Target == "replicas" || w.Target == "each"):
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
	running, since, unsure := map[string]bool{}, map[string]string{}, map[string]bool{}
	for _, name := range v.e.InitiallyRunning() {
		running[name] = true
	}
	for i := range v.e.Timeline { // what is done beside the sequence can be before or after it
		for _, name := range v.e.Timeline[i].Workloads() {
			unsure[name] = unsure[name] || v.e.Timeline[i].After != ""
		}
	}
	defer func() { v.cycle = 0 }()
	before := len(v.d.problems)
	for i := range v.e.Timeline {
		s := &v.e.Timeline[i]
		if v.e.BeginsCycle(i) && len(v.d.problems) > before {
			return // later cycles have the same mistake
		}
		v.cycle = s.Cycle
		_, starts := s.Parameters().(*fault.StartLoad)
		for _, name := range s.Workloads() {
			path := v.e.stepPath(i) + "." + s.Action()
			switch {
			case v.e.Workload(name) == nil, unsure[name], since[name] == ", since "+s.Name:
				continue // step has reported it
			case starts && running[name] && !v.e.Workload(name).Ends(): // which may have ended by then
				v.bad(path, "the workload "+name+" already runs"+since[name], "leave it out")
			case !starts && !running[name]:
				v.bad(path, "the workload "+name+" does not run here"+since[name], "leave it out, or start it before")
			}
			running[name] = starts
			since[name] = ", since " + s.Name
		}
	}
}
