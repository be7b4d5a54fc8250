package spec

import (
	"strings"
	"testing"
)

// TestAnyNodeOfAnExistingClusterCanBeThePrimary: after a failover the file needs no other order of its nodes, and nobody clones them.
func TestAnyNodeOfAnExistingClusterCanBeThePrimary(t *testing.T) {
	const text = `
name: x
cluster:
  provider: existing
  existing:
    nodes: {NODES}
  synchronous: {standbys: "STANDBYS"}
load: {writes: {kind: insert, rate: 10/s}}
duration: 10s
timeline: [{wait: 1s}]
expect: [lost_writes == 0]
`
	dsn := func(node string) string { return node + `: {dsn: "postgres://c@` + node + `/c"}` }
	unread := func(node string) string { return node + `: {unread: true, standby: ` + node + `-1}` }
	for _, c := range []struct {
		why, nodes, standbys, wrong string
	}{
		{"the first node can be a standby", dsn("a") + "," + dsn("b"), "1 (a)", ""},
		{"so can one that nobody can read", unread("a") + "," + dsn("b"), "1 (a)", ""},
		{"and the other one", dsn("b") + "," + unread("a"), "1 (a)", ""},
		{"all others", dsn("a") + "," + dsn("b") + "," + dsn("c"), "2 (a, b, c)", ""},
		{"one of them is the primary", dsn("a") + "," + dsn("b"), "2 (a, b)", "of these standbys a commit would wait for 2, and 1 can be there at the start"},
		{"there is no standby", dsn("a"), "1 (a)", "and 0 can be there"},
		{"none can be read", unread("a") + "," + unread("b"), "1 (a)", "nothing leads to any of the nodes; write the dsn of at least the primary"},
	} {
		_, _, err := Load("x.yaml", []byte(strings.NewReplacer("NODES", c.nodes, "STANDBYS", c.standbys).Replace(text)), Options{})
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", c.why, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %v, want %q", c.why, err, c.wrong)
		}
		if err != nil && strings.Contains(err.Error(), "clone") {
			t.Errorf("%s: nobody clones it: %v", c.why, err)
		}
	}
}
