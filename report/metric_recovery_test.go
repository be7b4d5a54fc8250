package report

import (
	"testing"
	"time"

	"pgchaos/expect"
	"pgchaos/outage"
	"pgchaos/verdict"
)

// TestRecoveryMetrics: what did not come is at least, what could not be measured is
// not 0.
func TestRecoveryMetrics(t *testing.T) {
	missed := func(r *Result) {
		r.Recoveries[1].Redundancy = outage.Stage{State: outage.StageMissed, At: 30 * time.Second}
	}
	slow := func(r *Result) {
		r.Recoveries[1].Workloads[0].Throughput = outage.Stage{State: outage.StageMissed, At: 29 * time.Second}
	}
	noticed := func(r *Result) { // 1.837 s after that, and 2.050 s after all was well
		r.Recoveries[1].Noticed, r.Recoveries[1].Issued = true, 19800*ms
	}
	unread := func(r *Result) {
		r.Recoveries[1].Redundancy, r.Recoveries[1].Unread = outage.Stage{}, []string{"pgslave"}
	}
	between := func(r *Result) { // from 1 s to 5 s
		issued := r.Recoveries[1].Issued
		r.Recoveries[1].Redundancy = outage.Stage{State: outage.StageReached, From: issued + time.Second, At: issued + 5*time.Second}
	}
	tests := []struct {
		name   string
		change func(*Result)
		expect string
		want   verdict.Verdict
	}{
		{"redundancy that never came back is too late for sure", missed, "redundancy_rto during crash < 9s", verdict.Fail},
		{"and may be later than was watched", missed, "redundancy_rto during crash < 11s", verdict.Inconclusive},
		{"nobody could read the standby", unread, "redundancy_rto during crash < 9s", verdict.Inconclusive},
		{"nobody could read it for a while, at the end of which it was back in time", between, "redundancy_rto during crash < 5100ms", verdict.Pass},
		{"within which it can have been back in time", between, "redundancy_rto during crash < 3s", verdict.Inconclusive},
		{"before which it was too late", between, "redundancy_rto during crash < 900ms", verdict.Fail},
		{"throughput that never came back", slow, "throughput_rto of writes during crash < 8s", verdict.Fail},
		{"may be later than was watched", slow, "throughput_rto of writes during crash < 10s", verdict.Inconclusive},
		{"a stage of a fault that was noticed later", noticed, "redundancy_rto during crash < 2100ms", verdict.Pass},
		{"that may have been longer", noticed, "redundancy_rto during crash < 2s", verdict.Inconclusive},
		{"but not shorter", noticed, "redundancy_rto during crash < 1800ms", verdict.Fail},
		{"a rate that could not be told", func(r *Result) { r.Recoveries[1].Workloads[0].Throughput = outage.Stage{} }, "throughput_rto of writes during crash < 9s", verdict.Inconclusive},
		{"clients of whom nothing is recorded", func(r *Result) { r.Recoveries[1].Workloads[0].Clients = outage.ClientOutages{} }, "client_rto_p99 of writes during crash < 9s", verdict.Inconclusive},
		{"discarded outages could be longer together", func(r *Result) { r.Recoveries[0].Workloads[1].Clients.Discarded = 1 }, "client_rto_max of reads during stop-pgslave < 9s", verdict.Inconclusive},
		{"a workload that was not served before", func(r *Result) { r.Recoveries[1].Workloads[0].NotServed = true }, "throughput_rto of writes during crash < 9s", verdict.Inconclusive},
		{"nor any of its clients", func(r *Result) {
			r.Recoveries[1].Workloads[0].Clients = outage.ClientOutages{Clients: 8, NotServed: 8}
		}, "client_rto_max of writes during crash < 9s", verdict.Inconclusive},
		{"an old file without recoveries", func(r *Result) { r.Recoveries = nil }, "redundancy_rto < 9s", verdict.Inconclusive},
		{"a fault of which nothing is known", func(*Result) {}, "redundancy_rto during exit-pgslave < 9s", verdict.Inconclusive},
		{"all in time", func(*Result) {}, "client_rto_median of writes during crash <= 240ms", verdict.Pass},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := recovered(quorum(t))
			tt.change(r)
			if j := expect.Judge(expectations(t, tt.expect)[0], r); j.Verdict != tt.want {
				t.Errorf("%s: %+v", tt.expect, j)
			}
		})
	}
}

// TestReasonOfTheGreatestTime: the reason why a metric is known only as from and to is of the recovery that can have taken longest.
func TestReasonOfTheGreatestTime(t *testing.T) {
	at := func(name string, issued, effective, from, at time.Duration) outage.Recovery {
		return outage.Recovery{
			Event: name, Issued: issued, Effective: effective, Noticed: from == 0, Unread: []string{"b"},
			Redundancy: outage.Stage{State: outage.StageReached, From: from, At: at},
		}
	}
	unread := at("reject-b", 10*time.Second, 10*time.Second, 10*time.Second, 11*time.Second) // up to 1 s
	exit := at("exit-c", 20*time.Second, 22*time.Second, 0, 27*time.Second)                  // 5 to 7 s
	longer := at("cut-b", 30*time.Second, 30*time.Second, 31*time.Second, 39*time.Second)    // 1 to 9 s
	short := at("reject-c", 50*time.Second, 50*time.Second, 50*time.Second, 51*time.Second)  // up to 1 s
	for _, c := range []struct {
		all  []outage.Recovery
		most float64
		why  string
	}{
		{[]outage.Recovery{unread, exit}, 7, momentUnknown},
		{[]outage.Recovery{exit, unread}, 7, momentUnknown},
		{[]outage.Recovery{exit, longer, short}, 9, "pgchaos could not read b between 31.000 s and 39.000 s"},
	} {
		r := &Result{Recoveries: c.all}
		v := r.recoveryMetric(expectations(t, "redundancy_rto < 6s")[0])
		if v.Number != 5 || v.Most != c.most || v.Why != c.why {
			t.Errorf("%s: %+v, want 5 to %v: %s", c.all[0].Event, v, c.most, c.why)
		}
	}
}
