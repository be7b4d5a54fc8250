package expect

import (
	"strings"
	"testing"
)

// TestSuggestions: for a word that is no metric, at most three that may have been meant.
func TestSuggestions(t *testing.T) {
	for name, want := range map[string]string{
		"rto":             "did you mean write_rto or read_rto?",
		"RTO":             "did you mean write_rto or read_rto?",
		"replication_lag": "did you mean replay_lag, replay_lag_bytes or staleness_max?",
		"replication-lag": "did you mean replay_lag, replay_lag_bytes or staleness_max?",
		"max_lag":         "did you mean replay_lag, replay_lag_bytes or staleness_max?",
		"downtimes":       "did you mean downtime?",
		"outage":          "did you mean downtime, write_rto or read_rto?",
		"rpo":             "did you mean rpo_seconds, rpo_bytes or lost_writes?",
		"tps":             "did you mean throughput?",
		"service_latency": "did you mean p99, median or average?",
		"write_latency":   "did you mean p99, median or average?",
		"writes_lost":     "did you mean lost_writes, weak_lost_writes or weak_writes?",
		"colour":          "write one such as lost_writes, write_rto, downtime",
		"":                "write one such as",
		"p0":              "write a percentile above 0",
	} {
		if got := unknownMetric(word{text: name}); !strings.HasPrefix(got.Right, want) {
			t.Errorf("%q: %s", name, got.Right)
		}
	}
	for other, names := range meant {
		if _, ok := LookupMetric(other); ok {
			t.Errorf("%s is a metric", other)
		}
		for _, name := range names {
			if _, ok := LookupMetric(name); !ok || len(names) > 3 {
				t.Errorf("for %s: %s of %v", other, name, names)
			}
		}
	}
}
