package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/record"
	"pgchaos/verdict"
)

// Judge fills in Expectations, Reasons and Verdict, from the result alone. It can
// be called again, so that a kept result can be held against other expectations.
//
// Beside the expectations these decide: what an audit never forgives (see
// audit.Audit.Findings); what readers saw against what PostgreSQL promises; lost
// writes of which no expectation speaks, which fail the run, because silence about a
// loss must not pass; steps that failed, were skipped or never took effect; and
// anything that went wrong with the run itself. Reasons that fail the run come first.
func (r *Result) Judge(expectations []expect.Expectation) {
	r.Expectations, r.Reasons = nil, nil
	verdicts := make([]verdict.Verdict, 0, len(expectations)+1)
	for _, e := range expectations {
		j := expect.Judge(e, r)
		r.Expectations = append(r.Expectations, j)
		verdicts = append(verdicts, j.Verdict)
	}
	findings := slices.Concat(r.stageFindings(), r.failingFindings(), r.lossFindings(expectations), r.readFindings(), r.timelineFindings(),
		r.ledgerFindings(), r.errorFindings())
	// The first reason is the headline: what is only not known may not hide why the run failed.
	slices.SortStableFunc(findings, func(a, b audit.Finding) int { return cmp.Compare(b.Verdict, a.Verdict) })
	for _, f := range findings {
		r.Reasons = append(r.Reasons, f.Reason)
		verdicts = append(verdicts, f.Verdict)
	}
	// An audit that was complete and found nothing is evidence for a pass, also
	// where nothing else was expected.
	if len(r.Audits) > 0 && len(findings) == 0 {
		verdicts = append(verdicts, verdict.Pass)
	}
	if len(verdicts) == 0 {
		r.Reasons = append(r.Reasons, "nothing was expected and nothing was audited, so nothing was shown")
	}
	r.Verdict = verdict.Worst(verdicts...)
}

// inconclusive is the finding that something is not known.
func inconclusive(format string, args ...any) audit.Finding {
	return audit.Finding{Verdict: verdict.Inconclusive, Reason: fmt.Sprintf(format, args...)}
}

func failed(format string, args ...any) audit.Finding {
	return audit.Finding{Verdict: verdict.Fail, Reason: fmt.Sprintf(format, args...)}
}

// stageFindings are about a run that did not come to its end.
func (r *Result) stageFindings() (all []audit.Finding) {
	if r.Stopped != "" {
		all = append(all, inconclusive("%s", r.Stopped))
	}
	if r.Interrupted {
		if r.Stage != "" || r.unbegun() { // else Unfinished says so
			all = append(all, inconclusive("the run was interrupted"))
		}
		if n := r.skipped(); n > 1 {
			all = append(all, inconclusive("%d steps of the timeline were skipped", n))
		}
	}
	if stopped := r.Unfinished(); stopped != "" && !r.unbegun() {
		all = append(all, inconclusive("%s", stopped))
	}
	if r.Afterwards != nil {
		for _, what := range r.Afterwards.Unknown {
			all = append(all, inconclusive("%s", what))
		}
	}
	return append(all, r.settleFindings()...)
}

// settleFindings are about a cluster that did not come to rest before the audit.
func (r *Result) settleFindings() (all []audit.Finding) {
	if len(r.SplitBrain) > 0 {
		all = append(all, failed("split brain: %s accepted writes at the end", strings.Join(r.SplitBrain, " and ")))
	}
	for _, two := range r.TwoWritable {
		all = append(all, failed("split brain: %s", two))
	}
	for _, u := range r.Unwatched {
		if v := r.splitBrain(); v.Known && v.Bool {
			break // it is known that there was one
		}
		all = append(all, inconclusive("whether there was a split brain is not known: %s", u))
	}
	for _, n := range r.Settle {
		if n.Error == "" {
			continue
		}
		who := ""
		if n.Node != "" {
			who = n.Node + " "
		}
		all = append(all, inconclusive("not settled: %s%s", who, n.Error))
	}
	return all
}

// lossFindings are about the writes.
func (r *Result) lossFindings(expectations []expect.Expectation) (all []audit.Finding) {
	var lost, acknowledged int64
	for _, a := range r.Audits {
		lost += a.Lost.N
		acknowledged += a.Acknowledged
		all = append(all, a.Findings()...)
	}
	spoken := slices.ContainsFunc(expectations, func(e expect.Expectation) bool { return e.Metric == "lost_writes" })
	if lost > 0 && !spoken {
		all = append(all, failed("%s lost, and no expectation says how many lost_writes are allowed", units.Count(lost, "acknowledged write was", "acknowledged writes were")))
	}
	weakSpoken := slices.ContainsFunc(expectations, func(e expect.Expectation) bool { return strings.HasPrefix(e.Metric, "weak_lost") })
	// A node that somebody else promotes can have a weaker regime from its first moment on.
	weakened := slices.ContainsFunc(r.Timeline, func(m record.Event) bool { return m.Weakening != nil || m.Promotion != nil })
	if weak := r.WeakLost(); weak > 0 && weakened && !weakSpoken {
		all = append(all, failed("%s lost although somebody else than the run decided how the cluster replicates, and no expectation says how many weak_lost are allowed",
			units.Count(weak, "weakly acknowledged write was", "weakly acknowledged writes were")))
	}
	if len(r.Audits) > 0 || r.Stage != StageChecked {
		return all // an audit without acknowledgements says so itself
	}
	if slices.ContainsFunc(r.Workloads, func(w Workload) bool { return w.WritesRows() }) {
		all = append(all, inconclusive("rows were inserted, and no table was audited"))
	}
	return all
}

