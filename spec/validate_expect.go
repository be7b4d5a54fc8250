package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pgchaos/expect"
)

// Expectations are the parsed lines of Expect, which Load has found to be right.
func (e *Experiment) Expectations() ([]expect.Expectation, error) {
	expectations := make([]expect.Expectation, len(e.Expect))
	for i, text := range e.Expect {
		x, err := expect.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("expect[%d]: %w", i, err)
		}
		expectations[i] = x
	}
	return expectations, nil
}

// Aborts are the parsed lines of AbortOn, which Load has found to be right.
func (e *Experiment) Aborts() ([]expect.Abort, error) {
	aborts := make([]expect.Abort, len(e.AbortOn))
	for i, text := range e.AbortOn {
		a, err := expect.ParseAbort(text)
		if err != nil {
			return nil, fmt.Errorf("abort_on[%d]: %w", i, err)
		}
		aborts[i] = a
	}
	return aborts, nil
}

// aborts checks the conditions that end a run early.
func (v *validator) aborts() {
	for i, text := range v.e.AbortOn {
		path := fmt.Sprintf("abort_on[%d]", i)
		if v.d.brokenOver(path) {
			continue
		}
		a, err := expect.ParseAbort(text)
		var bad *expect.Error
		if errors.As(err, &bad) {
			v.bad(path, bad.What, bad.Right)
			continue
		}
		if v.d.brokenOver("load") {
			continue
		}
		switch w := v.e.Workload(a.Workload); {
		case w == nil:
			v.bad(path, "there is no workload "+shown(a.Workload), suggest(a.Workload, v.e.Load.Names(), "the workloads are"))
		case a.Metric == "achieved_rate" && !w.Open():
			v.bad(path, "the workload "+w.Name+" has no rate that could be achieved: it is a closed loop", "use throughput, or give it a rate")
		}
	}
}

func (v *validator) expectations() {
	phases := v.e.Phases()
	known := map[string]bool{}
	for _, name := range phases {
		known[name] = true
	}
	var faults []string
	isFault := map[string]bool{}
	for _, s := range v.e.Timeline {
		if s.Fault() {
			faults = append(faults, s.Name)
			isFault[s.Name] = true
		}
	}
	for i, text := range v.e.Expect {
		path := fmt.Sprintf("expect[%d]", i)
		if v.d.brokenOver(path) {
			continue
		}
		x, err := expect.Parse(text)
		var bad *expect.Error
		if errors.As(err, &bad) {
			v.bad(path, bad.What, bad.Right)
			continue
		}
		if err != nil {
			v.bad(path, err.Error(), "")
			continue
		}
		// What is expected must be possible to observe: without that the verdict could only
		// ever be inconclusive.
		if !v.d.brokenOver("load") {
			v.expectedLoad(path, x)
		}
		m, _ := expect.LookupMetric(x.Metric)
		switch {
		case v.d.brokenUnder("timeline"):
		case m.OfFaults() && len(faults) == 0:
			v.bad(path, "there is no fault that "+x.Metric+" could be measured from", "add a step that stops, kills, pauses, disconnects or restarts a node")
		case x.Phase == "":
		case m.OfFaults() && !isFault[x.Phase]:
			v.bad(path, "there is no phase "+shown(x.Phase)+" for "+x.Metric, suggest(x.Phase, faults, "the steps that break something are"))
		case !m.OfFaults() && !known[x.Phase] && v.stepNamed(x.Phase):
			v.bad(path, "no phase begins with the step "+shown(x.Phase)+", which has no name of its own", "write `name: "+x.Phase+"` into the step, or name one of the phases "+strings.Join(phases, ", "))
		case !m.OfFaults() && !known[x.Phase]:
			v.bad(path, "there is no phase "+shown(x.Phase)+" for "+x.Metric, suggest(x.Phase, phases, "the phases are"))
		}
	}
}

