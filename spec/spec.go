// Package spec is the experiment file: its types, the strict decoder, the
// defaults and the validation. It starts nothing and knows no cluster.
package spec

import (
	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/units"
)

// Experiment is a whole experiment file.
type Experiment struct {
	Name        string  `yaml:"name"`
	Description string  `yaml:"description"`
	Cluster     Cluster `yaml:"cluster"`
	// Load is in the order of the file.
	Load Workloads `yaml:"load"`
	// Setup is the SQL under load.setup, which runs once before the load: of a file one
	// text, of a list one for each entry.
	Setup []string `yaml:"-"`
	// SetupFile is the file that Setup was read from; empty: it stands in the experiment.
	SetupFile string `yaml:"-"`
	// Timeline is in the order of the file, by which `at` never decreases.
	Timeline []Step `yaml:"timeline"`
	// Duration is the least time that the load runs; 0: until the last step is done, and
	// the workloads have ended that do so by themselves. It is never 0 where there is
	// load that does not, and no step.
	Duration Duration `yaml:"duration"`
	// Seed is the run's one seed; 0: chosen at the start, and kept in the result.
	Seed uint64 `yaml:"seed"`
	// Baseline bounds what the load must achieve before the first fault.
	Baseline Baseline `yaml:"baseline"`
	// Expect is as written; Expectations parses it.
	Expect []string `yaml:"expect"`
	// Secrets are values of the file that must not be written anywhere: what a ${VAR} brought into a
	// text, and what looks like a credential.
	Secrets []string `yaml:"-"`
}

// Baseline is what the load must achieve before the first fault, for expectations about
// the time after it to be judged.
type Baseline struct {
	AchievedRate Share    `yaml:"achieved_rate"` // of a rate's arrivals, at least; 90% by default
	ErrorRate    Share    `yaml:"error_rate"`    // at most; 5% by default
	Median       Duration `yaml:"median"`        // of the response times, at most; 1s by default
	P95          Duration `yaml:"p95"`           // 2s by default
}

// Share is a part of the whole, written as "90%".
type Share float64

// Cluster describes the nodes and how they are set up.
type Cluster struct {
	Provider string `yaml:"provider"` // local (the default) or docker
	// Postgres is the wanted major version; 0: the newest installed.
	Postgres int `yaml:"postgres"`
	// Nodes is in the order of the file; the first is the primary.
	Nodes       Nodes             `yaml:"nodes"`
	Settings    map[string]string `yaml:"settings"` // postgresql.conf of every node
	Synchronous *Synchronous      `yaml:"synchronous"`
	// Docker is what the docker provider goes by; the others leave it unread.
	Docker *Docker `yaml:"docker"`
}

// Docker is how the nodes' containers are made.
type Docker struct {
	Image string `yaml:"image"` // empty: one that is there, or else postgres:17
	// Names is run (the default): the containers' names begin with the run's; or
	// exact: they are the nodes' own.
	Names   string `yaml:"names"`
	Network string `yaml:"network"` // empty: a name made of the run's
	Subnet  string `yaml:"subnet"`  // such as 172.28.0.0/16; empty: the engine chooses
	// Ports are ports of this machine's loopback interface, by node.
	Ports   map[string]string `yaml:"ports"`
	Restart string            `yaml:"restart"` // the engine's restart policy; empty: no
	Memory  Size              `yaml:"memory"`  // of each node; 0: no limit
	CPUs    CPUs              `yaml:"cpus"`    // of each node; 0: no limit
}

// Size is a number of bytes, written as "512MB".
type Size = units.Size

// CPUs is a number of cores, in billionths, written as "1.5".
type CPUs = units.CPUs

// Node is one node of the cluster.
type Node struct {
	Name     string            `yaml:"-"`
	Settings map[string]string `yaml:"settings"` // beside and over the cluster's
	// Absent leaves the node out at the start; a clone step adds it.
	Absent bool `yaml:"absent"`
}

// Nodes decodes from a list of names, or from a mapping of names to settings.
type Nodes []Node

