package report

import (
	"time"

	"pgchaos/record"
)

// Workload is what one workload did.
type Workload struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Target  string  `json:"target"`
	Clients int     `json:"clients"`
	Rate    float64 `json:"rate,omitempty"` // asked, a second; 0: closed loop
	// RateShare is the share of the workload's measured capacity that Rate is; 0: the file has the rate itself.
	RateShare float64 `json:"rate_share,omitempty"`
	Table     string  `json:"table,omitempty"`
	// Total is over the whole run; Phases are in the order of Result.Phases, only
	// those in which something was due.
	Total  Stats         `json:"total"`
	Phases []PhaseStats  `json:"phases"`
	Errors []ErrorCount  `json:"errors,omitempty"` // most frequent first
	Active []Interval    `json:"active"`           // when it was running
	Series []SeriesPoint `json:"series"`           // a point for every step in which something ended
	// Coarse is how many times longer than SeriesStep and SecondStep the steps of Series and Seconds are, in
	// a run of more than an hour; 0: not longer.
	Coarse int `json:"coarse,omitempty"`
	// OnTimeout is what the clients do about an operation that takes too long; "" in
	// files of when they could only abandon it.
	OnTimeout string `json:"on_timeout,omitempty"`
	// GaveUp counts operations that were given up on (missing in older files), and Late
	// those that were answered afterwards.
	GaveUp int64 `json:"gave_up,omitempty"`
	Late   int64 `json:"late_answers,omitempty"`
	// MostAbandoned is how many operations given up on held a connection at once.
	MostAbandoned int `json:"most_abandoned,omitempty"`
	// Reads is what its clients saw; only of kind read.
	Reads *Reads `json:"reads,omitempty"`

	// What follows is not in files of before there was more than one model.

	Model *Model `json:"model,omitempty"`
	// Writes is set where some of its operations are in the ledger, though it is no insert.
	Writes bool `json:"writes,omitempty"`
	// Asked is how many arrivals the schedule had while it ran; 0 in a closed loop.
	Asked int64 `json:"asked,omitempty"`
	// Baseline is what it did before the first fault that met it; nil: none did.
	Baseline *Baseline `json:"baseline,omitempty"`
	// Warmup is what was due in the warm-up, which is in no other figure.
	Warmup *Stats `json:"warmup,omitempty"`
	// Parts are the parts of a mix.
	Parts []PartStats `json:"parts,omitempty"`
	// Lateness is how late operations were sent for which a client was waiting: the load
	// generator's own doing. Without a histogram.
	Lateness *Dist `json:"lateness,omitempty"`
	// Seconds are by time, a step each, those left out in which nothing ended.
	Seconds []Second `json:"seconds,omitempty"`
}

// Model is how a workload's operations come, and go.
type Model struct {
	Arrivals    string        `json:"arrivals,omitempty"` // constant or poisson; empty: a closed loop
	Overflow    string        `json:"overflow,omitempty"`
	CatchUp     string        `json:"catch_up,omitempty"`
	ThinkTime   time.Duration `json:"think_time_ns,omitempty"`
	Iterations  int64         `json:"iterations,omitempty"`
	Duration    time.Duration `json:"duration_ns,omitempty"`
	Warmup      time.Duration `json:"warmup_ns,omitempty"`
	Stages      []LoadStage   `json:"stages,omitempty"`
	Ramp        string        `json:"ramp,omitempty"`
	Connections int           `json:"connections,omitempty"` // 0: as many as clients
	Route       string        `json:"route,omitempty"`
	Protocol    string        `json:"protocol,omitempty"`
	Pipeline    int           `json:"pipeline,omitempty"`
}

// LoadStage is one stage of a workload.
type LoadStage struct {
	For     time.Duration `json:"for_ns"`
	Rate    float64       `json:"rate,omitempty"`
	Clients int           `json:"clients,omitempty"`
}

// PartStats are the Stats of one part of a mix.
type PartStats struct {
	Part string `json:"part"`
	Stats
}

// SeriesStep and SecondStep are the resolutions of Workload.Series and .Seconds.
const (
	SeriesStep = record.SeriesStep
	SecondStep = time.Second
)

// Steps are the real steps of Series and Seconds.
func (w *Workload) Steps() (series, seconds time.Duration) {
	coarse := int64(max(w.Coarse, 1))
	return time.Duration(coarse * int64(SeriesStep)), time.Duration(coarse * int64(SecondStep))
}

