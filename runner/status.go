package runner

import (
	"time"

	"pgchaos/load"
	"pgchaos/record"
)

// Status is the run at one moment of its load.
type Status struct {
	Elapsed time.Duration
	// End is the earliest moment at which timeline and load can end by plan: steps without a time of their own, and conditions, take as
	// long as they take. 0: not known.
	End       time.Duration
	Phase     string
	Workloads []WorkloadStatus // only those that run
	Primary   string           // "" while nobody accepts writes
	Nodes     []NodeStatus     // in the order of the file
	Faults    []FaultStatus    // those in force now, by when they were issued
	Next      *NextStep        // nil: none is left
}

// WorkloadStatus is one workload in the last complete second.
type WorkloadStatus struct {
	Name string
	load.Live
}

// NodeStatus is one node as its newest readings have found it.
type NodeStatus struct {
	Name   string
	Absent bool // it has not been built
	Up     bool // it has answered its newest question
	record.NodeSample
	Usage *record.ResourceSample // nil: not known; it must not be changed
}

// FaultStatus is a fault that has been issued, and has neither been taken back nor ended by itself.
type FaultStatus struct {
	Step, Action string
	Nodes        []string // those on which it is in force
	Since        time.Duration
}

// NextStep is the step, or the reversal of one, that comes next.
type NextStep struct {
	Name string
	At   time.Duration // 0: as soon as the step before it is over, or its condition holds
	// Waits is set where it waits for a condition.
	Waits bool
}

// status is cheap: it asks no node, and waits for nothing.
func (r *run) status() Status {
	s := Status{Elapsed: r.clock.Now(), Phase: r.phases.current(), Primary: r.watch.Primary()}
	r.sawPrimary = r.sawPrimary || s.Primary != ""
	if !r.sawPrimary { // the first readings are under way: it is the one that the cluster was built with
		s.Primary = r.cluster.Nodes()[0].Name()
	}
	for _, w := range r.loads.list {
		if w.active.Load() {
			s.Workloads = append(s.Workloads, WorkloadStatus{Name: w.spec.Name, Live: w.loop.Live()})
		}
	}
	for _, n := range r.watch.Now() {
		s.Nodes = append(s.Nodes, NodeStatus{Name: n.Name, Absent: n.Absent, Up: n.Up, NodeSample: n.Sample, Usage: n.Usage})
	}
	r.course.describe(&s)
	return s
}
