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
		"Experiment.Load":        "The workloads, by name. Those that a start_load step begins wait for it; the others run from the beginning.",
		"Experiment.Timeline":    "What is done, step by step. Each step's name is a phase of the result.",
		"Experiment.Duration":    "The least time that the load runs. Left out: until the last step is done.",
		"Experiment.Seed":        "The one seed of everything random. Left out: chosen at the start, and kept in the result.",
		"Experiment.Expect":      "What has to hold, one line each: METRIC [of WORKLOAD] [during PHASE] COMPARISON, such as p99 of writes < 100ms.",

		"Cluster":             "The nodes, and how they are set up.",
		"Cluster.Provider":    "Where the nodes run: local (the default) is processes of this machine, docker is containers.",
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
		"Workload.Kind":         "insert writes rows that are audited, read looks rows up, sql runs a statement of yours.",
		"Workload.Target":       "primary, replicas (all, evenly), each (the same on every node), or a node. Reads go to replicas by default, the others to the primary.",
		"Workload.Clients":      "How many operations can be in flight; 8 by default, 4 for reads.",
		"Workload.Rate":         "Arrivals on a schedule that the server does not slow down, such as 500/s. Left out: every client sends its next operation when the last has ended.",
		"Workload.Timeout":      "How long a client waits for an answer before it gives up on it; 5s by default.",
		"Workload.OnTimeout":    "What a client does then: abandon (the default) tells the server nothing, cancel sends it a CancelRequest, terminate ends the backend; the last two may end a wait for standbys, and wait for the answer.",
		"Workload.MaxAbandoned": "How many operations given up on may still hold a backend; four for each client by default.",
		"Workload.Table":        "[SCHEMA.]TABLE; test_data by default.",
		"Workload.Key":          "packed (the default): writer and sequence number in one bigint; serial: int_value is a bigserial.",
		"Workload.Payload":      "Bytes of char_value in each row; 64 by default.",
		"Workload.SQL":          "The statement of a workload of kind sql.",

		"Step":            "One action, and when it happens.",
		"Step.At":         "When, since the load began. Without at and when: as soon as the step before is done.",
		"Step.When":       "Waits for a condition, at most as long as within.",
		"Step.Within":     "How long when waits; 10s by default.",
		"Step.For":        "Takes a stop, kill, pause, disconnect or limit back by itself after this time.",
		"Step.Name":       "The step's name, by which phases and expectations go; its action and node by default, as in stop-pgslave.",
		"Step.Stop":       "Shuts nodes down in good order.",
		"Step.Start":      "Starts nodes that do not run.",
		"Step.Restart":    "Shuts nodes down and starts them again.",
		"Step.Kill":       "Kills nodes, as a power failure would.",
		"Step.Pause":      "Freezes nodes: their connections stay, and nothing answers.",
		"Step.Resume":     "Lets frozen nodes go on.",
		"Step.Disconnect": "Cuts nodes off from everybody, as a pulled cable would: nothing answers, nothing is refused. Not with the local provider.",
		"Step.Connect":    "Ends a disconnect.",
		"Step.Limit":      "Changes what a node may use, while it runs. Not with the local provider.",
		"Step.Exec":       "Runs a line of shell on a node; its first line of output is shown on the timeline.",
		"Step.Promote":    "Makes a standby the primary.",
		"Step.Configure":  "Changes settings of a node, and reloads them.",
		"Step.Follow":     "Points a standby at another node.",
		"Step.Rejoin":     "Makes a standby of a former primary, by a restart, pg_rewind or a new base backup.",
		"Step.Clone":      "Adds a standby, or builds one anew, from a base backup.",
		"Step.Backup":     "Makes a base backup and keeps it under a name.",
		"Step.StartLoad":  "Starts workloads.",
		"Step.StopLoad":   "Stops workloads.",
		"Step.Wait":       "Does nothing for a time, which is a phase of its own.",
		"Step.SQL":        "Runs a statement as the superuser; its result is shown on the timeline.",
		"Step.Verify":     "Waits for a condition, and fails where it does not come to hold.",

		"OnNodes":      "A node, or a role: primary, replicas, sync_standby, laggard, most_advanced, former_primary, any_replica.",
		"OnNodes.Node": "A node or a role.",
		"Stop":         "A node or a role, or how to shut it down.",
		"Stop.Node":    "A node or a role.",
		"Stop.Mode":    "fast (the default), smart or immediate.",
		"Stop.Timeout": "How long the server may take; 60s by default.",

		"Limit":        "What a node may use. What is left out stays as it is.",
		"Limit.Node":   "A node or a role.",
		"Limit.CPUs":   "The most cores, such as 0.5.",
		"Limit.Memory": "The most memory, such as 256MB.",
		"Exec":         "A command on a node, as the server's user.",
		"Exec.Node":    "A node or a role.",
		"Exec.Command": "A line of shell.",
		"Exec.Expect":  "The exit status that it has to end with; 0 by default.",

		"Configure":             "Settings for a node.",
		"Configure.Node":        "A node or a role.",
		"Configure.Settings":    "postgresql.conf; an empty value takes PostgreSQL's default back.",
		"Configure.Synchronous": "The node's regime of synchronous replication.",
		"Follow":                "A standby, or whom it is to follow.",
		"Follow.Node":           "A node or a role.",
		"Follow.Upstream":       "The node to follow; the primary by default.",
		"Rejoin":                "A former primary, or whom it is to follow.",
		"Rejoin.Node":           "A node or a role.",
		"Rejoin.Upstream":       "The node to follow; the primary by default.",
		"Clone":                 "A node, or how to build it.",
		"Clone.Node":            "The node to add or to build anew.",
		"Clone.Upstream":        "The node to copy and to follow; the primary by default.",
		"Clone.Backup":          "The name of a backup made by an earlier step, instead of a fresh copy.",
		"Backup":                "A base backup.",
		"Backup.Node":           "The node to copy.",
		"Backup.Name":           "The name by which a clone step finds the backup.",
		"SQL":                   "A statement on a node.",
		"SQL.Node":              "A node or a role.",
		"SQL.Query":             "The statement.",
		"SQL.Expect":            "What the first value of the first row has to be. Left out: anything.",

		"Condition":           "A statement about the cluster; everything set in it has to hold.",
		"Condition.Role":      "By node: primary, standby or down.",
		"Condition.SyncState": "By node, as pg_stat_replication has it: async, potential, sync or quorum.",
		"Condition.Streaming": "Standbys that stream from the node they follow.",
		"Condition.CaughtUp":  "Standbys that have replayed all that the primary had written when asked.",
		"Condition.Within":    "How long a verify waits; 10s by default. A when has its within beside it.",
	}
}
