package spec

import (
	"strings"
	"testing"
)

// TestTheLoadOfAnExistingCluster: its rates, as the load makes them, keep to max_rate; clients may be all that a node's connection string may be.
func TestTheLoadOfAnExistingCluster(t *testing.T) {
	const text = `
name: x
cluster:
  provider: existing
  existing:
    nodes: {n1: {dsn: "postgres://c@db1/c"}, n2: {dsn: "postgres://c@db2/c"}, n3: {unread: true}}
    CLIENTS
load: {writes: WRITES}
duration: 10s
timeline: [{wait: 1s}]
expect: [error_rate of writes < 1%]
`
	for _, c := range []struct{ clients, writes, wrong string }{
		{"", "{kind: insert, rate: 1000/s}", ""},
		{"", "{kind: insert, rate: 1001/s}", "the workloads together have a rate of 1001/s, and max_rate is 1000/s"},
		{"", "{kind: read, target: each, rate: 500/s}", ""},
		{"", "{kind: read, target: each, rate: 900/s}", "the workloads together have a rate of 1800/s, and max_rate is 1000/s"},
		{"", "{kind: read, target: replicas, rate: 1000/s}", ""},
		{`clients: "postgres://c@lb:5000/c"`, "{kind: insert, rate: 1/s}", ""},
		{`clients: "host=lb port=5000 user=c dbname=c sslmode=verify-full"`, "{kind: insert, rate: 1/s}", ""},
		{`clients: "host=/run/postgresql user=c"`, "{kind: insert, rate: 1/s}", ""},
		{`clients: "lb:5000"`, "{kind: insert, rate: 1/s}", "clients: it is neither a URL nor a list of NAME=VALUE"},
		{`clients: "postgres://c@db1,db2/c"`, "{kind: insert, rate: 1/s}", "clients names several hosts"},
		{`clients: "host=db1,db2 dbname=c"`, "{kind: insert, rate: 1/s}", "leave it out: the load then goes to the nodes"},
		{"", "{kind: insert, rate: 1/s, url: 'host=lb dbname=c'}", ""},
		{"", "{kind: insert, rate: 1/s, url: 'lb'}", "this is no URL of a PostgreSQL server"},
	} {
		file := strings.NewReplacer("CLIENTS", c.clients, "WRITES", c.writes).Replace(text)
		_, _, err := Load("x.yaml", []byte(file), Options{})
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s, %s: %v", c.clients, c.writes, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s, %s: %v, want %q", c.clients, c.writes, err, c.wrong)
		}
	}
}
