package monitoring

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pgchaos/record"
	"pgchaos/report/export"
)

// The names of what is counted for each operation.
const (
	operationsName = "pgchaos_operations_total"
	responseName   = "pgchaos_operation_response_seconds"
)

func operationLabels() []string { return []string{"workload", "outcome"} }

func newOperations() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: operationsName,
		Help: "Operations by outcome: ok, weak, failed, unknown or dropped.",
	}, operationLabels())
}

// newResponse is a classic and a native histogram in one. A server that does not ask for native histograms gets the classic one.
func newResponse() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    responseName,
		Help:    "Response times of operations, from when each was due.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		// Each bucket is at most 10 % wider than the one before. 100 us to 60 s are 154 of them. Beyond the
		// greatest number the buckets become wider. A reset would be the other way, and would lose counts.
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 250,
	}, operationLabels())
}

// Start is part of runner.Samples. Metrics have no time but that of the scrape.
func (x *Exporter) Start(time.Time, uint64) {}

// Of is part of runner.Samples. All series of the workload are there from the beginning: a counter that appears with a value
// hides the first increase.
func (x *Exporter) Of(workload string) func(*export.Sample) {
	var (
		operations [record.Outcomes]prometheus.Counter
		response   [record.Outcomes]prometheus.Observer
	)
	workload = labelValue(workload)
	for outcome := range record.Outcomes {
		name := record.Outcome(outcome).String()
		operations[outcome] = x.operations.WithLabelValues(workload, name)
		response[outcome] = x.response.WithLabelValues(workload, name)
	}
	return func(s *export.Sample) {
		operations[s.Op.Outcome].Inc()
		if s.Op.HasResponse() {
			response[s.Op.Outcome].Observe(s.Op.Response().Seconds())
		}
	}
}