// Synchronous is the synchronous replication of a primary.
type Synchronous = cluster.Synchronous

// Workload is one stream of operations.
type Workload struct {
	Name   string `yaml:"-"`
	Kind   string `yaml:"kind"`   // insert, read, sql; there is no default
	Target string `yaml:"target"` // primary, replicas, each, or a node; replicas by default for read, else primary
	// Clients bounds what is in flight; each is one writer, or one reader. 8 by
	// default, 4 for read.
	Clients int `yaml:"clients"`
	// Rate is arrivals a second; 0: a closed loop.
	Rate Rate `yaml:"rate"`
	// Timeout is how long a client waits for an answer before it gives up on it.
	// 5s by default.
	Timeout Duration `yaml:"timeout"`
	// OnTimeout is what a client does about an operation that has reached its time-out:
	// abandon (the default: nothing), cancel or terminate.
	OnTimeout string `yaml:"on_timeout"`
	// MaxAbandoned bounds the operations given up on that still hold a backend. Four
	// for each client by default.
	MaxAbandoned int `yaml:"max_abandoned"`

	// Arrivals are constant (the default) or poisson; only with a Rate or Stages of rates.
	Arrivals string `yaml:"arrivals"`
	// Overflow is what becomes of an arrival that is due while every client is busy:
	// queue (the default) or drop.
	Overflow string `yaml:"overflow"`
	// CatchUp is what becomes of arrivals that a stall of more than 100 ms has made late:
	// burst (the default), spread or skip.
	CatchUp string `yaml:"catch_up"`
	// ThinkTime is how long a client of a closed loop rests after each operation.
	ThinkTime Duration `yaml:"think_time"`
	// Iterations ends the workload after so many operations; 0: no bound.
	Iterations int `yaml:"iterations"`
	// Duration ends the workload so long after each start; 0: no bound.
	Duration Duration `yaml:"duration"`
	// Warmup is measured apart: what is due in it is in no other figure.
	Warmup Duration `yaml:"warmup"`
	// Stages change the rate, or the number of clients, one after the other. The
	// workload ends with the last.
	Stages []Stage `yaml:"stages"`
	Ramp   string  `yaml:"ramp"` // stages: step (the default) or linear

	Table   string `yaml:"table"`   // insert, read, update: [schema.]table; test_data by default, update_data for update
	Key     string `yaml:"key"`     // insert: packed (the default) or serial
	Payload int    `yaml:"payload"` // insert, update: bytes of char_value; 64 by default
	// Rows is the number of rows of each statement of an insert, 1 by default; and how
	// many rows the table of an update has, 10,000 by default.
	Rows int `yaml:"rows"`
	// Statements is the number of statements in each transaction of an insert; 1 by default.
	Statements int `yaml:"statements"`
	// Reads are the shares of what a read workload reads: latest (100 by default), point, range.
	Reads map[string]int `yaml:"reads"`
	Scale int            `yaml:"scale"` // tpcb: pgbench's scale factor; 1 by default
	// SQL is one statement, or a list of several that make one transaction.
	SQL Statements `yaml:"sql"`
	// Params are the generators of the parameters that the SQL calls :name.
	Params Params `yaml:"params"`
	// Script is a file in pgbench's language, relative to the experiment's; or, with
	// more than one line, such a script itself.
	Script string `yaml:"script"`
	// ScriptFile is the file that Script was read from; empty: it stands in the experiment.
	ScriptFile string            `yaml:"-"`
	Set        map[string]string `yaml:"set"` // script: variables, as pgbench's -D
	Mix        []Part            `yaml:"mix"` // mix: what is done, by weight

	Protocol string `yaml:"protocol"` // extended (the default: prepared) or simple
	// Pipeline is the number of statements (of a kind of one statement) that one operation
	// sends at once, as one implicit transaction that is acknowledged as a whole; 1 by default.
	Pipeline int `yaml:"pipeline"`
	// Isolation is read committed, repeatable read or serializable; empty: the server's.
	Isolation         string `yaml:"isolation"`
	ReadOnly          bool   `yaml:"read_only"`
	SynchronousCommit string `yaml:"synchronous_commit"` // of the sessions; empty: the server's
	// Retry is how often a transaction is begun again after 40001 or 40P01, at most.
	Retry int `yaml:"retry"`

	// Connections bounds the connections where there are to be fewer than clients; 0: as
	// many as clients.
	Connections int `yaml:"connections"`
	// Route is how a client finds its node: hosts (the default: it asks one after the
	// other), topology (the probe tells it at once) or url.
	Route string `yaml:"route"`
	URL   string `yaml:"url"` // postgres://..., through a proxy
	// Connection is further settings of the connection, by libpq's names: sslmode, sslrootcert, ...
	Connection map[string]string `yaml:"connection"`
}

