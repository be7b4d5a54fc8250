package expect

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// MetricKind says what the values of a metric are. The zero value is no kind.
type MetricKind uint8

// The kinds of metrics.
const (
	MetricTruth    MetricKind = iota + 1 // true or false
	MetricCount                          // a whole number
	MetricShare                          // of 1; written in percent
	MetricDuration                       // in seconds; written with a unit
	MetricRate                           // per second
)

// Need says whether a part of an expectation must, may or must not be there.
type Need uint8

// The needs.
const (
	Never Need = iota
	May
	Must
)

// Metric is one thing that can be expected of a run.
type Metric struct {
	Name   string
	Kind   MetricKind
	Of     Need   // `of WORKLOAD`
	During Need   // `during PHASE`
	About  string // what it is, as half a sentence
}

// Metrics are all that can be expected, in the order in which a manual lists
// them. Beside the percentiles listed, any pNN and pNN.N is understood.
func Metrics() []Metric {
	metrics := []Metric{
		{"samples", MetricCount, Must, May, "the number of operations sent"},
		{"ok", MetricCount, Must, May, "the number of operations acknowledged"},
		{"weak", MetricCount, Must, May, "the number of operations acknowledged without their synchronous standbys"},
		{"failed", MetricCount, Must, May, "the number of operations that certainly did not commit"},
		{"unknown", MetricCount, Must, May, "the number of operations sent and never answered"},
		{"dropped", MetricCount, Must, May, "the number of operations due and never sent"},
		{"errors", MetricCount, Must, May, "the number of operations failed or unknown"},
		{"error_rate", MetricShare, Must, May, "the share of arrivals failed, unknown or never sent"},
		{"throughput", MetricRate, Must, May, "the samples a second"},
		{"achieved_rate", MetricShare, Must, May, "the share of a rate's arrivals that were sent"},
		{"retries", MetricCount, Must, May, "the number of transactions begun again after 40001 or 40P01"},
	}
	for _, prefix := range []string{"", "service_"} {
		from := "from when it was due"
		if prefix != "" {
			from = "from when it was sent"
		}
		for _, name := range []string{"average", "median", "min", "max", "p50", "p90", "p95", "p99", "p999"} {
			metrics = append(metrics, Metric{prefix + name, MetricDuration, Must, May, latencyAbout(name) + " of an operation that succeeded, " + from})
		}
	}
	return append(metrics, []Metric{
		{"lost_writes", MetricCount, Never, Never, "the number of writes acknowledged and absent"},
		{"weak_writes", MetricCount, Never, Never, "the number of writes acknowledged without their synchronous standbys, or under a weaker regime than demanded"},
		{"weak_lost", MetricCount, Never, Never, "the number of weakly acknowledged writes that are absent"},
		{"weak_lost_writes", MetricCount, Never, Never, "the same as weak_lost"},
		{"unexplained_losses", MetricCount, Never, Never, "the number of acknowledged writes, weak ones too, that are absent though nothing explains it"},
		{"rpo_seconds", MetricDuration, Never, May, "the longest time whose acknowledged writes one event lost"},
		{"rpo_bytes", MetricCount, Never, May, "the most bytes of WAL that one event lost acknowledged writes in"},
		{"split_brain", MetricTruth, Never, Never, "whether two nodes accepted writes at the same time"},
		{"survived_writes", MetricCount, Never, Never, "the number of writes never answered and present"},
		{"vanished_writes", MetricCount, Never, Never, "the number of writes never answered and absent"},
		{"resurrected_writes", MetricCount, Never, Never, "the number of writes that failed and are present"},
		{"acknowledged_writes", MetricCount, Never, Never, "the number of writes acknowledged"},
		{"duplicated_rows", MetricCount, Never, Never, "the number of rows that some node has more than once"},
		{"foreign_rows", MetricCount, Never, Never, "the number of rows that this run never wrote"},
		{"corrupted_rows", MetricCount, Never, Never, "the number of rows with another value than was written"},
		{"missing_rows", MetricCount, Never, Never, "the number of rows that other nodes lack, over all nodes"},
		{"extra_rows", MetricCount, Never, Never, "the number of rows that other nodes have too many, over all nodes"},
		{"nodes_equal", MetricTruth, Never, Never, "whether every node has the same rows with the same values"},
		{"write_rto", MetricDuration, May, May, "the longest time from a fault being issued until writes were served again, and went on to be"},
		{"read_rto", MetricDuration, May, May, "the longest time from a fault being issued until reads were served again, and went on to be"},
		{"downtime", MetricDuration, May, May, "the longest time without an acknowledged operation"},
		{"redundancy_rto", MetricDuration, Never, May, "the longest time from a fault until the demanded standbys were back"},
		{"throughput_rto", MetricDuration, May, May, "the longest time from a fault until 90 % of the throughput before were back"},
		{"client_rto_median", MetricDuration, May, May, "the median of the times that a fault put the clients out for"},
		{"client_rto_p99", MetricDuration, May, May, "the 99 percentile of the times that a fault put the clients out for"},
		{"client_rto_max", MetricDuration, May, May, "the longest time that a fault put a client out for"},
		{"stale_reads", MetricCount, May, Never, "the number of reads that did not see a write acknowledged before they were sent"},
		{"stale_read_rate", MetricShare, May, Never, "the share of reads that were stale"},
		{"staleness_p50", MetricDuration, May, Never, "the median, over all reads, of the age of the oldest acknowledged write not seen"},
		{"staleness_p99", MetricDuration, May, Never, "the 99 percentile, over all reads, of the age of the oldest acknowledged write not seen"},
		{"staleness_max", MetricDuration, May, Never, "the greatest age of an acknowledged write that a read did not see"},
		{"promised_stale_reads", MetricCount, May, Never, "the number of stale reads where PostgreSQL promises that there are none"},
		{"monotonic_violations", MetricCount, May, Never, "the number of reads older than what the same connection had seen"},
		{"cross_node_regressions", MetricCount, May, Never, "the number of reads older than what the same client had seen over another connection"},
		{"read_your_writes_misses", MetricCount, May, Never, "the number of stale reads of the writer that a client calls its own"},
		{"hole_reads", MetricCount, May, Never, "the number of reads that saw a write, but not an acknowledged one committed before it"},
		{"never_attempted_reads", MetricCount, May, Never, "the number of reads that saw a row which nobody had written"},
		{"ghost_reads", MetricCount, Never, Never, "the number of rows that a reader saw and that are absent in the end"},
		{"long_forks", MetricCount, Never, Never, "the number of readings in which a standby and the primary showed two writes in opposite orders"},
		{"standby_forks", MetricCount, Never, Never, "the number of readings in which two standbys showed two writes in opposite orders"},
		{"up_in", MetricDuration, Never, Never, "the time that the cluster took to come up"},
	}...)
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
	return "the " + strings.TrimPrefix(name, "p") + " percentile of the time"
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

// LookupMetric finds a metric by its name, any percentile included.
func LookupMetric(name string) (Metric, bool) {
	for _, m := range Metrics() {
		if m.Name == name {
			return m, true
		}
	}
	base, service := strings.CutPrefix(name, "service_")
	if _, ok := parsePercentile(base); !ok {
		return Metric{}, false
	}
	m, _ := LookupMetric("p99")
	if service {
		m, _ = LookupMetric("service_p99")
	}
	m.About = strings.Replace(m.About, "99", strings.TrimPrefix(base, "p"), 1)
	m.Name = name
	return m, true
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

// form is how an expectation of the metric is written.
func (m Metric) form() string {
	form := m.Name
	switch m.Of {
	case Must:
		form += " of WORKLOAD"
	case May:
		form += " [of WORKLOAD]"
	case Never:
	}
	if m.During != Never {
		form += " [during PHASE]"
	}
	switch m.Kind {
	case MetricTruth:
		return form
	case MetricCount:
		return form + " == 0"
	case MetricShare:
		return form + " < 1%"
	case MetricDuration:
		return form + " < 100ms"
	case MetricRate:
		return form + " > 500/s"
	}
	return form
}

func (k MetricKind) noun() string {
	switch k {
	case MetricTruth:
		return "true or false"
	case MetricCount:
		return "a count"
	case MetricShare:
		return "a share"
	case MetricDuration:
		return "a duration"
	case MetricRate:
		return "a rate"
	}
	return "of no kind"
}

// hint is what might have been meant by a value that the kind refuses.
func (k MetricKind) hint(text string) string {
	n, err := strconv.ParseFloat(text, 64)
	plain := err == nil && n >= 0 && n < 1e12
	switch k {
	case MetricCount:
		return "a whole number without a unit, such as 0"
	case MetricShare:
		if plain && n <= 1 {
			return strconv.FormatFloat(n*100, 'g', 6, 64) + "%"
		}
		return "a percentage from 0% to 100%, such as 1%"
	case MetricDuration:
		if plain {
			return text + "s or " + text + "ms"
		}
		return "a number with its unit, such as 250ms, 10s or 1m30s"
	case MetricRate:
		if plain {
			return text + "/s"
		}
		return "a number with its unit, such as 500/s"
	case MetricTruth:
	}
	return "true or false"
}

// Format shows a number of the kind with its unit, to three significant digits:
// "42 ms", "0.12 %", "499 /s", "17". The unit is that of the number's size.
func (k MetricKind) Format(n float64) string { return k.format(n, 3) }

// FormatBeside is Format with as many digits as show that the number is not the one it is compared with: "1.004 s" beside 1 s.
func (k MetricKind) FormatBeside(n, with float64) string {
	const exact = 17 // more digits do not make a float64 any clearer
	for digits := 3; ; digits++ {
		text := k.format(n, digits)
		if n == with || digits == exact || text != k.format(with, digits) {
			return text
		}
	}
}

func (k MetricKind) format(n float64, digits int) string {
	switch k {
	case MetricTruth:
		return strconv.FormatBool(n != 0)
	case MetricShare:
		return formatDigits(n*100, digits) + " %"
	case MetricRate:
		return formatDigits(n, digits) + " /s"
	case MetricDuration:
		return formatSeconds(n, digits)
	case MetricCount:
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

func formatSeconds(n float64, digits int) string {
	switch size := math.Abs(n); {
	case n == 0:
		return "0 s"
	case size < 999.5e-6:
		return formatDigits(n*1e6, digits) + " µs"
	case size < 999.5e-3:
		return formatDigits(n*1e3, digits) + " ms"
	case size < 60 || size >= math.MaxInt64/1e9:
		return formatDigits(n, digits) + " s"
	}
	step := 100 * time.Millisecond
	for ; digits > 3; digits-- {
		step /= 10
	}
	return time.Duration(n * float64(time.Second)).Round(step).String()
}

// formatDigits writes a number to so many significant digits, but for those before the point, which are never left out.
func formatDigits(n float64, digits int) string {
	if size := math.Abs(n); size >= 100 {
		before := 1 + int(math.Log10(size))
		return strconv.FormatFloat(n, 'f', max(0, digits-before), 64)
	}
	return strconv.FormatFloat(n, 'g', digits, 64)
}