// Second is what ended in one second, times Coarse of the workload.
type Second struct {
	At       time.Duration `json:"at_ns"` // its beginning
	Response SecondDist    `json:"response"`
	Service  *SecondDist   `json:"service,omitempty"` // nil: as Response, in a closed loop
}

// SecondDist is a distribution of one second. Count and Max are exact; Histogram is as in
// Dist.
type SecondDist struct {
	Count     int64         `json:"count"`
	Max       time.Duration `json:"max_ns"`
	Histogram string        `json:"histogram,omitempty"`
}

// PhaseStats are the Stats of one phase.
type PhaseStats struct {
	Phase string `json:"phase"`
	Stats
}

// Stats are the figures of a set of operations. Samples excludes what was
// dropped: it was never sent. Response and Service are of every sample, failed ones too,
// as JMeter counts them; response times also of what was dropped, with the time that
// it had waited by then. Expectations are judged by those of what succeeded.
type Stats struct {
	Samples  int64 `json:"samples"` // ok + weak + failed + unknown
	OK       int64 `json:"ok"`
	Weak     int64 `json:"weak"`
	Failed   int64 `json:"failed"`
	Unknown  int64 `json:"unknown"`
	Dropped  int64 `json:"dropped"`
	Response Dist  `json:"response"` // from due to done
	Service  Dist  `json:"service"`  // from sent to done
	// Succeeded are the times of what was acknowledged; nil: all was, or the file is older.
	Succeeded *Times `json:"succeeded,omitempty"`
	// Span is the time over which Samples are counted, for the throughput.
	Span time.Duration `json:"span_ns"`
	// Retries are transactions that were begun again after 40001 or 40P01, and Retried
	// the samples that had any.
	Retries int64 `json:"retries,omitempty"`
	Retried int64 `json:"retried,omitempty"`
	// Out and In are the bytes that were sent to and received from the server.
	Out int64 `json:"bytes_out,omitempty"`
	In  int64 `json:"bytes_in,omitempty"`
}

// Times are the two times of a set of operations, as in Stats.
type Times struct {
	Response Dist `json:"response"`
	Service  Dist `json:"service"`
}

// Acknowledged is the number of samples that the server acknowledged.
func (s Stats) Acknowledged() int64 { return s.OK + s.Weak }

// Errors is the number of samples that were not acknowledged.
func (s Stats) Errors() int64 { return s.Failed + s.Unknown }

// ErrorRate is the share of the arrivals that were not acknowledged, 0 to 1: what
// failed, what was never answered, and what was never sent, for the longer a server
// stalls the less is sent to it. ok is false without arrivals.
func (s Stats) ErrorRate() (share float64, ok bool) {
	arrivals := s.Samples + s.Dropped
	if arrivals == 0 {
		return 0, false
	}
	return float64(s.Errors()+s.Dropped) / float64(arrivals), true
}

// leastSpan is the shortest time over which a throughput means anything: one
// sample in a phase of 50 microseconds is no 20,000 a second.
const leastSpan = 100 * time.Millisecond

// Throughput is Samples a second; ok is false where the time was shorter than
// leastSpan.
func (s Stats) Throughput() (perSecond float64, ok bool) {
	if s.Span < leastSpan {
		return 0, false
	}
	return float64(s.Samples) / s.Span.Seconds(), true
}

// ErrorCount is one kind of error, with one example.
type ErrorCount struct {
	Kind    string         `json:"kind"` // SQLSTATE or word; "" never stands here
	Outcome record.Outcome `json:"outcome"`
	N       int64          `json:"n"`
	Example string         `json:"example"`
}

// SeriesPoint counts what ended in one interval: 100 ms, times Coarse of the workload.
type SeriesPoint struct {
	At      time.Duration `json:"at_ns"`            // the interval's beginning
	OK      int64         `json:"ok,omitempty"`     // ok and weak
	Errors  int64         `json:"errors,omitempty"` // failed and unknown
	Dropped int64         `json:"dropped,omitempty"`
	// Max is the greatest response time; 0 in older files.
	Max time.Duration `json:"max_ns,omitempty"`
	// Kinds are the Errors by their kind, of which there are 64 at the most and record.OtherKinds; nil in older files.
	Kinds map[string]int64 `json:"kinds,omitempty"`
}