// Stage is a stretch of a workload: at its end, or from its beginning on where
// nothing is ramped, there are Rate arrivals a second or Clients clients.
type Stage struct {
	For     Duration `yaml:"for"`
	Rate    Rate     `yaml:"rate"`
	Clients int      `yaml:"clients"`
}

// Statements decodes from one text or a list of texts.
type Statements []string

// Param is the generator of one parameter; Kind tells which of the rest is meant.
type Param struct {
	Name string `yaml:"-"`
	// Kind is sequence, uniform, zipfian, gaussian, choice, text, now, client or uuid.
	Kind string `yaml:"-"`
	// Min and Max bound the numbers, both included. A sequence begins with Min, and is
	// the workload's, not the client's.
	Min   int64   `yaml:"min"`
	Max   int64   `yaml:"max"`
	Theta float64 `yaml:"theta"` // zipfian: the exponent, above 1
	Sigma float64 `yaml:"sigma"` // gaussian: how many standard deviations lie between the middle and either bound; 2.5 by default
	// Choices are taken with equal probability.
	Choices []string `yaml:"choices"`
	Length  int      `yaml:"length"` // text: characters
}

// Params decodes from a mapping of names to generators, in the file's order: `id:
// {uniform: {min: 1, max: 1000}}`, `at: now`, `color: {choice: [red, green]}`,
// `note: {text: 20}`.
type Params []Param

// Part is one part of a mix: a workload's kind and what belongs to it, and how often
// it is chosen. It has the clients, the arrivals and the connections of the mix.
type Part struct {
	Name     string `yaml:"name"`   // the kind by default
	Weight   int    `yaml:"weight"` // 1 by default
	Workload `yaml:",inline"`
}

// Workloads decodes from a mapping of names to workloads, in the file's order.
type Workloads []Workload

// Duration is a time.Duration written as "10s", "1m30s" or "250ms".
type Duration = units.Duration

// Rate is a number of arrivals a second, written as "500/s", "30/m" or "2/ms".
type Rate float64

// Step is one action, and when it happens.
type Step struct {
	// At is the offset from the load's beginning; nil: as soon as the step before is done.
	At *Duration `yaml:"at"`
	// When waits for a condition, at most Within (10s by default). Never with At.
	When   *Condition `yaml:"when"`
	Within Duration   `yaml:"within"`
	// For takes the action back by itself after this time, where it is reversible.
	For Duration `yaml:"for"`
	// Name is unique on the timeline. By default it is the action and what it acts on,
	// with dashes: stop-pgslave, stop-load-writes, verify; -2 and so on where it is taken.
	Name string `yaml:"name"`
	// Unnamed is set where the file has no name for the step, and so it has the default.
	Unnamed bool `yaml:"-"`

	// actions are what the step does, by the keys of package fault's table. A valid step has
	// exactly one.
	actions []action
}

// action is one of the table's, with what the file says about it.
type action struct {
	kind       fault.Kind
	parameters fault.Parameters
}

// NodeList decodes from one name or a list of names.
type NodeList = fault.NodeList

// Condition is a statement about the cluster.
type Condition = fault.Condition

// Roles are the words that stand for nodes and are looked up when a step runs.
var Roles = []string{"primary", "replicas", "sync_standby", "laggard", "most_advanced", "former_primary", "any_replica"}
