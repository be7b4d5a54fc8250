// Package spec is the experiment file: its types, the strict decoder, the
// defaults and the validation. It starts nothing and knows no cluster.
package spec

import "time"

// Experiment is a whole experiment file.
type Experiment struct {
	Name        string  `yaml:"name"`
	Description string  `yaml:"description"`
	Cluster     Cluster `yaml:"cluster"`
	// Load is in the order of the file.
	Load Workloads `yaml:"load"`
	// Timeline is in the order of the file, by which `at` never decreases.
	Timeline []Step `yaml:"timeline"`
	// Duration is the least time that the load runs; 0: until the last step is done.
	// It is never 0 where there is load and no step.
	Duration Duration `yaml:"duration"`
	// Seed is the run's one seed; 0: chosen at the start, and kept in the result.
	Seed uint64 `yaml:"seed"`
	// Expect is as written; Expectations parses it.
	Expect []string `yaml:"expect"`
}

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

// Size is a number of bytes, written as "512MB" or "2GB" as in postgresql.conf,
// where a unit is 1024 of the one before.
type Size int64

// CPUs is a number of cores, in billionths, written as "1.5".
type CPUs int64

// Node is one node of the cluster.
type Node struct {
	Name     string            `yaml:"-"`
	Settings map[string]string `yaml:"settings"` // beside and over the cluster's
	// Absent leaves the node out at the start; a clone step adds it.
	Absent bool `yaml:"absent"`
}

// Nodes decodes from a list of names, or from a mapping of names to settings.
type Nodes []Node

// Synchronous is the replication regime of the primary.
type Synchronous struct {
	Commit   string `yaml:"commit"`   // synchronous_commit: off, local, remote_write, on (the default), remote_apply
	Standbys string `yaml:"standbys"` // synchronous_standby_names; empty: asynchronous. ParseStandbys reads it
}

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
	MaxAbandoned int    `yaml:"max_abandoned"`
	Table        string `yaml:"table"`   // insert, read: [schema.]table; test_data by default
	Key          string `yaml:"key"`     // insert: packed (the default) or serial
	Payload      int    `yaml:"payload"` // insert: bytes of char_value; 64 by default
	SQL          string `yaml:"sql"`     // sql: the statement
}

// Workloads decodes from a mapping of names to workloads, in the file's order.
type Workloads []Workload

// Duration is a time.Duration written as "10s", "1m30s" or "250ms".
type Duration time.Duration

// Rate is a number of arrivals a second, written as "500/s", "30/m" or "2/ms".
type Rate float64

// Step is one action, and when it happens. Exactly one of the action fields is
// set; which one, Action tells.
type Step struct {
	// At is the offset from the load's beginning; nil: as soon as the step before is done.
	At *Duration `yaml:"at"`
	// When waits for a condition, at most Within (10s by default). Never with At.
	When   *Condition `yaml:"when"`
	Within Duration   `yaml:"within"`
	// For takes a stop, kill, pause, disconnect or limit back by itself after this time.
	For Duration `yaml:"for"`
	// Name is unique on the timeline. By default it is the action and what it acts on,
	// with dashes: stop-pgslave, stop-load-writes, verify; -2 and so on where it is taken.
	Name string `yaml:"name"`

	Stop    *Stop    `yaml:"stop"`
	Start   *OnNodes `yaml:"start"`
	Restart *Stop    `yaml:"restart"`
	Kill    *OnNodes `yaml:"kill"`
	Pause   *OnNodes `yaml:"pause"`
	Resume  *OnNodes `yaml:"resume"`
	// Disconnect and Connect are for providers whose nodes have a network of their own.
	Disconnect *OnNodes   `yaml:"disconnect"`
	Connect    *OnNodes   `yaml:"connect"`
	Limit      *Limit     `yaml:"limit"`
	Exec       *Exec      `yaml:"exec"`
	Promote    *OnNodes   `yaml:"promote"`
	Configure  *Configure `yaml:"configure"`
	Follow     *Follow    `yaml:"follow"`
	Rejoin     *Rejoin    `yaml:"rejoin"`
	Clone      *Clone     `yaml:"clone"`
	Backup     *Backup    `yaml:"backup"`
	StartLoad  *OnLoad    `yaml:"start_load"`
	StopLoad   *OnLoad    `yaml:"stop_load"`
	Wait       *Duration  `yaml:"wait"`
	SQL        *SQL       `yaml:"sql"`
	Verify     *Condition `yaml:"verify"`
}