// stepNamed tells whether a step of the timeline has this name, if only by default.
func (v *validator) stepNamed(name string) bool {
	return slices.ContainsFunc(v.e.Timeline, func(s Step) bool { return s.Name == name })
}

// expectedLoad checks the workload that an expectation names or needs.
func (v *validator) expectedLoad(path string, x expect.Expectation) {
	if x.Workload != "" {
		w := v.e.Workload(x.Workload)
		if w == nil {
			v.bad(path, "there is no workload "+shown(x.Workload), suggest(x.Workload, v.e.Load.Names(), "the workloads are"))
		} else {
			v.expectedKind(path, x.Metric, w)
		}
		return
	}
	var kinds []string
	for i := range v.e.Load {
		for _, w := range v.e.Load[i].Works() {
			kinds = append(kinds, w.Kind)
		}
	}
	needs := ""
	switch {
	case expect.Metric{Name: x.Metric}.OfReads() && !slices.Contains(kinds, kindRead):
		needs = kindRead
	case audited(x.Metric) && !slices.Contains(kinds, kindInsert):
		needs = kindInsert
	case x.Metric == "write_rto" && !slices.Contains(kinds, kindInsert) && !slices.Contains(kinds, kindSQL):
		needs = kindInsert
	case x.Metric == "read_rto" && !slices.Contains(kinds, kindRead) && !slices.Contains(kinds, kindSQL):
		needs = kindRead
	}
	switch {
	case slices.Contains(kinds, ""):
	case needs != "":
		v.bad(path, x.Metric+" needs a workload of kind "+needs+", and there is none"+unaudited(x.Metric, needs), "add one to load")
	case x.Metric == "ghost_reads":
		v.expectedGhosts(path)
	}
}

// unaudited says what a metric lacks where nothing is inserted.
func unaudited(metric, needs string) string {
	if audited(metric) && needs == kindInsert {
		return ": only rows that are inserted are audited"
	}
	return ""
}

// expectedGhosts checks that the rows which readers see can be found in an audit: those
// of a table that is written by packed keys.
func (v *validator) expectedGhosts(path string) {
	for _, w := range v.e.Load {
		if w.Kind != kindRead {
			continue
		}
		i := slices.IndexFunc(v.e.Load, func(o Workload) bool { return o.Kind == kindInsert && o.Table == w.Table })
		switch {
		case i < 0:
			v.bad(path, "ghost_reads cannot be known: the workload "+w.Name+" reads "+shown(w.Table)+", which no workload inserts into, so that it is not audited", "add one of kind "+kindInsert+", or read a table that is inserted into")
		case v.e.Load[i].Key == "serial":
			v.bad(path, "ghost_reads cannot be known: the workload "+w.Name+" reads "+shown(w.Table)+", of whose serial keys nobody records what was read", "write key: packed, or leave ghost_reads out")
		}
	}
}

// expectedKind checks that a metric can be measured of a workload that is named.
func (v *validator) expectedKind(path, metric string, w *Workload) {
	switch {
	case metric == "write_rto" && w.Kind == kindRead:
		v.bad(path, "the workload "+w.Name+" only reads", "write read_rto, or name one that writes")
	case metric == "read_rto" && w.Kind == kindInsert:
		v.bad(path, "the workload "+w.Name+" only writes", "write write_rto, or name one that reads")
	case expect.Metric{Name: metric}.OfReads() && w.Kind != kindRead && w.Kind != "":
		v.bad(path, "the workload "+w.Name+" is not of kind "+kindRead, "name one that is")
	}
}

// audited tells whether a metric comes from holding the rows against what was written.
func audited(metric string) bool {
	return slices.Contains([]string{"nodes_equal", "weak_lost", "unexplained_losses", "split_brain", "rpo_seconds", "rpo_bytes", "ghost_reads"}, metric) ||
		strings.HasSuffix(metric, "_writes") || strings.HasSuffix(metric, "_rows")
}
