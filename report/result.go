// Package report is the result of a run: the file, how it is judged, and what several ways to show
// it need. The packages below it show a result. It starts nothing and touches no cluster.
package report

import (
	"cmp"
	"time"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/internal/redact"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/verdict"
)

// Schema names the format of result.json. A reader refuses a higher number and
// ignores unknown fields.
const Schema = "pgchaos.result/2"

// Stage says how far the run came before the file was written.
type Stage string

// The stages, in their order. Each is written over the one before (temp file,
// fsync, rename), so that a crash loses nothing already known.
const (
	StagePlanned Stage = "planned" // the cluster is up, the load has not begun
	StageRan     Stage = "ran"     // load and timeline are over, nothing is audited
	StageChecked Stage = "checked" // audited; the last
)

// Result is a whole run. result.json is this, in this order.
type Result struct {
	Schema      string    `json:"schema"`
	Stage       Stage     `json:"stage"`
	Tool        string    `json:"tool"` // pgchaos's version
	Run         string    `json:"run"`  // the run's id
	Name        string    `json:"name"` // the experiment's
	Description string    `json:"description,omitempty"`
	Started     time.Time `json:"started"` // wall time of offset 0
	Seed        uint64    `json:"seed"`
	// Command are the arguments of pgchaos that began the run, without the seed; none in
	// older files, and where it cannot be repeated by them.
	Command []string `json:"command,omitempty"`
	// Experiment is the resolved text: every ${VAR} and --set filled in, secrets removed.
	Experiment string `json:"experiment" text:"whole"`
	Host       Host   `json:"host"`
	// Variant is set where the run is one of a series.
	Variant *Variant `json:"variant,omitempty"`

	Cluster Cluster `json:"cluster"`
	// Tables are the tables that the workloads' names for them mean; none in older files,
	// where a name without a schema stands for a table in public.
	Tables []FoundTable `json:"tables,omitempty"`

	Duration    time.Duration `json:"duration_ns"` // of the load
	Interrupted bool          `json:"interrupted,omitempty"`
	// Stopped is why pgchaos itself ended load and timeline early; "": it did not.
	Stopped string `json:"stopped,omitempty"`
	// AbortedBy is the condition of abort_on that did so, or the expectation with abort; "": none.
	AbortedBy string         `json:"aborted_by,omitempty"`
	Phases    []record.Phase `json:"phases"`
	Timeline  []record.Event `json:"timeline"`
	Workloads []Workload     `json:"workloads"`
	// Generator is nil in files of before it was measured.
	Generator *Generator `json:"generator,omitempty"`
	// BaselineBounds are what the load had to achieve before the first fault.
	BaselineBounds *BaselineBounds `json:"baseline_bounds,omitempty"`
	Outages        []outage.Outage `json:"outages"`
	// Downtimes are of each workload, in the whole run, in each phase, and from each fault
	// to the next one; none in files of before they were measured.
	Downtimes []outage.Downtime `json:"downtimes,omitempty"`
	// Recoveries follow each fault stage by stage; none in files of before there were any.
	Recoveries []outage.Recovery `json:"recoveries,omitempty"`
	// Forks are what readings of the progress of all writers say, one for each table that
	// was written and read at the same time.
	Forks  []outage.Forks          `json:"forks,omitempty"`
	Usage  []record.ResourceSample `json:"usage,omitempty"`  // by time
	States []NodeHistory           `json:"states,omitempty"` // each node's changes of state
	// NodeSeries is each node through the run, at a steady pace; none in older files.
	NodeSeries []record.NodeSeries `json:"node_series,omitempty"`
	Settle     []SettleNote        `json:"settle,omitempty"` // what had to be healed, and what could not be
	// SplitBrain are the nodes that accepted writes at the end, if more than one did.
	SplitBrain []string `json:"split_brain,omitempty"`
	// TwoWritable are the pairs of nodes that were read to accept writes at the same
	// time during the run.
	TwoWritable []audit.Rivals `json:"two_writable,omitempty"`
	// Unwatched are the times in which a node may have accepted writes beside another one,
	// and nothing shows whether it did.
	Unwatched []audit.Unwatched `json:"unwatched,omitempty"`
	Audits    []audit.Audit     `json:"audits,omitempty"` // one a table
	// LedgerFile sums up the file in which every write is; nil before the load has
	// ended, and in results that have the writes themselves, under another name.
	LedgerFile *LedgerFile `json:"ledger_file,omitempty"`

	// Afterwards is set when the run's own pgchaos did not come to the audit, and
	// `pgchaos audit` finished what could be finished.
	Afterwards *Afterwards `json:"afterwards,omitempty"`

	Expectations []expect.Judgement `json:"expectations"`
	Verdict      verdict.Verdict    `json:"verdict"`
	// Reasons say why the verdict is not pass, beyond the expectations: a fault
	// that did not take effect, a node not read.
	Reasons []string `json:"reasons,omitempty"`
	// Errors are what went wrong with the run itself, in full.
	Errors []string `json:"errors,omitempty"`
	// Logs are the lines of the nodes' logs that matter; only when something failed.
	Logs []LogExcerpt `json:"logs,omitempty"`

	// Secrets hides in the file what must not be written; nil: what looks like a credential.
	Secrets *redact.Redactor `json:"-"`
	// Dir is the directory of the run that has just ended; "": the result was read from a file.
	Dir string `json:"-"`
}

