package spec

import (
	"slices"
	"strconv"

	"pgchaos/expect"
)

// comparedMetric checks the language of a metric. Whether its workload is there, checkCompared does.
func (v *validator) comparedMetric(i int, m ComparedMetric) {
	if _, err := expect.ParseMetric(m.Metric); err != nil {
		what, right := halves(err)
		v.bad(v.metricPath(i), what, right)
	}
}

// metricPath is where the metric stands: in a list, or as a key of a mapping.
func (v *validator) metricPath(i int) string {
	if path := "compare.metrics[" + strconv.Itoa(i) + "]"; v.d.has(path) {
		return path
	}
	return "compare.metrics"
}

// checkCompared looks for metrics that no variant can have: that would show only after all runs.
func (s *Series) checkCompared(file string) (problems Problems) {
	var workloads, phases, faults []string
	for i := range s.Variants {
		e := s.Variants[i].Experiment
		workloads, phases = append(workloads, e.Load.Names()...), append(phases, e.Phases()...)
		for j := range e.Timeline {
			if e.Timeline[j].Fault() {
				faults = append(faults, e.Timeline[j].Name)
			}
		}
	}
	for _, m := range s.Compare.Metrics {
		x, err := expect.ParseMetric(m.Metric)
		if err != nil {
			continue // comparedMetric has reported it
		}
		bad := func(what, name string, known []string, list string) {
			p := Problem{File: file, What: "compare.metrics: " + m.Metric + ": " + what, Right: list}
			if name != "" {
				p.What, p.Right = p.What+" "+shown(name), suggest(name, slices.Compact(slices.Sorted(slices.Values(known))), list)
			}
			problems = append(problems, p)
		}
		ofFaults := expect.Metric{Name: x.Metric}.OfFaults()
		switch {
		case x.Workload != "" && !slices.Contains(workloads, x.Workload):
			bad("there is no workload", x.Workload, workloads, "the workloads are")
		case ofFaults && len(faults) == 0:
			bad("there is no fault that it could be measured from", "", nil, "leave it out, or add a step that stops, kills, pauses, disconnects or restarts a node")
		case x.Phase == "":
		case ofFaults && !slices.Contains(faults, x.Phase):
			bad("there is no fault", x.Phase, faults, "the steps that break something are")
		case !ofFaults && !slices.Contains(phases, x.Phase):
			bad("there is no phase", x.Phase, phases, "the phases are")
		}
	}
	return problems
}
