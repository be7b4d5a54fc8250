package spec

// The kinds of workloads.
const (
	kindInsert = "insert"
	kindRead   = "read"
	kindUpdate = "update"
	kindTPCB   = "tpcb"
	kindSQL    = "sql"
	kindMix    = "mix"
	kindScript = "script"
)

// The limits of numbers, each of them allowed.
const (
	minPostgres  = 13 // what pg_rewind and streaming need since then stands in the ordinary configuration
	maxPostgres  = 99
	maxClients   = 10_000
	maxAbandoned = 100_000
	minPayload   = 16
	maxPayload   = 1 << 20
	maxRows      = 10_000 // of one transaction of an insert
	maxUpdated   = 100_000_000
	maxScale     = 10_000
	maxPipeline  = 1_000
	maxRetry     = 1_000
	maxStages    = 10_000
	maxTimes     = 100 // that a step is repeated
)

// The words that a file chooses from. Validation and the JSON schema share them.

func kinds() []string {
	return []string{kindInsert, kindRead, kindUpdate, kindTPCB, kindSQL, kindScript, kindMix}
}

// arrivalForms are how the arrivals of a rate are spread.
func arrivalForms() []string { return []string{"constant", "poisson"} }

// overflows say what to do with an arrival that finds no free client.
func overflows() []string { return []string{"queue", "drop"} }

// catchUps say what to do with operations that a stall has made late.
func catchUps() []string { return []string{"burst", "spread", "skip"} }

// ramps are how one stage becomes the next.
func ramps() []string { return []string{"step", "linear"} }

// readForms are what a read workload can read.
func readForms() []string { return []string{"latest", "point", "range"} }

func protocols() []string { return []string{"extended", "simple"} }

func isolations() []string { return []string{"read committed", "repeatable read", "serializable"} }

// routes are how a client finds its node.
func routes() []string { return []string{"hosts", "topology", "url"} }

func keyForms() []string { return []string{"packed", "serial"} }

// targets are the words, beside the nodes, that a workload can be aimed at.
func targets() []string { return []string{"primary", "replicas", "each"} }

// nameForms say what the docker provider calls its containers.
func nameForms() []string { return []string{"run", "exact"} }

// restarts are the engine's restart policies.
func restarts() []string { return []string{"no", "on-failure", "unless-stopped", "always"} }

// commits are the values of synchronous_commit.
func commits() []string { return []string{"off", "local", "remote_write", "on", "remote_apply"} }

// onTimeouts are what a client can do about an operation that takes too long.
func onTimeouts() []string { return []string{"abandon", "cancel", onTimeoutTerminate} }

// onTimeoutTerminate ends the server's process of the session, over a connection of its own.
const onTimeoutTerminate = "terminate"

// onErrors are what a step that fails does to the timeline.
func onErrors() []string { return []string{"stop", onErrorContinue} }

// onErrorContinue lets the timeline go on.
const onErrorContinue = "continue"

func roleWords() []string { return []string{"primary", "standby", "down"} }

// syncStates are the values of pg_stat_replication.sync_state.
func syncStates() []string { return []string{"async", "potential", "sync", "quorum"} }

// ownSettings are the parameters that pgchaos must have for itself; the cluster
// package refuses them too.
func ownSettings() []string {
	return []string{
		"port", "listen_addresses", "unix_socket_directories", "data_directory", "config_file", "hba_file", "ident_file",
		"external_pid_file", "cluster_name", "logging_collector", "log_destination", "default_transaction_read_only",
		"include", "include_if_exists", "include_dir", "hot_standby",
	}
}
