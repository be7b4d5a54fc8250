package cluster

// accessSchema names the form of an Access as JSON.
const accessSchema = "pgchaos.cluster/1"

// Access is how to connect to a cluster after the pgchaos that built it has ended. The passwords are not in it: they are lines of a libpq password file.
type Access struct {
	Schema    string `json:"schema"`
	Run       string `json:"run"`
	Provider  string `json:"provider"`
	Database  string `json:"database"`
	Superuser string `json:"superuser"`
	LoadUser  string `json:"load_user"` // the one that the load runs as
	// Connection is how sessions are encrypted.
	Connection Connection   `json:"connection,omitzero"`
	Nodes      []AccessNode `json:"nodes"`
}

// Schemas is the schema of the run's tables.
func (a Access) Schemas() string {
	for _, n := range a.Nodes {
		if n.DSN != "" {
			return RunSchema(a.Run)
		}
	}
	return "public"
}

// AccessNode is one node of an Access.
type AccessNode struct {
	Name    string  `json:"name"`
	Address Address `json:"address"`
	Absent  bool    `json:"absent,omitempty"` // not built when this was written
	// DSN leads to a server that was there before, without a password; "": the node was built.
	DSN string `json:"dsn,omitempty"`
}

// Access is how to get into the cluster; the provider's name is left to the caller.
func (c *Cluster) Access() Access {
	a := Access{
		Schema: accessSchema, Run: c.config.Run,
		Database: c.creds.Database, Superuser: c.creds.Superuser.Name, LoadUser: c.creds.Load.Name, Connection: c.config.Connection,
	}
	for _, n := range c.nodes {
		node := AccessNode{Name: n.Name(), Address: n.Address(), Absent: n.Absent()}
		if n.Met() {
			node.DSN = n.config.DSN.Public()
		}
		a.Nodes = append(a.Nodes, node)
	}
	return a
}
