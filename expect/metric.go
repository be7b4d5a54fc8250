package expect

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Need says whether a part of an expectation must, may or must not be there.
type Need uint8

// The needs.
const (
	Never Need = iota
	May
	Must
)

// Direction says which values of a metric are better. The zero value is not known.
type Direction uint8

// The directions.
const (
	Lower  Direction = iota + 1 // less is better: a latency, an error rate
	Higher                      // more is better: a throughput
)

func (d Direction) String() string {
	switch d {
	case Lower:
		return "less"
	case Higher:
		return "more"
	}
	return "not known"
}

// Metric is one thing that can be expected of a run.
type Metric struct {
	Name   string
	Kind   MetricKind
	Better Direction
	Of     Need   // `of WORKLOAD`
	On     Need   // `on NODE`
	During Need   // `during PHASE`
	Any    Need   // `in any DURATION`
	About  string // what it is, as half a sentence
	Exists string // where it can be measured
	bound  string // of an example; "": that of its kind
}

// LookupMetric finds a metric by its name, any percentile included.
func LookupMetric(name string) (Metric, bool) {
	for _, m := range Metrics() {
		if m.Name == name {
			return m, true
		}
	}
	base, service := strings.CutPrefix(name, "service_")
	p, ok := parsePercentile(base)
	if !ok {
		return Metric{}, false
	}
	m, _ := LookupMetric("p99")
	if service {
		m, _ = LookupMetric("service_p99")
	}
	m.About = strings.Replace(m.About, "99", percent(p), 1)
	m.Name = name
	return m, true
}

// OfFaults tells whether the metric is measured from faults, so that its PHASE is the
// step that broke something.
func (m Metric) OfFaults() bool {
	return strings.HasSuffix(m.Name, "_rto") || strings.HasPrefix(m.Name, "client_rto_") || strings.HasPrefix(m.Name, "rpo_")
}

// OfReads tells whether the metric is of what readers saw.
func (m Metric) OfReads() bool {
	switch m.Name {
	case "monotonic_violations", "cross_node_regressions", "read_your_writes_misses", "long_forks", "standby_forks", "stale_read_rate":
		return true
	}
	return strings.HasSuffix(m.Name, "_reads") || strings.HasPrefix(m.Name, "staleness_")
}

// Step is what the length of a window must be a multiple of: the operations are counted by tenths of a second, and the times
// and what nodes use are kept by the second.
func (m Metric) Step() time.Duration {
	if slices.Contains([]string{"samples", "errors", "dropped", "error_rate", "throughput", "achieved_rate"}, m.Name) {
		return 100 * time.Millisecond
	}
	return time.Second
}

// Percentile is the percentile that the expectation is about, such as 99.9 for
// p999, service_p999 and p99.9, and 50 for median; ok is false for other metrics.
func (e Expectation) Percentile() (percentile float64, ok bool) {
	base, _ := strings.CutPrefix(e.Metric, "service_")
	if base == "median" {
		return 50, true
	}
	return parsePercentile(base)
}

// Service tells whether the expectation is about service time, from when an
// operation was sent, rather than response time, from when it was due.
func (e Expectation) Service() bool { return strings.HasPrefix(e.Metric, "service_") }

// parsePercentile reads p99, p99.9, or p999 and p9999, whose third and later nines
// are decimals. Other three-digit forms are refused, because nobody knows what p505 is.
func parsePercentile(name string) (float64, bool) {
	digits, ok := strings.CutPrefix(name, "p")
	if !ok || strings.Trim(digits, "0123456789.") != "" || len(digits) > 10 {
		return 0, false
	}
	if len(digits) > 2 && strings.Trim(digits, "9") == "" {
		digits = "99." + digits[2:]
	}
	p, err := strconv.ParseFloat(digits, 64)
	return p, err == nil && p > 0 && p < 100
}

// percent writes a percentile: 99.9.
func percent(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) }

// Form is how an expectation of the metric is written: "p99 of WORKLOAD [during PHASE] [in any 5s] < 100ms".
func (m Metric) Form() string {
	form := m.Name
	for _, part := range []struct {
		need Need
		text string
	}{{m.Of, "of WORKLOAD"}, {m.On, "on NODE"}, {m.During, "during PHASE"}, {m.Any, "in any 5s"}} {
		switch part.need {
		case Must:
			form += " " + part.text
		case May:
			form += " [" + part.text + "]"
		case Never:
		}
	}
	return strings.TrimSpace(form + " " + m.exampleBound())
}

// Example is an expectation of the metric. It has of the optional parts only the window, which shows best what it is for.
func (m Metric) Example() string {
	text := m.Name
	if m.Of == Must {
		text += " of writes"
	}
	if m.On == Must {
		text += " on b"
	}
	if m.Any != Never && m.Better == Lower {
		text += " in any 5s"
	}
	if m.Kind == MetricTruth && m.Better == Lower {
		return "not " + text
	}
	return strings.TrimSpace(text + " " + m.exampleBound())
}

// exampleBound is a comparison that fits the metric.
func (m Metric) exampleBound() string {
	if m.bound != "" {
		return m.bound
	}
	switch m.Kind {
	case MetricTruth:
		return ""
	case MetricCount:
		return "== 0"
	case MetricShare:
		return "< 1%"
	case MetricDuration:
		return "< 100ms"
	case MetricRate:
		return "> 500/s"
	case MetricSize:
		return "< 16MB"
	case MetricCores:
		return "< 150%"
	}
	return ""
}
