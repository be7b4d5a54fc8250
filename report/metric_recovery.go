package report

import (
	"fmt"
	"strings"
	"time"

	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/outage"
)

// worst gathers the longest of several times, of which some may be longer than is
// known.
type worst struct {
	longest time.Duration
	most    time.Duration // that the longest can be, for all that is in why
	n       int           // measured
	why     []string      // why the longest may be longer: what had not come back, or was not measured
	between string        // why that is only known as from and to
}

// take adds a time that can be up to most, for the reason between; least says why it may be longer than that, ""
// where it cannot.
func (w *worst) take(d, most time.Duration, least, between string) {
	w.n++
	w.longest = max(w.longest, d)
	if most = max(d, most); most > w.most {
		w.most, w.between = most, between
	}
	w.miss(least)
}

// miss notes what was not measured.
func (w *worst) miss(why string) {
	if why != "" {
		w.why = append(w.why, why)
	}
}

// recoveryMetric is the worst of what the recoveries from the events say that are
// asked about.
func (r *Result) recoveryMetric(e expect.Expectation) expect.Value {
	var all worst
	events := 0
	for i := range r.Recoveries {
		rec := &r.Recoveries[i]
		if e.Phase != "" && rec.Event != e.Phase {
			continue
		}
		events++
		if e.Metric == "redundancy_rto" {
			all.stage(rec, rec.Redundancy, "the primary did not have its standbys back by the end of the time that counts for "+rec.Event, redundancyUnknown(rec))
			continue
		}
		all.workloads(rec, e)
	}
	switch {
	case events == 0:
		return unknown("no fault that took effect was followed to its recovery")
	case all.n == 0 && len(all.why) == 0:
		return unknown("no fault that took effect met such a workload")
	case all.n == 0:
		return unknown("%s", all.why[0])
	}
	v := known(e, all.longest.Seconds())
	switch {
	case len(all.why) > 0:
		v.AtLeast, v.Why = true, all.why[0]
	case all.most > all.longest:
		v.AtLeast, v.Most, v.Why = true, all.most.Seconds(), all.between
	}
	return v
}

// redundancyUnknown says why a redundancy is not known.
func redundancyUnknown(rec *outage.Recovery) string {
	if len(rec.Stuck) > 0 {
		return strings.Join(rec.Stuck, ", ") + " received nothing for some seconds, while the primary had WAL to send: whether the primary had its standbys after " + rec.Event + " is not known"
	}
	if len(rec.Unread) == 0 {
		return "what the primary's standbys were at " + rec.Event + " is not known"
	}
	return notRead(rec) + " after " + rec.Event + ": whether the primary had its standbys then is not known"
}

// notRead says which nodes keep a stage from being known.
func notRead(rec *outage.Recovery) string {
	if len(rec.Unread) == 0 && len(rec.Stuck) > 0 {
		return strings.Join(rec.Stuck, ", ") + " received nothing"
	}
	return "pgchaos could not read " + strings.Join(rec.Unread, ", ")
}

// workloads takes what an event was to the workloads that are asked about. An event
// that met none of them running is one that was not measured.
func (w *worst) workloads(rec *outage.Recovery, e expect.Expectation) {
	asked, loaded := false, false
	for _, load := range rec.Workloads {
		if e.Workload == "" || load.Workload == e.Workload {
			asked, loaded = true, loaded || load.Loaded
		}
	}
	if asked && !loaded {
		w.miss(fmt.Sprintf("there was no load at %s (say `during` which faults are meant)", rec.Event))
	}
	for _, load := range rec.Workloads {
		switch {
		case e.Workload != "" && load.Workload != e.Workload || !load.Loaded:
		case load.NotServed:
			w.miss(notServed(load.Workload, rec.Event))
		case e.Metric == "throughput_rto":
			w.stage(rec, load.Throughput, fmt.Sprintf("%s had not 90 %% of its throughput back from %s when %s", load.Workload, rec.Event, ended(rec, &load)),
				fmt.Sprintf("%s had too little load before %s, or too little time after it, to tell a throughput", load.Workload, rec.Event))
		case load.Clients.Clients == 0:
			w.miss(fmt.Sprintf("the outages of each client of %s are not recorded", load.Workload))
		case load.Clients.NotServed == load.Clients.Clients:
			w.miss(notServed(load.Workload, rec.Event))
		default:
			w.clients(rec, load, e.Metric)
		}
	}
}

// ended says what ended the time in which clients could come back from a fault.
func ended(rec *outage.Recovery, load *outage.WorkloadRecovery) string {
	if next := rec.NextOf(load); next != "" {
		return next + " came"
	}
	return "the load ended"
}

// asLong says for how long a client was not served that never was again.
func asLong(rec *outage.Recovery, load *outage.WorkloadRecovery) string {
	if next := rec.NextOf(load); next != "" {
		return "before " + next
	}
	return "as long as the load ran"
}

// stage takes a stage as a time from when the fault was issued: none where it does not
// apply, for then nothing was gone.
func (w *worst) stage(rec *outage.Recovery, s outage.Stage, missed, unknown string) {
	least, most, between := s.At-rec.Issued, time.Duration(0), momentUnknown
	if rec.Noticed {
		least, most = max(0, s.At-rec.Effective), least
	}
	switch s.State {
	case outage.StageReached:
		if s.From > 0 {
			least, most = max(0, least-(s.At-s.From)), s.At-rec.Issued
			between = notRead(rec) + " between " + units.Seconds(s.From) + " and " + units.Seconds(s.At)
		}
		w.take(least, most, "", between)
	case outage.StageNone:
		w.take(0, 0, "", "")
	case outage.StageMissed:
		w.take(least, 0, missed, "")
	default:
		w.miss(unknown)
	}
}

func (w *worst) clients(rec *outage.Recovery, load outage.WorkloadRecovery, metric string) {
	out := load.Clients.Max
	switch metric {
	case "client_rto_median":
		out = load.Clients.Median
	case "client_rto_p99":
		out = load.Clients.P99
	}
	why := ""
	switch {
	case out.AtLeast:
		why = fmt.Sprintf("%s not served again after %s %s",
			units.Count(int64(load.Clients.NeverBack), "client of "+load.Workload+" was", "clients of "+load.Workload+" were"), rec.Event, asLong(rec, &load))
	case load.Clients.Discarded > 0:
		why = fmt.Sprintf("clients of %s were out so often that the shortest outages are not kept", load.Workload)
	}
	w.take(out.For, 0, why, "")
}
