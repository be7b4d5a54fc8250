package expect

import "slices"

// Where metrics can be measured.
const (
	everyLoad   = "every workload"
	ratedLoad   = "workloads with a rate"
	readLoad    = "workloads of kind read"
	auditedRun  = "runs with a workload that inserts rows"
	faultyRun   = "runs with a step that breaks something"
	everyNode   = "every node"
	standbyNode = "standbys, while another node is the primary"
)

// Metrics are all that can be expected, in the order in which a manual lists
// them. Beside the percentiles listed, any pNN and pNN.N is understood.
func Metrics() []Metric {
	return slices.Concat(loadMetrics(), timeMetrics(), lossMetrics(), outageMetrics(), readMetrics(), nodeMetrics())
}

// loadMetrics are of the operations of a workload.
func loadMetrics() []Metric {
	all := []Metric{
		{Name: "samples", Kind: MetricCount, Better: Higher, Any: May, About: "the number of operations sent", bound: ">= 1000"},
		{Name: "ok", Kind: MetricCount, Better: Higher, About: "the number of operations acknowledged", bound: ">= 1000"},
		{Name: "weak", Kind: MetricCount, About: "the number of operations acknowledged without their synchronous standbys"},
		{Name: "failed", Kind: MetricCount, About: "the number of operations that certainly did not commit"},
		{Name: "unknown", Kind: MetricCount, About: "the number of operations sent and never answered"},
		{Name: "dropped", Kind: MetricCount, Any: May, About: "the number of operations due and never sent", Exists: ratedLoad},
		{Name: "errors", Kind: MetricCount, Any: May, About: "the number of operations failed or unknown"},
		{Name: "error_rate", Kind: MetricShare, Any: May, About: "the share of arrivals failed, unknown or never sent"},
		{Name: "throughput", Kind: MetricRate, Better: Higher, Any: May, About: "the samples a second"},
		{Name: "achieved_rate", Kind: MetricShare, Better: Higher, Any: May, About: "the share of a rate's arrivals that were sent", Exists: ratedLoad, bound: "> 95%"},
		{Name: "retries", Kind: MetricCount, About: "the number of transactions begun again after 40001 or 40P01", Exists: "workloads of kind sql, script or mix"},
	}
	for i := range all {
		all[i].Of, all[i].During = Must, May
	}
	return filled(all, everyLoad)
}

// timeMetrics are the response and service times of a workload.
func timeMetrics() (all []Metric) {
	for _, prefix := range []string{"", "service_"} {
		from := "from when it was due"
		if prefix != "" {
			from = "from when it was sent"
		}
		for _, name := range []string{"average", "median", "min", "max", "p50", "p90", "p95", "p99", "p999"} {
			m := Metric{Name: prefix + name, Kind: MetricDuration, Of: Must, During: May, About: latencyAbout(name) + " of an operation that succeeded, " + from}
			if name != "average" && name != "min" {
				m.Any = May
			}
			all = append(all, m)
		}
	}
	return filled(all, everyLoad)
}

func latencyAbout(name string) string {
	switch name {
	case "average", "median":
		return "the " + name + " time"
	case "min":
		return "the least time"
	case "max":
		return "the greatest time"
	}
	p, _ := parsePercentile(name)
	return "the " + percent(p) + " percentile of the time"
}

// lossMetrics are what the audit finds.
func lossMetrics() []Metric {
	return filled([]Metric{
		{Name: "lost_writes", Kind: MetricCount, About: "the number of writes acknowledged and absent"},
		{Name: "weak_writes", Kind: MetricCount, About: "the number of writes acknowledged without their synchronous standbys, or under a weaker regime than demanded"},
		{Name: "weak_lost", Kind: MetricCount, About: "the number of weakly acknowledged writes that are absent"},
		{Name: "weak_lost_writes", Kind: MetricCount, About: "the same as weak_lost"},
		{Name: "unexplained_losses", Kind: MetricCount, About: "the number of acknowledged writes, weak ones too, that are absent though nothing explains it"},
		{Name: "rpo_seconds", Kind: MetricDuration, During: May, About: "the longest time whose acknowledged writes one event lost", bound: "< 1s"},
		{Name: "rpo_bytes", Kind: MetricSize, During: May, About: "the most bytes of WAL that one event lost acknowledged writes in", bound: "< 1MB"},
		{Name: "split_brain", Kind: MetricTruth, About: "whether two nodes accepted writes at the same time"},
		{Name: "survived_writes", Kind: MetricCount, About: "the number of writes never answered and present"},
		{Name: "vanished_writes", Kind: MetricCount, About: "the number of writes never answered and absent"},
		{Name: "resurrected_writes", Kind: MetricCount, About: "the number of writes that failed and are present"},
		{Name: "acknowledged_writes", Kind: MetricCount, Better: Higher, About: "the number of writes acknowledged", bound: ">= 1000"},
		{Name: "duplicated_rows", Kind: MetricCount, About: "the number of rows that some node has more than once"},
		{Name: "foreign_rows", Kind: MetricCount, About: "the number of rows that this run never wrote"},
		{Name: "corrupted_rows", Kind: MetricCount, About: "the number of rows with another value than was written"},
		{Name: "missing_rows", Kind: MetricCount, About: "the number of rows that other nodes lack, over all nodes"},
		{Name: "extra_rows", Kind: MetricCount, About: "the number of rows that other nodes have too many, over all nodes"},
		{Name: "nodes_equal", Kind: MetricTruth, Better: Higher, About: "whether every node has the same rows with the same values"},
	}, auditedRun)
}

