package spec

import (
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestAnActionThatTheProviderCannotDoIsAnError at its own line and column.
func TestAnActionThatTheProviderCannotDoIsAnError(t *testing.T) {
	few := []cluster.Description{
		{Name: "hosted", Capabilities: []cluster.Capability{cluster.CanRun}},
		{Name: "full", Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanCommand, cluster.CanReachFiles, cluster.CanFreeze, cluster.CanLimit}},
	}
	text := `name: x
cluster: {provider: hosted, nodes: [a, b]}
timeline:
  - {at: 1s, kill: b}
  - {promote: b}
  - {pause: b}
  - {disconnect: a}
  - {at: 2s, exec: {node: a, command: "true"}}
`
	_, _, err := Load("x.yaml", []byte(text), Options{Providers: few})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`x.yaml:6:6: the hosted provider cannot pause a node: it lacks the capability "freeze"; run it with provider: full`,
		`x.yaml:7:6: the hosted provider cannot disconnect a node: it lacks the capability "network"; pause the node`,
		`x.yaml:8:14: the hosted provider cannot exec a node: it lacks the capability "commands"; run it with provider: full`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(err.Error(), "cannot kill") || strings.Contains(err.Error(), "cannot promote") {
		t.Error("it can kill and promote")
	}
	if t.Failed() {
		t.Log(err)
	}
	// A run that is audited by another pgchaos need not be on a provider that this one has.
	if _, _, err := Load("x.yaml", []byte("name: x\ncluster: {provider: elsewhere, nodes: [a, b]}\ntimeline: [{disconnect: b}]\n"), Options{}); err != nil {
		t.Error(err)
	}
}

// TestAnActionThatTheMachineDoesNotAllowIsAnError, with what would do.
func TestAnActionThatTheMachineDoesNotAllowIsAnError(t *testing.T) {
	can := []cluster.Capability{cluster.CanRun, cluster.CanLimit}
	here := cluster.Description{Name: "here", Capabilities: can, Unable: map[cluster.Capability]cluster.Unable{cluster.CanLimit: {Why: "no cgroups", Instead: "run it as root"}}}
	text := "name: x\ncluster: {provider: here, nodes: [a, b]}\ntimeline: [{limit: {node: b, cpus: 1}}]\n"
	for want, others := range map[string][]cluster.Description{
		"x.yaml:3:13: the here provider cannot limit a node on this machine: no cgroups; run it as root, or leave the step out":              {here},
		"x.yaml:3:13: the here provider cannot limit a node on this machine: no cgroups; run it as root, or run it with provider: elsewhere": {here, {Name: "elsewhere", Capabilities: can}},
	} {
		if _, _, err := Load("x.yaml", []byte(text), Options{Providers: others}); err == nil || !strings.Contains(err.Error(), want+"\n") && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	here.Unable = nil
	if _, _, err := Load("x.yaml", []byte(text), Options{Providers: []cluster.Description{here}}); err != nil {
		t.Error(err)
	}
}
