package report

import (
	"fmt"
	"strings"

	"pgchaos/expect"
)

// Metric is what the result says of an expectation's metric; *Result is a
// expect.Source. What has no evidence is unknown, and says why: nothing is 0
// because it is missing.
func (r *Result) Metric(e expect.Expectation) expect.Value {
	switch {
	case e.Metric == "up_in":
		if r.Cluster.UpIn <= 0 {
			return unknown("the time is not recorded")
		}
		return known(e, r.Cluster.UpIn.Seconds())
	case r.Stage == StagePlanned || r.Stage == "":
		return unknown("%s", r.Unfinished())
	case r.brokenOff() && ofLoad(e):
		return unknown("the run's pgchaos ended before it had recorded its load")
	case r.unsound(e) != "":
		return unknown("%s", r.unsound(e))
	case e.Metric == "write_rto" || e.Metric == "read_rto":
		return r.rto(e)
	case e.Metric == "downtime":
		return r.downtime(e)
	case e.Metric == "redundancy_rto" || e.Metric == "throughput_rto" || strings.HasPrefix(e.Metric, "client_rto_"):
		return r.recoveryMetric(e)
	case ofReads(e):
		return r.readMetric(e)
	case e.Node != "":
		return r.nodeMetric(e)
	case e.Workload != "":
		return r.loadMetric(e)
	}
	return r.ofRun(e)
}

// ofRun is a metric of the run as a whole.
func (r *Result) ofRun(e expect.Expectation) expect.Value {
	switch {
	case e.Metric == "split_brain":
		return r.splitBrain()
	case e.Metric == "rpo_seconds" || e.Metric == "rpo_bytes":
		return r.rpoMetric(e)
	case e.Metric == "weak_writes" && !r.explained():
		return r.weakWrites(e)
	}
	return r.auditMetric(e)
}

// brokenOff tells whether the load was broken off with the run's pgchaos, and only its
// writes were looked up afterwards.
func (r *Result) brokenOff() bool {
	return r.Afterwards != nil && r.Afterwards.Stage != StageRan
}

// ofLoad tells whether a metric is about what load and watchers record, and not about
// what the nodes hold.
func ofLoad(e expect.Expectation) bool {
	return e.Workload != "" || e.Node != "" || e.Metric == "downtime" || ofReads(e) || e.Metric == "weak_writes" || strings.HasSuffix(e.Metric, "_rto") || strings.HasPrefix(e.Metric, "client_rto_")
}

// ofReads tells whether the expectation is about what readers recorded. Which of the
// rows that they saw are gone, the audit counts.
func ofReads(e expect.Expectation) bool {
	return expect.Metric{Name: e.Metric}.OfReads() && e.Metric != "ghost_reads"
}

func unknown(format string, args ...any) expect.Value {
	return expect.Value{Why: fmt.Sprintf(format, args...)}
}

func known(e expect.Expectation, n float64) expect.Value {
	return expect.Value{Known: true, Number: n, Text: e.Kind.Format(n)}
}

// Unfinished says how far the run came, when it did not come to its end.
func (r *Result) Unfinished() string {
	switch r.Stage {
	case StageChecked:
		return ""
	case StageRan:
		return "the run ended before its audit"
	case StagePlanned:
		return "the run ended before its load did: nothing was measured"
	}
	if len(r.Errors) > 0 {
		return "the run failed before its load began: nothing was measured"
	}
	if r.Interrupted {
		return "the run was interrupted before its load began: nothing was measured"
	}
	return "it is not recorded how far the run came"
}

// unbegun tells whether an error is why there was no load. It is among the reasons, and says more than Unfinished.
func (r *Result) unbegun() bool { return r.Stage == "" && len(r.Errors) > 0 }

// momentUnknown says why a time is known as one from and to.
const momentUnknown = "no step was the fault: it is only known when all was last well and when it was noticed"