// OnNodes names the node or the role that an action acts on: `pgslave`,
// `primary`, or `{node: pgslave}`.
type OnNodes struct {
	Node string `yaml:"node"`
}

// Limit changes what a node may use while it runs. What is left out stays as it is.
type Limit struct {
	Node   string `yaml:"node"`
	CPUs   CPUs   `yaml:"cpus"`
	Memory Size   `yaml:"memory"`
}

// Exec runs a line of shell on a node, as the server's user. Expect is the exit
// status that it must end with.
type Exec struct {
	Node    string `yaml:"node"`
	Command string `yaml:"command"`
	Expect  int    `yaml:"expect"`
}

// OnLoad names the workloads to start or stop: one name, or a list.
type OnLoad []string

// Stop is a shutdown: `pgslave`, or `{node: pgslave, mode: immediate}`.
type Stop struct {
	Node    string   `yaml:"node"`
	Mode    string   `yaml:"mode"`    // fast (the default), smart, immediate
	Timeout Duration `yaml:"timeout"` // how long the server may take; default 60s
}

// Configure changes settings of a running or stopped node.
type Configure struct {
	Node        string            `yaml:"node"`
	Settings    map[string]string `yaml:"settings"` // an empty value takes PostgreSQL's default back
	Synchronous *Synchronous      `yaml:"synchronous"`
}

// Follow repoints a standby: `pgslave`, or `{node: pgslave, upstream: pgmaster}`.
// An empty Upstream is the primary.
type Follow struct {
	Node     string `yaml:"node"`
	Upstream string `yaml:"upstream"`
}

// Rejoin makes a standby of a former primary: `pgmaster`, or `{node: pgmaster,
// upstream: pgslave}`. An empty Upstream is the primary.
type Rejoin struct {
	Node     string `yaml:"node"`
	Upstream string `yaml:"upstream"`
}

// Clone adds a standby, or builds one anew, from a fresh base backup of Upstream or
// from an earlier one made by a backup step: `pgslave`, or `{node: pgslave, backup:
// base}`. An empty Upstream is the primary.
type Clone struct {
	Node     string `yaml:"node"`
	Upstream string `yaml:"upstream"`
	Backup   string `yaml:"backup"`
}

// Backup makes a base backup of a node and keeps it under a name.
type Backup struct {
	Node string `yaml:"node"`
	Name string `yaml:"name"`
}

// SQL runs a statement on a node, as the superuser; what it returns is shown on
// the timeline.
type SQL struct {
	Node  string `yaml:"node"`
	Query string `yaml:"query"`
	// Expect is the text that the first value of the first row must have; nil: anything.
	Expect *string `yaml:"expect"`
}

// Condition is a statement about the cluster. Everything set in it must hold.
// As a step, `verify: {role: {a: primary}, within: 5s}` waits that long for it;
// as a step's `when`, the step's own `within` bounds the wait, and Within here is 0.
// The keys of Role and SyncState are nodes; Streaming and CaughtUp may name roles too.
type Condition struct {
	Role      map[string]string `yaml:"role"`       // node: primary, standby or down
	SyncState map[string]string `yaml:"sync_state"` // node: async, potential, sync or quorum
	Streaming NodeList          `yaml:"streaming"`  // these standbys stream from the node they follow
	CaughtUp  NodeList          `yaml:"caught_up"`  // these have replayed all that the primary had written when asked
	Within    Duration          `yaml:"within"`     // 10s by default in a verify
}

// NodeList decodes from one name or a list of names.
type NodeList []string

// Roles are the words that stand for nodes and are looked up when a step runs.
var Roles = []string{"primary", "replicas", "sync_standby", "laggard", "most_advanced", "former_primary", "any_replica"}
