package cluster

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// User is a role of the database, and its password.
type User struct{ Name, Password string }

// Credentials are the users of a cluster. The load's user is no superuser.
type Credentials struct {
	Superuser, Load User
	// Replication is the user of standbys and of pg_basebackup.
	Replication User
	Database    string
}

// complete gives a name to each user that has none, with a new password.
func (c Credentials) complete() Credentials {
	for user, name := range map[*User]string{&c.Superuser: "postgres", &c.Load: "pgchaos", &c.Replication: "replicator"} {
		if user.Name == "" {
			*user = User{Name: name, Password: newPassword()}
		}
	}
	c.Database = cmp.Or(c.Database, "postgres")
	return c
}

// Connection is how sessions to the nodes are encrypted, all of them: pgchaos's own, those
// of the load, of standbys and of PostgreSQL's tools.
type Connection struct {
	// SSLMode is libpq's sslmode; "" is disable.
	SSLMode string `json:"sslmode,omitempty"`
	// SSLRootCert is the file of the authority's certificate on pgchaos's machine, and
	// NodeSSLRootCert the same on the nodes. "": there is none.
	SSLRootCert     string `json:"sslrootcert,omitempty"`
	NodeSSLRootCert string `json:"node_sslrootcert,omitempty"`
	// Settings are all that the connection strings of a cluster that was there before say, by libpq's names; nil: it was built.
	Settings map[string]string `json:"settings,omitempty"`
}

// Parameters are those of every session that is made from there, by libpq's names.
func (c Connection) Parameters(from Vantage) map[string]string {
	if c.Settings != nil {
		return maps.Clone(c.Settings)
	}
	set := map[string]string{"sslmode": cmp.Or(c.SSLMode, "disable")}
	file := c.NodeSSLRootCert
	if from.From == FromPgchaos || from.From == FromClients {
		file = c.SSLRootCert
	}
	if file != "" {
		set["sslrootcert"] = file
	}
	return set
}

// url is the connection string of pgchaos's own sessions, and of clients beside it.
func (c Connection) url(to Address, user *url.Userinfo, database string, more map[string]string) string {
	query := url.Values{"target_session_attrs": {"any"}}
	for _, set := range []map[string]string{c.Parameters(Vantage{From: FromPgchaos}), more} {
		for name, value := range set {
			query.Set(name, value)
		}
	}
	u := url.URL{Scheme: "postgres", User: user, Host: to.String(), Path: "/" + database, RawQuery: query.Encode()}
	return u.String()
}

// conninfo is the connection string of a standby and of PostgreSQL's tools on the node, to
// another node or to itself.
func (n *Node) conninfo(to *Node, more map[string]string) string {
	from, address := Vantage{From: FromNode, Node: n.Name()}, to.addressFrom(n)
	set := map[string]string{"host": address.Host, "port": strconv.Itoa(address.Port)}
	maps.Copy(set, n.cluster.config.Connection.Parameters(from))
	maps.Copy(set, more)
	return keywords(set)
}

// keywords renders the parameters of a libpq connection string.
func keywords(set map[string]string) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		parts = append(parts, name+"='"+quote.Replace(set[name])+"'")
	}
	return strings.Join(parts, " ")
}