// timelineFindings are about steps that did not do what they should.
func (r *Result) timelineFindings() (all []audit.Finding) {
	if err := audit.KnownActions(r.Timeline); err != nil {
		all = append(all, inconclusive("%s", err))
	}
	for _, m := range r.judged() {
		step := m.Name
		if m.Name != m.Action && !strings.HasPrefix(m.Name, m.Action) {
			step += " (" + m.Action + ")"
		}
		because := ""
		if m.Error != "" {
			because = ": " + m.Error
		}
		switch {
		case m.Status == record.EventFailed && m.NotSo:
			all = append(all, failed("%s did not hold%s", step, because))
		case m.Status == record.EventFailed:
			all = append(all, inconclusive("%s failed%s", step, because))
		case m.Status == record.EventSkipped:
			all = append(all, inconclusive("%s was skipped%s", step, because))
		case m.Promotion != nil || m.Weakening != nil || unreached(m):
			if r.CauseOf(m) == nil {
				all = append(all, r.withoutCause(m))
			}
		case m.Status == record.EventSeen:
			if !r.provoked(m) {
				all = append(all, inconclusive("%s %s %s, which no step of the timeline explains", strings.Join(m.Nodes, ", "), incidentWords(m), incidentTime(m)))
			}
		case m.Status != record.EventDone:
			all = append(all, inconclusive("%s has no recorded end%s", step, because))
		case m.Fault && m.Effective <= 0:
			all = append(all, inconclusive("%s was never verified to take effect", step))
		}
	}
	return all
}

// judged are the events that are judged one by one: what is part of a step is not, for its step says how it ended, and not what stageFindings
// has counted.
func (r *Result) judged() (all []record.Event) {
	counted := r.Interrupted && r.skipped() > 1
	for _, m := range r.Timeline {
		if m.PartOf == "" && (!counted || m.Status != record.EventSkipped) {
			all = append(all, m)
		}
	}
	return all
}

// skipped is how many steps of the timeline were not begun.
func (r *Result) skipped() (n int) {
	for _, m := range r.Timeline {
		if m.Status == record.EventSkipped && m.PartOf == "" {
			n++
		}
	}
	return n
}

// withoutCause is the finding that somebody else did something to the cluster, and nothing came before it.
func (r *Result) withoutCause(m record.Event) audit.Finding {
	switch {
	case m.Promotion != nil:
		return failed("%s", r.PromotionWords(m))
	case m.Weakening != nil:
		return failed("%s", r.WeakeningWords(m))
	default:
		return inconclusive("%s, and no step of the timeline explains it", unreachedWords(m))
	}
}

// provoked tells whether an earlier step may have brought about what was seen on a
// node: one that ran a command or a statement there, or took memory from it.
func (r *Result) provoked(seen record.Event) bool {
	if startedAgain(seen) {
		return r.CauseOf(seen) != nil
	}
	return slices.ContainsFunc(r.Timeline, func(m record.Event) bool {
		return provokes(m) && m.Reverses == "" &&
			m.Issued <= seen.Effective && len(seen.Nodes) > 0 && slices.Contains(m.Nodes, seen.Nodes[0])
	})
}

// incidentTime is when it happened, as far as that is known.
func incidentTime(m record.Event) string {
	if m.Issued < m.Effective {
		return "between " + units.Seconds(m.Issued) + " and " + units.Seconds(m.Effective)
	}
	return "at " + units.Seconds(m.Effective)
}

// ledgerFindings are about what cannot be known of the writes.
func (r *Result) ledgerFindings() (all []audit.Finding) {
	l := r.LedgerFile
	if l == nil {
		return nil
	}
	if l.Error != "" {
		all = append(all, inconclusive("writes could not be recorded, and were not sent: %s", l.Error))
	}
	for _, d := range l.Damage {
		all = append(all, inconclusive("%s is damaged: %s", l.File, d))
	}
	return all
}

// errorFindings are what went wrong with the run itself.
func (r *Result) errorFindings() (all []audit.Finding) {
	for _, e := range r.Errors {
		all = append(all, inconclusive("%s", e))
	}
	return all
}

// incidentWords says what happened to a node; "" for an action that is a step.
func incidentWords(e record.Event) string {
	f, _ := e.Effects()
	return f.Incident
}

func promotes(e record.Event) bool {
	f, _ := e.Effects()
	return f.Promotes
}

// provokes tells whether a step can bring about what then happens to its node.
func provokes(e record.Event) bool {
	f, _ := e.Effects()
	return f.Provokes
}