// Variant says which run of a series this is.
type Variant struct {
	Series string `json:"series"`           // its id
	Name   string `json:"name,omitempty"`   // of the variant; "": the file has none
	Cell   string `json:"cell,omitempty"`   // the combination of the matrix's values, such as "clients=8"
	Round  int    `json:"round"`            // from 1; warm-up rounds have numbers of their own
	Warmup bool   `json:"warmup,omitempty"` // the round is in no figure
}

// FoundTable is the table that a name in the experiment file means in the sessions of a workload.
type FoundTable struct {
	Workload string `json:"workload"`
	Part     string `json:"part,omitempty"` // of a mix
	Named    string `json:"named"`          // in the file
	Table    string `json:"table"`          // as record.TableName has it
}

// Afterwards is how a run was audited that its own pgchaos had not brought to its end.
type Afterwards struct {
	Stage Stage         `json:"stage"`    // how far the run itself had come
	Until time.Duration `json:"until_ns"` // the last moment of which it recorded anything
	At    time.Time     `json:"at"`       // when it was audited
	// Unknown is what nobody can know any more, a sentence each. Any makes the verdict
	// inconclusive, unless it is fail.
	Unknown []string `json:"unknown,omitempty"`
}

// Host is the machine that pgchaos ran on.
type Host struct {
	OS     string `json:"os"` // GOOS/GOARCH
	CPUs   int    `json:"cpus"`
	CPU    string `json:"cpu,omitempty"` // its model
	Memory uint64 `json:"memory_bytes,omitempty"`
	Name   string `json:"name,omitempty"`
}

// Cluster is how the cluster came up.
type Cluster struct {
	Provider string        `json:"provider"`
	Postgres string        `json:"postgres"` // the server's version
	Bin      string        `json:"bin,omitempty"`
	UpIn     time.Duration `json:"up_in_ns"` // until every node streamed and the sync state was verified; 0: it was up before
	Nodes    []ClusterNode `json:"nodes"`
	ClusterUse
	// NodeCPUs and NodeMemory are the most that each node may use, at the start; 0: no limit.
	NodeCPUs   float64 `json:"node_cpus,omitempty"`
	NodeMemory int64   `json:"node_memory_bytes,omitempty"`
	// Fsync and RoundTrip are of the primary, measured before the load; nil and 0: not known.
	Fsync     *Fsync        `json:"fsync,omitempty"`
	RoundTrip time.Duration `json:"round_trip_ns,omitempty"` // of an empty query; the median of up to 51
	// UsageNotes are what the provider says about the nodes' use of resources; nil in older
	// results: see Notes.
	UsageNotes *record.UsageNotes `json:"usage_notes,omitempty"`
}

// ClusterUse says how the cluster was used before; the zero value: it was built for this run.
type ClusterUse struct {
	// Run is the run that built the cluster, by which `pgchaos clean` knows it; "": this one.
	Run string `json:"run,omitempty"`
	// RunsBefore is how many runs had used the cluster before this one.
	RunsBefore int `json:"runs_before,omitempty"`
	// Rebuilt is why the cluster of the run before could not be used again.
	Rebuilt string `json:"rebuilt,omitempty"`
}

// ClusterRun is the run that built the cluster.
func (r *Result) ClusterRun() string { return cmp.Or(r.Cluster.Run, r.Run) }

// Fsync is how long the disk takes to keep 8 kB for good, as pg_test_fsync says.
type Fsync struct {
	Method string        `json:"method"` // the way to sync: open_datasync, fdatasync, ...
	Time   time.Duration `json:"time_ns"`
}

