package expect

import (
	"fmt"
	"slices"
	"strings"

	"pgchaos/internal/spell"
)

// meant are the metrics for words that people use for them, or for something close.
var meant = map[string][]string{
	"rto":             {"write_rto", "read_rto"},
	"recovery_time":   {"write_rto", "read_rto"},
	"failover_time":   {"write_rto", "downtime"},
	"outage":          {"downtime", "write_rto", "read_rto"},
	"unavailability":  {"downtime", "error_rate"},
	"availability":    {"error_rate", "downtime"},
	"uptime":          {"downtime", "error_rate"},
	"stall":           {"downtime", "max"},
	"gap":             {"downtime"},
	"rpo":             {"rpo_seconds", "rpo_bytes", "lost_writes"},
	"data_loss":       {"lost_writes", "weak_lost_writes", "rpo_seconds"},
	"loss":            {"lost_writes", "weak_lost_writes"},
	"lost":            {"lost_writes", "weak_lost_writes"},
	"lag":             {"replay_lag", "replay_lag_bytes", "staleness_max"},
	"replication_lag": {"replay_lag", "replay_lag_bytes", "staleness_max"},
	"lag_bytes":       {"replay_lag_bytes"},
	"wal_lag":         {"replay_lag_bytes", "replay_lag"},
	"cpu_percent":     {"cpu"},
	"cpu_usage":       {"cpu"},
	"mem":             {"memory"},
	"ram":             {"memory"},
	"rss":             {"memory"},
	"sessions":        {"connections", "sync_waiters"},
	"waiters":         {"sync_waiters"},
	"staleness":       {"staleness_max", "staleness_p99", "stale_reads"},
	"consistency":     {"nodes_equal", "monotonic_violations", "stale_reads"},
	"tps":             {"throughput"},
	"qps":             {"throughput"},
	"rps":             {"throughput"},
	"rate":            {"throughput", "achieved_rate"},
	"latency":         {"p99", "median", "average"},
	"response_time":   {"p99", "median", "average"},
	"service_time":    {"service_p99", "service_median", "service_average"},
	"percentile":      {"p99", "p999"},
	"mean":            {"average"},
	"avg":             {"average"},
	"success":         {"ok", "error_rate"},
	"success_rate":    {"error_rate", "achieved_rate"},
	"failures":        {"failed", "errors", "error_rate"},
	"timeouts":        {"unknown", "errors"},
	"count":           {"samples", "ok"},
	"requests":        {"samples"},
	"operations":      {"samples"},
	"transactions":    {"samples"},
	"duplicates":      {"duplicated_rows"},
	"rows_equal":      {"nodes_equal"},
	"replicas_equal":  {"nodes_equal"},
	"failback":        {"lost_writes", "split_brain"},
	"two_primaries":   {"split_brain"},
	"startup_time":    {"up_in"},
}

// unknownMetric is the error of a metric that there is not, with those that may have
// been meant.
func unknownMetric(w word) *Error {
	name := w.text
	what := fmt.Sprintf("there is no metric %q", name)
	if base := strings.TrimPrefix(name, "service_"); len(base) > 1 && base[0] == 'p' && strings.Trim(base[1:], "0123456789.") == "" {
		return &Error{what, "write a percentile above 0 and below 100, such as p99, p99.9 or p999; the greatest is max", w.at}
	}
	near := suggestions(name)
	switch len(near) {
	case 0:
		return &Error{what, "write one such as lost_writes, write_rto, downtime, error_rate, throughput or p99; 'pgchaos metrics' lists them all", w.at}
	case 1:
		return &Error{what, "did you mean " + near[0] + "?", w.at}
	}
	last := len(near) - 1
	return &Error{what, "did you mean " + strings.Join(near[:last], ", ") + " or " + near[last] + "?", w.at}
}

// Unknown is the error of a metric that there is not, with those that may have been meant.
func Unknown(name string) error { return unknownMetric(word{text: name}) }

// suggestions are at most three metrics that may have been meant: for another word of
// the field, for a misspelt name, and for names that have a part in common, in this order.
func suggestions(name string) []string {
	const most = 3
	word := strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	if all := meant[word]; all != nil {
		return all
	}
	best, distance := "", 4
	for _, m := range Metrics() {
		if d := spell.Distance(word, m.Name); d < distance && d <= len(word)/2 {
			best, distance = m.Name, d
		}
	}
	if best != "" {
		return []string{best}
	}
	var all, common []string
	for _, part := range strings.Split(word, "_") {
		all = append(all, meant[part]...)
		common = append(common, containing(part)...)
	}
	var first []string
	for _, m := range append(all, common...) {
		if len(first) < most && !slices.Contains(first, m) {
			first = append(first, m)
		}
	}
	return first
}

// containing are the metrics with this part in their names.
func containing(part string) (names []string) {
	for _, m := range Metrics() {
		if len(part) > 2 && slices.Contains(strings.Split(m.Name, "_"), part) {
			names = append(names, m.Name)
		}
	}
	return names
}
