package spec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgchaos/cluster"
)

// linked are a provider that can disturb links, and one that cannot.
func linked() []cluster.Description {
	return []cluster.Description{
		{Name: "local", Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanLink, cluster.CanShape, cluster.CanDelay}},
		{Name: "docker", Capabilities: []cluster.Capability{cluster.CanRun}},
	}
}

func loadLinks(provider, step string) (*Experiment, error) {
	text := fmt.Sprintf("name: x\ncluster: {provider: %s, nodes: [a, b, c]}\nload: {w: {kind: insert}}\nduration: 9s\ntimeline:\n  - %s\n", provider, step)
	e, _, err := Load("x.yaml", []byte(text), Options{Providers: linked()})
	return e, err
}

// TestSidesOfTheNetwork: what names two sides loads, and anything else is an error that says what is right.
func TestSidesOfTheNetwork(t *testing.T) {
	for _, tc := range []struct{ step, says string }{
		{"partition: {between: [a, b]}", ""},
		{"partition: {between: [primary, [clients, replicas]]}", ""},
		{"partition: {from: a, to: [b, c]}", ""},
		{"{partition: {between: [a, b]}, for: 2s}", ""},
		{"half_open: {from: clients, to: primary}", ""},
		{"reject: {between: [clients, primary]}", ""},
		{"delay: {from: clients, to: primary, latency: 20ms, jitter: 5ms, distribution: pareto}", ""},
		{"throttle: {between: [a, b], bytes_per_second: 1MB}", ""},
		{"flap: {between: [a, b], down: 1s, up: 2s}", ""},
		{"drop_connections: {between: [clients, a]}", ""},

		{"partition: a", "timeline[0].partition is the single value"},
		{"partition: {}", "this does not name the two sides of the network"},
		{"partition: {between: [a]}", "between does not name two sides"},
		{"partition: {between: [a, b, c]}", "between does not name two sides"},
		{"partition: {between: [a, []]}", "one side is empty"},
		{"partition: {between: [a, b], from: a, to: b}", "between means both directions"},
		{"partition: {from: a}", "from and to belong together"},
		{"partition: {between: [a, [b, a]]}", "a is named twice"},
		{"partition: {between: [clients, clients]}", "clients have no connections with each other"},
		{"partition: {between: [a, [b, x]]}", `x.yaml:6:34: there is no node "x"`},
		{"partition: {from: primry, to: b}", `x.yaml:6:17: there is no node "primry"; did you mean "primary"?`},
		{"half_open: {between: [a, b]}", "half_open is about one direction"},
		{"reject: {from: clients, to: a}", "reject acts on connections as a whole"},
		{"drop_connections: {from: clients, to: a}", "drop_connections acts on connections as a whole"},
		{"{drop_connections: {between: [clients, a]}, for: 2s}", "can be taken back"},
		{"delay: {between: [a, b]}", "delay has no latency"},
		{"delay: {between: [a, b], latency: 2m}", "write at most 1m0s"},
		{"delay: {between: [a, b], latency: 2ms, jitter: 5ms}", "the jitter is greater than the latency"},
		{"delay: {between: [a, b], latency: 2ms, distribution: even}", "distribution cannot be"},
		{"throttle: {between: [a, b]}", "throttle has no bound"},
		{"throttle: {between: [a, b], bytes_per_second: 2GB}", "hardly carries as much"},
		{"flap: {between: [a, b], down: 1s}", "flap has no period"},
		{"flap: {between: [a, b], down: 50ms, up: 1s}", "write at least 100ms"},
	} {
		_, err := loadLinks("local", tc.step)
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", tc.step, err)
		}
	}
}

// TestAProviderWithoutLinks is named with what would do.
func TestAProviderWithoutLinks(t *testing.T) {
	_, err := loadLinks("docker", "partition: {between: [a, b]}")
	want := `the docker provider cannot partition a node: it lacks the capability "links"; run it with provider: local, or disconnect the node from everything`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v\nwant %s", err, want)
	}
	if _, _, err := Load("x.yaml", []byte("name: x\ncluster: {nodes: [clients, b]}\nload: {w: {kind: insert}}\nduration: 9s\n"), Options{}); err == nil {
		t.Error("a node can be called clients")
	}
}

// TestLinksOfAFile: those that its faults name have relays, and no others. A role can be any node.
func TestLinksOfAFile(t *testing.T) {
	all := []string{"a>b", "a>c", "b>a", "b>c", "c>a", "c>b"}
	for step, want := range map[string][]string{
		"kill: b":                                       nil,
		"partition: {between: [a, b]}":                  {"a>b", "b>a"},
		"half_open: {from: clients, to: a}":             {">a"},
		"reject: {between: [a, [b, clients]]}":          {">a", "a>b", "b>a"},
		"partition: {between: [primary, replicas]}":     all,
		"partition: {between: [primary, [clients, b]]}": {">a", ">b", ">c", "a>b", "b>a", "b>c", "c>b"},
	} {
		e, err := loadLinks("local", step)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range e.Links() {
			if (l.From.Node == "") != (l.From.From == cluster.FromClients) {
				t.Errorf("%s: %+v", step, l)
			}
			got = append(got, l.From.Node+">"+l.To)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", step, got, want)
		}
	}
}