// ClusterNode is one node as it was built.
type ClusterNode struct {
	Name     string            `json:"name"`
	Address  string            `json:"address"`
	Settings map[string]string `json:"settings,omitempty"` // all that pgchaos set
	Absent   bool              `json:"absent,omitempty"`   // at the start
}

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

// Generator is what pgchaos itself took while the load ran.
type Generator struct {
	CPU    time.Duration `json:"cpu_ns"` // user and system, of its own process
	Span   time.Duration `json:"span_ns"`
	Memory uint64        `json:"memory_bytes"` // the most that was resident
	// LiveView is the part of CPU in which a live view made its pictures of the run; 0: there was none, or it is not known.
	LiveView time.Duration `json:"live_view_cpu_ns,omitempty"`
	// Busiest is the greatest share of one core that was taken in any one second, 1 for
	// a whole core; Cores is how many there are.
	Busiest float64 `json:"busiest"`
	Cores   int     `json:"cores"`
	// Allowed is how many cores pgchaos may use, by GOMAXPROCS, its affinity and its
	// control group; 0: not known. Before is how many it used on average before the first
	// fault, or all the time where there was none.
	Allowed float64 `json:"allowed_cores,omitempty"`
	Before  float64 `json:"cores_before_faults,omitempty"`
	// StoodStill are the times in which pgchaos itself did not run.
	StoodStill []Standstill `json:"stood_still,omitempty"`
	// Warnings say where the load generator, and not the server, was the bottleneck.
	Warnings []string `json:"warnings,omitempty"`
}

// LedgerFile is what the ledger on disk says of the writes, all in all.
type LedgerFile struct {
	File      string    `json:"file"` // in the result directory
	Bytes     int64     `json:"bytes"`
	Workloads []Written `json:"workloads"`
	// Damage says what cannot be known because of blocks that cannot be read.
	Damage []string `json:"damage,omitempty"`
	// Error is why writes could not be recorded, and so were not sent.
	Error string `json:"error,omitempty"`
}

// Written is the outcomes of one workload's writes, answers included that came after
// their client had given up on them.
type Written struct {
	Workload string `json:"workload"` // "" where Damage has taken it
	Writers  int    `json:"writers"`
	Issued   int64  `json:"issued"` // sequence numbers that were used
	OK       int64  `json:"ok"`
	Weak     int64  `json:"weak"`
	Failed   int64  `json:"failed"`
	Unknown  int64  `json:"unknown"`
}

// Interval is a stretch of time on the run's clock.
type Interval struct {
	From time.Duration `json:"from_ns"`
	To   time.Duration `json:"to_ns"`
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

// Dist is a distribution of latencies. Min, Max and Count are exact; the
// percentiles come from Histogram (HDR V2, compressed, base64; microseconds, three
// significant digits) and are kept beside it for those who cannot read it.
type Dist struct {
	Count      int64         `json:"count"`
	OutOfRange int64         `json:"out_of_range,omitempty"` // counted, but beyond the histogram's hour
	Min        time.Duration `json:"min_ns"`
	Max        time.Duration `json:"max_ns"`
	Mean       time.Duration `json:"mean_ns"`
	P50        time.Duration `json:"p50_ns"`
	P90        time.Duration `json:"p90_ns"`
	P95        time.Duration `json:"p95_ns"`
	P99        time.Duration `json:"p99_ns"`
	P999       time.Duration `json:"p999_ns"`
	StdDev     time.Duration `json:"std_dev_ns,omitempty"`
	Histogram  string        `json:"histogram,omitempty"`
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
	// Kinds are the Errors by their kind, of which there are 64 at the most and record.OtherKinds; nil in older files.
	Kinds map[string]int64 `json:"kinds,omitempty"`
}

// NodeHistory is every state of one node that differs from the one before in
// role, timeline, reachability, streaming or its standbys' sync states.
type NodeHistory struct {
	Node   string             `json:"node"`
	States []record.NodeState `json:"states"`
	Final  record.NodeState   `json:"final"` // at the audit
}

// SettleNote is one thing that was done, or could not be, to get one primary and
// standbys that have caught up.
type SettleNote struct {
	Node  string `json:"node,omitempty"`
	Done  string `json:"done,omitempty"`
	Error string `json:"error,omitempty"`
	// Afterwards marks a note of `pgchaos audit`.
	Afterwards bool `json:"afterwards,omitempty"`
}

// LogExcerpt is the part of a node's log that explains a failure.
type LogExcerpt struct {
	Node  string   `json:"node"`
	File  string   `json:"file"` // in the result directory
	Lines []string `json:"lines"`
}
