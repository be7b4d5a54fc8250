package compare

import (
	"fmt"
	"strings"

	"pgchaos/expect"
)

// Direction says which values of a metric are better. The zero value is not known.
type Direction uint8

// The directions.
const (
	Lower  Direction = iota + 1 // lower is better: a latency, an error rate
	Higher                      // higher is better: a throughput
)

// Scale says in what two values of a metric are compared. The zero value is not known.
type Scale uint8

// The scales.
const (
	AsRatio      Scale = iota + 1 // other/baseline: for metrics that are never 0
	AsDifference                  // other - baseline: for metrics that can be 0
)

var scales = [...]string{"", AsRatio: "ratio", AsDifference: "difference"}

func (s Scale) String() string {
	if int(s) < len(scales) {
		return scales[s]
	}
	return fmt.Sprintf("scale(%d)", uint8(s))
}

// MarshalText writes the scale as its name.
func (s Scale) MarshalText() ([]byte, error) {
	if int(s) >= len(scales) {
		return nil, fmt.Errorf("scale %d: not one of %q", uint8(s), scales)
	}
	return []byte(scales[s]), nil
}

// UnmarshalText reads the name that MarshalText wrote.
func (s *Scale) UnmarshalText(text []byte) error {
	for i, name := range scales {
		if name == string(text) {
			*s = Scale(i)
			return nil
		}
	}
	return fmt.Errorf("scale %q: not one of %q", text, scales)
}

// Metric says how the values of a metric are compared.
type Metric struct {
	Name  string
	Good  Direction
	Scale Scale
	// Ranks: its values are times that can be cut off ("not recovered for at least 7.9 s") and
	// that take few values far apart, so that only their ranks are used.
	Ranks bool
	// Event: its values count what should never happen. It is rare, so runs without it say little:
	// 0 in each of six runs leaves up to 39 % of all runs with it.
	Event bool
	// Floor is a difference that never matters, in the metric's own unit. A share of a value
	// near 0 would be no tolerance.
	Floor float64
}

// The floors.
const (
	floorShare = 0.001 // 0.1 percentage points
	floorTime  = 0.1   // seconds. A stop of a primary is not seen more exactly
)

// MetricOf says how a metric is compared, by its name as in an expectation: "p99 of writes",
// "write_rto during kill-b". False: there is no such metric.
func MetricOf(name string) (Metric, bool) {
	base, _, _ := strings.Cut(name, " ")
	of, known := expect.LookupMetric(base)
	if !known {
		return Metric{Name: name}, false
	}
	m := Metric{Name: name, Good: Lower, Scale: AsDifference}
	if of.Better == expect.Higher {
		m.Good = Higher
	}
	switch base = strings.TrimPrefix(base, "service_"); base {
	case "average", "median", "min", "max", "up_in", "throughput", "achieved_rate", "samples", "ok", "acknowledged_writes", "cpu", "memory":
		m.Scale = AsRatio
	case "error_rate", "stale_read_rate":
		m.Floor = floorShare
	case "write_rto", "read_rto", "downtime", "redundancy_rto", "throughput_rto", "client_rto_median", "client_rto_p99", "client_rto_max",
		"staleness_p50", "staleness_p99", "staleness_max", "replay_lag":
		m.Ranks, m.Floor = true, floorTime
	case "lost_writes", "weak_lost", "weak_lost_writes", "unexplained_losses", "rpo_seconds", "rpo_bytes", "split_brain", "resurrected_writes",
		"duplicated_rows", "foreign_rows", "corrupted_rows", "missing_rows", "extra_rows", "promised_stale_reads", "monotonic_violations",
		"hole_reads", "never_attempted_reads", "ghost_reads", "standby_forks":
		m.Ranks, m.Event = true, true
	default:
		if _, is := (expect.Expectation{Metric: base}).Percentile(); is {
			m.Scale = AsRatio
		}
	}
	return m, true
}

// DefaultTolerance is the share of a value within which a change does not matter.
const DefaultTolerance = 0.05

// Declared is a metric that was declared before the runs to carry a verdict.
type Declared struct {
	Metric    string
	Tolerance float64 // as a share: 0.05. 0 is DefaultTolerance.
}

// Family is the metrics that carry verdicts. Among many metrics some differ by chance, so that a
// verdict needs a metric that was chosen before its values were seen. All others are exploratory.
//
// No verdict is adjusted for the number of metrics. The rule has few false alarms by itself,
// because an interval must lie beyond the tolerance as a whole; TestErrorRates has the figures.
type Family []Declared

// Of is the tolerance of a metric, as a share. False: the metric is exploratory, and carries no verdict.
func (f Family) Of(metric string) (tolerance float64, declared bool) {
	for _, d := range f {
		if d.Metric != metric {
			continue
		}
		if d.Tolerance == 0 {
			return DefaultTolerance, true
		}
		return d.Tolerance, true
	}
	return DefaultTolerance, false
}
