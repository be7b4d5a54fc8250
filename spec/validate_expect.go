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
	for i, of := range e.Expect {
		x, err := expect.Parse(of.That)
		if err != nil {
			return nil, fmt.Errorf("expect[%d]: %w", i, err)
		}
		expectations[i] = x
	}
	return expectations, nil
}

// Aborts are what ends a run early: the parsed lines of AbortOn, and the expectations with Abort. Load has found
// them to be right.
func (e *Experiment) Aborts() (aborts []expect.Abort, err error) {
	for i, text := range e.AbortOn {
		a, err := expect.ParseAbort(text)
		if err != nil {
			return nil, fmt.Errorf("abort_on[%d]: %w", i, err)
		}
		aborts = append(aborts, a)
	}
	for i, of := range e.Expect {
		if !of.Abort {
			continue
		}
		a, err := expect.AbortWhenBroken(of.That)
		if err != nil {
			return nil, fmt.Errorf("expect[%d]: %w", i, err)
		}
		aborts = append(aborts, a)
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
		if v.misread(path, err) || v.d.brokenOver("load") {
			continue
		}
		v.expectedParts(path, a.Expectation)
	}
}

// misread notes the error of a text of the language of expectations, at the word that is wrong; false: there is none.
func (v *validator) misread(path string, err error) bool {
	var bad *expect.Error
	switch {
	case errors.As(err, &bad):
		v.badIn(path, bad.At, bad.What, bad.Right)
	case err != nil:
		v.bad(path, err.Error(), "")
	}
	return err != nil
}

// badWord is bad, at the word of an expectation that follows another, as in expect.Position.
func (v *validator) badWord(path, after, what, right string) {
	v.badIn(path, expect.Position(v.d.at(path).Value, after), what, right)
}

func (v *validator) expectations() {
	for i, of := range v.e.Expect {
		path := fmt.Sprintf("expect[%d]", i)
		if v.d.brokenOver(path) {
			continue
		}
		if that := path + ".that"; v.d.has(that) {
			path = that
		} else if of.That == "" && v.d.has(path+".abort") {
			v.bad(path, "nothing is expected here", "write that: METRIC and a comparison, such as {that: error_rate of writes in any 10s < 50%, abort: true}")
			continue
		}
		x, err := expect.Parse(of.That)
		if v.misread(path, err) {
			continue
		}
		// What is expected must be possible to observe: without that the verdict could only
		// ever be inconclusive.
		if !v.d.brokenOver("load") {
			v.expectedLoad(path, x)
		}
		v.expectedNode(path, x)
		v.expectedPhase(path, x)
		if of.Abort {
			_, err := expect.AbortWhenBroken(of.That)
			v.misread(path, err)
		}
	}
}

// expectedNode checks the node that an expectation names.
func (v *validator) expectedNode(path string, x expect.Expectation) {
	names := v.e.Cluster.Nodes.Names()
	if x.Node != "" && !v.d.brokenUnder("cluster.nodes") && !slices.Contains(names, x.Node) {
		v.badWord(path, "on", "there is no node "+shown(x.Node), suggest(x.Node, names, "the nodes are"))
	}
}

// expectedPhase checks the phase, or the step that breaks something, that an expectation names.
func (v *validator) expectedPhase(path string, x expect.Expectation) {
	phases := v.e.Phases()
	var faults []string
	for _, s := range v.e.Timeline {
		if s.Fault() {
			faults = append(faults, s.Name)
		}
	}
	m, _ := expect.LookupMetric(x.Metric)
	switch {
	case v.d.brokenUnder("timeline"):
	case m.OfFaults() && len(faults) == 0:
		v.bad(path, "there is no fault that "+x.Metric+" could be measured from", "add a step that stops, kills, pauses, disconnects or restarts a node")
	case x.Phase == "":
	case m.OfFaults() && !slices.Contains(faults, x.Phase):
		v.badWord(path, "during", "there is no phase "+shown(x.Phase)+" for "+x.Metric, suggest(x.Phase, faults, "the steps that break something are"))
	case !m.OfFaults() && !slices.Contains(phases, x.Phase) && v.stepNamed(x.Phase):
		v.badWord(path, "during", "no phase begins with the step "+shown(x.Phase)+", which has no name of its own", "write `name: "+x.Phase+"` into the step, or name one of the phases "+strings.Join(phases, ", "))
	case !m.OfFaults() && !slices.Contains(phases, x.Phase):
		v.badWord(path, "during", "there is no phase "+shown(x.Phase)+" for "+x.Metric, suggest(x.Phase, phases, "the phases are"))
	}
}

// stepNamed tells whether a step of the timeline has this name, if only by default.
func (v *validator) stepNamed(name string) bool {
	return slices.ContainsFunc(v.e.Timeline, func(s Step) bool { return s.Name == name })
}

// expectedLoad checks the workload that an expectation names or needs.
func (v *validator) expectedLoad(path string, x expect.Expectation) {
	if x.Workload != "" {
		v.expectedParts(path, x)
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

// expectedParts checks the workload that an expectation or a condition names.
func (v *validator) expectedParts(path string, x expect.Expectation) {
	switch w := v.e.Workload(x.Workload); {
	case w == nil:
		v.badWord(path, "of", "there is no workload "+shown(x.Workload), suggest(x.Workload, v.e.Load.Names(), "the workloads are"))
	case x.Metric == "achieved_rate" && !w.Open():
		v.badWord(path, "", "the workload "+w.Name+" has no rate that could be achieved: it is a closed loop", "use throughput, or give it a rate")
	default:
		v.expectedKind(path, x.Metric, w)
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
		v.badWord(path, "of", "the workload "+w.Name+" only reads", "write read_rto, or name one that writes")
	case metric == "read_rto" && w.Kind == kindInsert:
		v.badWord(path, "of", "the workload "+w.Name+" only writes", "write write_rto, or name one that reads")
	case expect.Metric{Name: metric}.OfReads() && w.Kind != kindRead && w.Kind != "":
		v.badWord(path, "of", "the workload "+w.Name+" is not of kind "+kindRead, "name one that is")
	}
}

// audited tells whether a metric comes from holding the rows against what was written.
func audited(metric string) bool {
	return slices.Contains([]string{"nodes_equal", "weak_lost", "unexplained_losses", "split_brain", "rpo_seconds", "rpo_bytes", "ghost_reads"}, metric) ||
		strings.HasSuffix(metric, "_writes") || strings.HasSuffix(metric, "_rows")
}
