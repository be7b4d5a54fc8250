// Package monitoring shows a run in progress to Prometheus: it makes metrics of the operations and events of the run, and
// serves them over HTTP.
package monitoring

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pgchaos/runner"
)

// Exporter has the metrics of one run after the other. It counts operations over all of them, since a counter must not
// decrease; all else is of the newest run. Its labels have values from the experiment file alone, and from short
// lists of our own, so that a run cannot make series without end. It is safe for concurrent use.
type Exporter struct {
	registry   *prometheus.Registry
	operations *prometheus.CounterVec
	response   *prometheus.HistogramVec

	mu  sync.Mutex
	run run // the newest
}

// run is what the events of a run have said.
type run struct {
	runner.RunBegan
	known   bool          // there is one
	started time.Time     // its load; zero: not yet
	ended   bool          // its load
	status  runner.Status // the newest
	// faults are all that there were so far; true: in force.
	faults map[faultOn]bool
}

// faultOn is a fault on one node.
type faultOn struct{ step, node string }

// New returns an Exporter without a run.
func New() *Exporter {
	x := &Exporter{registry: prometheus.NewRegistry(), operations: newOperations(), response: newResponse()}
	x.registry.MustRegister(x.operations, x.response, newGauges(x))
	return x
}

// Take is a runner.Sink: it takes the events of each run.
func (x *Exporter) Take(e runner.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch e := e.(type) {
	case runner.RunBegan:
		x.run = run{RunBegan: e, known: true, faults: map[faultOn]bool{}}
	case runner.LoadStarted:
		x.run.started = e.At
	case runner.Ticked:
		x.run.tick(e.Status)
	case runner.LoadEnded:
		x.run.ended = true
		x.run.status.Elapsed, x.run.status.Workloads = e.At, nil
	}
}

// tick takes the newest status.
func (r *run) tick(s runner.Status) {
	r.status = s
	for f := range r.faults {
		r.faults[f] = false
	}
	for _, f := range s.Faults {
		for _, node := range f.Nodes {
			r.faults[faultOn{f.Step, node}] = true
		}
	}
}
