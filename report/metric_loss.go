package report

import (
	"slices"
	"strings"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// explained tells whether the audits know what an old file does not: how many
// acknowledgements were weak, and what explains the losses.
func (r *Result) explained() bool {
	return len(r.Audits) > 0 && !slices.ContainsFunc(r.Audits, func(a audit.Audit) bool { return a.Weak == nil })
}

// splitBrain is true as soon as two nodes were seen to accept writes at once.
func (r *Result) splitBrain() expect.Value {
	if len(r.SplitBrain) > 0 {
		return expect.Value{Known: true, Bool: true, Text: "true: " + strings.Join(r.SplitBrain, " and ") + " at the end"}
	}
	if len(r.TwoWritable) > 0 {
		return expect.Value{Known: true, Bool: true, Text: "true: " + r.TwoWritable[0].String()}
	}
	for _, a := range r.Audits {
		if len(a.SplitBrain) > 0 {
			return expect.Value{Known: true, Bool: true, Text: "true: " + a.SplitBrain[0].String()}
		}
	}
	switch stopped := r.Unfinished(); {
	case stopped != "":
		return unknown("%s", stopped)
	case !r.explained():
		return unknown("which node acknowledged what, and when, is not recorded")
	}
	var acknowledged int64
	for _, a := range r.Audits {
		acknowledged += a.Acknowledged
		if len(a.Damage) > 0 {
			return unknown("the ledger is damaged: %s", a.Damage[0])
		}
	}
	if acknowledged == 0 {
		return unknown("no write was acknowledged")
	}
	if len(r.Unwatched) > 0 {
		return unknown("%s", r.Unwatched[0])
	}
	return expect.Value{Known: true, Text: "false"}
}

// rpoMetric is the worst of what the events lost that are asked about.
func (r *Result) rpoMetric(e expect.Expectation) expect.Value {
	switch {
	case len(r.Audits) == 0:
		return unknown("no table was audited")
	case !r.explained():
		return unknown("the result does not hold %s", e.Metric)
	case e.Phase != "" && !slices.ContainsFunc(r.Timeline, func(m record.Event) bool { return m.Name == e.Phase && m.Status != record.EventSkipped }):
		return unknown("no event %s took place", e.Phase)
	}
	var all worstOf
	var acknowledged, unexplained int64
	for i := range r.Audits {
		a := &r.Audits[i]
		acknowledged += a.Acknowledged
		unexplained += a.Unexplained
		if !a.Complete {
			all.miss(Incomplete(a))
		}
		for _, p := range a.RPO {
			switch {
			case p.Lost == 0 || e.Phase != "" && p.Event != e.Phase:
			case e.Metric == "rpo_seconds":
				all.most = max(all.most, a.SpanOf(p.Event).Seconds())
			case p.Bytes == nil:
				all.miss("from where on WAL was lost by " + p.Event + " is not known")
			default:
				all.most = max(all.most, float64(*p.Bytes))
			}
		}
	}
	if acknowledged == 0 {
		return unknown("no write was acknowledged, so none could be lost")
	}
	if unexplained > 0 {
		all.miss(units.Count(unexplained, "loss is", "losses are") + " not explained by any event")
	}
	v := known(e, all.most)
	v.AtLeast, v.Why = len(all.why) > 0, strings.Join(all.why, "; ")
	return v
}

// worstOf is the greatest of several numbers, and why it may be greater.
type worstOf struct {
	most float64
	why  []string
}

func (w *worstOf) miss(why string) { w.why = append(w.why, why) }
