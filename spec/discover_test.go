package spec

import (
	"fmt"
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestDiscoveredNodesHaveNamesOfTheirOwn: two nodes of one name are an error, and not one node.
func TestDiscoveredNodesHaveNamesOfTheirOwn(t *testing.T) {
	const text = `
name: found
cluster: {provider: existing, existing: {discover: {patroni: "https://db1:8008", cacert: /ca, certfile: /c, keyfile: /k}}}
load: {writes: {kind: insert, rate: 10/s}}
timeline: [{wait: 1s}]
`
	for second, why := range map[string]string{"n2": "", "n1": `discover: it found two nodes "n1"`} {
		o := Options{Providers: append(someProviders(), cluster.Description{Name: existingProvider})}
		o.Discover = func(Discover) ([]ExistingNode, error) {
			return []ExistingNode{{Name: "n1", DSN: "postgres://db1/shop"}, {Name: second, DSN: "postgres://db2/shop"}}, nil
		}
		e, _, err := Load("found.yaml", []byte(text), o)
		switch {
		case why == "" && (err != nil || len(e.Cluster.Nodes) != 2):
			t.Errorf("n1 and %s: %v", second, err)
		case why == "":
			if m := e.Cluster.Existing.Manager; m == nil || *m != (Manager{Patroni: "https://db1:8008", CACert: "/ca", CertFile: "/c", KeyFile: "/k"}) {
				t.Errorf("the manager is %+v", m)
			}
		case !strings.Contains(fmt.Sprint(err), why):
			t.Errorf("n1 and %s: %v, want %q", second, err, why)
		}
	}
}
