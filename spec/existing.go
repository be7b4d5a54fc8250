package spec

import (
	"slices"

	"gopkg.in/yaml.v3"

	"pgchaos/cluster"
)

// existingProvider is the provider of clusters that were there before.
const existingProvider = cluster.ExistingProvider

// Existing is a cluster that was there before. pgchaos meets it: it builds, configures and removes none of its servers.
type Existing struct {
	Nodes    ExistingNodes `yaml:"nodes" jsonschema_description:"The nodes, by the names that the experiment uses for them."`
	Discover *Discover     `yaml:"discover" jsonschema_description:"Asks for the nodes instead of naming them."`
	Clients  string        `yaml:"clients" jsonschema_description:"Where the load that goes to the primary connects: a proxy or a virtual address, as postgres://HOST:PORT/DATABASE or host=HOST port=PORT dbname=DATABASE. Left out: the nodes."`
	Manager  *Manager      `yaml:"manager" jsonschema_description:"What manages the cluster and can be asked for a switchover. Discover knows it."`
	Exec     string        `yaml:"exec" jsonschema_description:"How a command runs on a node's machine, such as ssh {host} sudo -n {command}. It is run without a shell."`
	Hooks    Hooks         `yaml:"hooks" jsonschema_description:"Faults by commands of yours, by the word that the timeline has for them."`
	MaxRate  Rate          `yaml:"max_rate" jsonschema_description:"The most operations a second of all workloads together; 1000/s by default."`
	MaxWAL   Size          `yaml:"max_wal" jsonschema_description:"The most WAL that the primary may write during the run, from all its clients; 10GB by default. Past it the load stops."`
	MaxLag   Size          `yaml:"max_lag" jsonschema_description:"How far a standby may fall behind while no fault of the run is in force; 1GB by default. Past it the load stops."`
	MinFree  Size          `yaml:"min_free" jsonschema_description:"How much must be free on the disks that the servers write to, as df says there by exec; 1GB by default. Below it the load stops. Without exec it is not known."`
	Settle   Duration      `yaml:"settle" jsonschema_description:"How long the cluster's manager may take after the last step until one node is the primary and all others stream; 2m by default."`
}

// ExistingNodes are nodes by name, in the order of the file.
type ExistingNodes []ExistingNode

// ExistingNode is one node of an existing cluster.
type ExistingNode struct {
	Name    string `yaml:"-"`
	DSN     string `yaml:"dsn" jsonschema_description:"The connection string of pgchaos and of the load to this node alone, as a URL or in libpq's keywords. Write the password into a password file, a service or a \u0024{VAR}."`
	Unread  bool   `yaml:"unread" jsonschema_description:"true: nothing leads to the node, such as the standby of a managed service. It has no dsn, and the report says that it was not read."`
	Standby string `yaml:"standby" jsonschema_description:"The application_name of the node as a standby, as pg_stat_replication has it. Left out: it is asked for."`
	Host    string `yaml:"host" jsonschema_description:"What {host} in exec and in the commands of hooks stands for; the node's name by default."`
}

// Discover is whom to ask for the nodes: one of these.
type Discover struct {
	Patroni        string `yaml:"patroni" jsonschema_description:"The URL of the REST API of any Patroni node, such as http://db1:8008; or several, with commas between: the first that answers is asked."`
	DSN            string `yaml:"dsn" jsonschema_description:"A connection string with the hosts of all nodes, such as host=a,b,c."`
	PgAutoFailover string `yaml:"pg_auto_failover" jsonschema_description:"The connection string of the monitor of pg_auto_failover."`
	CACert         string `yaml:"cacert" jsonschema_description:"A file with the certificates of those who sign the certificates of Patroni's agents; by default those that this machine trusts."`
	CertFile       string `yaml:"certfile" jsonschema_description:"A file with the certificate that Patroni's agents want of who asks them."`
	KeyFile        string `yaml:"keyfile" jsonschema_description:"The key of certfile, where it is not in the same file."`
	// As is how pgchaos connects to the nodes that a manager names.
	As string `yaml:"as" jsonschema_description:"The connection string to the nodes that the manager names, without host and port: postgres:///DATABASE?user=NAME&sslmode=verify-full."`
}

