package selftest

import (
	"fmt"
	"slices"
	"strings"

	"pgchaos/check"
	"pgchaos/history"
	"pgchaos/report"
)

// The exit codes of `pgchaos run` that a case can demand.
const (
	exitPass         = 0
	exitFail         = 3
	exitInconclusive = 4
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
	return slices.Concat(losses(), tampered(), []Case{
		{
			Name: "unreadable", Verdict: check.Inconclusive, Exit: exitInconclusive,
			Open:    []string{nothingLost, "nodes_equal"},
			Reasons: []string{"not settled: b has not caught up with a: connect to b:", "table test_data: b was not read: connect to b:"},
			Counts: map[string]demand{
				"nodes not read": exactly(1), "audits not complete": exactly(1), "nodes not settled": exactly(1),
			},
			Also: []condition{bounded},
		},
		{
			Name: "switchovers", Verdict: check.Pass, Exit: exitPass,
			// In flight when the server was told to stop; none of it was acknowledged.
			Counts:   map[string]demand{"survived": atMost(rounds * writers), "vanished": atMost(rounds * writers)},
			Produced: []condition{everyRoundWritten},
			Also:     []condition{rejoinedPlainly},
		},
	})
}

// losses are the cases in which acknowledged or unanswered writes go astray.
func losses() []Case {
	return []Case{
		{
			Name: "async-failover", Verdict: check.Fail, Exit: exitFail, Failed: []string{nothingLost},
			Counts: map[string]demand{
				"lost":                 same(minus("count-a", "count-b")),
				"extra on other nodes": same(minus("count-a", "count-b")), // on a's fork
				// What b took after the failover.
				"missing on other nodes": some,
			},
			Produced: []condition{found(minus("count-a", "count-b"), some)},
			Also:     []condition{lostBut("a")},
		},
		{
			Name: "weak-ack", Verdict: check.Fail, Exit: exitFail, Failed: []string{"weak_lost == 0"},
			Counts: map[string]demand{
				"weakly acknowledged":          same(sql("cancelled")),
				"weakly acknowledged and lost": same(sql("cancelled")),
				// What hung when the primary was killed.
				"vanished":             same(unanswered()),
				"extra on other nodes": some,
			},
			Produced: []condition{found(sql("cancelled"), some)},
		},
		{
			Name: "client-gone", Verdict: check.Pass, Exit: exitPass,
			Counts:   map[string]demand{"survived": same(unanswered())},
			Produced: []condition{found(sql("waiting"), some), found(unanswered(), some)},
		},
		{
			Name: "behind-promoted", Verdict: check.Fail, Exit: exitFail, Failed: []string{nothingLost},
			Reasons: []string{"not settled: c has not caught up with b: it can never follow b:"},
			Counts: map[string]demand{
				"lost": same(minus("count-c", "count-b")),
				// On a's fork, and as ghosts on c.
				"extra on other nodes": same(times(2, minus("count-c", "count-b"))),
				"nodes not settled":    exactly(1),
			},
			Produced: []condition{found(minus("count-c", "count-b"), some)},
			Also:     []condition{lostBut("a", "c")},
		},
		{
			Name: "split-brain", Verdict: check.Fail, Exit: exitFail, Failed: []string{nothingLost},
			Reasons: []string{"split brain: a (timeline 1) and b (timeline 2) accepted writes at the end"},
			Counts: map[string]demand{
				// The quota of each of them.
				"lost": exactly(100), "missing on other nodes": exactly(100), "extra on other nodes": exactly(100),
				"primaries too many": exactly(1),
			},
			Produced: []condition{found(minus("count-a", "count-b"), exactly(0))},
			Also:     []condition{lostBut("a")},
		},
		{
			Name: "crash-restart", Verdict: check.Fail, Exit: exitFail, Failed: []string{nothingLost},
			Counts:   map[string]demand{"lost": same(minus("count-before", "count-after"))},
			Produced: []condition{found(minus("count-before", "count-after"), some)},
			Also:     []condition{lostBut()},
		},
	}
}

// tampered are the cases in which one row of one node is not as it was written.
func tampered() []Case {
	cases := []Case{
		{
			Name: "row-deleted", Failed: []string{nothingLost},
			Counts: map[string]demand{"lost": exactly(1), "extra on other nodes": exactly(1)},
			Also:   []condition{lostBut("a")},
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
		c.Verdict, c.Exit = check.Fail, exitFail
		c.Produced = []condition{found(sql("tamper"), exactly(1))}
	}
	return cases
}

// lostBut demands that every lost write is still on these nodes, and on no other.
func lostBut(nodes ...string) condition {
	return func(r *report.Result) string {
		for _, a := range r.Audits {
			for _, run := range a.Lost.Runs {
				if !slices.Equal(run.FoundOn, nodes) {
					return fmt.Sprintf("the lost writes %d-%d of writer %d were found on [%s], and must be on [%s]",
						run.First, run.Last, run.Writer, strings.Join(run.FoundOn, " "), strings.Join(nodes, " "))
				}
			}
		}
		return ""
	}
}

// bounded demands that the number of lost writes is told as a bound.
func bounded(r *report.Result) string {
	for _, j := range r.Expectations {
		if j.Text == nothingLost && !strings.HasPrefix(j.Observed, "at least ") {
			return fmt.Sprintf("%s was %q, and must be a bound", j.Text, j.Observed)
		}
	}
	return ""
}

// everyRoundWritten demands an acknowledged write between each promotion and the next
// stop of a primary: a switchover without load would prove little.
func everyRoundWritten(r *report.Result) string {
	acknowledged := map[string]int64{}
	for _, w := range r.Workloads {
		if w.Name == "writes" {
			for _, p := range w.Phases {
				acknowledged[p.Phase] += p.OK
			}
		}
	}
	for round := 1; round <= rounds; round++ {
		n := int64(0)
		for _, phase := range []string{"up", "repoint", "back", "whole"} {
			n += acknowledged[fmt.Sprintf("%s-%d", phase, round)]
		}
		if n == 0 {
			return fmt.Sprintf("no write was acknowledged after switchover %d", round)
		}
	}
	return ""
}

// rejoinedPlainly demands that each former primary came back by a plain restart: it
// had nothing of its own, and any other way would have taken that away.
func rejoinedPlainly(r *report.Result) string {
	n := tally(r.Timeline, func(m history.Mark) bool {
		return m.Action == "rejoin" && strings.HasPrefix(m.Detail, "by plain restart in ") && !strings.Contains(m.Detail, "tried before")
	})
	if n != rounds {
		return fmt.Sprintf("%d former primaries came back by a plain restart at once, and all %d must", n, rounds)
	}
	return ""
}
