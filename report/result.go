// Package report is the result of a run: the file, how it is judged, and what several ways to show
// it need. The packages below it show a result. It starts nothing and touches no cluster.
package report

import (
	"cmp"
	"slices"
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
	// Relays are the links that led through relays of pgchaos, such as "clients -> a": their cost is in all figures.
	Relays []string `json:"relays,omitempty"`
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
	// Warnings are what was seen of a cluster that was there before, and what the run cannot know because of it, a sentence each.
	Warnings []string `json:"warnings,omitempty"`
	// Unnamed are the standbys that streamed in a cluster that was there before, and that the experiment does not name. Nobody has read them.
	Unnamed []string `json:"unnamed_standbys,omitempty"`
}

// Warned are the warnings of the cluster and of the steps, a sentence each.
func (r *Result) Warned() []string {
	all := slices.Clone(r.Cluster.Warnings)
	for _, m := range r.Timeline {
		for _, w := range m.Warnings {
			all = append(all, m.Name+": "+w)
		}
	}
	return all
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
	Unread   bool              `json:"unread,omitempty"`   // nothing leads to it
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
