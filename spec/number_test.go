package spec

import (
	"strings"
	"testing"
)

func TestNumberOfAWorkload(t *testing.T) {
	e, _ := mustLoad(t, `
name: numbers
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, rate: 250/s}
  closed: {kind: insert, clients: 12}
  ends: {kind: insert, iterations: 10}
duration: 5s
`, Options{})
	for path, want := range map[string]string{
		"load.writes.rate": "load.writes.rate=250/s", "load.closed.clients": "load.closed.clients=12", "load.writes.clients": "load.writes.clients=8",
		"load.writes.payload": "load.writes.payload=64",
	} {
		n, err := e.Number(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got := n.Set(n.Value); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"load.writes.rates":  `did you mean "rate"?`,
		"load.wirtes.rate":   `did you mean "writes"?`,
		"load.writes.kind":   "is no number",
		"load.writes":        "write load.WORKLOAD.KEY",
		"":                   "write load.WORKLOAD.KEY",
		"cluster.postgres.x": "write load.WORKLOAD.KEY",
		"load.closed.rate":   "add --set load.closed.rate=100/s",
		"load.ends.clients":  "ends by itself",
		"load.writes.mix.0":  "write load.WORKLOAD.KEY",
	} {
		if n, err := e.Number(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", path, n, err, want)
		}
	}
	if n, _ := e.Number("load.writes.rate"); n.Text(1234567) != "1234567/s" || n.Text(12.5) != "12.5/s" {
		t.Errorf("%s %s", n.Text(1234567), n.Text(12.5))
	}
}
