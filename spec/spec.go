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
	Name        string    `yaml:"name" jsonschema_description:"A short name, in a-z, 0-9, _ and -."`
	Description string    `yaml:"description" jsonschema_description:"What the experiment shows, in one sentence."`
	Cluster     Cluster   `yaml:"cluster" jsonschema_description:"The nodes, and how they are set up."`
	Load        Workloads `yaml:"load" jsonschema_description:"The workloads, by name. Those that a start_load step begins wait for it; the others run from the beginning."`
	Setup       []string  `yaml:"-" jsonschema_description:"SQL that runs once on the primary before the load, as the load's user: a file, a text, or a list of statements."`
	// SetupFile is the file that Setup was read from; empty: it stands in the experiment.
	SetupFile string     `yaml:"-"`
	Timeline  []Step     `yaml:"timeline" jsonschema_description:"What is done, step by step. Each step's name is a phase of the result."`
	Random    *Random    `yaml:"random" jsonschema_description:"Faults that a generator chooses, by a seed. They are done beside the timeline's own steps, as steps of it; 'pgchaos plan' shows them."`
	Kills     int        `yaml:"kills" jsonschema_description:"Repeats the timeline so many times, which is a cycle of a kill and what follows it. Roles are looked up anew in each cycle, at counts from its beginning, and the names of later steps end with its number, such as kill-primary-2."`
	Duration  Duration   `yaml:"duration" jsonschema_description:"The least time that the load runs. Left out: until the last step is done."`
	Seed      uint64     `yaml:"seed" jsonschema_description:"The one seed of everything random. Left out: chosen at the start, and kept in the result."`
	Baseline  Baseline   `yaml:"baseline" jsonschema_description:"What the load must achieve before the first fault. Otherwise expectations about the time after it are inconclusive."`
	Expect    []Expected `yaml:"expect" jsonschema_description:"What has to hold, one line each: METRIC [of WORKLOAD] [on NODE] [during PHASE] [in any DURATION] COMPARISON, such as p99 of writes < 100ms. 'pgchaos metrics' lists the metrics."`
	AbortOn   []string   `yaml:"abort_on" jsonschema_description:"What ends a hopeless run early, one line each: METRIC of WORKLOAD COMPARISON [for DURATION], such as error_rate of writes > 50% for 10s. It is looked at ten times a second, and times each second; load and timeline end, and the audit follows."`
	// Repetition is empty in what Load returns: it is for a file that describes several experiments.
	Repetition `yaml:",inline"`
	// Schedule is what Random came to, which Load has made steps of; nil: the file has none.
	Schedule *Schedule `yaml:"-"`
	// Shares are the rates that are a share of a capacity.
	Shares []RateShare `yaml:"-"`
	// Secrets are values of the file that must not be written anywhere: what a ${VAR} brought into a
	// text, and what looks like a credential.
	Secrets []string `yaml:"-"`
}

// Expected is one line of expect, or an expectation with what its breach does.
type Expected struct {
	That  string `yaml:"that" jsonschema_description:"What has to hold, such as error_rate of writes in any 10s < 50%."`
	Abort bool   `yaml:"abort" jsonschema_description:"Ends the run as soon as the expectation is broken, as abort_on does. It needs in any DURATION."`
}

// Short is what stands for an expectation where one text is written.
func (x *Expected) Short() any { return &x.That }

// Baseline is what the load must achieve before the first fault, for expectations about
// the time after it to be judged.
type Baseline struct {
	Variant      string   `yaml:"variant" jsonschema_description:"The variant that the others are compared with. It may stand alone: baseline: NAME."`
	AchievedRate Share    `yaml:"achieved_rate" jsonschema_description:"The least share of a rate's arrivals that must be served; 90% by default."`
	ErrorRate    Share    `yaml:"error_rate" jsonschema_description:"The greatest error_rate; 5% by default."`
	Median       Duration `yaml:"median" jsonschema_description:"The greatest median of the response times; 1s by default."`
	P95          Duration `yaml:"p95" jsonschema_description:"The greatest 95 percentile of the response times; 2s by default."`
}

