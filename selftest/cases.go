package selftest

import (
	"fmt"
	"slices"
	"strings"

	"pgchaos/audit"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// rounds is how many switchovers there are in switchovers.yaml, and writers how many
// clients of it may have a write in flight at each.
const (
	rounds  = 20
	writers = 4
)

const nothingLost = "lost_writes == 0"

// Cases are all cases, in the order in which a person would explain them.
func Cases() []Case {
	return slices.Concat(losses(), splitBrains(), tampered(), []Case{
		{
			Name: "unreadable", Verdict: verdict.Inconclusive, Exit: verdict.ExitInconclusive,
			Open: []string{nothingLost, "nodes_equal"},
			Reasons: []string{
				"not settled: b has not caught up with a: connect to b: FATAL:", "table test_data: b was not read: connect to b: FATAL:",
			},
			Counts: map[string]demand{
				"nodes not read": exactly(1), "audits not complete": exactly(1), "nodes not settled": exactly(1),
			},
			Also: []condition{bounded},
		},
		{
			Name: "sick-baseline", Verdict: verdict.Inconclusive, Exit: verdict.ExitInconclusive, Open: []string{"write_rto < 10s"},
			Produced: []condition{sick},
			Also:     []condition{blamedOnTheLoad},
		},
		{
			Name: "switchovers", Verdict: verdict.Pass, Exit: verdict.ExitPass,
			// In flight when the server began to stop; none of it was acknowledged.
			Counts:   map[string]demand{"survived": atMost(rounds * writers), "vanished": atMost(rounds * writers)},
			Produced: []condition{everyRoundWritten},
			Also:     []condition{rejoinedPlainly},
		},
	})
}

// losses are the cases in which acknowledged or unanswered writes are lost.
func losses() []Case {
	// As many as SQL counts on the old primary before, and on the new one after.
	afterFailover, onlyOnC := minus("count-a", "count-b"), minus("count-c", "count-b")
	afterCrash, cancelled := minus("count-before", "count-after"), sql("cancelled")
	return []Case{
		{
			Name: "async-failover", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{nothingLost},
			Counts: map[string]demand{
				"lost": same(afterFailover), "explained by a fork": same(afterFailover),
				"extra on other nodes": same(afterFailover), // on a's fork
				// What b took after the failover.
				"missing on other nodes": some,
			},
			Produced: []condition{found(afterFailover, some)},
			Also:     []condition{lost(audit.Run{Cause: audit.CauseFork, LostBy: "kill-a", FoundOn: []string{"a"}}), rpo("kill-a", audit.CauseFork, afterFailover)},
		},
		{
			Name: "rewound", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{nothingLost},
			Counts: map[string]demand{
				"lost": same(afterFailover), "explained by a fork": same(afterFailover), "forks read": exactly(1),
			},
			Produced: []condition{found(afterFailover, some), found(minus("count-b", "count-rewound"), exactly(0)), rewound},
			Also:     []condition{lost(audit.Run{Cause: audit.CauseFork, LostBy: "kill-a", OnForks: []string{"a"}}), rpo("kill-a", audit.CauseFork, afterFailover)},
		},
		{
			Name: "weak-ack", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{"weak_lost == 0"},
			Counts: map[string]demand{
				"weakly acknowledged": same(cancelled), "weak by notice": same(cancelled),
				"weakly acknowledged and lost": same(cancelled), "explained by a fork": same(cancelled),
				// What hung when the primary was killed.
				"vanished":             same(unanswered()),
				"extra on other nodes": same(plus(cancelled, unanswered())),
			},
			Produced: []condition{found(cancelled, some)},
			Also: []condition{
				lost(audit.Run{Cause: audit.CauseFork, LostBy: "kill-a", Weak: audit.WeakNotice, FoundOn: []string{"a"}}), weakRPO("kill-a", cancelled),
			},
		},
		{
			Name: "client-gone", Verdict: verdict.Pass, Exit: verdict.ExitPass,
			// On a busy machine a client can have given up before the server had its statement: such a write is nowhere.
			Counts:   map[string]demand{"survived": between(sql("waiting"), unanswered()), "vanished": theOthers},
			Produced: []condition{found(sql("waiting"), some), found(unanswered(), some)},
		},
		{
			Name: "behind-promoted", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{nothingLost},
			Reasons: []string{"not settled: c has not caught up with b: it can never follow b:"},
			Counts: map[string]demand{
				"lost": same(onlyOnC), "explained by a fork": same(onlyOnC),
				// On a's fork, and as ghosts on c.
				"extra on other nodes": same(times(2, onlyOnC)),
				"nodes not settled":    exactly(1),
				// The readers are on c.
				"rows read that vanished": some,
			},
			Produced: []condition{found(onlyOnC, some)},
			Also:     []condition{lost(audit.Run{Cause: audit.CauseFork, LostBy: "kill-a", FoundOn: []string{"a", "c"}}), rpo("kill-a", audit.CauseFork, onlyOnC)},
		},
		{
			Name: "crash-restart", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{nothingLost},
			Counts:   map[string]demand{"lost": same(afterCrash), "explained by a crash": same(afterCrash)},
			Produced: []condition{found(afterCrash, some), wroteOn("life-after", "life-goes-on"), readOn("life-after", "life-goes-on")},
			Also:     []condition{lost(audit.Run{Cause: audit.CauseCrash, LostBy: "restart-a"}), rpo("restart-a", audit.CauseCrash, afterCrash), shutDown("restart-a", "immediate")},
		},
	}
}

// splitBrains are the cases in which there are two primaries, at the same time or by turns.
func splitBrains() []Case {
	onA := minus("count-a", "count-fork")
	// When b became a primary beside a is up to the moment of the readings.
	const unwatched = "times when a node went unwatched"
	const together = "split brain: a on timeline 1 and b on timeline 2 both accepted writes from "
	onB := minus("count-b", "count-fork")
	overlap := "table test_data: split brain: a on timeline 1 acknowledged a write sent at"
	onlyOnA := lost(audit.Run{Cause: audit.CauseBeside, LostBy: "promote-b", FoundOn: []string{"a"}})
	return []Case{
		{
			Name: "split-brain", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{nothingLost},
			Reasons: []string{"split brain: a (timeline 1) and b (timeline 2) accepted writes at the end", together, overlap},
			Counts: map[string]demand{
				// The quota of each of them.
				"lost": exactly(100), "missing on other nodes": exactly(100), "extra on other nodes": exactly(100),
				"explained by two primaries": exactly(100), "primaries too many": exactly(1), "overlapping servers": exactly(1),
				"servers writable at once": exactly(1), unwatched: whatever,
			},
			Produced: []condition{found(minus("count-a", "count-b"), exactly(0)), found(onA, exactly(100))},
			Also:     []condition{onlyOnA, rpo("promote-b", audit.CauseBeside, onA), overlapped},
		},
		{
			// Nothing that can be seen at the end tells of it.
			Name: "split-brain-ended", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{nothingLost, "split_brain == false"},
			Reasons: []string{together, overlap},
			Counts: map[string]demand{
				"lost": same(onA), "explained by two primaries": same(onA), "extra on other nodes": same(onA),
				"missing on other nodes": same(minus("count-b", "count-fork")), "overlapping servers": exactly(1),
				"servers writable at once": exactly(1), unwatched: whatever,
			},
			Produced: []condition{found(onA, some), found(minus("count-b", "count-fork"), some)},
			Also:     []condition{onlyOnA, rpo("promote-b", audit.CauseBeside, onA), overlapped},
		},
		{
			// Nobody writes to a after the promotion, so that the readings alone tell of it.
			Name: "split-brain-unused", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{"split_brain == false"},
			Reasons:  []string{together},
			Counts:   map[string]demand{"servers writable at once": exactly(1), "missing on other nodes": same(onB), unwatched: whatever},
			Produced: []condition{found(onA, exactly(0)), found(onB, some)},
		},
		{
			// It may not be read again: what it acknowledged beside the readings of b is the proof.
			Name: "resumed-primary", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{nothingLost, "split_brain == false"},
			Reasons: []string{"table test_data: split brain: a on timeline 1 acknowledged a write "},
			May:     []string{together},
			Counts: map[string]demand{
				// What was sent before b was promoted is lost by the fork.
				"lost": some, "explained by two primaries": some, "explained by a fork": atMost(4), "extra on other nodes": some, "overlapping servers": exactly(1),
				// What is in flight when the server is frozen, or stopped.
				"vanished": atMost(2 * 4), "survived": atMost(4),
				"servers writable at once": atMost(1), unwatched: whatever,
			},
			Produced: []condition{wroteOn("resume-a", "together")},
			Also: []condition{lost(
				audit.Run{Cause: audit.CauseBeside, LostBy: "resume-a", FoundOn: []string{"a"}},
				audit.Run{Cause: audit.CauseFork, LostBy: "pause-a", FoundOn: []string{"a"}},
			)},
		},
		{
			Name: "fail-back", Verdict: verdict.Fail, Exit: verdict.ExitFail, Failed: []string{nothingLost},
			Counts: map[string]demand{
				"lost": same(onB), "explained by a foreign timeline": same(onB), "extra on other nodes": same(onB),
				"missing on other nodes": same(onA), "fail-backs to an older timeline": exactly(1),
			},
			Produced: []condition{found(onA, some), found(onB, some)},
			Also:     []condition{lost(audit.Run{Node: "b", Timeline: 2, Cause: audit.CauseForeign, LostBy: "promote-b", FoundOn: []string{"b"}})},
		},
	}
}

// tampered are the cases in which one row of one node is not as it was written.
func tampered() []Case {
	cases := []Case{
		{
			Name: "row-deleted", Failed: []string{nothingLost},
			Reasons: []string{"table test_data: 1 acknowledged and lost, and nothing explains it: its LSN 0/"},
			Counts:  map[string]demand{"lost": exactly(1), "unexplained": exactly(1), "extra on other nodes": exactly(1)},
			Also:    []condition{lost(audit.Run{FoundOn: []string{"a"}, Why: " lies before the fork at "}), shutDown("stop-a", "fast")},
		},
		{
			Name: "last-row-deleted", Failed: []string{nothingLost},
			Reasons: []string{"table test_data: 1 acknowledged and lost, and nothing explains it: its LSN 0/"},
			Counts:  map[string]demand{"lost": exactly(1), "unexplained": exactly(1), "extra on other nodes": exactly(1)},
			Also: []condition{
				lost(audit.Run{FoundOn: []string{"a"}, Why: ", and so does its commit: a write that was sent to a at "}), ofWorkload("early"),
			},
		},
		{
			Name: "shadowed-table", Failed: []string{nothingLost},
			Reasons:  []string{"table test_data: 1 acknowledged and lost, and nothing explains it: a itself acknowledged it, on timeline 1,"},
			Counts:   map[string]demand{"lost": exactly(1), "unexplained": exactly(1)},
			Produced: []condition{found(minus("shadow", "shadowed"), exactly(0))}, // the other table has every row
		},
		{
			Name: "row-changed", Failed: []string{"corrupted_rows == 0"},
			Reasons: []string{"table test_data: 1 corrupted"},
			Counts:  map[string]demand{"corrupted": exactly(1), "different on other nodes": exactly(1)},
		},
		{
			Name: "row-added", Failed: []string{"foreign_rows == 0"},
			Reasons: []string{"table test_data: 1 foreign"},
			Counts:  map[string]demand{"foreign": exactly(1), "missing on other nodes": exactly(1)},
		},
		{
			Name: "row-duplicated", Failed: []string{"duplicated_rows == 0"},
			Reasons: []string{"table test_data: 1 duplicated"},
			Counts:  map[string]demand{"duplicated": exactly(1), "missing on other nodes": exactly(1)},
		},
		{
			Name: "row-missing-on-one", Failed: []string{"nodes_equal"},
			Counts: map[string]demand{"missing on other nodes": exactly(1)},
		},
	}
	for i := range cases {
		c := &cases[i]
		c.Verdict, c.Exit = verdict.Fail, verdict.ExitFail
		c.Produced = append(c.Produced, found(sql("tamper"), exactly(1)))
	}
	return cases
}

// bounded demands that the number of lost writes is reported as a bound.
func bounded(r *report.Result) string {
	for _, j := range r.Expectations {
		if j.Text == nothingLost && !strings.HasSuffix(j.Observed, " as far as was measured") {
			return fmt.Sprintf("%s was %q, and must be a bound", j.Text, j.Observed)
		}
	}
	return ""
}

// ofWorkload demands that what was lost had been written by one workload.
func ofWorkload(name string) condition {
	return func(r *report.Result) string {
		for _, a := range r.Audits {
			for _, run := range a.Lost.Runs {
				if run.Workload != name {
					return fmt.Sprintf("a write of the workload %q is lost, and must be of %q", run.Workload, name)
				}
			}
		}
		return ""
	}
}

// shutDown demands that the result says how a step shut its servers down.
func shutDown(step, mode string) condition {
	return func(r *report.Result) string {
		for _, m := range r.Timeline {
			if m.Name == step && m.Mode != mode {
				return fmt.Sprintf("%s was a shutdown of mode %q, and must be %q", step, m.Mode, mode)
			}
		}
		return ""
	}
}

// everyRoundWritten demands an acknowledged write between each promotion and the next
// stop of a primary: a switchover without load would prove little.
func everyRoundWritten(r *report.Result) string {
	for round := 1; round <= rounds; round++ {
		var phases []string
		for _, phase := range []string{"up", "repoint", "back", "whole"} {
			phases = append(phases, fmt.Sprintf("%s-%d", phase, round))
		}
		if answered(r, "writes", phases) == 0 {
			return fmt.Sprintf("no write was acknowledged after switchover %d", round)
		}
	}
	return ""
}

// rejoinedPlainly demands that each former primary came back by a plain restart: it
// had nothing of its own, and any other way would have taken that away.
func rejoinedPlainly(r *report.Result) string {
	n := count(r.Timeline, func(m record.Event) bool {
		return m.Action == "rejoin" && m.Way == record.WayRestart && m.Tried == 0
	})
	if n != rounds {
		return fmt.Sprintf("%d former primaries came back by a plain restart at once, and all %d must", n, rounds)
	}
	return ""
}

// theOthers demands as many as were never answered and did not survive.
func theOthers(n int64, r *report.Result) string {
	unanswered, _ := unanswered().of(r) // which is always known
	return exactly(unanswered-r.Audits[0].Survived.N)(n, r)
}

// sick demands that operations failed before the fault, and that no server made them fail.
func sick(r *report.Result) string {
	for i := range r.Workloads {
		if b := r.Workloads[i].Baseline; b != nil && b.OK > 0 && b.Errors > b.OK/10 {
			return ""
		}
	}
	return "too few operations failed before the first fault"
}

// blamedOnTheLoad demands that the outage is not judged because of the load.
func blamedOnTheLoad(r *report.Result) string {
	for _, j := range r.Expectations {
		if strings.HasPrefix(j.Why, "the load was not sustained before the first fault: writes: ") {
			return ""
		}
	}
	return "nothing says that the load was not sustained"
}
