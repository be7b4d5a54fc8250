package spec

import (
	"strconv"
	"strings"
	"time"
)

// The defaults of what a file may leave out.
const (
	defaultProvider    = "local"
	defaultCommit      = "on"
	defaultTable       = "test_data"
	defaultKey         = "packed"
	defaultPayload     = 64
	defaultClients     = 8
	defaultReaders     = 4
	defaultTimeout     = Duration(5 * time.Second)
	defaultOnTimeout   = "abandon"
	defaultStopMode    = "fast"
	defaultStopTimeout = Duration(60 * time.Second)
	defaultWithin      = Duration(10 * time.Second)
	// abandonedPerClient: a client may give up on so many operations that still hold
	// a backend before it has to wait for one of them.
	abandonedPerClient = 4
)

// fillDefaults fills in what the file left out. An explicit zero stays, for
// validation to refuse.
func (e *Experiment) fillDefaults(d *decoder) {
	fill(d, "cluster.provider", &e.Cluster.Provider, defaultProvider)
	e.Cluster.Synchronous.fillDefaults(d, "cluster.synchronous")
	for i := range e.Load {
		e.Load[i].fillDefaults(d, "load."+e.Load[i].Name)
	}
	for i := range e.Timeline {
		e.Timeline[i].fillDefaults(d, stepPath(i))
	}
	nameSteps(e.Timeline)
}

func stepPath(i int) string { return "timeline[" + strconv.Itoa(i) + "]" }

func fill[T any](d *decoder, path string, into *T, value T) {
	if !d.has(path) {
		*into = value
	}
}

func (s *Synchronous) fillDefaults(d *decoder, path string) {
	if s != nil {
		fill(d, path+".commit", &s.Commit, defaultCommit)
	}
}

func (w *Workload) fillDefaults(d *decoder, path string) {
	clients, target := defaultClients, "primary"
	if w.Kind == kindRead {
		clients, target = defaultReaders, "replicas"
	}
	fill(d, path+".clients", &w.Clients, clients)
	fill(d, path+".target", &w.Target, target)
	fill(d, path+".timeout", &w.Timeout, defaultTimeout)
	fill(d, path+".on_timeout", &w.OnTimeout, defaultOnTimeout)
	fill(d, path+".max_abandoned", &w.MaxAbandoned, abandonedPerClient*w.Clients)
	if w.Kind == kindInsert || w.Kind == kindRead {
		fill(d, path+".table", &w.Table, defaultTable)
		w.Table = strings.TrimPrefix(w.Table, "public.") // where a table without a schema is anyway
	}
	if w.Kind == kindInsert {
		fill(d, path+".key", &w.Key, defaultKey)
		fill(d, path+".payload", &w.Payload, defaultPayload)
	}
}

func (s *Step) fillDefaults(d *decoder, path string) {
	s.Stop.fillDefaults(d, path+".stop")
	s.Restart.fillDefaults(d, path+".restart")
	if s.When != nil {
		fill(d, path+".within", &s.Within, defaultWithin)
	}
	if s.Verify != nil {
		fill(d, path+".verify.within", &s.Verify.Within, defaultWithin)
	}
	if s.Configure != nil {
		s.Configure.Synchronous.fillDefaults(d, path+".configure.synchronous")
	}
}

func (s *Stop) fillDefaults(d *decoder, path string) {
	if s != nil {
		fill(d, path+".mode", &s.Mode, defaultStopMode)
		fill(d, path+".timeout", &s.Timeout, defaultStopTimeout)
	}
}
