package report

import (
	"fmt"
	"maps"
	"slices"

	"pgchaos/expect"
	"pgchaos/outage"
)

// rto is the worst outage of the events and workloads that are asked about.
func (r *Result) rto(e expect.Expectation) expect.Value {
	v := expect.Value{Known: true}
	sick, measured := "", false
	loaded := map[string]bool{} // by event
	var worst outage.Outage
	for _, o := range r.outagesFor(e) {
		loaded[o.Event] = loaded[o.Event] || o.Loaded
		switch {
		case !o.Loaded:
			continue
		case o.NotServed:
			sick = notServed(o.Workload, o.Event)
			continue
		case !o.Recovered:
			v.AtLeast = true
			v.Why = fmt.Sprintf("%s had not recovered from %s when the load ended", o.Workload, o.Event)
		}
		measured = true
		worst.Errors += o.Errors
		worst.RTO, worst.Most = max(worst.RTO, o.RTO), max(worst.Most, o.RTO, o.Most)
	}
	switch {
	case len(loaded) == 0:
		return unknown("no fault that took effect met such a workload")
	case sick != "" && !measured:
		return unknown("%s", sick)
	case !measured:
		return unknown("there was no load at the fault")
	case sick != "":
		v.AtLeast, v.Why = true, sick
	}
	for _, event := range slices.Sorted(maps.Keys(loaded)) {
		if !loaded[event] {
			v.AtLeast = true
			v.Why = fmt.Sprintf("there was no load at %s (say `during` which faults are meant)", event)
		}
	}
	v.Number, v.Text = worst.RTO.Seconds(), e.Kind.Format(worst.RTO.Seconds())
	switch {
	case v.AtLeast:
	case worst.Most > worst.RTO:
		v.AtLeast, v.Most, v.Why = true, worst.Most.Seconds(), momentUnknown
	case worst.RTO == 0 && worst.Errors == 0:
		v.Text = "no outage seen"
	}
	return v
}

// outagesFor are the outages that an expectation asks about.
func (r *Result) outagesFor(e expect.Expectation) (all []outage.Outage) {
	for _, o := range r.Outages {
		if o.Writes == (e.Metric == "write_rto") && (e.Workload == "" || o.Workload == e.Workload) && (e.Phase == "" || o.Event == e.Phase) {
			all = append(all, o)
		}
	}
	return all
}

// notServed says why nothing is known of what a fault did to a workload.
func notServed(workload, event string) string {
	return fmt.Sprintf("%s was not served when %s began, so what that did to it is not known", workload, event)
}

// downtime is the longest one of the workloads that are asked about.
func (r *Result) downtime(e expect.Expectation) expect.Value {
	v, loaded := expect.Value{Known: true}, false
	for _, d := range r.Downtimes {
		if d.During != e.Phase || e.Workload != "" && d.Workload != e.Workload || !d.Loaded {
			continue
		}
		loaded = true
		v.Number = max(v.Number, d.Length().Seconds())
		if d.Open {
			v.AtLeast = true
			v.Why = fmt.Sprintf("%s had no acknowledgement any more when the load ended", d.Workload)
		}
	}
	during := ""
	if e.Phase != "" {
		during = " during " + e.Phase
	}
	switch {
	case len(r.Downtimes) == 0:
		return unknown("the result does not hold downtimes")
	case e.Phase != "" && !r.hasPhase(e.Phase):
		return unknown("the run had no phase %s", e.Phase)
	case !loaded:
		return unknown("there was no load%s", during)
	}
	v.Text = e.Kind.Format(v.Number)
	return v
}
