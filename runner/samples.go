package runner

import (
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/redact"
	"pgchaos/record"
	"pgchaos/report/export"
)

// Samples takes each operation of the load. It is no Sink, because there can be hundreds of
// thousands a second: the load's own goroutines call it, and an event for each sample would
// cost an allocation.
type Samples interface {
	// Of is asked for each workload, before Start, for the function that takes its samples. That function must return at
	// once, and must not keep the sample: the caller uses it again. For one workload it is called by one goroutine at a
	// time, for several by several at once.
	Of(workload string) func(*export.Sample)
	// Start comes before the first sample. The offsets of samples count from at.
	Start(at time.Time, seed uint64)
}

// sampler hands every operation of a workload on, to all who take samples; nil where nobody does. It
// allocates nothing: load calls it for one operation of the workload after the other.
func (s *loadSet) sampler(r *running, c *cluster.Cluster, secrets *redact.Redactor, to []Samples) func(client int, op record.Op) {
	if len(to) == 0 {
		return nil
	}
	take := make([]func(*export.Sample), len(to))
	for i, taker := range to {
		take[i] = taker.Of(r.spec.Name)
	}
	of := &export.Sample{Workload: r.spec.Name, Clients: r.groups * r.spec.Clients}
	for _, other := range s.list {
		of.All += other.groups * other.spec.Clients
	}
	nodes, hidden := c.Nodes(), &redactedError{secrets: secrets}
	return func(client int, op record.Op) {
		of.Client, of.Op, of.Node, of.Part = client, op, "", ""
		if op.Node > 0 && op.Node <= len(nodes) {
			of.Node = nodes[op.Node-1].Name()
		}
		if op.Part >= 0 && op.Part < len(r.spec.Mix) {
			of.Part = r.spec.Mix[op.Part].Name
		}
		if op.Err != nil {
			hidden.err, of.Op.Err = op.Err, hidden
		}
		for _, f := range take {
			f(of)
		}
		hidden.err, of.Op.Err = nil, nil // it may hold much
	}
}

// redactedError is an error without the secrets of its text. Only who reads the text pays for that: there can be
// very many errors.
type redactedError struct {
	secrets *redact.Redactor
	err     error
}

func (e *redactedError) Error() string { return redact.Short(e.secrets.Text(e.err.Error())) }