// outageMetrics are how long something was not there.
func outageMetrics() []Metric {
	const bound = "< 10s"
	all := []Metric{
		{Name: "write_rto", Of: May, About: "the longest time from a fault being issued until writes were served again, and went on to be"},
		{Name: "read_rto", Of: May, About: "the longest time from a fault being issued until reads were served again, and went on to be"},
		{Name: "downtime", Of: May, About: "the longest time without an acknowledged operation", Exists: everyLoad},
		{Name: "redundancy_rto", About: "the longest time from a fault until the demanded standbys were back"},
		{Name: "throughput_rto", Of: May, About: "the longest time from a fault until 90 % of the throughput before were back"},
		{Name: "client_rto_median", Of: May, About: "the median of the times that a fault put the clients out for"},
		{Name: "client_rto_p99", Of: May, About: "the 99 percentile of the times that a fault put the clients out for"},
		{Name: "client_rto_max", Of: May, About: "the longest time that a fault put a client out for"},
	}
	for i := range all {
		all[i].Kind, all[i].During, all[i].bound = MetricDuration, May, bound
	}
	return filled(all, faultyRun)
}

// readMetrics are what readers saw.
func readMetrics() []Metric {
	const both = "runs with a table that is written and read"
	return filled([]Metric{
		{Name: "stale_reads", Kind: MetricCount, Of: May, On: May, About: "the number of reads that did not see a write acknowledged before they were sent"},
		{Name: "stale_read_rate", Kind: MetricShare, Of: May, On: May, About: "the share of reads that were stale"},
		{Name: "staleness_p50", Kind: MetricDuration, Of: May, On: May, About: "the median, over all reads, of the age of the oldest acknowledged write not seen"},
		{Name: "staleness_p99", Kind: MetricDuration, Of: May, On: May, About: "the 99 percentile, over all reads, of the age of the oldest acknowledged write not seen"},
		{Name: "staleness_max", Kind: MetricDuration, Of: May, On: May, About: "the greatest age of an acknowledged write that a read did not see"},
		{Name: "promised_stale_reads", Kind: MetricCount, Of: May, About: "the number of stale reads where PostgreSQL promises that there are none"},
		{Name: "monotonic_violations", Kind: MetricCount, Of: May, About: "the number of reads older than what the same connection had seen"},
		{Name: "cross_node_regressions", Kind: MetricCount, Of: May, About: "the number of reads older than what the same client had seen over another connection"},
		{Name: "read_your_writes_misses", Kind: MetricCount, Of: May, About: "the number of stale reads of the writer that a client calls its own"},
		{Name: "hole_reads", Kind: MetricCount, Of: May, About: "the number of reads that saw a write, but not an acknowledged one committed before it"},
		{Name: "never_attempted_reads", Kind: MetricCount, Of: May, About: "the number of reads that saw a row which nobody had written"},
		{Name: "ghost_reads", Kind: MetricCount, About: "the number of rows that a reader saw and that are absent in the end", Exists: both},
		{Name: "long_forks", Kind: MetricCount, About: "the number of readings in which a standby and the primary showed two writes in opposite orders", Exists: both},
		{Name: "standby_forks", Kind: MetricCount, About: "the number of readings in which two standbys showed two writes in opposite orders", Exists: both},
	}, readLoad)
}

// nodeMetrics are of one node, and of the cluster.
func nodeMetrics() []Metric {
	all := []Metric{
		{Name: "replay_lag", Kind: MetricDuration, About: "the longest time that a standby had been without the oldest WAL that it had not replayed", Exists: standbyNode, bound: "< 1s"},
		{Name: "replay_lag_bytes", Kind: MetricSize, About: "the most WAL of the primary that a standby had not replayed", Exists: standbyNode},
		{Name: "sync_waiters", Kind: MetricCount, About: "the most sessions that waited for synchronous standbys at one moment", bound: "<= 8"},
		{Name: "connections", Kind: MetricCount, About: "the most client sessions that the node had at one moment", bound: "<= 100"},
		{Name: "cpu", Kind: MetricCores, Any: May, About: "the mean of the CPU time used, in percent of one core"},
		{Name: "memory", Kind: MetricSize, About: "the most memory used at one moment", bound: "< 512MB"},
	}
	for i := range all {
		all[i].On, all[i].During = Must, May
	}
	return append(filled(all, everyNode), filled([]Metric{
		{Name: "up_in", Kind: MetricDuration, About: "the time that the cluster took to come up", Exists: "runs whose cluster pgchaos builds", bound: "< 1m"},
	}, "")...)
}

// filled gives the metrics what most of them have: less is better, and they exist in one place.
func filled(all []Metric, exists string) []Metric {
	for i := range all {
		if all[i].Better == 0 {
			all[i].Better = Lower
		}
		if all[i].Exists == "" {
			all[i].Exists = exists
		}
	}
	return all
}
