package spec

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgchaos/chaos/fault"
)

// The defaults of what a file may leave out.
const (
	defaultProvider    = "local"
	defaultCommit      = "on"
	defaultTable       = "test_data"
	defaultUpdated     = "update_data"
	defaultUpdatedRows = 10_000
	defaultKey         = "packed"
	defaultPayload     = 64
	defaultClients     = 8
	defaultReaders     = 4
	defaultTimeout     = Duration(5 * time.Second)
	defaultOnTimeout   = "abandon"
	// abandonedPerClient: a client may give up on so many operations that still hold
	// a backend before it has to wait for one of them.
	abandonedPerClient = 4
)

// fillDefaults fills in what the file left out. An explicit zero stays, for
// validation to refuse.
func (e *Experiment) fillDefaults(d *decoder) {
	fill(d, "baseline.achieved_rate", &e.Baseline.AchievedRate, 0.9)
	fill(d, "baseline.error_rate", &e.Baseline.ErrorRate, 0.05)
	fill(d, "baseline.median", &e.Baseline.Median, Duration(time.Second))
	fill(d, "baseline.p95", &e.Baseline.P95, Duration(2*time.Second))
	fill(d, "cluster.provider", &e.Cluster.Provider, defaultProvider)
	fillSynchronous(e.Cluster.Synchronous, d, "cluster.synchronous")
	e.fillExisting(d)
	for i := range e.Load {
		e.Load[i].fillDefaults(d, "load."+e.Load[i].Name)
	}
	for i := range e.Timeline {
		e.Timeline[i].fillDefaults(d, e.stepPath(i))
	}
	nameSteps(e.Timeline)
	e.repeatSteps()
	e.repeat()
}

func fill[T any](d *decoder, path string, into *T, value T) {
	if !d.has(path) {
		*into = value
	}
}

func fillSynchronous(s *Synchronous, d *decoder, path string) {
	if s != nil {
		fill(d, path+".commit", &s.Commit, defaultCommit)
	}
}

func (w *Workload) fillDefaults(d *decoder, path string) {
	clients, target := defaultClients, "primary"
	if w.Kind == kindRead {
		clients, target = defaultReaders, "replicas"
	}
	staged := 0
	for _, s := range w.Stages {
		staged = max(staged, s.Clients)
	}
	clients = cmp.Or(staged, clients)
	fill(d, path+".clients", &w.Clients, clients)
	fill(d, path+".target", &w.Target, target)
	fill(d, path+".timeout", &w.Timeout, defaultTimeout)
	fill(d, path+".on_timeout", &w.OnTimeout, defaultOnTimeout)
	fill(d, path+".max_abandoned", &w.MaxAbandoned, abandonedPerClient*w.Clients)
	fill(d, path+".pipeline", &w.Pipeline, 1)
	fill(d, path+".protocol", &w.Protocol, w.defaultProtocol())
	route := "hosts"
	if w.URL != "" {
		route = "url"
	}
	fill(d, path+".route", &w.Route, route)
	if w.Open() {
		fill(d, path+".arrivals", &w.Arrivals, "constant")
		fill(d, path+".overflow", &w.Overflow, "queue")
		fill(d, path+".catch_up", &w.CatchUp, "burst")
	}
	if len(w.Stages) > 0 {
		fill(d, path+".ramp", &w.Ramp, "step")
	}
	w.fillKind(d, path)
	for i := range w.Mix {
		part := &w.Mix[i]
		at := path + ".mix[" + strconv.Itoa(i) + "]"
		fill(d, at+".name", &part.Name, part.Kind)
		fill(d, at+".weight", &part.Weight, 1)
		fill(d, at+".pipeline", &part.Pipeline, 1)
		part.Workload.Name = part.Name
		part.fillKind(d, at)
	}
}

// defaultProtocol is pgbench's own for its scripts, so that they run as they do there: in the extended
// protocol some of them do not, such as those whose parameters have no type. Everything else is
// prepared.
func (w *Workload) defaultProtocol() string {
	if w.Kind == kindScript || w.Kind == kindMix && !slices.ContainsFunc(w.Mix, func(p Part) bool { return p.Kind != kindScript }) {
		return "simple"
	}
	return "extended"
}

// fillKind fills in what belongs to the kind.
func (w *Workload) fillKind(d *decoder, path string) {
	switch w.Kind {
	case kindInsert:
		fill(d, path+".table", &w.Table, defaultTable)
		fill(d, path+".key", &w.Key, defaultKey)
		fill(d, path+".payload", &w.Payload, defaultPayload)
		fill(d, path+".rows", &w.Rows, 1)
		fill(d, path+".statements", &w.Statements, 1)
	case kindRead:
		fill(d, path+".table", &w.Table, defaultTable)
		if !d.has(path + ".reads") {
			w.Reads = map[string]int{"latest": 100}
		}
	case kindUpdate:
		fill(d, path+".table", &w.Table, defaultUpdated)
		fill(d, path+".payload", &w.Payload, defaultPayload)
		fill(d, path+".rows", &w.Rows, defaultUpdatedRows)
	case kindTPCB:
		fill(d, path+".scale", &w.Scale, 1)
	case kindScript:
		fill(d, path+".scale", &w.Scale, 1)
	}
	w.Table = strings.TrimPrefix(w.Table, "public.") // where a table without a schema is anyway
	for i := range w.Params {
		w.Params[i].fillDefaults(d, path+".params."+w.Params[i].Name)
	}
}

// Open tells whether the workload has arrivals of its own: a rate, or stages of rates.
func (w *Workload) Open() bool {
	return w.Rate > 0 || slices.ContainsFunc(w.Stages, func(s Stage) bool { return s.Rate > 0 })
}

// Ends tells whether the workload ends by itself.
func (w *Workload) Ends() bool { return w.Iterations > 0 || w.Duration > 0 || len(w.Stages) > 0 }

func (s *Step) fillDefaults(d *decoder, path string) {
	if s.Waits() {
		fill(d, path+".within", &s.Within, fault.DefaultWithin)
	}
	for _, a := range s.actions {
		at := path + "." + a.kind.Name
		if p, ok := a.parameters.(fault.Defaulted); ok {
			p.Default(func(key string) bool { return d.has(at + "." + key) })
		}
		if c, ok := a.parameters.(*fault.Configure); ok {
			fillSynchronous(c.Synchronous, d, at+".synchronous")
		}
		if r, ok := a.parameters.(fault.Demanding); ok {
			fillSynchronous(r.Demanded(), d, at+".synchronous")
		}
	}
}

// Works are what the workload does: itself, or the parts of a mix.
func (w *Workload) Works() (works []*Workload) {
	if w.Kind != kindMix {
		return []*Workload{w}
	}
	for i := range w.Mix {
		works = append(works, &w.Mix[i].Workload)
	}
	return works
}

// Inserts tells whether it inserts into a table, and ReadsFrom whether it reads one; "" is
// any.
func (w *Workload) Inserts(table string) bool { return w.does(kindInsert, table) }

// ReadsFrom is as Inserts.
func (w *Workload) ReadsFrom(table string) bool { return w.does(kindRead, table) }

// OnlyReads tells whether it certainly writes nothing: it only reads tables, or its transactions are read only.
func (w *Workload) OnlyReads() bool {
	return w.ReadOnly || !slices.ContainsFunc(w.Works(), func(o *Workload) bool { return o.Kind != kindRead })
}

func (w *Workload) does(kind, table string) bool {
	return slices.ContainsFunc(w.Works(), func(o *Workload) bool { return o.Kind == kind && (table == "" || o.Table == table) })
}
