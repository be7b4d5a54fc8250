package selftest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pgchaos/audit"
	"pgchaos/record"
	"pgchaos/report"
)

// lost demands that all that is said of every lost write is one of these: who lost it and
// how, or a part of why that is not explained; where it still is, and on no other node. It
// must have been acknowledged by a on timeline 1, if it is not said by whom, and its place
// in the WAL be known.
func lost(one audit.Run, or ...audit.Run) condition {
	return func(r *report.Result) string {
		n := 0
		for _, a := range r.Audits {
			for _, run := range slices.Concat(a.Lost.Runs, a.WeakLost.Runs) {
				n++
				as := one
				for _, other := range or {
					if run.Cause == other.Cause {
						as = other
					}
				}
				if wrong := differs(run, as); wrong != "" {
					return fmt.Sprintf("the lost writes %d-%d of writer %d %s", run.First, run.Last, run.Writer, wrong)
				}
				var missing []string
				for _, node := range a.Nodes {
					if !slices.Contains(as.FoundOn, node.Node) {
						missing = append(missing, node.Node)
					}
				}
				if !slices.Equal(run.MissingOn, missing) {
					return fmt.Sprintf("the lost writes %d-%d of writer %d are missing on %v, and must be on %v", run.First, run.Last, run.Writer, run.MissingOn, missing)
				}
			}
		}
		if n == 0 {
			return "it is not said which writes are lost"
		}
		return ""
	}
}

// differs says what a result claims about a run that is wrong.
func differs(run, as audit.Run) string {
	by, timeline := cmp.Or(as.Node, "a"), cmp.Or(as.Timeline, 1)
	switch {
	case run.Node != by || run.Timeline != timeline || run.FirstLSN == 0 || run.LastLSN < run.FirstLSN:
		return fmt.Sprintf("were acknowledged by %q on timeline %d at %s, and must be by %s on timeline %d at a known place", run.Node, run.Timeline, run.FirstLSN, by, timeline)
	case run.Explained != (as.Why == "") || run.Cause != as.Cause || run.LostBy != as.LostBy:
		return fmt.Sprintf("are explained: %t, by %q (%s), and must be by %q (%s)", run.Explained, run.LostBy, run.Cause, as.LostBy, as.Cause)
	case !strings.Contains(run.Why, as.Why) || as.Why == "" && run.Why != "":
		return fmt.Sprintf("are not explained because %q, and must be because %q", run.Why, as.Why)
	case as.Cause != "" && as.Cause != audit.CauseForeign && (run.Fork == 0 || run.LastLSN < run.Fork):
		return fmt.Sprintf("lie before %s, from where on WAL was lost", run.Fork)
	case run.Weak != as.Weak:
		return fmt.Sprintf("are weak by %q, and must be by %q", run.Weak, as.Weak)
	case !slices.Equal(run.FoundOn, as.FoundOn):
		return fmt.Sprintf("were found on %v, and must be on %v", run.FoundOn, as.FoundOn)
	case !slices.Equal(run.OnForks, as.OnForks):
		return fmt.Sprintf("were found on the forks of %v, and must be on those of %v", run.OnForks, as.OnForks)
	}
	return ""
}

// rpo demands one event that lost anything: so many writes, over some time, with some
// bytes of WAL.
func rpo(event string, cause audit.Cause, as evidence) condition {
	return oneRPO(event, cause, func(p audit.RPO, want int64) bool {
		return p.Lost == want && p.WeakLost == 0 && p.Span() > 0 && p.Bytes != nil && *p.Bytes > 0
	}, as)
}

// weakRPO demands one event that lost weakly acknowledged writes and nothing else.
func weakRPO(event string, as evidence) condition {
	return oneRPO(event, audit.CauseFork, func(p audit.RPO, want int64) bool {
		return p.Lost == 0 && p.WeakLost == want && p.Span() == 0 && p.Bytes != nil && *p.Bytes == 0
	}, as)
}

func oneRPO(event string, cause audit.Cause, right func(p audit.RPO, want int64) bool, as evidence) condition {
	return func(r *report.Result) string {
		var all []audit.RPO
		for _, a := range r.Audits {
			all = append(all, a.RPO...)
		}
		want, known := as.of(r)
		if len(all) != 1 || !known || all[0].Event != event || all[0].Cause != cause || !right(all[0], want) {
			return fmt.Sprintf("RPO: %+v, and must be one of %s (%s) with %d writes (%s), and the time and bytes of them", all, event, cause, want, as.what)
		}
		return ""
	}
}

// overlapped demands that a, the older primary, was still acknowledging when b was.
func overlapped(r *report.Result) string {
	for _, a := range r.Audits {
		for _, o := range a.SplitBrain {
			if o.Older.Node != "a" || o.Newer.Node != "b" || o.From <= 0 || o.From >= o.To {
				return fmt.Sprintf("the overlap is %s; a must be the older one", o)
			}
		}
	}
	return ""
}

// rewound demands that the former primary came back by pg_rewind, so that nothing but
// what was read before can tell what it had alone.
func rewound(r *report.Result) string {
	if n := count(r.Timeline, func(m record.Event) bool {
		return m.Action == "rejoin" && m.Way == record.WayRewind
	}); n != 1 {
		return fmt.Sprintf("%d former primaries were rewound, and 1 must be", n)
	}
	return ""
}

// wroteOn and readOn demand an answer in these phases.
func wroteOn(phases ...string) condition { return answeredIn("writes", phases) }
func readOn(phases ...string) condition  { return answeredIn("reads", phases) }

func answeredIn(workload string, phases []string) condition {
	return func(r *report.Result) string {
		if answered(r, workload, phases) == 0 {
			return fmt.Sprintf("%s: nothing was answered during %s", workload, strings.Join(phases, ", "))
		}
		return ""
	}
}

// answered is how many operations of a workload succeeded in some phases.
func answered(r *report.Result, workload string, phases []string) (n int64) {
	for _, w := range r.Workloads {
		for _, p := range w.Phases {
			if w.Name == workload && slices.Contains(phases, p.Phase) {
				n += p.OK
			}
		}
	}
	return n
}