// Short is what stands for the bounds where one word is written: the variant.
func (b *Baseline) Short() any { return &b.Variant }

// Share is a part of the whole, written as "90%".
type Share float64

// Cluster describes the nodes and how they are set up.
type Cluster struct {
	Provider    string            `yaml:"provider"` // local (the default), docker or existing
	Postgres    int               `yaml:"postgres" jsonschema_description:"The major version of PostgreSQL. Left out: the newest installed."`
	Nodes       Nodes             `yaml:"nodes" jsonschema_description:"The nodes: a list of names, or a mapping of names to settings. The first is the primary."`
	Settings    map[string]string `yaml:"settings" jsonschema_description:"postgresql.conf of every node."`
	Synchronous *Synchronous      `yaml:"synchronous" jsonschema_description:"The synchronous replication of the primary. Left out: asynchronous."`
	Docker      *Docker           `yaml:"docker" jsonschema_description:"How the docker provider makes containers."`
	Existing    *Existing         `yaml:"existing" jsonschema_description:"The cluster that the existing provider meets."`
}

// Docker is how the nodes' containers are made.
type Docker struct {
	Image   string            `yaml:"image" jsonschema_description:"An image with PostgreSQL's server. Left out: one that is there, or else postgres:17."`
	Names   string            `yaml:"names" jsonschema_description:"run (the default): containers are called pgchaos-RUN-NODE; exact: as their nodes are."`
	Network string            `yaml:"network" jsonschema_description:"The name of the network that is made for the run."`
	Subnet  string            `yaml:"subnet" jsonschema_description:"The network's addresses, such as 172.28.0.0/16. Left out: the engine chooses."`
	Ports   map[string]string `yaml:"ports" jsonschema_description:"Ports of this machine's loopback interface, by node. Left out: a free one is chosen."`
	Restart string            `yaml:"restart" jsonschema_description:"The engine's restart policy: no (the default), on-failure, unless-stopped or always."`
	Memory  Size              `yaml:"memory" jsonschema_description:"The most memory that a node may use, such as 512MB. Left out: no limit."`
	Disk    Size              `yaml:"disk" jsonschema_description:"The size of a file system for each node's data, such as 512MB. It lies in the memory of the engine's machine (tmpfs). Left out: the engine's own disk."`
	CPUs    CPUs              `yaml:"cpus" jsonschema_description:"The most cores that a node may use, such as 1.5. Left out: no limit."`
}

// Size is a number of bytes, written as "512MB".
type Size = units.Size

// CPUs is a number of cores, in billionths, written as "1.5".
type CPUs = units.CPUs

// Node is one node of the cluster.
type Node struct {
	Name     string            `yaml:"-"`
	Settings map[string]string `yaml:"settings" jsonschema_description:"postgresql.conf of this node, over the cluster's settings."`
	Absent   bool              `yaml:"absent" jsonschema_description:"Leaves the node out at the start, until a clone step adds it."`
}

// Nodes decodes from a list of names, or from a mapping of names to settings.
type Nodes []Node

// Synchronous is the synchronous replication of a primary.
type Synchronous = cluster.Synchronous

