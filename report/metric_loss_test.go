package report

import (
	"strings"
	"testing"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/verdict"
)

// TestLossMetrics: what was lost is known, what an old file does not hold is not 0.
func TestLossMetrics(t *testing.T) {
	old := func(r *Result) { r.Audits = quorum(t).Audits }
	partly := func(r *Result) {
		r.Audits[0].Complete, r.Audits[0].Why = false, "lost >= 430; the fork of pgmaster before rejoin-pgmaster was not read: gone"
	}
	clean := func(r *Result) {
		r.Audits[0].Lost, r.Audits[0].WeakLost, r.Audits[0].RPO = audit.Count{}, audit.Count{}, nil
	}
	tests := []struct {
		name   string
		change func(*Result)
		expect string
		want   verdict.Verdict
		why    string // in what it says
	}{
		{"by notice and by regime", nil, "weak_writes == 17", verdict.Pass, ""},
		{"an old file knows those by notice", old, "weak_writes == 0", verdict.Pass, ""},
		{"weakly lost", nil, "weak_lost_writes == 14", verdict.Pass, ""},
		{"all explained", nil, "unexplained_losses == 0", verdict.Pass, ""},
		{"one is not", func(r *Result) { r.Audits[0].Unexplained = 1 }, "unexplained_losses == 0", verdict.Fail, "1"},
		{"an old file explains nothing", old, "unexplained_losses == 0", verdict.Inconclusive, "does not hold"},
		{"not all was read", partly, "unexplained_losses == 0", verdict.Inconclusive, "the fork of pgmaster before rejoin-pgmaster was not read"},
		{"nothing acknowledged", func(r *Result) { r.Audits[0].Acknowledged = 0 }, "unexplained_losses == 0", verdict.Inconclusive, "no write was acknowledged"},
		{"ghosts", nil, "ghost_reads == 427", verdict.Pass, ""},
		{"nobody read", func(r *Result) { clean(r); *r.Audits[0].Ghosts, r.Workloads[1].Total = 0, Stats{} }, "ghost_reads == 0", verdict.Inconclusive, "nothing was read"},
		{"no audit, and so no ghosts", func(r *Result) { r.Audits = nil }, "ghost_reads == 0", verdict.Inconclusive, "no table was audited"},
		{"nobody recorded the reads", func(r *Result) { r.Audits[0].Ghosts = nil }, "ghost_reads == 0", verdict.Inconclusive, "what was read is not recorded"},
		{"an old file", old, "ghost_reads == 0", verdict.Inconclusive, "does not hold"},
		{"seconds", nil, "rpo_seconds <= 712ms", verdict.Pass, ""},
		{"too many", nil, "rpo_seconds < 712ms", verdict.Fail, "712 ms"},
		{"of the event", nil, "rpo_seconds during crash < 700ms", verdict.Fail, ""},
		{"of another event", nil, "rpo_seconds during stop-pgslave == 0s", verdict.Pass, ""},
		{"of no event", nil, "rpo_seconds during ghosts == 0s", verdict.Inconclusive, "no event ghosts"},
		{"nothing lost", clean, "rpo_seconds == 0s", verdict.Pass, ""},
		{"nothing lost, as far as was read", func(r *Result) { clean(r); partly(r) }, "rpo_seconds == 0s", verdict.Inconclusive, "was not read"},
		{"weakly lost ones are no RPO", func(r *Result) { r.Audits[0].RPO[0].Lost = 0 }, "rpo_seconds == 0s", verdict.Pass, ""},
		{"what nothing explains belongs to no event", func(r *Result) { r.Audits[0].Unexplained = 1 }, "rpo_seconds < 1s", verdict.Inconclusive, "not explained"},
		{"an old file has none", old, "rpo_seconds == 0s", verdict.Inconclusive, "does not hold"},
		{"no audit", func(r *Result) { r.Audits = nil }, "rpo_bytes == 0", verdict.Inconclusive, "no table was audited"},
		{"no write acknowledged", func(r *Result) { r.Audits[0].Acknowledged = 0 }, "rpo_bytes < 9", verdict.Inconclusive, "no write was acknowledged"},
		{"bytes", nil, "rpo_bytes == 40688", verdict.Pass, ""},
		{"bytes nobody knows", func(r *Result) { r.Audits[0].RPO[0].Bytes = nil }, "rpo_bytes == 0", verdict.Inconclusive, "from where on WAL was lost"},
		{"no split brain", nil, "not split_brain", verdict.Pass, ""},
		{"at the end", func(r *Result) { r.SplitBrain = []string{"a", "b"} }, "not split_brain", verdict.Fail, "a and b at the end"},
		{"by the readings", func(r *Result) { r.TwoWritable = []audit.Rivals{{}} }, "not split_brain", verdict.Fail, "both accepted writes"},
		{"by turns alone", func(r *Result) { r.Audits[0].FailBacks = []audit.FailBack{{}} }, "not split_brain", verdict.Pass, ""},
		{"by the ledger", func(r *Result) { r.Audits[0].SplitBrain = []audit.Overlap{{}} }, "not split_brain", verdict.Fail, "although"},
		{"demanded, and there", func(r *Result) { r.Audits[0].SplitBrain = []audit.Overlap{{}} }, "split_brain", verdict.Pass, ""},
		{"an old file knows the end alone", old, "not split_brain", verdict.Inconclusive, "not recorded"},
		{"a damaged ledger", func(r *Result) { r.Audits[0].Damage = []string{"block 3"} }, "not split_brain", verdict.Inconclusive, "block 3"},
		{"nobody was acknowledged", func(r *Result) { r.Audits[0].Acknowledged = 0 }, "not split_brain", verdict.Inconclusive, "no write"},
		{"the run broke off", func(r *Result) { r.Stage = StageRan }, "not split_brain", verdict.Inconclusive, "before its audit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := explainedLoss(t)
			if tt.change != nil {
				tt.change(r)
			}
			j := expect.Judge(expectations(t, tt.expect)[0], r)
			if j.Verdict != tt.want || !strings.Contains(j.Observed+j.Why, tt.why) {
				t.Errorf("%s: %+v", tt.expect, j)
			}
		})
	}
}
