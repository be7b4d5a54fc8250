package spec

import (
	"fmt"
	"strings"

	"pgchaos/cluster"
)

// model checks when a workload's operations come, and when they end.
func (v *validator) model(path string, w *Workload) {
	if v.d.brokenUnder(path) {
		return
	}
	v.positive(path+".duration", w.Duration)
	v.positive(path+".warmup", w.Warmup)
	v.positive(path+".think_time", w.ThinkTime)
	if v.d.has(path + ".iterations") {
		v.between(path+".iterations", w.Iterations, 1, 1<<31-1)
	}
	if length := w.length(); length > 0 && w.Warmup >= length {
		v.bad(path+".warmup", fmt.Sprintf("the warm-up of %s is as long as all of the workload", w.Warmup), "write a shorter one")
	}
	v.stages(path, w)
	for _, only := range []struct {
		key, word string
		of        []string
	}{
		{"arrivals", w.Arrivals, arrivalForms()}, {"overflow", w.Overflow, overflows()}, {"catch_up", w.CatchUp, catchUps()},
	} {
		switch at := path + "." + only.key; {
		case !w.Open() && v.d.has(at):
			v.badKey(at, "without a rate nothing arrives: a client sends its next operation when the last has ended", "write a rate, or leave it out")
		case w.Open():
			v.oneOf(at, only.word, only.of...)
		}
	}
	if w.Open() && v.d.has(path+".think_time") {
		v.badKey(path+".think_time", "at a rate no client thinks: the schedule says when it sends", "leave one of them out")
	}
}

// length is how long the workload goes on by what the file says; 0: without end.
func (w *Workload) length() (sum Duration) {
	for _, s := range w.Stages {
		sum += s.For
	}
	return max(sum, w.Duration)
}

// stages checks that they are all of one kind, and that nothing else says the same.
func (v *validator) stages(path string, w *Workload) {
	if len(w.Stages) == 0 {
		for _, key := range []string{"ramp", "stages"} {
			if v.d.has(path + "." + key) {
				v.badKey(path+"."+key, "there are no stages", "write stages: [{for: 30s, rate: 500/s}]")
			}
		}
		return
	}
	v.oneOf(path+".ramp", w.Ramp, ramps()...)
	v.between(path+".stages", len(w.Stages), 1, maxStages)
	for _, key := range []string{"rate", "duration"} {
		if v.d.has(path + "." + key) {
			v.badKey(path+"."+key, "the stages say it already", "leave one of them out")
		}
	}
	for i, s := range w.Stages {
		at := fmt.Sprintf("%s.stages[%d]", path, i)
		switch {
		case s.For <= 0 || s.For > maxTime:
			v.bad(at, "the stage does not say how long it is", "write for: 30s")
		case s.Rate > 0 == (s.Clients > 0):
			v.bad(at, "a stage has either a rate or clients", "write {for: 30s, rate: 500/s} or {for: 30s, clients: 8}")
		case (s.Rate > 0) != w.Open():
			v.bad(at, "some stages have a rate, and others clients", "make them all one or the other")
		}
		if s.Clients > w.Clients && v.d.has(path+".clients") {
			v.bad(at+".clients", fmt.Sprintf("the stage has %d clients, and the workload %d", s.Clients, w.Clients), "leave the workload's clients out")
		}
		if s.Clients != 0 {
			v.between(at+".clients", s.Clients, 1, maxClients)
		}
	}
}

// route checks how clients find their node.
func (v *validator) route(path string, w *Workload) {
	v.oneOf(path+".route", w.Route, routes()...)
	switch {
	case w.Route == "url" && w.URL == "" && !v.d.brokenUnder(path):
		v.badKey(path+".route", "there is no url", "write url: postgres://HOST:PORT/DATABASE")
	case w.Route != "url" && w.URL != "":
		v.badKey(path+".url", "with route: "+w.Route+" nobody goes by a url", "leave one of them out")
	case w.Route == "url" && w.Target != "primary" && w.Target != "replicas":
		v.bad(path+".target", "behind a url nobody can be chosen", "write target: primary or replicas, or leave it out")
	case w.Route == "topology" && w.Target != "primary":
		v.bad(path+".route", "the topology tells where the primary is, and nothing else", "write target: primary, or leave the route out")
	}
	if x := v.e.Cluster.Existing; w.URL != "" && !strings.HasPrefix(w.URL, "postgres://") && !strings.HasPrefix(w.URL, "postgresql://") && (x == nil || w.URL != x.Clients) {
		if _, err := cluster.ParseDSN(w.URL); err != nil {
			v.bad(path+".url", "this is no URL of a PostgreSQL server", "write postgres://HOST:PORT/DATABASE, or host=HOST port=PORT dbname=DATABASE")
		}
	}
	for key := range w.Connection {
		switch strings.ToLower(key) {
		case "host", "hostaddr", "port", "application_name", "target_session_attrs":
			v.badKey(path+".connection."+key, key+" is set by pgchaos itself", "leave it out; target and route say where clients go")
		}
	}
	if v.d.has(path + ".connections") {
		v.between(path+".connections", w.Connections, 1, w.Clients)
	}
}

// session checks how a client talks to its node.
func (v *validator) session(path string, w *Workload) {
	v.oneOf(path+".protocol", w.Protocol, protocols()...)
	if w.Protocol == "simple" && w.Pipeline > 1 {
		v.bad(path+".pipeline", "the simple protocol has no pipeline", "write protocol: extended, or leave pipeline: out")
	}
	if v.d.has(path + ".isolation") {
		v.oneOf(path+".isolation", w.Isolation, isolations()...)
	}
	if v.d.has(path + ".synchronous_commit") {
		v.oneOf(path+".synchronous_commit", w.SynchronousCommit, commits()...)
	}
	if w.ReadOnly && w.writes() {
		v.badKey(path+".read_only", "a workload of kind "+w.Kind+" writes", "leave it out")
	}
	v.between(path+".retry", w.Retry, 0, maxRetry)
}

// writes tells whether a workload certainly writes, by its kind or a part's.
func (w *Workload) writes() bool {
	for i := range w.Mix {
		if w.Mix[i].writes() {
			return true
		}
	}
	return w.Kind == kindInsert || w.Kind == kindUpdate || w.Kind == kindTPCB
}