// Manager is what manages a cluster: one of these.
type Manager struct {
	Patroni        string `yaml:"patroni" jsonschema_description:"The URL of the REST API of any Patroni node, such as http://db1:8008; or several, with commas between: the first that answers is asked."`
	PgAutoFailover string `yaml:"pg_auto_failover" jsonschema_description:"The connection string of the monitor of pg_auto_failover."`
	CACert         string `yaml:"cacert" jsonschema_description:"A file with the certificates of those who sign the certificates of Patroni's agents; by default those that this machine trusts."`
	CertFile       string `yaml:"certfile" jsonschema_description:"A file with the certificate that Patroni's agents want of who asks them."`
	KeyFile        string `yaml:"keyfile" jsonschema_description:"The key of certfile, where it is not in the same file."`
}

// able leaves out the capabilities for which the file lacks something.
func (x *Existing) able(all []cluster.Capability) []cluster.Capability {
	return slices.DeleteFunc(slices.Clone(all), func(c cluster.Capability) bool {
		switch c {
		case cluster.CanCommand:
			return x == nil || x.Exec == "" && !slices.ContainsFunc(x.Hooks, func(h Hook) bool { return h.Exec != "" })
		case cluster.CanManage:
			return x == nil || x.Manager == nil
		default:
			return false
		}
	})
}

// Hooks are faults by commands, in the order of the file.
type Hooks []Hook

// Hook is a fault by a command that runs on the node's machine.
type Hook struct {
	Name      string   `yaml:"-"`
	Do        string   `yaml:"do" jsonschema:"required" jsonschema_description:"The command that breaks something. No shell runs it: write sh -c '...' where you need one."`
	Undo      string   `yaml:"undo" jsonschema_description:"The command that takes it back. It must be right also where do failed, was never run, or was taken back already."`
	Proof     string   `yaml:"proof" jsonschema:"required" jsonschema_description:"What shows that it took effect: down (the server is gone or was started again), silent (it does not answer), moved (another node is the primary), or a command that must succeed."`
	Timeout   Duration `yaml:"timeout" jsonschema_description:"How long do may take; 1m by default."`
	Within    Duration `yaml:"within" jsonschema_description:"How long the effect may take to show after that; 30s by default."`
	UndoAfter Duration `yaml:"undo_after" jsonschema_description:"Runs undo on the node's machine after so long, also if pgchaos is gone by then: a dead man's switch."`
	Exec      string   `yaml:"exec" jsonschema_description:"How the commands of this hook run, where not as cluster.existing.exec says; {command} runs them on pgchaos's own machine."`
}

// Existing tells whether the cluster was there before.
func (c *Cluster) existing() bool { return c.Provider == existingProvider && c.Existing != nil }

// takeHooks makes steps of kind hook of those that are called by a word of cluster.existing.hooks, before the file is decoded.
// A hook's word wins over an action of the same name.
func (d *decoder) takeHooks(root *yaml.Node) {
	hooks := child(root, "cluster", "existing", "hooks")
	managed := child(root, "cluster", "existing", "manager") != nil
	timeline := child(root, "timeline")
	if timeline == nil || timeline.Kind != yaml.SequenceNode {
		return
	}
	for _, step := range timeline.Content {
		if step.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(step.Content); i += 2 {
			key := step.Content[i]
			if of := child(hooks, key.Value); of != nil && of.Kind == yaml.MappingNode {
				step.Content[i+1] = hookStep(key, step.Content[i+1], of)
				step.Content[i] = scalarAt("hook", key)
			} else if key.Value == "switchover" && managed {
				step.Content[i] = scalarAt("manager_switchover", key)
			}
		}
	}
}

// hookStep is the value of the key hook that says all of a step by a hook's word.
func hookStep(key, value, of *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line, Column: value.Column}
	n.Content = append(n.Content, textAt("name", key), textAt(key.Value, key))
	switch {
	case isNull(value) || value.Kind == yaml.MappingNode && len(value.Content) == 0:
		n.Content = append(n.Content, textAt("node", key), textAt("primary", key))
	case value.Kind == yaml.MappingNode:
		n.Content = append(n.Content, value.Content...)
	default:
		n.Content = append(n.Content, textAt("node", key), value)
	}
	n.Content = append(n.Content, of.Content...)
	return n
}

// textAt is a value that is a text, whatever it looks like.
func textAt(text string, at *yaml.Node) *yaml.Node {
	n := scalarAt(text, at)
	n.Tag = "!!str"
	return n
}

// child is the value at a path of keys; nil: there is none.
func child(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		n = valueOf(n, key)
	}
	return n
}
