// Package selftest holds experiments that lose, damage or hide rows in a known way, and
// what the result of each must say. It judges results; its caller runs the experiments.
package selftest

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

//go:embed cases/*.yaml
var files embed.FS

// Case is one experiment and what its result must say: this and nothing else.
type Case struct {
	Name    string // its file's, and the experiment's
	Verdict verdict.Verdict
	// Exit is the exit code that `pgchaos run` has to end with.
	Exit int
	// Failed and Open are the expectations, as the file has them, that must be
	// violated and inconclusive; every other one must hold.
	Failed, Open []string
	// Reasons are the beginnings of the result's reasons, in their order.
	Reasons []string
	// May are the beginnings of reasons that may be there or not: what the readings catch is
	// up to the moment.
	May []string
	// Counts are demands on what was found, by the names of measures. What is not
	// named here must be 0.
	Counts map[string]demand
	// Produced is what SQL saw of the case, beside pgchaos: where one is not so, the
	// case did not come about, and its result proves nothing.
	Produced []condition
	// Also is what else must be so.
	Also []condition
}

// condition is "" when it is so, or what is instead.
type condition func(r *report.Result) (wrong string)

// Text is the case's experiment file.
func (c Case) Text() ([]byte, error) {
	text, err := files.ReadFile("cases/" + c.Name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("open the case %q: %w", c.Name, err)
	}
	return text, nil
}

// Outcome is how a case ended.
type Outcome struct {
	// Missing says why the case did not come about; nothing is proved then.
	Missing []string
	// Wrong says what the result says instead of what it must.
	Wrong []string
}

// OK tells whether the case came about, and was seen as what it is.
func (o Outcome) OK() bool { return len(o.Missing)+len(o.Wrong) == 0 }

// Judge holds the result of a case, and the exit code of its run, against what they
// must be.
func (c Case) Judge(r *report.Result, exit int) Outcome {
	if missing := c.missing(r); len(missing) > 0 {
		return Outcome{Missing: missing}
	}
	var wrong []string
	if r.Verdict != c.Verdict {
		wrong = append(wrong, fmt.Sprintf("the verdict is %s, and must be %s", r.Verdict, c.Verdict))
	}
	if exit != c.Exit {
		wrong = append(wrong, fmt.Sprintf("the exit code is %d, and must be %d", exit, c.Exit))
	}
	wrong = append(wrong, c.wrongCounts(r)...)
	wrong = append(wrong, c.wrongExpectations(r)...)
	wrong = append(wrong, c.wrongReasons(r)...)
	return Outcome{Wrong: append(wrong, unmet(c.Also, r)...)}
}

// missing is why the case did not come about: the cluster or the timeline failed, or
// SQL did not see what was to be brought about.
func (c Case) missing(r *report.Result) (all []string) {
	all = append(all, r.Errors...)
	if r.Name != c.Name {
		all = append(all, fmt.Sprintf("the result is that of %q", r.Name))
	}
	for _, m := range r.Timeline {
		switch {
		case m.Status == record.EventSeen, m.Status == record.EventDone:
		case m.Error != "":
			all = append(all, fmt.Sprintf("%s %s: %s", m.Name, m.Status, m.Error))
		default:
			all = append(all, fmt.Sprintf("%s %s", m.Name, m.Status))
		}
	}
	if len(all) > 0 {
		return all
	}
	return unmet(c.Produced, r)
}

func unmet(conditions []condition, r *report.Result) (wrong []string) {
	for _, c := range conditions {
		if w := c(r); w != "" {
			wrong = append(wrong, w)
		}
	}
	return wrong
}

func (c Case) wrongCounts(r *report.Result) (wrong []string) {
	for _, m := range measures() {
		must := c.Counts[m.name]
		if must == nil {
			must = exactly(0)
		}
		if n := m.of(r); must(n, r) != "" {
			wrong = append(wrong, fmt.Sprintf("%s: %d, and must be %s", m.name, n, must(n, r)))
		}
	}
	return wrong
}

func (c Case) wrongExpectations(r *report.Result) (wrong []string) {
	var seen []string
	for _, j := range r.Expectations {
		must := verdict.Pass
		switch {
		case slices.Contains(c.Failed, j.Text):
			must = verdict.Fail
		case slices.Contains(c.Open, j.Text):
			must = verdict.Inconclusive
		}
		if j.Verdict != must {
			wrong = append(wrong, fmt.Sprintf("%s: %s, and must be %s", j.Text, j.Verdict, must))
		}
		seen = append(seen, j.Text)
	}
	for _, text := range slices.Concat(c.Failed, c.Open) {
		if !slices.Contains(seen, text) {
			wrong = append(wrong, text+": not judged")
		}
	}
	return wrong
}

// wrongReasons compares the reasons with their beginnings one by one: a reason too
// many is a finding too many.
func (c Case) wrongReasons(r *report.Result) (wrong []string) {
	left := slices.Clone(c.Reasons)
	for _, reason := range r.Reasons {
		i := slices.IndexFunc(left, func(begin string) bool { return strings.HasPrefix(reason, begin) })
		if i < 0 {
			if !slices.ContainsFunc(c.May, func(begin string) bool { return strings.HasPrefix(reason, begin) }) {
				wrong = append(wrong, "a reason that must not be: "+reason)
			}
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, begin := range left {
		wrong = append(wrong, "no reason: "+begin+" ...")
	}
	return wrong
}