// Workload is one stream of operations.
type Workload struct {
	Name         string   `yaml:"-"`
	Kind         string   `yaml:"kind" jsonschema_description:"insert writes rows that are audited, read looks rows up, update changes rows, tpcb is pgbench's transaction, sql runs statements of yours, script a file of pgbench's, mix several of these."`
	Target       string   `yaml:"target" jsonschema_description:"primary, replicas (all, evenly), each (the same on every node), or a node. Reads go to replicas by default, the others to the primary."`
	Clients      int      `yaml:"clients" jsonschema_description:"How many operations can be in flight; 8 by default, 4 for reads."`
	Rate         Rate     `yaml:"rate" jsonschema_description:"Arrivals on a schedule that the server does not slow down, such as 500/s. Left out: every client sends its next operation when the last has ended."`
	Timeout      Duration `yaml:"timeout" jsonschema_description:"How long a client waits for an answer before it gives up on it; 5s by default."`
	OnTimeout    string   `yaml:"on_timeout" jsonschema_description:"What a client does then: abandon (the default) tells the server nothing, cancel sends it a CancelRequest, terminate ends the backend; the last two may end a wait for standbys, and wait for the answer."`
	MaxAbandoned int      `yaml:"max_abandoned" jsonschema_description:"How many operations given up on may still hold a backend; four for each client by default."`

	Arrivals   string   `yaml:"arrivals" jsonschema_description:"How the arrivals of a rate are spread: constant (the default) or poisson."`
	Overflow   string   `yaml:"overflow" jsonschema_description:"What happens to an arrival that is due while every client is busy: queue (the default) lets it wait, drop counts it as dropped at once."`
	CatchUp    string   `yaml:"catch_up" jsonschema_description:"What happens to arrivals that a stall has made more than 100 ms late: burst (the default) sends them at once, spread at twice the rate at most, skip drops them."`
	ThinkTime  Duration `yaml:"think_time" jsonschema_description:"How long a client rests after each operation; only without a rate."`
	Iterations int      `yaml:"iterations" jsonschema_description:"Ends the workload after so many operations."`
	Duration   Duration `yaml:"duration" jsonschema_description:"Ends the workload so long after its start."`
	Warmup     Duration `yaml:"warmup" jsonschema_description:"The beginning, which is measured apart and is in no other figure."`
	Stages     []Stage  `yaml:"stages" jsonschema_description:"Stretches of time with a rate or a number of clients each; the workload ends with the last."`
	Ramp       string   `yaml:"ramp" jsonschema_description:"How one stage becomes the next: step (the default) or linear."`

	Table      string         `yaml:"table" jsonschema_description:"[SCHEMA.]TABLE; test_data by default, update_data for kind update."`
	Key        string         `yaml:"key" jsonschema_description:"packed (the default): writer and sequence number in one bigint; serial: int_value is a bigserial."`
	Payload    int            `yaml:"payload" jsonschema_description:"Bytes of char_value in each row; 64 by default."`
	Rows       int            `yaml:"rows" jsonschema_description:"insert: rows of each statement, 1 by default; update: rows of the table, 10000 by default."`
	Statements int            `yaml:"statements" jsonschema_description:"Statements of each transaction of an insert; 1 by default."`
	Reads      map[string]int `yaml:"reads" jsonschema_description:"What is read, by shares: latest (the newest rows of a writer, which are checked), point (one row by its key) and range (100 neighbours)."`
	Scale      int            `yaml:"scale" jsonschema_description:"pgbench's scale factor: 100,000 accounts each; 1 by default."`
	SQL        Statements     `yaml:"sql" jsonschema_description:"A statement, or a list of statements that make one transaction. A :name is a parameter."`
	Params     Params         `yaml:"params" jsonschema_description:"What the parameters of sql are made of, by name."`
	Script     string         `yaml:"script" jsonschema_description:"A file in pgbench's language, relative to this one, or such a script itself."`
	// ScriptFile is the file that Script was read from; empty: it stands in the experiment.
	ScriptFile string            `yaml:"-"`
	Set        map[string]string `yaml:"set" jsonschema_description:"Variables of the script, as pgbench's -D."`
	Mix        []Part            `yaml:"mix" jsonschema_description:"Parts, one of which is chosen for each operation, by weight."`

	Protocol          string `yaml:"protocol" jsonschema_description:"extended (prepared statements; the default) or simple (the default of scripts, as of pgbench)."`
	Pipeline          int    `yaml:"pipeline" jsonschema_description:"How many statements one operation sends at once, as one transaction that is acknowledged as a whole; 1 by default."`
	Isolation         string `yaml:"isolation" jsonschema_description:"The isolation of transactions; the server's default where it is left out."`
	ReadOnly          bool   `yaml:"read_only" jsonschema_description:"Makes the sessions' transactions read only."`
	SynchronousCommit string `yaml:"synchronous_commit" jsonschema_description:"synchronous_commit of the sessions; the server's where it is left out."`
	Retry             int    `yaml:"retry" jsonschema_description:"How often a transaction is begun again after a serialization failure (40001) or a deadlock (40P01); 0 by default."`

	Connections int               `yaml:"connections" jsonschema_description:"The most connections, where there are to be fewer than clients."`
	Route       string            `yaml:"route" jsonschema_description:"How a client finds its node: hosts (the default) asks one after the other, topology learns it at once, url goes by url."`
	URL         string            `yaml:"url" jsonschema_description:"postgres://HOST:PORT/DATABASE of a proxy in front of the cluster."`
	Connection  map[string]string `yaml:"connection" jsonschema_description:"Further settings of the connections, by libpq's names, such as sslmode."`
}

