package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgchaos/internal/units"
	"pgchaos/verdict"
)

// Lost is the number of acknowledged writes that are gone, over all tables.
func (r *Result) Lost() (n int64) {
	for _, a := range r.Audits {
		n += a.Lost.N
	}
	return n
}

// WeakLost is the number of weakly acknowledged writes that were lost, in all tables.
func (r *Result) WeakLost() (n int64) {
	for _, a := range r.Audits {
		n += a.WeakLost.N
	}
	return n
}

// AllReasons are the Reasons, and how far the run came where it was never judged: a run that
// was killed has no reasons in its file.
func (r *Result) AllReasons() []string {
	unfinished := r.Unfinished()
	if unfinished == "" || r.unbegun() || slices.Contains(r.Reasons, unfinished) {
		return r.Reasons
	}
	return append(slices.Clone(r.Reasons), unfinished)
}

// Headline is why the verdict is what it is, in one sentence.
func (r *Result) Headline() string {
	switch r.Verdict {
	case verdict.Pass:
		return r.passed()
	case verdict.Fail:
		return r.failed()
	case verdict.Inconclusive:
	}
	if reasons := r.AllReasons(); len(reasons) > 0 {
		return reasons[0]
	}
	open := r.expectationsThat(verdict.Inconclusive)
	if len(open) == 0 {
		return "nothing was shown"
	}
	return fmt.Sprintf("%s could not be judged: %s", ofExpectations(len(open), len(r.Expectations)), strings.Join(open, "; "))
}

func (r *Result) passed() string {
	text := "nothing was expected"
	switch n := len(r.Expectations); {
	case n == 1:
		text = "the expectation holds"
	case n > 1:
		text = fmt.Sprintf("all %d expectations hold", n)
	}
	var acknowledged int64
	for _, a := range r.Audits {
		acknowledged += a.Acknowledged
	}
	switch {
	case len(r.Audits) == 0:
		return text + "; no table was audited"
	case r.Lost() > 0:
		return text + "; " + units.Count(r.Lost(), "acknowledged write was lost, as they allow", "acknowledged writes were lost, as they allow")
	}
	text += ", and none of " + units.Count(acknowledged, "acknowledged write", "acknowledged writes") + " was lost"
	if weak := r.WeakLost(); weak > 0 {
		text += ", but for " + units.Count(weak, "weakly acknowledged one", "weakly acknowledged ones")
	}
	return text
}

func (r *Result) failed() string {
	var parts []string
	if v := r.splitBrain(); v.Known && v.Bool {
		parts = append(parts, "two nodes accepted writes at the same time")
	}
	var acknowledged, unexplained int64
	for _, a := range r.Audits {
		acknowledged += a.Acknowledged
		unexplained += a.Unexplained
	}
	if lost := r.Lost(); lost > 0 {
		text := fmt.Sprintf("%s of %s lost", units.Grouped(lost), units.Count(acknowledged, "acknowledged write was", "acknowledged writes were"))
		if unexplained > 0 {
			text += fmt.Sprintf(", %s without a known cause", units.Grouped(unexplained))
		}
		parts = append(parts, text)
	} else if weak := r.WeakLost(); weak > 0 {
		parts = append(parts, units.Count(weak, "weakly acknowledged write was", "weakly acknowledged writes were")+" lost")
	}
	if failed := r.expectationsThat(verdict.Fail); len(failed) > 0 {
		parts = append(parts, fmt.Sprintf("%s failed", ofExpectations(len(failed), len(r.Expectations))))
	}
	if len(parts) == 0 && len(r.Reasons) > 0 {
		return r.Reasons[0]
	}
	return strings.Join(parts, "; ")
}

// expectationsThat are the expectations with one verdict.
func (r *Result) expectationsThat(are verdict.Verdict) (all []string) {
	for _, e := range r.Expectations {
		if e.Verdict == are {
			all = append(all, e.Text)
		}
	}
	return all
}

func ofExpectations(n, of int) string {
	if of == 1 {
		return "the expectation"
	}
	return fmt.Sprintf("%d of %d expectations", n, of)
}

// Repeat are the arguments of pgchaos that repeat the run: the same experiment with the same seed. It
// is empty where the result does not say how the run was started.
func (r *Result) Repeat() []string {
	if len(r.Command) == 0 {
		return nil
	}
	return append(slices.Clone(r.Command), "--seed", strconv.FormatUint(r.Seed, 10))
}
