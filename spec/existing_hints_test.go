package spec

import (
	"fmt"
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestWhatAnExistingClusterLacks: the message names the key of cluster.existing that is missing, or what is wrong in a command.
func TestWhatAnExistingClusterLacks(t *testing.T) {
	existing := cluster.Description{Name: existingProvider, Lacks: "it does not know how your servers are started", Capabilities: []cluster.Capability{cluster.CanCommand, cluster.CanManage}}
	const (
		exec  = `exec: "ssh {host} {command}"`
		nowhr = "nothing says how the command gets to the node; write exec:"
	)
	for name, c := range map[string]struct{ more, step, says string }{
		"a hook":                                 {exec + `, hooks: {hang: {do: "echo {host}", undo: "echo {node}", proof: "true"}}`, "{hang: a, for: 1s}", ""},
		"an exec":                                {exec, "{exec: {node: a, command: ls}}", ""},
		"an exec without exec":                   {"max_rate: 10/s", "{exec: {node: a, command: ls}}", nowhr},
		"an exec beside a hook that has one":     {`hooks: {hang: {do: ls, exec: "{command}", proof: "true"}}`, "{exec: {node: a, command: ls}}", nowhr},
		"a hook without exec":                    {"max_rate: 10/s", "{hook: {name: hang, node: a, do: ls, proof: down}}", nowhr},
		"a switchover":                           {`manager: {patroni: "http://db1:8008"}`, "{switchover: {}}", ""},
		"a switchover without manager":           {exec, "{switchover: {}}", "nothing says what manages the cluster and makes a switchover; write manager: {patroni: URL}"},
		"a switchover to a node without manager": {exec, "{switchover: b}", "nothing says what manages the cluster"},
		"a switchover by a hook":                 {exec + `, hooks: {switchover: {do: ls, proof: moved}}`, "{switchover: {}}", ""},
		"a manager_switchover without manager":   {exec, "{manager_switchover: b}", "nothing says what manages the cluster"},
		"a manager with certificates":            {`manager: {patroni: "https://db1:8008", cacert: /ca, certfile: /c, keyfile: /k}`, "{switchover: {}}", ""},
		"a manager of no kind":                   {`manager: {cacert: /ca}`, "{wait: 1s}", "this names no manager; write patroni: URL"},
		"two managers":                           {`manager: {patroni: "https://db1:8008", pg_auto_failover: "host=m"}`, "{wait: 1s}", "the cluster has two managers"},
		"certificates for a monitor":             {`manager: {pg_auto_failover: "host=m", cacert: /ca}`, "{wait: 1s}", "cacert, certfile and keyfile are for the agents of patroni"},
		"a key without certificate":              {`manager: {patroni: "https://db1:8008", keyfile: /k}`, "{wait: 1s}", "there is no certfile for this key"},
		"for without undo":                       {exec + `, hooks: {hang: {do: ls, proof: "true"}}`, "{hang: a, for: 1s}", "without an undo nothing takes the hook hang back; give the hook an undo, or leave for out"},
		"another fault":                          {exec, "{kill: a}", "hooks: {kill: {do: COMMAND"},
		"a placeholder that exec has not":        {`exec: "ssh {hosts} {command}"`, "{wait: 1s}", "exec: {hosts} stands for nothing here: write {host} or {command}"},
		"the node in exec":                       {`exec: "on {node} {command}"`, "{wait: 1s}", "exec: {node} stands for nothing here"},
		"a placeholder that a hook has not":      {exec + `, hooks: {hang: {do: "echo {hots}", proof: "true"}}`, "{wait: 1s}", "do: {hots} stands for nothing here: write {host} or {node}"},
		"one in the exec of a hook":              {`hooks: {hang: {do: ls, exec: "ssh {hots} {command}", proof: "true"}}`, "{wait: 1s}", "exec: {hots} stands for nothing here"},
		"the command in a proof":                 {exec + `, hooks: {hang: {do: ls, proof: "sh -c 'x {host}{command}'"}}`, "{wait: 1s}", "proof: {command} stands for nothing here"},
		"in a hook that only a step has":         {exec, "{hook: {name: hang, node: a, do: ls, undo: 'ls {x}', proof: down}}", "undo: {x} stands for nothing here"},
		"braces that mean something else":        {exec + `, hooks: {hang: {do: "sh -c 'awk \"{ print }\"; echo $${HOME}'", proof: "curl -w '%{http_code}' -f '{{json}}' {}"}}`, "{hang: a}", ""},
		"the same placeholder named once a hook": {exec + `, hooks: {hang: {do: "echo {hots}", proof: "true"}}`, "{hang: a}", "do: {hots} stands for nothing here"},
	} {
		t.Run(name, func(t *testing.T) {
			text := fmt.Sprintf(`
name: hints
cluster: {provider: existing, existing: {nodes: {a: {dsn: "postgres://c@db1/shop"}, b: {dsn: "postgres://c@db2/shop"}}, %s}}
load: {writes: {kind: insert, rate: 10/s}}
timeline:
  - %s
`, c.more, c.step)
			_, _, err := Load("hints.yaml", []byte(text), Options{Providers: append(someProviders(), existing)})
			said := fmt.Sprint(err)
			switch {
			case c.says == "" && err != nil, !strings.Contains(said, c.says):
				t.Errorf("%v, want %q", err, c.says)
			case strings.Contains(said, "names no node"), strings.Count(said, "hints.yaml:") > 1:
				t.Errorf("it says more than what is wrong: %v", err)
			}
		})
	}
}