// Stage is a stretch of a workload: at its end, or from its beginning on where
// nothing is ramped, there are Rate arrivals a second or Clients clients.
type Stage struct {
	For     Duration `yaml:"for" jsonschema_description:"How long it is."`
	Rate    Rate     `yaml:"rate" jsonschema_description:"Arrivals, such as 500/s; with a linear ramp, those at its end."`
	Clients int      `yaml:"clients" jsonschema_description:"Clients; with a linear ramp, those at its end."`
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
	Name     string `yaml:"name" jsonschema_description:"What its figures are called; the kind by default."`
	Weight   int    `yaml:"weight" jsonschema_description:"How often it is chosen, as against the others; 1 by default."`
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
	After   string     `yaml:"after" jsonschema_description:"The step above, or undo- and its name, or all for all steps above and their reversals, or flap-* for those whose names begin so, after whose end this one begins, beside the steps that follow that one."`
	At      *Duration  `yaml:"at" jsonschema_description:"When, since the load began, or since the cycle did; with after, since that step was over. Without at and when: as soon as the step before is done."`
	When    *Condition `yaml:"when" jsonschema_description:"Waits for a condition, at most as long as within: a text such as lag of b > 8MB, or a mapping."`
	Within  Duration   `yaml:"within" jsonschema_description:"How long when waits; 10s by default."`
	For     Duration   `yaml:"for" jsonschema_description:"Takes the fault back by itself after this time. The list of pgchaos faults marks those that can be taken back."`
	Repeat  *Repeat    `yaml:"repeat" jsonschema_description:"Does the step several times, as NAME-1, NAME-2 and so on."`
	OnError string     `yaml:"on_error" jsonschema_description:"What a failure of the step does: stop (the default) ends the timeline; continue leaves the step as failed, and the following steps run."`
	Name    string     `yaml:"name" jsonschema_description:"The step's name, by which phases and expectations go; its action and node by default, as in stop-pgslave."`
	// Trigger is a `when` that is written as a text; "": there is none.
	Trigger string `yaml:"-"`
	// Repetition counts the repetitions that repeat asks for, from 1; 0: it asks for none.
	Repetition int `yaml:"-"`
	// Cycle counts the repetitions of the timeline that kills asks for, from 1; 0: it asks for none.
	Cycle int `yaml:"-"`
	// Unnamed is set where the file has no name for the step, and so it has the default.
	Unnamed bool `yaml:"-"`

	// extra counts the repetitions on the timeline up to the step that the file has no step of their own for.
	extra int
	// actions are what the step does, by the keys of package fault's table. A valid step has
	// exactly one.
	actions []action
}

// Repeat is how often a step is done.
type Repeat struct {
	Every Duration `yaml:"every" jsonschema_description:"How long after one repetition has begun the next is due."`
	Times int      `yaml:"times" jsonschema_description:"How often the step is done."`
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
