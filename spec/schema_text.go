package spec

import "reflect"

// describe is what an editor shows of a type, or of one of its fields.
func describe(t reflect.Type, field string) string {
	if field == "" {
		return descriptions()[t.Name()]
	}
	return descriptions()[t.Name()+"."+field]
}

// descriptions are for whoever writes a file; the comments on the types are for
// whoever writes Go. A test finds the property that has none.
func descriptions() map[string]string {
	return map[string]string{
		"Experiment":             "An experiment of pgchaos: a replicated PostgreSQL cluster, its load, what is done to it, and what is expected.",
		"Experiment.Name":        "A short name, in a-z, 0-9, _ and -.",
		"Experiment.Description": "What the experiment shows, in one sentence.",
		"Experiment.Cluster":     "The nodes, and how they are set up.",
		"Experiment.Setup":       "SQL that runs once on the primary before the load, as the load's user: a file, a text, or a list of statements.",
		"Experiment.Load":        "The workloads, by name. Those that a start_load step begins wait for it; the others run from the beginning.",
		"Experiment.Timeline":    "What is done, step by step. Each step's name is a phase of the result.",
		"Experiment.Duration":    "The least time that the load runs. Left out: until the last step is done.",
		"Experiment.Seed":        "The one seed of everything random. Left out: chosen at the start, and kept in the result.",
		"Experiment.Expect":      "What has to hold, one line each: METRIC [of WORKLOAD] [during PHASE] COMPARISON, such as p99 of writes < 100ms.",

		"Experiment.Baseline":   "What the load must achieve before the first fault. Otherwise expectations about the time after it are inconclusive.",
		"Baseline":              "What the load must achieve before the first fault.",
		"Baseline.AchievedRate": "The least share of a rate's arrivals that must be served; 90% by default.",
		"Baseline.ErrorRate":    "The greatest error_rate; 5% by default.",
		"Baseline.Median":       "The greatest median of the response times; 1s by default.",
		"Baseline.P95":          "The greatest 95 percentile of the response times; 2s by default.",

		"Cluster":             "The nodes, and how they are set up.",
		"Cluster.Postgres":    "The major version of PostgreSQL. Left out: the newest installed.",
		"Cluster.Nodes":       "The nodes: a list of names, or a mapping of names to settings. The first is the primary.",
		"Cluster.Settings":    "postgresql.conf of every node.",
		"Cluster.Synchronous": "The synchronous replication of the primary. Left out: asynchronous.",

		"Cluster.Docker": "How the docker provider makes containers.",

		"Docker":         "How the docker provider makes containers.",
		"Docker.Image":   "An image with PostgreSQL's server. Left out: one that is there, or else postgres:17.",
		"Docker.Names":   "run (the default): containers are called pgchaos-RUN-NODE; exact: as their nodes are.",
		"Docker.Network": "The name of the network that is made for the run.",
		"Docker.Subnet":  "The network's addresses, such as 172.28.0.0/16. Left out: the engine chooses.",
		"Docker.Ports":   "Ports of this machine's loopback interface, by node. Left out: a free one is chosen.",
		"Docker.Restart": "The engine's restart policy: no (the default), on-failure, unless-stopped or always.",
		"Docker.Memory":  "The most memory that a node may use, such as 512MB. Left out: no limit.",
		"Docker.CPUs":    "The most cores that a node may use, such as 1.5. Left out: no limit.",

		"Node":          "One node's own settings.",
		"Node.Settings": "postgresql.conf of this node, over the cluster's settings.",
		"Node.Absent":   "Leaves the node out at the start, until a clone step adds it.",

		"Synchronous":          "A regime of synchronous replication.",
		"Synchronous.Commit":   "synchronous_commit; on by default.",
		"Synchronous.Standbys": "synchronous_standby_names, such as ANY 1 (a, b); empty is asynchronous.",

		"Workload":              "One stream of operations.",
		"Workload.Kind":         "insert writes rows that are audited, read looks rows up, update changes rows, tpcb is pgbench's transaction, sql runs statements of yours, script a file of pgbench's, mix several of these.",
		"Workload.Target":       "primary, replicas (all, evenly), each (the same on every node), or a node. Reads go to replicas by default, the others to the primary.",
		"Workload.Clients":      "How many operations can be in flight; 8 by default, 4 for reads.",
		"Workload.Rate":         "Arrivals on a schedule that the server does not slow down, such as 500/s. Left out: every client sends its next operation when the last has ended.",
		"Workload.Timeout":      "How long a client waits for an answer before it gives up on it; 5s by default.",
		"Workload.OnTimeout":    "What a client does then: abandon (the default) tells the server nothing, cancel sends it a CancelRequest, terminate ends the backend; the last two may end a wait for standbys, and wait for the answer.",
		"Workload.MaxAbandoned": "How many operations given up on may still hold a backend; four for each client by default.",
		"Workload.Arrivals":     "How the arrivals of a rate are spread: constant (the default) or poisson.",
		"Workload.Overflow":     "What happens to an arrival that is due while every client is busy: queue (the default) lets it wait, drop counts it as dropped at once.",
		"Workload.CatchUp":      "What happens to arrivals that a stall has made more than 100 ms late: burst (the default) sends them at once, spread at twice the rate at most, skip drops them.",
		"Workload.ThinkTime":    "How long a client rests after each operation; only without a rate.",
		"Workload.Iterations":   "Ends the workload after so many operations.",
		"Workload.Duration":     "Ends the workload so long after its start.",
		"Workload.Warmup":       "The beginning, which is measured apart and is in no other figure.",
		"Workload.Stages":       "Stretches of time with a rate or a number of clients each; the workload ends with the last.",
		"Workload.Ramp":         "How one stage becomes the next: step (the default) or linear.",
		"Workload.Table":        "[SCHEMA.]TABLE; test_data by default, update_data for kind update.",
		"Workload.Key":          "packed (the default): writer and sequence number in one bigint; serial: int_value is a bigserial.",
		"Workload.Payload":      "Bytes of char_value in each row; 64 by default.",
		"Workload.Rows":         "insert: rows of each statement, 1 by default; update: rows of the table, 10000 by default.",
		"Workload.Statements":   "Statements of each transaction of an insert; 1 by default.",
		"Workload.Reads":        "What is read, by shares: latest (the newest rows of a writer, which are checked), point (one row by its key) and range (100 neighbours).",
		"Workload.Scale":        "pgbench's scale factor: 100,000 accounts each; 1 by default.",
		"Workload.SQL":          "A statement, or a list of statements that make one transaction. A :name is a parameter.",
		"Workload.Params":       "What the parameters of sql are made of, by name.",
		"Workload.Script":       "A file in pgbench's language, relative to this one, or such a script itself.",
		"Workload.Set":          "Variables of the script, as pgbench's -D.",
		"Workload.Mix":          "Parts, one of which is chosen for each operation, by weight.",
		"Workload.Protocol":     "extended (prepared statements; the default) or simple (the default of scripts, as of pgbench).",
		"Workload.Pipeline":     "How many statements one operation sends at once, as one transaction that is acknowledged as a whole; 1 by default.",
		"Workload.Isolation":    "The isolation of transactions; the server's default where it is left out.",
		"Workload.ReadOnly":     "Makes the sessions' transactions read only.",

		"Workload.SynchronousCommit": "synchronous_commit of the sessions; the server's where it is left out.",

		"Workload.Retry":       "How often a transaction is begun again after a serialization failure (40001) or a deadlock (40P01); 0 by default.",
		"Workload.Connections": "The most connections, where there are to be fewer than clients.",
		"Workload.Route":       "How a client finds its node: hosts (the default) asks one after the other, topology learns it at once, url goes by url.",
		"Workload.URL":         "postgres://HOST:PORT/DATABASE of a proxy in front of the cluster.",
		"Workload.Connection":  "Further settings of the connections, by libpq's names, such as sslmode.",

		"Param.sequence": "The numbers from min on, each once in the workload.",
		"Param.uniform":  "Numbers from min to max, all as likely.",
		"Param.zipfian":  "Numbers from min to max, the lower the likelier.",
		"Param.gaussian": "Numbers from min to max, the likelier the nearer to the middle.",
		"Param.choice":   "One of these.",
		"Param.text":     "So many random letters.",
		"Param.min":      "The least; 1 by default.",
		"Param.max":      "The greatest.",
		"Param.theta":    "How much likelier the lower ones are, above 1; 1.2 by default.",
		"Param.sigma":    "How many standard deviations lie between the middle and a bound; 2.5 by default.",

		"Stage":         "A stretch of a workload: a rate or a number of clients.",
		"Stage.For":     "How long it is.",
		"Stage.Rate":    "Arrivals, such as 500/s; with a linear ramp, those at its end.",
		"Stage.Clients": "Clients; with a linear ramp, those at its end.",

		"Part":        "A part of a mix: a kind, and what belongs to it.",
		"Part.Name":   "What its figures are called; the kind by default.",
		"Part.Weight": "How often it is chosen, as against the others; 1 by default.",

		"Step":        "One action, and when it happens.",
		"Step.At":     "When, since the load began. Without at and when: as soon as the step before is done.",
		"Step.When":   "Waits for a condition, at most as long as within.",
		"Step.Within": "How long when waits; 10s by default.",
		"Step.For":    "Takes a stop, kill, pause, disconnect or limit back by itself after this time.",
		"Step.Name":   "The step's name, by which phases and expectations go; its action and node by default, as in stop-pgslave.",
		"Condition":   "A statement about the cluster; everything set in it has to hold.",
	}
}
